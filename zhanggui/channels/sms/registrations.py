"""What this channel tells the registries: audit texts, menu, how people are told something."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, hooks, rights
from zhanggui.channels.sms import services, spreadsheets
from zhanggui.ui import navigation

ACTIONS = {
    "sms.sending.stopped": _("Text messages switched off"),
    "sms.sending.resumed": _("Text messages switched on"),
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    hooks.provide_notifier(services.notify_person)
    spreadsheets.register_all()
    navigation.register(
        surface="platform",
        entry=navigation.Entry(
            "sms",
            _("Text messages"),
            "message-2",
            "sms:messages",
            rights.PLATFORM_VIEW.name,
            order=60,
        ),
    )
