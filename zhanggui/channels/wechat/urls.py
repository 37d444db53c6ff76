"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.channels.wechat.views import backoffice, hooks, mobile

app_name = "wechat"
urlpatterns: list[URLPattern | URLResolver] = [
    path("hooks/wechat/<str:app_id>/", hooks.callback, name="callback"),
    path("hooks/wechat/component/<str:component_id>/", hooks.component, name="component_hook"),
    path(
        "hooks/wechat/component/<str:component_id>/<str:app_id>/",
        hooks.component_account,
        name="component_account_hook",
    ),
    path("oauth/wechat/start", mobile.start, name="oauth_start"),
    path("oauth/wechat/return/<str:app_id>", mobile.come_back, name="oauth_return"),
    path("m/<slug:merchant>/channels/wechat/", backoffice.account, name="account"),
    path("m/<slug:merchant>/channels/wechat/connect", backoffice.connect, name="connect"),
    path("m/<slug:merchant>/channels/wechat/disconnect", backoffice.disconnect, name="disconnect"),
    path("m/<slug:merchant>/channels/wechat/test", backoffice.test, name="test"),
    path(
        "m/<slug:merchant>/channels/wechat/deliveries/<int:delivery_id>/replay",
        backoffice.replay,
        name="replay",
    ),
]
