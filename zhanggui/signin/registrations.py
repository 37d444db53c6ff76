"""What this module tells the registries: rights, audit texts, the menu."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, permissions
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import hooks as wechat_hooks
from zhanggui.contacts import hooks as contact_hooks
from zhanggui.signin import rights
from zhanggui.signin.services import scanning
from zhanggui.ui import navigation, sections

ACTIONS = {
    "signin.totp.added": _("Authenticator app set up"),
    "signin.totp.removed": _("Authenticator app removed"),
    "signin.recovery.renewed": _("New recovery codes"),
    "signin.recovery.used": _("Recovery code used"),
    "signin.passkey.added": _("Passkey added"),
    "signin.passkey.removed": _("Passkey removed"),
    "signin.wechat.linked": _("WeChat linked"),
    "signin.wechat.unlinked": _("WeChat unlinked"),
    "signin.rule.switched_on": _("Second factor required of all staff"),
    "signin.origin.added": _("Site for the embedded sign-in added"),
    "signin.origin.removed": _("Site for the embedded sign-in removed"),
    "signin.rule.switched_off": _("Second factor no longer required"),
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    permissions.register(rights.RULES, rights.EMBED)
    permissions.register_area("signin", _("Signing in"), order=510)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    contact_hooks.register_phone(_way_in)
    wechat_hooks.on_scan(scanning.PURPOSE, scanning.scanned)
    navigation.register(
        surface="merchant",
        entry=navigation.Entry(
            "security",
            _("Sign-in safety"),
            "shield-lock",
            "signin:rule",
            rights.RULES.name,
            order=620,
            section=sections.ADMINISTRATION,
        ),
    )
    navigation.register(
        surface="merchant",
        entry=navigation.Entry(
            "embed",
            _("Embedded sign-in"),
            "app-window",
            "signin:embed",
            rights.EMBED.name,
            order=430,
            section=sections.WECHAT,
        ),
    )


def _way_in(merchant: Merchant, path: str) -> str:
    from zhanggui.signin.views import members  # noqa: PLC0415  views are the last to load

    return members.way_in(merchant, path)
