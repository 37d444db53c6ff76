"""What is told only once (the address of a screen, the secret of a till), for a while longer.

The product keeps no copy of such a text, so it would be lost by a reload, by going back or by
switching the language. Until ten minutes have passed it stands, sealed, in the session of the
person who made it, and only their browser shows it again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypedDict

from django.http import HttpRequest

from zhanggui.core import clock, sealing

FOR = timedelta(minutes=10)
KEY = "shown_once"


class _Kept(TypedDict):
    """As it stands in the session."""

    sealed: str
    until: str


def keep(request: HttpRequest, what: str, text: str) -> None:
    """Show a text to this browser for ten minutes.

    Args:
        request: of the person who made it; their session keeps it.
        what: names the row it belongs to, such as ``screen.3.12``.
        text: what nobody can look up later.
    """
    kept: _Kept = {
        "sealed": sealing.seal(text, column=_column(what), merchant_id=None).hex(),
        "until": (clock.now() + FOR).isoformat(),
    }
    request.session[KEY] = _standing(request) | {what: kept}


def kept(request: HttpRequest, what: str) -> str:
    """The text, empty when it was never kept here or its time is over."""
    found = _standing(request).get(what)
    if found is None:
        return ""
    try:
        return sealing.unseal(
            bytes.fromhex(found["sealed"]), column=_column(what), merchant_id=None
        )
    except sealing.CannotOpen:  # sealed with a key that left the ring meanwhile
        return ""


def _standing(request: HttpRequest) -> dict[str, _Kept]:
    now = clock.now()
    known: dict[str, _Kept] = request.session.get(KEY, {})
    return {what: one for what, one in known.items() if datetime.fromisoformat(one["until"]) > now}


def _column(what: str) -> str:
    return f"session.{what}"
