"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.signin.views import embedding, entrance, joining, members, scanning, security

app_name = "signin"
urlpatterns: list[URLPattern | URLResolver] = [
    path("login", entrance.login, name="login"),
    path("login/<slug:place>", entrance.login, name="login_operator"),
    path("signin/second", entrance.second, name="second"),
    path("signin/forgot", entrance.forgot, name="forgot"),
    path("signin/picture.png", entrance.picture, name="picture"),
    path("signin/picture.wav", entrance.sound, name="sound"),
    path("signin/picture", entrance.new_picture, name="new_picture"),
    path("signin/passkey/begin", entrance.passkey_begin, name="passkey_begin"),
    path("signin/passkey/finish", entrance.passkey_finish, name="passkey_finish"),
    path("signin/wechat/code", scanning.code, name="qr_code"),
    path("signin/wechat/state", scanning.state, name="qr_state"),
    path("signin/wechat/enter", scanning.enter, name="qr_enter"),
    path("signin/wechat/<slug:token>", scanning.confirm, name="qr_confirm"),
    path("join", joining.join, name="join"),
    path("join/<slug:place>", joining.join, name="join_operator"),
    path("signin/existing", joining.existing, name="existing"),
    path("signin/waiting", joining.waiting, name="waiting"),
    path("register", joining.register_person, name="register_person"),
    path("me/security/", security.security, name="security"),
    path("me/second-factor", security.second_factor, name="second_factor"),
    path("me/security/app", security.totp, name="totp"),
    path("me/security/app/remove", security.totp_remove, name="totp_remove"),
    path("me/security/recovery", security.recovery, name="recovery"),
    path("me/security/recovery/renew", security.renew_recovery, name="renew_recovery"),
    path("me/security/passkeys/new", security.passkey_new, name="passkey_new"),
    path("me/security/passkeys/add", security.passkey_add, name="passkey_add"),
    path(
        "me/security/passkeys/<int:passkey_id>/remove",
        security.passkey_remove,
        name="passkey_remove",
    ),
    path("me/security/wechat/code", scanning.link_code, name="qr_link_code"),
    path("me/security/wechat/state", scanning.link_state, name="qr_link_state"),
    path("me/security/wechat/link", scanning.link, name="qr_link"),
    path("me/security/wechat/unlink", scanning.unlink, name="qr_unlink"),
    path("me/phone", security.phone, name="phone"),
    path("m/<slug:merchant>/security/", security.rule, name="rule"),
    path("m/<slug:merchant>/security/set", security.set_rule, name="set_rule"),
    path("w/<slug:merchant>/enter", members.enter, name="member_enter"),
    path("embed/<slug:merchant>/", embedding.frame, name="embed_frame"),
    path("embed/<slug:merchant>/enter", embedding.enter, name="embed_enter"),
    path("m/<slug:merchant>/embedded/", embedding.embed, name="embed"),
    path(
        "m/<slug:merchant>/embedded/<int:origin_id>/remove",
        embedding.embed_remove,
        name="embed_remove",
    ),
]
