"""What the services of stamps answer: plain values that pages and the hot door show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from zhanggui.core.db.pipeline import Line, Statement
from zhanggui.stamps.models import Kind


@dataclass(slots=True)
class Check:
    """What a desk was assumed from: it is asked again in the first trip of a transaction."""

    statement: Statement
    expected: Line
    is_passed: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a store manager works: an active binding and its store."""

    binding_id: int
    person_id: int
    person_name: str
    merchant_id: int
    merchant_name: str
    merchant_slug: str
    store_id: int
    store_name: str
    zone: str
    is_open: bool
    """Store open and merchant not frozen; a closed one shows its ledger but takes no code."""
    check: Check | None = None
    """Not asked for yet, only remembered: nothing may be written before this is passed."""


@dataclass(frozen=True, slots=True)
class CodeShown:
    """Six digits on the customer's phone."""

    code_id: int
    kind: Kind
    digits: str
    expires_at: datetime
    seconds_left: int
    life_s: int
    is_new: bool
    """False when the code of an earlier tap is shown again (D13)."""


@dataclass(frozen=True, slots=True)
class CodeStatus:
    """What became of a code, for the phone that shows it."""

    code_id: int
    kind: Kind
    state: str
    """A value of ``CodeState``; an ``active`` or ``held`` code is still usable."""
    seconds_left: int
    store_name: str
    """Where it was used; empty else."""


@dataclass(frozen=True, slots=True)
class CancelChoice:
    """A stamp that a manager may take back."""

    record_id: int
    amount: int
    at: datetime
    manager_name: str
    lost: tuple[str, ...] = ()
    """Rewards that become void with it (D31)."""
    has_uncouponed: bool = False
    """One of them is handed out at the counter: the customer may hold it already."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What confirming a code would do; the code is held for this manager meanwhile (D17)."""

    code_id: int
    kind: Kind
    customer_name: str
    """Masked."""
    avatar_url: str
    customer_number: str
    programme_name: str
    slots: int
    before: int
    after: int
    """For one stamp, or for the first of ``choices``."""
    most: int
    """How many stamps may be given now: the programme's limit and the room on the card."""
    wins: tuple[tuple[int, str], ...]
    """Rewards ahead: how many stamps lead to each, and its name."""
    choices: tuple[CancelChoice, ...]
    """Newest first; empty for a code that accumulates."""
    expires_at: datetime
    held_until: datetime
    seconds_left: int
    stamped_s_ago: int | None = None
    """So many seconds ago the card was stamped another way: the manager must say 再集一次 (D26)."""
    stamped_by: str = ""
    """That way, as people call it."""
    far_m: int | None = None
    """How far the customer's phone is from the store at least; None: not far, or not told."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What was booked."""

    record_id: int
    kind: str
    """A value of ``Kind``."""
    amount: int
    """+k given, -k taken back."""
    customer_name: str
    """Masked."""
    programme_name: str
    store_name: str
    slots: int
    before: int
    after: int
    at: str
    """ISO 8601, UTC."""
    won: list[str] = field(default_factory=list)
    """Rewards given with it."""
    lost: list[str] = field(default_factory=list)
    """Rewards made void with it."""

    @property
    def is_full(self) -> bool:
        """Whether the last place of the card was reached and won its reward."""
        return bool(self.won) and self.before + self.amount >= self.slots

    @property
    def begins_anew(self) -> bool:
        """Whether the card went on with its next round by itself."""
        return self.is_full and self.after < self.slots

    def as_json(self) -> dict[str, Any]:
        """The answer kept under the idempotency key; a repeat reads the same."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, answer: dict[str, Any]) -> Self:
        """Read what ``as_json`` wrote."""
        return cls(**answer)


@dataclass(frozen=True, slots=True)
class Invited:
    """A fresh QR code for managers."""

    invitation_id: int
    url: str
    """What the QR picture says."""
    expires_at: datetime
    binds_at_once_until: datetime
    """Scans later than this wait for approval (D03)."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan of a manager invitation led to."""

    store_name: str
    merchant_name: str
    is_new: bool
    """False for somebody who managed this store already (D06)."""
