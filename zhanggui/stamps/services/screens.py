"""Screens on counters: made, switched off, and the code that each shows for a minute.

Source: stamps specification 7.7 (5), feature 14.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from zhanggui.accounts import audit
from zhanggui.accounts.models import Store
from zhanggui.core import clock, limits, tokens
from zhanggui.core.constraints import insert
from zhanggui.core.errors import NotFound
from zhanggui.core.limits import Limit
from zhanggui.stamps.errors import ScreenNameTaken
from zhanggui.stamps.models import CounterScreen, CounterTicket

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

SHOWN_FOR = timedelta(seconds=60)
"""How long one code may be scanned."""
RENEWED_AT = timedelta(seconds=10)
"""A code with less to live makes room for the next: nobody should scan one that dies meanwhile."""
CODES = Limit("stamps-screen", most=240, window_s=600, lock_s=60)
"""Of one screen: a new code every two and a half seconds is more than any counter serves."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A fresh code for a screen."""

    ref: str
    """Names it for the next question."""
    token: str
    """What the QR code leads to."""
    life_s: int


def make_screen(*, name: str, store: Store, actor: Actor) -> tuple[CounterScreen, str]:
    """Set up a screen; the token of its address is told this once.

    Raises:
        ScreenNameTaken: the store has one of this name (E_SCREEN_NAME, 409).
    """
    token = tokens.new_token()
    row = CounterScreen(
        merchant_id=store.merchant_id,
        name=name.strip()[:40],
        store=store,
        digest=tokens.digest(token),
        created_by=actor.name[:80],
    )
    insert(row, ScreenNameTaken)
    audit.record(actor, "stamps.screen.made", f"screen:{row.pk}", store_id=store.pk)
    return row, token


def revoke_screen(*, screen_id: int, actor: Actor) -> CounterScreen:
    """Switch a screen off for good; the code that it shows is worth nothing from now on.

    Raises:
        NotFound: no such screen of this merchant (404).
    """
    screens = CounterScreen.objects.filter(pk=screen_id)
    screen = screens.select_related("store").first()
    if screen is None:
        raise NotFound
    if screens.filter(revoked_at=None).update(revoked_at=clock.now()):
        audit.record(
            actor, "stamps.screen.revoked", f"screen:{screen.pk}", store_id=screen.store_id
        )
    return screen


def screen_of(token: str) -> CounterScreen:
    """The screen of an address.

    Raises:
        NotFound: none, or one that was switched off (404).
    """
    screens = CounterScreen.objects.select_related("store").filter(revoked_at=None)
    screen = screens.filter(digest=tokens.digest(token)).first()
    if screen is None:
        raise NotFound
    return screen


def next_code(*, screen: CounterScreen, ref: str) -> Shown | None:
    """A new code when the one that is shown was used or is nearly over; None: it still stands.

    Raises:
        TooMany: a screen that asks without end (429).
    """
    moment = clock.now()
    number = int(ref) if ref.isascii() and ref.isdecimal() and len(ref) < 19 else 0  # noqa: PLR2004
    fresh = CounterTicket.objects.filter(
        pk=number, screen=screen, taken_at=None, expires_at__gt=moment + RENEWED_AT
    )
    if fresh.exists():
        return None
    limits.claim(CODES, f"screen:{screen.pk}")
    token = tokens.new_token()
    ticket = CounterTicket(
        merchant_id=screen.merchant_id,
        screen=screen,
        store_id=screen.store_id,
        digest=tokens.digest(token),
        created_at=moment,
        expires_at=moment + SHOWN_FOR,
    )
    ticket.save(force_insert=True)
    CounterScreen.objects.filter(pk=screen.pk).update(seen_at=moment)
    return Shown(str(ticket.pk), token, int(SHOWN_FOR.total_seconds()))
