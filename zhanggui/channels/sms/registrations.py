"""What this channel tells the registries: audit texts, menu, how people are told something."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, hooks, rights, todo
from zhanggui.accounts.guards import PlatformRequest
from zhanggui.channels.sms import desk, services, spreadsheets
from zhanggui.channels.sms.errors import advice_of
from zhanggui.ui import navigation, sections

ACTIONS = {
    "sms.sending.stopped": _("Text messages switched off"),
    "sms.sending.resumed": _("Text messages switched on"),
    "sms.test.sent": _("Test message by SMS"),
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    hooks.provide_notifier(services.notify_person)
    spreadsheets.register_all()
    todo.register(_down, surface="platform")
    navigation.register(
        surface="platform",
        entry=navigation.Entry(
            "sms",
            _("Text messages"),
            "message-2",
            "sms:messages",
            rights.PLATFORM_VIEW.name,
            order=505,
            section=sections.ADMINISTRATION,
        ),
    )


def _down(request: PlatformRequest) -> Iterator[todo.Question]:
    """Whether the active provider takes nothing."""
    if rights.PLATFORM_VIEW.name in request.permissions:
        yield todo.Question(desk.down(), _told_down, {"error_kind": F("error_kind")})


def _told_down(found: todo.Found) -> Iterator[todo.Todo]:
    for row in found:
        yield todo.Todo(
            _("The SMS provider takes no messages"),
            advice_of(row["error_kind"]),
            reverse("sms:providers"),
            "message-off",
            tone="danger",
            order=12,
        )
