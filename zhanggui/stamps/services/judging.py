"""Whether touches are a stamp that counts here.

Source: stamps specification 7.3, 7.7, 5.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from zhanggui.accounts import hours
from zhanggui.core import clock, idempotency
from zhanggui.core.errors import DomainError
from zhanggui.stamps.errors import (
    Ambiguous,
    CardState,
    NonceOver,
    NonceUsed,
    PointsBad,
    PointsFew,
    PointsMany,
    PressOff,
    PressTime,
    Replayed,
    ScaleOff,
    SealNotInUse,
    StampUnknown,
    StoreShut,
)
from zhanggui.stamps.hot import pressed
from zhanggui.stamps.models import Card, CaseKind, Kind, Press, SealState
from zhanggui.stamps.recognition.rule import (
    Match,
    Unrecognised,
    Why,
    recognise_points,
    settle,
)
from zhanggui.stamps.touches import Sent, mark_of

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

MARKS_FOR = timedelta(days=90)
LEARNED_FROM = 3
E4 = 10_000


class Touched(Protocol):
    """A press as far as the rule and the alarms look at it."""

    @property
    def customer_id(self) -> int:
        """On whose phone."""

    @property
    def sent(self) -> Sent:
        """What the phone recorded."""

    @property
    def actor(self) -> Actor:
        """The customer."""

    @property
    def now(self) -> datetime:
        """When it came."""

    @property
    def zone(self) -> str:
        """Of the merchant."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a phone sends."""

    card: Card
    kind: Kind
    nonce: str
    sent: Sent
    actor: Actor
    key: str
    now: datetime
    zone: str

    @property
    def customer_id(self) -> int:
        """Whose card it is."""
        return self.card.customer_id

    @property
    def print(self) -> bytes:
        """What was asked for, to hold against another use of the same key."""
        return idempotency.fingerprint({"nonce": self.nonce, "kind": self.kind.value})


@dataclass(slots=True)
class Judged:
    """What the rule said."""

    match: Match | None = None
    refusal: DomainError | None = None
    mark: bytes | None = None
    points: Sequence[tuple[float, float]] = ()
    """The five, or one more, in the phone's own pixels."""


class Refused(Exception):
    """A refusal that is noted before it is raised."""

    def __init__(
        self,
        refusal: DomainError,
        match: Match | None = None,
        mark: bytes | None = None,
        held: pressed.Held | None = None,
        alarms: Sequence[tuple[CaseKind, str]] = (),
    ) -> None:
        self.refusal = refusal
        self.match = match
        self.mark = mark
        self.held = held
        self.alarms = alarms
        super().__init__(refusal.code)


def judge_touch(wish: Touched) -> Judged:
    """The points of the press and their mark; what needs no book."""
    try:
        points = settle(wish.sent.press)
    except Unrecognised as why:
        return Judged(refusal=refusal_of(why))
    return Judged(mark=mark_of(points), points=points)


def decide(wish: Touched, known: pressed.Known, judged: Judged) -> tuple[pressed.Held, Match]:
    """Whether these touches are a stamp that counts here.

    Raises:
        Refused: it is not.
    """
    if known.nonce_id is None or known.is_over:
        raise Refused(NonceUsed() if known.is_used else NonceOver())
    if known.is_used:
        raise Refused(NonceUsed())
    if judged.refusal is not None:
        raise Refused(judged.refusal)
    if not any(held.state == SealState.ACTIVE for held in known.book.values()):
        raise Refused(PressOff(), mark=judged.mark)
    if known.equal_id is not None:
        raise replay(known.equal_id, judged, None)
    learned = known.scale_sum_e4 / known.presses / E4 if known.presses >= LEARNED_FROM else None
    book = [held.pattern for held in known.book.values()]
    try:
        match = recognise_points(judged.points, book, learned_scale=learned)
    except Unrecognised as why:
        raise Refused(refusal_of(why), why.nearest, judged.mark) from None
    held = known.book[match.key]
    if held.state != SealState.ACTIVE:
        is_gone = held.state in {SealState.RETIRED, SealState.LOST}
        day = clock.local_date(wish.now, wish.zone)
        alarms = [(CaseKind.GONE_SEAL, f"seal:{held.seal_id}:{day}")] if is_gone else []
        raise Refused(SealNotInUse(), match, judged.mark, held, alarms)
    if not held.is_open:
        raise Refused(CardState(), match, judged.mark, held)
    if not known.may_press_when_shut and is_shut(held, wish):
        raise Refused(StoreShut(), match, judged.mark, held, [shut_case(held, wish)])
    return held, match


def is_shut(held: pressed.Held, wish: Touched) -> bool:
    """Whether the stamp's store has closed for the day, where it has told its hours (7.7)."""
    return not hours.is_open_at(held.hours, wish.now, wish.zone)


def shut_case(held: pressed.Held, wish: Touched) -> tuple[CaseKind, str]:
    """The case of a stamp pressed outside the hours: one for each stamp and day."""
    return CaseKind.SHUT_PRESS, f"seal:{held.seal_id}:{clock.local_date(wish.now, wish.zone)}"


def replay(equal_id: int | None, judged: Judged, held: pressed.Held | None) -> Refused:
    if equal_id is None:
        found = Press.objects.filter(mark=judged.mark).values_list("pk", flat=True).first()
        equal_id = found or 0
    return Refused(Replayed(), None, None, held, [(CaseKind.REPLAYED, f"press:{equal_id}")])


def refusal_of(why: Unrecognised) -> DomainError:
    """What the customer is told."""
    if why.why is Why.FEW:
        return PointsFew(n=why.count)
    simple: dict[Why, type[DomainError]] = {
        Why.MANY: PointsMany,
        Why.BAD: PointsBad,
        Why.TIME: PressTime,
        Why.UNKNOWN: StampUnknown,
        Why.SCALE: ScaleOff,
        Why.AMBIGUOUS: Ambiguous,
    }
    return simple[why.why]()
