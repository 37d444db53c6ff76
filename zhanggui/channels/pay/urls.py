"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.channels.pay.views import hooks
from zhanggui.channels.pay.views.doors import doors

app_name = "pay"
urlpatterns: list[URLPattern | URLResolver] = [
    path("hooks/pay/<str:token>/", hooks.notification, name="notification"),
    path("hooks/pay/<str:token>/refund/", hooks.notification, name="refund_notification"),
    *doors("m/<slug:merchant>/pay/", "merchant"),
    *doors("operator/<slug:operator>/pay/", "operator"),
    *doors("platform/pay/", "platform"),
]
