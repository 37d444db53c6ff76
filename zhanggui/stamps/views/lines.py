"""Ledger rows as finished texts, so that a page of fifty costs little to fill in.

The ledger is the page managers turn most. Texts that are the same on every row are looked up
once, values are found by one dictionary lookup, and what people wrote is escaped here: Django's
own escaping of a value costs ten times what it does (measured: half the page).
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TypedDict

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from zhanggui.stamps.selectors import LedgerRow
from zhanggui.ui import formats

SHOWN = (
    *("id", "at", "amount", "balance_after", "customer_name", "manager_name", "reason"),
    "reverses_id",
)
"""The columns of a record that a line shows."""
NOTHING = SafeString("")
STRUCK = SafeString(" is-struck")
TONES = {False: SafeString("stamp"), True: SafeString("cancel")}


class Line(TypedDict):
    """One row of the manager's ledger."""

    id: SafeString
    tone: SafeString
    """Names the colour of the operation: ``stamp`` or ``cancel``."""
    struck: SafeString
    """The class of a cancelled entry, else empty."""
    name: SafeString
    detail: SafeString
    notes: SafeString
    """What was cancelled by what, and why; mostly empty."""
    amount: SafeString
    after: SafeString


def lines_of(rows: Sequence[LedgerRow]) -> list[Line]:
    """A page of ledger rows, in the same order."""
    after = escape(gettext("now %(balance)s"))
    moments = formats.moments(row.record.at for row in rows)
    return [_line(row, moment, after) for row, moment in zip(rows, moments, strict=True)]


def _line(row: LedgerRow, moment: str, after: str) -> Line:
    record = row.record
    is_cancel = record.amount < 0
    name = record.customer_name
    if row.name_now != name:
        name = f"{name} ({row.name_now})"
    amount = f"+{record.amount}" if not is_cancel else f"\N{MINUS SIGN}{-record.amount}"
    return Line(
        id=SafeString(record.pk),
        tone=TONES[is_cancel],
        struck=STRUCK if row.is_cancelled else NOTHING,
        name=SafeString(escape(name)),
        detail=SafeString(escape(f"{moment} · {record.manager_name}")),
        notes=_notes(row),
        amount=SafeString(amount),
        after=SafeString(after % {"balance": record.balance_after}),
    )


def _notes(row: LedgerRow) -> SafeString:
    record = row.record
    if not (row.cancelled_by_id or record.reverses_id or record.reason):
        return NOTHING
    page = {
        "cancelled_by": row.cancelled_by_id,
        "reverses": record.reverses_id,
        "reason": record.reason,
    }
    return render_to_string("stamps/mobile/_ledger_notes.html", page)
