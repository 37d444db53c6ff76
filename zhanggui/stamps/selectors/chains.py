"""What belongs to one entry of the ledger: its reversal, what it won or lost, and how it is booked.

The ledger keeps every step. A stamp, the reward it filled a card for, the cancel that took it back
and the reward that was withdrawn with it are told here as one story, oldest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.codes.models import OneTimeCode
from zhanggui.ledger.models import Entry, Transaction
from zhanggui.stamps.models import CardEvent, Kind, Press, Reward, RewardState, StampRecord

Text = str | Promise
PRESSED_WITHIN = timedelta(minutes=1)
"""A press and the record it booked lie no further apart."""
ACCOUNTS: dict[str, Text] = {
    "card": _("The customer’s card"),
    "issue": _("Given out by the programme"),
    "redeem": _("Turned into rewards"),
    "expire": _("Expired stamps"),
    "adjust": _("Adjusted by hand"),
    "debt": _("Owed by the customer"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened."""

    what: Literal["stamp", "cancel", "reward", "withdrawn"]
    at: datetime
    amount: int
    """What it moved on the card; 0 for a reward on the way."""
    record: StampRecord | None = None
    reward: Reward | None = None
    is_here: bool = False
    """It is the entry that was asked for."""
    is_undone: bool = False
    """A later step took it back."""

    @property
    def tone(self) -> str:
        """The colour of the operation."""
        tones = {"stamp": "stamp", "cancel": "cancel", "reward": "redeem", "withdrawn": "cancel"}
        return tones[self.what]

    @property
    def icon(self) -> str:
        """What stands in its circle."""
        icons = {
            "stamp": "rubber-stamp",
            "cancel": "arrow-back-up",
            "reward": "gift",
            "withdrawn": "gift-off",
        }
        return icons[self.what]


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a booking."""

    account: Text
    code: str
    """As the ledger names the account, ``card:17``."""
    amount: int


@dataclass(frozen=True, slots=True)
class Booking:
    """A transaction of the ledger; its legs come to zero."""

    transaction: Transaction
    what: Literal["stamp", "cancel", "reward", "withdrawn"]
    legs: Sequence[Leg]


@dataclass(frozen=True, slots=True)
class Proof:
    """How it was proved: the code that was shown, or the stamp that was pressed."""

    code: OneTimeCode | None
    press: Press | None
    seconds: int | None
    """From the code on the phone to its confirmation; None without a code."""


def of(record: StampRecord) -> list[Step]:
    """The story of a record, oldest first; a record that nothing followed is one step."""
    known = StampRecord.objects.select_related("store", "transaction", "card")
    first = record if record.reverses_id is None else known.get(pk=record.reverses_id)
    undoing = known.filter(reverses_id=first.pk).first()
    steps = [*_told(first, record.pk)]
    if undoing is not None:
        steps[0] = replace(steps[0], is_undone=True)
        steps += _told(undoing, record.pk)
    return steps


def _told(record: StampRecord, asked_id: int) -> Iterator[Step]:
    is_cancel = record.kind == Kind.CANCEL
    yield Step(
        "cancel" if is_cancel else "stamp",
        record.at,
        record.amount,
        record=record,
        is_here=record.pk == asked_id,
    )
    for reward in _moved_with(record, is_cancel=is_cancel):
        size = reward.position if reward.is_full_card else 0
        if is_cancel:
            yield Step("withdrawn", reward.voided_at or record.at, size, reward=reward)
        else:
            is_void = reward.state == RewardState.VOIDED
            yield Step("reward", reward.issued_at, -size, reward=reward, is_undone=is_void)


def _moved_with(record: StampRecord, *, is_cancel: bool) -> list[Reward]:
    """Rewards won or withdrawn between this record and whatever moved the card next."""
    moment = "voided_at" if is_cancel else "issued_at"
    inside = Q(**{f"{moment}__gte": record.at})
    end = _next_at(record)
    if end is not None:
        inside &= Q(**{f"{moment}__lt": end})
    rows = Reward.objects.filter(inside, card_id=record.card_id).select_related("transaction")
    return list(rows.order_by(moment, "pk"))


def _next_at(record: StampRecord) -> datetime | None:
    """When something moved the card next: the card is locked meanwhile, so all is in order."""
    later = StampRecord.objects.filter(
        card_id=record.card_id, transaction_id__gt=record.transaction_id
    )
    moved = CardEvent.objects.filter(
        card_id=record.card_id, transaction_id__gt=record.transaction_id
    ).exclude(kind__in=("reward", "reopened"))
    moments = [
        *later.order_by("transaction_id").values_list("at", flat=True)[:1],
        *moved.order_by("transaction_id").values_list("at", flat=True)[:1],
    ]
    return min(moments, default=None)


def bookings(steps: Sequence[Step]) -> list[Booking]:
    """What the ledger holds of these steps, in their order."""
    wanted: dict[int, Literal["stamp", "cancel", "reward", "withdrawn"]] = {}
    for step in steps:
        if step.record is not None:
            wanted[step.record.transaction_id] = step.what
        elif step.reward is not None and step.reward.transaction_id and step.what == "reward":
            wanted[step.reward.transaction_id] = "reward"
    withdrawn = [
        step.reward.transaction_id
        for step in steps
        if step.what == "withdrawn" and step.reward and step.reward.transaction_id
    ]
    back = Transaction.objects.filter(reverses_id__in=withdrawn)
    wanted |= dict.fromkeys(back.values_list("pk", flat=True), "withdrawn")
    found = Transaction.objects.filter(pk__in=wanted).order_by("pk")
    legs: dict[int, list[Leg]] = {}
    for entry in Entry.objects.filter(transaction_id__in=wanted).select_related("account"):
        code = entry.account.code
        kind = code.partition(":")[0]
        leg = Leg(ACCOUNTS.get(kind, code), code, entry.amount)
        legs.setdefault(entry.transaction_id, []).append(leg)
    return [
        Booking(
            one,
            wanted[one.pk],
            sorted(legs.get(one.pk, []), key=lambda leg: (leg.amount, leg.code)),
        )
        for one in found
    ]


def proof_of(record: StampRecord) -> Proof:
    """The code or press behind a record."""
    if record.code_id is not None:
        code = OneTimeCode.objects.defer("digits_hash", "digits_sealed").get(pk=record.code_id)
        passed = (record.at - code.created_at).total_seconds()
        return Proof(code, None, max(0, round(passed)))
    around = (record.at - PRESSED_WITHIN, record.at + PRESSED_WITHIN)
    presses = Press.objects.filter(at__range=around, record_id=record.pk)
    return Proof(None, presses.select_related("seal").defer("frames", "mark").first(), None)
