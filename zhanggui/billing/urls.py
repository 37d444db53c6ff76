"""Addresses of this module."""

from __future__ import annotations

from types import ModuleType

from django.urls import URLPattern, URLResolver, path

from zhanggui.billing.views import account, operator, paying, platform

app_name = "billing"

ACCOUNT = "m/<slug:merchant>/account/"
ONE = f"{ACCOUNT}orders/<int:order_id>/"
PLATFORM = "platform/billing/"
OPERATOR = "operator/<slug:operator>/billing/"


def _desk(prefix: str, surface: str, views: ModuleType) -> list[URLPattern | URLResolver]:
    """The pages that every seller has."""
    order = "orders/<slug:slug>/<int:order_id>/"
    transfer = "transfers/<slug:slug>/<int:transfer_id>/"
    routes = {
        "orders/": "orders",
        order: "order",
        f"{order}refund": "refund",
        "transfers/": "transfers",
        f"{transfer}approve": "approve",
        f"{transfer}reject": "reject",
        f"{transfer}proof": "proof",
        "plans/": "ending",
        "plans/<slug:slug>/": "plan",
        "account": "seller",
    }
    return [
        path(f"{prefix}{route}", getattr(views, name), name=f"{surface}_{name}")
        for route, name in routes.items()
    ]


urlpatterns: list[URLPattern | URLResolver] = [
    path(ACCOUNT, account.account, name="account"),
    path(f"{ACCOUNT}renew", account.renew, name="renew"),
    path(f"{ACCOUNT}upgrade", account.upgrade, name="upgrade"),
    path(f"{ACCOUNT}top-up", account.top_up, name="top_up"),
    path(ONE, account.order, name="order"),
    path(f"{ACCOUNT}sms", paying.sms, name="sms"),
    path(f"{ONE}pay", paying.pay, name="pay"),
    path(f"{ONE}state", paying.state, name="order_state"),
    path(f"{ONE}cancel", account.cancel, name="cancel"),
    path(f"{ONE}receipt", account.receipt, name="receipt"),
    path(f"{PLATFORM}editions/", platform.editions, name="platform_editions"),
    path(f"{PLATFORM}editions/<slug:code>/", platform.edition, name="platform_edition"),
    *_desk(PLATFORM, "platform", platform),
    path(f"{OPERATOR}prices/", operator.prices, name="operator_prices"),
    path(f"{OPERATOR}prices/<slug:code>/", operator.price, name="operator_price"),
    path(f"{OPERATOR}prices/<slug:code>/drop", operator.price_drop, name="operator_price_drop"),
    *_desk(OPERATOR, "operator", operator),
]
