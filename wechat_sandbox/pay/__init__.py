"""WeChat Pay APIv3 (digest 8): merchants, orders, refunds, notifications, bills, phones."""
