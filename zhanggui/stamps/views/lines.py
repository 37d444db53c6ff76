"""Ledger rows as finished HTML, so that a page of fifty costs little.

The ledger is the page managers turn most. The markup of a row is a template that is rendered
once; texts that are the same on every row are looked up once, and what people wrote is escaped
here: Django's own escaping of a value costs ten times what it does (measured: half the page).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from zhanggui.stamps.hot.turning import Entry
from zhanggui.ui import formats

STRUCK = " is-struck"
TONES = {False: "stamp", True: "cancel"}
"""The colour of the operation."""


def html_of(entries: Sequence[Entry]) -> SafeString:
    """A page of ledger rows, in the same order."""
    piece = _piece()
    after = escape(gettext("now %(balance)s"))
    moments = formats.moments(entry.at for entry in entries)
    return SafeString(
        "".join(
            piece % _line(entry, moment, after)
            for entry, moment in zip(entries, moments, strict=True)
        )
    )


@cache
def _piece() -> str:
    """The markup, which names the texts of a row as ``%(name)s``."""
    return render_to_string("stamps/mobile/_ledger_row.html")


def _line(entry: Entry, moment: str, after: str) -> dict[str, object]:
    is_cancel = entry.amount < 0
    name = entry.customer_name
    if entry.name_now != name:
        name = f"{name} ({entry.name_now})"
    return {
        "id": entry.id,
        "tone": TONES[is_cancel],
        "struck": STRUCK if entry.cancelled_by_id else "",
        "name": escape(name),
        "detail": escape(f"{moment} · {entry.manager_name}"),
        "notes": _notes(entry),
        "amount": f"\N{MINUS SIGN}{-entry.amount}" if is_cancel else f"+{entry.amount}",
        "after": after % {"balance": entry.balance_after},
    }


def _notes(entry: Entry) -> str:
    """What was cancelled by what, and why, and what looks odd; mostly empty."""
    if not (
        entry.cancelled_by_id
        or entry.reverses_id
        or entry.reason
        or entry.far_m
        or entry.has_filled
    ):
        return ""
    notes = ""
    if entry.has_filled:
        notes += f"<small>{escape(gettext('Card full, a new round began'))}</small>"
    if entry.cancelled_by_id:
        notes += _link(entry.cancelled_by_id, gettext("cancelled"))
    if entry.reverses_id:
        notes += _link(entry.reverses_id, gettext("takes back an earlier stamp"))
    if entry.far_m:
        far = gettext("Phone at least %(far)s away") % {"far": formats.distance(entry.far_m)}
        notes += f'<small class="stamps-far">{escape(far)}</small>'
    if entry.reason:
        notes += f"<small>{escape(entry.reason)}</small>"
    return notes


def _link(record_id: int, text: str) -> str:
    return f'<small><a href="#r{record_id}">{escape(text)}</a></small>'
