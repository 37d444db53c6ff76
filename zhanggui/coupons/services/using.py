"""Using a coupon: hold it by a code or a till, redeem, undo.

Source: stamps specification 5.4, R13, D34-D36.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.codes import services as codes
from zhanggui.codes.models import CodeState, OneTimeCode
from zhanggui.core import clock
from zhanggui.core.errors import DomainError, NotFound
from zhanggui.coupons import rules, told
from zhanggui.coupons.errors import AlreadyUndone, CouponReasonMissing, NotOwner, UndoWindow
from zhanggui.coupons.models import (
    Coupon,
    CouponState,
    UseKind,
    UseMethod,
    UseRecord,
)
from zhanggui.coupons.operations import CODE_LIFE_S, REDEEM, SUBJECT
from zhanggui.coupons.services import steps
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Transaction

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

S = CouponState
MANAGER_UNDOES_WITHIN = timedelta(minutes=10)
OFFICE_UNDOES_WITHIN = timedelta(days=15)
LAPSED_GETS = timedelta(hours=24)
TILL_HOLDS_AT_MOST = timedelta(minutes=60)
LONGEST_HOLDER = 40
CODE_HOLDER = "code:"
EVENT_USED = "coupons.redeemed"
ACCOUNT_USED = "coupon-redeemed"
"""Where the uses of a template's coupons go; its number follows."""
REDEEMED = "coupons.coupon.redeemed"


@dataclass(frozen=True, slots=True)
class CodeShown:
    """Six digits on the customer's phone."""

    code_id: int
    digits: str
    expires_at: datetime
    seconds_left: int
    life_s: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where and by whom a coupon is redeemed."""

    store_id: int | None
    person_id: int
    person_name: str
    method: UseMethod = UseMethod.CODE
    code_id: int | None = None
    order_fen: int | None = None
    """What the bill comes to, where it is known: the smallest bill is checked against it."""


def by_code(code_id: int) -> str:
    """The holder's name of a one-time code."""
    return f"{CODE_HOLDER}{code_id}"


def by_till(bill: str) -> str:
    """The holder's name of a till's bill: never a code's, and never cut to that of another bill."""
    if len(bill) <= LONGEST_HOLDER and not bill.startswith(CODE_HOLDER):
        return bill
    return sha256(bill.encode()).hexdigest()[:LONGEST_HOLDER]


def request_code(*, coupon_id: int, customer_id: int, actor: Actor) -> CodeShown:
    """Give the customer six digits that redeem the coupon once (R13); it is held meanwhile (D34).

    A second tap shows the same digits. The code never outlives the coupon (D35).

    Raises:
        NotOwner: another customer's coupon (E_COUPON_NOT_OWNER, 403).
        NotStarted, CouponExpired, CouponUsed, CouponHeld, CouponFrozen, CouponVoided,
        TemplatePaused, CustomerBlocked: the coupon cannot be used now (409, 410, 403).
        TooManyCodes, Busy: see ``codes`` (429, 503).
    """
    with transaction.atomic():
        rows = Coupon.objects.select_related("template", "customer")
        seen = rows.filter(pk=coupon_id).first()
        if seen is None:
            raise NotFound
        moment = clock.now()
        _refuse(seen, customer_id, moment)
        life_s = max(1, min(CODE_LIFE_S, int((seen.ends_at - moment).total_seconds())))
        order = codes.Order(
            operation=REDEEM,
            subject_type=SUBJECT,
            subject_id=seen.pk,
            customer_id=customer_id,
            store_ids=rules.store_ids(seen.template_id),
            life_s=life_s,
        )
        issued = codes.issue(order)
        coupon = steps.locked(coupon_id)
        _refuse(coupon, customer_id, moment)
        _hold(coupon, by_code(issued.code.pk), issued.code.expires_at, actor)
        if issued.is_new:
            audit.record(actor, "coupons.code.issued", f"code:{issued.code.pk}")
    return CodeShown(
        code_id=issued.code.pk,
        digits=issued.digits,
        expires_at=issued.code.expires_at,
        seconds_left=_seconds_left(issued.code),
        life_s=life_s if issued.is_new else CODE_LIFE_S,
        is_new=issued.is_new,
    )


def _refuse(coupon: Coupon, customer_id: int, moment: datetime) -> None:
    if coupon.customer_id != customer_id:
        raise NotOwner
    own = coupon.held_by if coupon.held_by.startswith(CODE_HOLDER) else ""
    refusal = rules.why_not(coupon, moment, holder=own)
    if refusal is not None:
        raise refusal


def _hold(coupon: Coupon, holder: str, until: datetime, actor: Actor) -> None:
    moment = clock.now()
    steps.settle(coupon, moment)
    if coupon.state == S.USABLE:
        steps.step(coupon, S.HELD, by=actor.name, at=moment)
        coupon.usable, coupon.held = coupon.usable - 1, 1
    coupon.held_by, coupon.held_until = holder, min(until, coupon.ends_at)
    steps.keep(coupon)


def _seconds_left(code: OneTimeCode) -> int:
    return max(0, int((code.expires_at - clock.now()).total_seconds()))


def revoke_code(*, coupon_id: int, code_id: int, actor: Actor) -> None:
    """The customer withdraws a code (作废); the coupon is free again at once."""
    with transaction.atomic():
        if not codes.revoke(code_id=code_id, subject_type=SUBJECT, subject_id=coupon_id):
            return
        coupon = steps.locked(coupon_id)
        if coupon.state == S.HELD and coupon.held_by == by_code(code_id):
            _release(coupon, actor)
        audit.record(actor, "coupons.code.revoked", f"code:{code_id}")


def _release(coupon: Coupon, actor: Actor) -> None:
    steps.unhold(coupon)
    steps.step(coupon, S.USABLE, by=actor.name, at=clock.now())
    coupon.held_by, coupon.held_until = "", None
    steps.settle(coupon, clock.now())
    steps.keep(coupon)


def hold_for_till(*, coupon_id: int, holder: str, minutes: int, actor: Actor) -> Coupon:
    """Reserve one use for a bill that is being made; at most 60 minutes, never past the end.

    Args:
        coupon_id: of the merchant in scope.
        holder: what the till calls its bill; the same holder may redeem it, or hold it longer, to
            60 minutes after it was first held at most.
        minutes: 1 to 60.
        actor: the till.

    Raises:
        as ``request_code``.
    """
    holder = by_till(holder)
    with transaction.atomic():
        coupon = steps.locked(coupon_id)
        moment = clock.now()
        refusal = rules.why_not(coupon, moment, holder=holder)
        if refusal is not None:
            raise refusal
        length = min(max(timedelta(minutes=minutes), timedelta(minutes=1)), TILL_HOLDS_AT_MOST)
        until = moment + length
        if rules.state_now(coupon, moment) == S.HELD:
            until = min(until, steps.held_since(coupon) + TILL_HOLDS_AT_MOST)
        _hold(coupon, holder, until, actor)
        audit.record(actor, "coupons.coupon.held", f"coupon:{coupon.pk}")
    return coupon


def release_from_till(*, coupon_id: int, holder: str, actor: Actor) -> Coupon:
    """Give a reserved use back; somebody else's hold stays."""
    with transaction.atomic():
        coupon = steps.locked(coupon_id)
        if coupon.state == S.HELD and coupon.held_by == by_till(holder):
            _release(coupon, actor)
            audit.record(actor, "coupons.coupon.released", f"coupon:{coupon.pk}")
    return coupon


def redeem(*, coupon_id: int, holder: str, place: Place, actor: Actor) -> UseRecord:
    """Use a coupon once (核销); of all who try at once the row's lock lets one through.

    Args:
        coupon_id: of the merchant in scope.
        holder: who held it, if anybody: ``by_code`` of the code spent in this transaction, or
            ``by_till`` of a bill.
        place: where and by whom.
        actor: who confirms.

    Raises:
        NotStarted, CouponExpired, CouponUsed, CouponHeld, CouponFrozen, CouponVoided,
        TemplatePaused, CustomerBlocked: it cannot be used now (409, 410, 403).
        CouponWrongStore, ConditionUnmet: not here, not today, not for this bill (409).
    """
    if not holder.startswith(CODE_HOLDER):
        holder = by_till(holder)
    with transaction.atomic():
        coupon = steps.locked(coupon_id)
        moment = clock.now()
        refusal = why_not_at(coupon, holder=holder, place=place, moment=moment)
        if refusal is not None:
            raise refusal
        if coupon.state != S.HELD or rules.state_now(coupon, moment) != S.HELD:
            _hold(coupon, holder, moment + timedelta(minutes=1), actor)
        booked = steps.move(coupon, -1, EVENT_USED, ACCOUNT_USED, store_id=place.store_id)
        coupon.held, coupon.redeemed = 0, coupon.redeemed + 1
        coupon.held_by, coupon.held_until = "", None
        after = S.USABLE if coupon.usable else S.REDEEMED
        steps.step(coupon, after, by=actor.name, store_id=place.store_id, at=moment)
        steps.keep(coupon)
        record = _record(coupon, booked, place)
        record.save(force_insert=True)
        audit.record(
            actor,
            REDEEMED,
            f"coupon:{coupon.pk}",
            store_id=place.store_id,
            details={"method": place.method, "use": record.pk},
        )
        told.tell_redeemed(record)
    return record


def why_not_at(
    coupon: Coupon, *, holder: str, place: Place, moment: datetime
) -> DomainError | None:
    """Why a coupon cannot be redeemed at a place now; None when it can."""
    refusal = rules.why_not(coupon, moment, holder=holder)
    if refusal is not None:
        return refusal
    return rules.why_not_here(
        coupon.template,
        store_id=place.store_id,
        places=rules.store_ids(coupon.template_id),
        moment=moment,
        zone=steps.zone_of(coupon),
        order_fen=place.order_fen,
    )


def _record(coupon: Coupon, booked: Transaction, place: Place) -> UseRecord:
    return UseRecord(
        merchant_id=coupon.merchant_id,
        transaction=booked,
        kind=UseKind.REDEEM,
        method=place.method,
        coupon=coupon,
        template_id=coupon.template_id,
        template_name=coupon.template.name,
        customer_id=coupon.customer_id,
        customer_name=coupon.customer.name,
        name_key=coupon.customer.name_key,
        store_id=place.store_id,
        manager_id=place.person_id,
        manager_name=place.person_name,
        worth_fen=rules.worth_fen(coupon.template),
        use_no=coupon.use_no,
        code_id=place.code_id,
        at=booked.at,
        business_date=booked.business_date,
    )


def undo_by_manager(
    *, record_id: int, store_id: int, person_id: int, name: str, actor: Actor
) -> UseRecord:
    """Take a redemption back at the counter: own store, at most 10 minutes later (D36).

    Raises:
        NotFound: no redemption of this store (404).
        UndoWindow: more than 10 minutes ago (E_UNDO_WINDOW, 409).
        AlreadyUndone: taken back before (E_COUPON_UNDONE, 409).
    """
    place = Place(store_id, person_id, name)
    with transaction.atomic():
        record = _open_record(record_id, store_id, MANAGER_UNDOES_WITHIN)
        return _undo(record, place=place, reason="", is_usable_again=True, actor=actor)


def undo_by_office(
    *, record_id: int, reason: str, actor: Actor, is_usable_again: bool = True
) -> UseRecord:
    """Take a redemption back in the back office, with a reason, at most 15 days later (D36).

    Args:
        record_id: of the merchant in scope.
        reason: kept in the ledger.
        actor: who does it.
        is_usable_again: a coupon whose time has passed gets 24 hours more; False leaves it expired.

    Raises:
        NotFound, UndoWindow, AlreadyUndone: as ``undo_by_manager``.
        CouponReasonMissing: no reason (E_COUPON_REASON, 422).
    """
    words = reason.strip()[:200]
    if not words:
        raise CouponReasonMissing
    with transaction.atomic():
        record = _open_record(record_id, None, OFFICE_UNDOES_WITHIN)
        place = Place(record.store_id, actor.id or 0, actor.name, UseMethod.OFFICE)
        return _undo(
            record, place=place, reason=words, is_usable_again=is_usable_again, actor=actor
        )


def _open_record(record_id: int, store_id: int | None, within: timedelta) -> UseRecord:
    rows = UseRecord.objects.filter(pk=record_id, kind=UseKind.REDEEM)
    if store_id is not None:
        rows = rows.filter(store_id=store_id)
    record = rows.first()
    if record is None:
        raise NotFound
    if record.at < clock.now() - within:
        minutes = MANAGER_UNDOES_WITHIN // timedelta(minutes=1)
        raise UndoWindow(minutes=minutes, days=OFFICE_UNDOES_WITHIN.days)
    return record


def _undo(
    record: UseRecord, *, place: Place, reason: str, is_usable_again: bool, actor: Actor
) -> UseRecord:
    codes.revoke_live(subject_type=SUBJECT, subject_id=record.coupon_id)
    coupon = steps.locked(record.coupon_id)
    if UseRecord.objects.filter(reverses=record).exists():
        raise AlreadyUndone
    moment = clock.now()
    if coupon.state == S.HELD and coupon.held_by.startswith(CODE_HOLDER):
        steps.unhold(coupon)
        steps.step(coupon, S.USABLE, by=actor.name, at=moment)
    steps.settle(coupon, moment)
    booked = ledger.reverse(
        original=Transaction.objects.get(pk=record.transaction_id),
        event="coupons.undone",
        cause=f"undo:{record.pk}",
        zone=steps.zone_of(coupon),
    )
    coupon.redeemed, coupon.usable = coupon.redeemed - 1, coupon.usable + 1
    coupon.use_no += 1
    _reopen(coupon, moment, is_usable_again=is_usable_again, actor=actor, note=reason)
    steps.keep(coupon)
    undone = _record(coupon, booked, place)
    undone.kind, undone.reverses, undone.reason = UseKind.UNDO, record, reason
    undone.save(force_insert=True)
    audit.record(
        actor,
        "coupons.coupon.undone",
        f"coupon:{coupon.pk}",
        store_id=place.store_id,
        details={"use": record.pk, "reason": reason},
    )
    told.tell_undone(undone)
    return undone


def _reopen(
    coupon: Coupon, moment: datetime, *, is_usable_again: bool, actor: Actor, note: str
) -> None:
    """The use is free again; a voided coupon keeps nothing, a frozen one stays frozen."""
    if coupon.state == S.VOIDED:
        coupon.usable, coupon.voided = coupon.usable - 1, coupon.voided + 1
        steps.move(coupon, -1, "coupons.voided", "coupon-voided")
        return
    has_lapsed = coupon.ends_at <= moment
    if has_lapsed and is_usable_again:
        coupon.ends_at = moment + LAPSED_GETS
    if coupon.state in {S.REDEEMED, S.EXPIRED} and (is_usable_again or not has_lapsed):
        steps.step(coupon, S.USABLE, by=actor.name, note=note, at=moment)
    elif coupon.state in {S.REDEEMED, S.EXPIRED}:
        if coupon.state == S.REDEEMED:
            steps.step(coupon, S.EXPIRED, by=actor.name, note=note, at=moment)
        coupon.usable, coupon.voided = coupon.usable - 1, coupon.voided + 1
        steps.move(coupon, -1, "coupons.expired", "coupon-expired")
    else:
        steps.note_change(coupon, S(coupon.state), by=actor.name, note=note, at=moment)


def code_status(*, coupon_id: int, code_id: int) -> tuple[CodeState, int]:
    """What became of a code, and how many seconds it lives; for the phone that shows it."""
    code = codes.status_of(code_id=code_id, subject_type=SUBJECT, subject_id=coupon_id)
    if code is None:
        raise NotFound
    return CodeState(code.state), _seconds_left(code)
