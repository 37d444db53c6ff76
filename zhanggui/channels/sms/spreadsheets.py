"""The installation's text messages as a spreadsheet; their words are not kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import rights
from zhanggui.accounts.models import Tier
from zhanggui.channels.sms import selectors
from zhanggui.channels.sms.models import OutgoingSms
from zhanggui.files.exports import Column, Export, Query, register

CHUNK = 500


def _messages(query: Query) -> QuerySet[OutgoingSms]:
    names = ("state", "purpose", "since")
    return selectors.outgoing(**{name: query.get(name) for name in names})


def _rows(query: Query) -> Iterator[tuple[Any, ...]]:
    found = _messages(query).order_by("-created_at", "-id")
    for message in found.iterator(chunk_size=CHUNK):
        yield (
            message.phone_masked,
            str(message.get_purpose_display()),
            str(message.get_state_display()),
            message.error,
            message.created_at,
            message.done_at,
        )


def register_all() -> None:
    """Make it exportable."""
    register(
        Export(
            name="sms.messages",
            label=_("Text messages"),
            tiers={Tier.PLATFORM: rights.PLATFORM_VIEW.name},
            columns=(
                Column("to", pgettext_lazy("text message", "To")),
                Column("purpose", _("Purpose"), width=12),
                Column("state", _("State"), width=12),
                Column("error", _("Error"), width=28),
                Column("written", _("Written"), kind="moment", width=18),
                Column("done", _("Done at"), kind="moment", width=18),
            ),
            rows=_rows,
            count=lambda query: query.counted(_messages(query)),
            parameters=frozenset({"state", "purpose", "since"}),
        )
    )
