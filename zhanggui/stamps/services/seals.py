"""Physical stamps: made, enrolled on two phones, suspended, moved, retired or lost.

Source: stamps specification 5.5, 7.4; R18.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core import signing
from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant, Store
from zhanggui.core import clock, constraints, limits, tenancy
from zhanggui.core.constraints import insert
from zhanggui.core.errors import NotFound
from zhanggui.core.limits import Limit
from zhanggui.stamps import selectors
from zhanggui.stamps.errors import (
    EnrolmentOver,
    NoPattern,
    NotManager,
    ReasonMissing,
    Replayed,
    SealNameTaken,
    SealNotInUse,
    SealStep,
    SealTooAlike,
    SealUnfit,
)
from zhanggui.stamps.models import (
    MATCHED,
    STEPS,
    CaseKind,
    Press,
    PressUse,
    Seal,
    SealChange,
    SealState,
)
from zhanggui.stamps.recognition import generator
from zhanggui.stamps.recognition.geometry import Shape, points_of
from zhanggui.stamps.recognition.rule import (
    Match,
    Pattern,
    Unrecognised,
    recognise_points,
    settle,
)
from zhanggui.stamps.services.alarming import alarm
from zhanggui.stamps.services.judging import E4, MARKS_FOR, refusal_of
from zhanggui.stamps.touches import Sent, mark_of

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.accounts.models import Person

GOOD_PRESSES = 5
PHONES = 2
LINK_LIVES = timedelta(minutes=30)
SALT = "stamps.enrolment"
LONGEST_REASON = 200
ENROLMENTS = Limit("stamps-enrolment", most=200, window_s=600, lock_s=60)
DESK_PRESSES = Limit("stamps-desk-press", most=20, window_s=600, lock_s=600)
NEEDS_REASON = frozenset({SealState.SUSPENDED, SealState.RETIRED, SealState.LOST})
type Pairs = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an enrolment is."""

    good: int
    phones: int
    is_done: bool


@dataclass(frozen=True, slots=True)
class PhoneLink:
    """What the link on the computer's screen leads to."""

    seal: Seal
    use: PressUse


def make_seal(*, name: str, store: Store, actor: Actor, points: Pairs | None = None) -> Seal:
    """Make a stamp for a store: with a new pattern, or with a given one.

    Args:
        name: what people call it, once in the merchant.
        store: of the merchant in scope.
        actor: a person of the office.
        points: five ``[x, y]`` in millimetres of an existing stamp; None makes a new pattern.

    Raises:
        SealNameTaken: another stamp has the name (E_SEAL_NAME, 409).
        SealUnfit: the given pattern is none that phones read safely (E_SEAL_PATTERN, 422).
        SealTooAlike: it could be taken for another stamp's (E_SEAL_ALIKE, 409).
        NoPattern: no room for another pattern (E_SEAL_ROOM, 409).
    """
    with transaction.atomic():
        _one_at_a_time(store.merchant_id)
        known = list(Seal.objects.order_by("pk"))
        layout = _layout(known) if points is None else _given(points, known)
        row = Seal(name=name.strip()[:40], store=store, points=layout)
        insert(row, SealNameTaken)
        _note(row, "", actor, "")
        audit.record(
            actor, "stamps.seal.made", f"seal:{row.pk}", store_id=store.pk, details={"name": name}
        )
    return row


def _one_at_a_time(merchant_id: int) -> None:
    """Two patterns made at one moment could be alike; the shop's row is the queue."""
    list(Merchant.objects.select_for_update(no_key=True).filter(pk=merchant_id).values_list("pk"))


def _shape(seal: Seal) -> Shape:
    return Shape.of(points_of(seal.points))


def _layout(known: Sequence[Seal]) -> list[list[float]]:
    try:
        layout, _candidates = generator.make_layout([_shape(seal) for seal in known])
    except generator.NoRoom as error:
        raise NoPattern from error
    return [[float(x), float(y)] for x, y in layout]


def _given(points: Pairs, known: Sequence[Seal]) -> list[list[float]]:
    unfit = generator.why_not(points)
    if unfit == "count":
        raise SealUnfit
    shape = Shape.of(points_of(points))
    for seal in known:
        apart = generator.likeness(shape, [_shape(seal)])
        if apart < generator.UNLIKE_MM:
            raise SealTooAlike(name=seal.name, distance=f"{apart:.2f}")
    if unfit:
        raise SealUnfit
    return [[float(x), float(y)] for x, y in points]


def step_seal(*, seal_id: int, to: SealState, reason: str, actor: Actor) -> Seal:
    """Suspend, resume, retire or report a stamp lost; ``enrol_press`` alone makes one active.

    Raises:
        NotFound: no such stamp (404).
        ReasonMissing: no reason for what takes it out of use (E_REASON, 422).
        SealStep: not from its state (E_SEAL_STATE, 409).
    """
    reason = reason.strip()[:LONGEST_REASON]
    if to in NEEDS_REASON and not reason:
        raise ReasonMissing
    with transaction.atomic():
        seal = _locked(seal_id)
        before = SealState(seal.state)
        is_enrolled = not (before == SealState.ENROLLING and to == SealState.ACTIVE)
        if (before, to) not in STEPS or not is_enrolled:
            raise SealStep
        _set(seal, to, actor, reason)
    return seal


def _locked(seal_id: int) -> Seal:
    found = Seal.objects.select_for_update(of=("self",)).filter(pk=seal_id).first()
    if found is None:
        raise NotFound
    return found


def _set(seal: Seal, to: SealState, actor: Actor, reason: str, *, by: str = "") -> None:
    before = seal.state
    seal.state = to
    seal.save(update_fields=["state"])
    _note(seal, before, actor, reason, by=by)
    audit.record(
        actor,
        f"stamps.seal.{to.value}",
        f"seal:{seal.pk}",
        store_id=seal.store_id,
        details={"from": before, "reason": reason},
    )


def _note(seal: Seal, before: str, actor: Actor, reason: str, *, by: str = "") -> None:
    SealChange(
        seal=seal,
        from_state=before,
        to_state=seal.state,
        store_id=seal.store_id,
        reason=reason,
        by=(by or actor.name)[:80],
    ).save(force_insert=True)


def move_seal(*, seal_id: int, store: Store, actor: Actor) -> Seal:
    """Give a stamp to another store; presses made so far stay where they were.

    Raises:
        NotFound: no such stamp (404).
        SealStep: it is retired or lost (E_SEAL_STATE, 409).
    """
    with transaction.atomic():
        seal = _locked(seal_id)
        if seal.state in {SealState.RETIRED, SealState.LOST}:
            raise SealStep
        if seal.store_id == store.pk:
            return seal
        before = seal.store_id
        seal.store = store
        seal.save(update_fields=["store"])
        _note(seal, seal.state, actor, "")
        audit.record(
            actor,
            "stamps.seal.moved",
            f"seal:{seal.pk}",
            store_id=store.pk,
            details={"from_store": before},
        )
    return seal


def phone_link(*, seal: Seal, use: PressUse) -> str:
    """A token for the phones of an enrolment or a measurement; good for 30 minutes."""
    moment = int(clock.now().timestamp())
    return signing.dumps([seal.merchant_id, seal.pk, use.value, moment], salt=SALT)


def read_link(token: str) -> PhoneLink:
    """What a token stands for; the scope of its merchant is open.

    Raises:
        EnrolmentOver: not ours, older than 30 minutes, or the stamp is gone on (410).
    """
    try:
        merchant_id, seal_id, use, made = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError):
        raise EnrolmentOver from None
    seal = Seal.objects.select_related("store").filter(pk=seal_id, merchant_id=merchant_id).first()
    is_old = clock.now().timestamp() - made > LINK_LIVES.total_seconds()
    if seal is None or is_old:
        raise EnrolmentOver
    return PhoneLink(seal, PressUse(use))


def progress_of(seal: Seal) -> Progress:
    """Good presses since the enrolment began, and on how many phones."""
    began = (
        SealChange.objects.filter(seal=seal, to_state=SealState.ENROLLING)
        .order_by("-at", "-pk")
        .values_list("at", flat=True)
        .first()
    )
    good = Press.objects.filter(seal=seal, use=PressUse.ENROL, outcome="ok")
    phones = list(good.filter(at__gte=began).values_list("phone", flat=True)) if began else []
    names = {name for name in phones if name}
    return Progress(len(phones), len(names), len(phones) >= GOOD_PRESSES and len(names) >= PHONES)


def enrol_press(*, link: PhoneLink, sent: Sent, phone: str, actor: Actor) -> Progress:
    """A press for an enrolment or a measurement; the fifth good one on two phones activates.

    Args:
        link: what the page was opened by.
        sent: what the phone recorded.
        phone: the phone's random name.
        actor: whoever holds the phone, known by the link only.

    Raises:
        TooMany: more than anybody presses (429).
        EnrolmentOver: the stamp is not being enrolled any more (410).
        Replayed: the same recording twice (E_REPLAY, 409).
        PointsFew and the like: not this stamp (422); kept for the measurements.
    """
    limits.claim(ENROLMENTS, f"seal:{link.seal.merchant_id}:{link.seal.pk}")
    if link.use == PressUse.ENROL and link.seal.state != SealState.ENROLLING:
        raise EnrolmentOver
    pattern = Pattern(link.seal.pk, _shape(link.seal))
    row = Press(
        merchant_id=link.seal.merchant_id,
        seal=link.seal,
        store_id=link.seal.store_id,
        use=link.use,
        model=sent.model,
        phone=phone[:40],
        touches=sent.touches,
        frames=sent.raw,
        at=clock.now(),
    )
    try:
        points = settle(sent.press)
        row.mark = mark_of(points)
        describe(row, recognise_points(points, [pattern]))
    except Unrecognised as why:
        refusal = refusal_of(why)
        if why.nearest is not None:
            describe(row, why.nearest)
        row.outcome, row.mark = refusal.code, None
        row.save(force_insert=True)
        raise refusal from why
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            return _advance(link, actor)
    except IntegrityError as error:
        if constraints.violated(error) != "press_never_repeated":
            raise
        raise Replayed from error


def _advance(link: PhoneLink, actor: Actor) -> Progress:
    seal = _locked(link.seal.pk)
    progress = progress_of(seal)
    if link.use == PressUse.ENROL and seal.state == SealState.ENROLLING and progress.is_done:
        begun = SealChange.objects.filter(seal=seal, to_state=SealState.ENROLLING)
        who = begun.order_by("-at", "-pk").values_list("by", flat=True).first()
        _set(seal, SealState.ACTIVE, actor, "", by=who or actor.name)
    return progress


def describe(row: Press, match: Match) -> None:
    """Write what the fit says into the press."""
    row.residual_um = round(match.fit.residual * 1000)
    row.largest_um = round(match.fit.largest * 1000)
    row.scale_e4 = round(match.fit.scale * E4)
    row.turn_e1 = round(match.fit.turn_deg * 10)
    row.is_stray = match.is_stray


def enter_by_press(*, person: Person, sent: Sent, actor: Actor) -> None:
    """Let a bound manager in who presses the stamp of the own store (R18).

    The binding lets the manager in without it, too; the stamp is the way people know.

    Raises:
        TooMany: 20 presses in ten minutes (429).
        NotManager: no binding: a stranger's press opens nothing (403).
        PointsFew and the like: not the store's stamp (422).
        SealNotInUse: suspended, retired or lost (409).
        Replayed: equal to a press of the last 90 days (409).
    """
    limits.claim(DESK_PRESSES, actor.key)
    desk = selectors.desk_of(person.pk)
    if desk is None:
        raise NotManager
    with tenancy.merchant_scope(desk.merchant_id):
        seals = list(Seal.objects.filter(store_id=desk.store_id, state__in=MATCHED))
        try:
            points = settle(sent.press)
            book = [Pattern(seal.pk, _shape(seal)) for seal in seals]
            match = recognise_points(points, book)
        except Unrecognised as why:
            raise refusal_of(why) from why
        found = next(seal for seal in seals if seal.pk == match.key)
        _enter(found, match, points, sent, actor)


def _enter(
    seal: Seal, match: Match, points: Sequence[tuple[float, float]], sent: Sent, actor: Actor
) -> None:
    row = Press(
        merchant_id=seal.merchant_id,
        seal=seal,
        store_id=seal.store_id,
        use=PressUse.DESK,
        model=sent.model,
        touches=sent.touches,
        frames=sent.raw,
        mark=mark_of(points),
        at=clock.now(),
    )
    describe(row, match)
    is_in_use = seal.state == SealState.ACTIVE
    if not is_in_use:
        row.outcome, row.mark = SealNotInUse.code, None
    old = Press.objects.filter(mark=row.mark, at__lte=clock.now() - MARKS_FOR)
    try:
        with transaction.atomic():
            old.update(mark=None)
            row.save(force_insert=True)
            audit.record(
                actor,
                "stamps.desk.pressed",
                f"seal:{seal.pk}",
                store_id=seal.store_id,
                details={"outcome": row.outcome},
            )
            if seal.state in {SealState.RETIRED, SealState.LOST}:
                day = f"{clock.now():%Y-%m-%d}"
                alarm(
                    CaseKind.GONE_SEAL,
                    f"seal:{seal.pk}:{day}",
                    store_id=seal.store_id,
                    actor=actor,
                )
    except IntegrityError as error:
        if constraints.violated(error) != "press_never_repeated":
            raise
        raise Replayed from error
    if not is_in_use:
        raise SealNotInUse
