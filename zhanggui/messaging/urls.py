"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.messaging.views import credit, log, mailings, public, rules, tiers

app_name = "messaging"
M = "m/<slug:merchant>/messages"
urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{M}/", log.log, name="log"),
    path(f"{M}/<int:message_id>/", log.message, name="message"),
    path(f"{M}/<int:message_id>/resend", log.resend, name="resend"),
    path(f"{M}/credit/", credit.credit, name="credit"),
    path(f"{M}/credit/move", credit.move, name="credit_move"),
    path(f"{M}/rules/", rules.rules, name="rules"),
    path(f"{M}/rules/<str:template>/", rules.rule, name="rule"),
    path(f"{M}/rules/<str:template>/preview", rules.preview, name="rule_preview"),
    path(f"{M}/mailings/", mailings.mailings, name="mailings"),
    path(f"{M}/mailings/new", mailings.new, name="mailing_new"),
    path(f"{M}/mailings/<int:mailing_id>/", mailings.mailing, name="mailing"),
    path(f"{M}/mailings/<int:mailing_id>/edit", mailings.edit, name="mailing_edit"),
    path(f"{M}/mailings/<int:mailing_id>/confirm", mailings.confirm, name="mailing_confirm"),
    path(f"{M}/mailings/<int:mailing_id>/cancel", mailings.cancel, name="mailing_cancel"),
    path(f"{M}/wishes/<int:customer_id>", rules.wishes, name="wishes"),
    path("w/<slug:merchant>/wishes/", public.own_wishes, name="own_wishes"),
    path("w/<slug:merchant>/stop/<str:token>", public.stop, name="stop"),
    path("operator/<slug:operator>/sms-credit/", tiers.operator_credit, name="operator_credit"),
    path(
        "operator/<slug:operator>/sms-credit/packs/<slug:code>",
        tiers.operator_pack,
        name="operator_pack",
    ),
    path(
        "operator/<slug:operator>/sms-credit/packs/<slug:code>/drop",
        tiers.operator_pack_drop,
        name="operator_pack_drop",
    ),
    path("platform/sms-credit/", tiers.platform_credit, name="platform_credit"),
    path("platform/sms-credit/stock", tiers.platform_stock, name="platform_stock"),
    path("platform/sms-credit/packs/<slug:code>", tiers.platform_pack, name="platform_pack"),
]
