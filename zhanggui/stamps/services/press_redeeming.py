"""The store's stamp pressed on a customer's coupon redeems it, where its template allows that.

The same rule, the same book of stamps, right to press, alarms and limits as on a card; redeeming
itself is the service of coupons.
Source: stamps specification 5.4, 7.3, 7.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from zhanggui.accounts import standing
from zhanggui.accounts.models import StoreState
from zhanggui.codes import services as codes
from zhanggui.core import clock, constraints, idempotency, limits, tokens
from zhanggui.core.db.pipeline import trip
from zhanggui.core.errors import DomainError
from zhanggui.coupons import rules as coupon_rules
from zhanggui.coupons import services as coupons
from zhanggui.coupons.models import Coupon, UseMethod
from zhanggui.coupons.operations import REDEEM, SUBJECT
from zhanggui.coupons.services import Place
from zhanggui.coupons.services.using import CODE_HOLDER
from zhanggui.stamps.errors import NonceUsed, PressOff
from zhanggui.stamps.hot import pressed
from zhanggui.stamps.models import (
    MATCHED,
    DeviceScale,
    Press,
    PressNonce,
    PressUse,
    Seal,
    SealState,
)
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.recognition.geometry import Shape, points_of
from zhanggui.stamps.recognition.rule import Match, Pattern
from zhanggui.stamps.services.alarming import keep_refused, watch_press
from zhanggui.stamps.services.judging import (
    E4,
    MARKS_FOR,
    Judged,
    Refused,
    decide,
    judge_touch,
    replay,
)
from zhanggui.stamps.services.pressing import LONGEST_KEY, NONCE_LIVES, NONCES, PRESSES, Nonce
from zhanggui.stamps.services.shop_limits import limits as limits_of
from zhanggui.stamps.touches import Sent

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a phone sends."""

    coupon: Coupon
    nonce: str
    sent: Sent
    actor: Actor
    now: datetime
    zone: str

    @property
    def customer_id(self) -> int:
        """Whose coupon it is."""
        return self.coupon.customer_id


def takes_press(coupon: Coupon) -> bool:
    """Whether a stamp in use in one of its stores may redeem this coupon."""
    return coupon.template.takes_press and _seals(coupon).filter(state=SealState.ACTIVE).exists()


def _seals(coupon: Coupon) -> QuerySet[Seal]:
    places = coupon_rules.store_ids(coupon.template_id)
    seals = Seal.objects.select_related("store__merchant").filter(state__in=MATCHED)
    return seals.filter(store_id__in=places) if places else seals


def allow_redeeming(*, coupon: Coupon, actor: Actor) -> Nonce:
    """Give the phone the right to press once on this coupon, for 120 s.

    Raises:
        PressOff: its template takes no presses, or no stamp is in use (E_PRESS_OFF, 409).
        TooMany: a phone that asks without end (429).
    """
    limits.claim(NONCES, actor.key)
    if not takes_press(coupon):
        raise PressOff
    token, moment = tokens.new_token(), clock.now()
    PressNonce(
        merchant_id=coupon.merchant_id,
        digest=tokens.digest(token),
        customer_id=coupon.customer_id,
        subject_id=coupon.pk,
        operation=REDEEM,
        created_at=moment,
        expires_at=moment + NONCE_LIVES,
    ).save(force_insert=True)
    return Nonce(token, int(NONCE_LIVES.total_seconds()))


def redeem_by_press(
    *, coupon: Coupon, nonce: str, sent: Sent, actor: Actor, zone: str, key: str = ""
) -> int:
    """Recognise the stamp and redeem the coupon once; answers the line of the ledger.

    A code that the customer holds for the same coupon is withdrawn by it.

    Args:
        coupon: the customer's own, with its template.
        nonce: of ``allow_redeeming``.
        sent: what the phone recorded; everything is decided here.
        actor: the customer.
        zone: of the merchant.
        key: idempotency key; a repeat within 24 h answers the same.

    Raises:
        TooMany: 40 presses in ten minutes (429).
        NonceUsed, NonceOver, PointsFew, PointsMany, PointsBad, PressTime, StampUnknown, ScaleOff,
        Ambiguous, SealNotInUse, Replayed, PressOff: as ``press``.
        NotStarted, CouponExpired, CouponUsed, CouponHeld, CouponFrozen, CouponVoided,
        TemplatePaused, CouponWrongStore, ConditionUnmet: it cannot be used (409, 410).
    """
    limits.claim(PRESSES, actor.key)
    wish = _Wish(coupon, nonce, sent, actor, clock.now(), zone)
    judged = judge_touch(wish)
    try:
        answer = idempotency.once(
            caller=actor.key,
            key=key[:LONGEST_KEY],
            content={"door": "stamps.coupon_press", "coupon": coupon.pk, "nonce": nonce},
            write=lambda: {"record": _redeem(wish, judged)},
        )
    except Refused as refused:
        _note(wish, refused)
        raise refused.refusal from None
    except IntegrityError as error:
        if constraints.violated(error) != "press_never_repeated":
            raise
        again = replay(None, judged, None)
        _note(wish, again)
        raise again.refusal from None
    return int(answer["record"])


def _redeem(wish: _Wish, judged: Judged) -> int:
    known = _known(wish, judged)
    held, match = decide(wish, known, judged)
    coupon = wish.coupon
    codes.revoke_live(subject_type=SUBJECT, subject_id=coupon.pk)
    rights = PressNonce.objects.filter(pk=known.nonce_id or 0, used_at=None)
    is_in_use = Seal.objects.filter(pk=held.seal_id, state=SealState.ACTIVE).exists()
    if not is_in_use or not rights.filter(expires_at__gt=wish.now).update(used_at=wish.now):
        raise Refused(NonceUsed(), match)
    holder = Coupon.objects.values_list("held_by", flat=True).get(pk=coupon.pk)
    place = Place(held.store_id, 0, held.name, UseMethod.PRESS)
    try:
        record = coupons.redeem(
            coupon_id=coupon.pk,
            holder=holder if holder.startswith(CODE_HOLDER) else "",
            place=place,
            actor=wish.actor,
        )
    except DomainError as refusal:
        raise Refused(refusal, match, judged.mark, held) from refusal
    values, written = _values(wish, judged), _written(wish, match)
    trip(
        pressed.keep(values, written, held=held, record_id=record.pk, frees_mark=known.is_mark_old)
    )
    watch_press(wish, held, match)
    return record.pk


def _known(wish: _Wish, judged: Judged) -> pressed.Known:
    """What a card reads in one trip (``hot.pressed.look``): right, book, phone, equal press."""
    nonce = PressNonce.objects.filter(
        digest=tokens.digest(wish.nonce),
        customer_id=wish.customer_id,
        subject_id=wish.coupon.pk,
        operation=REDEEM,
    ).first()
    phone = DeviceScale.objects.filter(model=wish.sent.model).first()
    equal = Press.objects.filter(mark=judged.mark).first() if judged.mark else None
    is_old = equal is not None and equal.at <= wish.now - MARKS_FOR
    seals = _seals(wish.coupon) if wish.coupon.template.takes_press else Seal.objects.none()
    return pressed.Known(
        nonce_id=nonce.pk if nonce else None,
        is_used=nonce is not None and nonce.used_at is not None,
        is_over=nonce is not None and nonce.expires_at <= wish.now,
        is_again=False,
        ticket_id=None,
        ticket_store_id=None,
        book={seal.pk: _held(seal) for seal in seals},
        presses=phone.presses if phone else 0,
        scale_sum_e4=phone.scale_sum_e4 if phone else 0,
        fingerprint=b"",
        answer={},
        answered_at=None,
        told=(),
        equal_id=equal.pk if equal is not None and not is_old else None,
        is_mark_old=is_old,
        may_press_when_shut=limits_of().may_press_when_shut,
    )


def _held(seal: Seal) -> pressed.Held:
    is_open = seal.store.state == StoreState.OPEN and standing.takes_business(
        seal.store.merchant, FEATURE.name
    )
    pattern = Pattern(seal.pk, Shape.of(points_of(seal.points)))
    return pressed.Held(
        seal.pk,
        seal.name,
        seal.store_id,
        SealState(seal.state),
        pattern,
        seal.store.name,
        is_open,
        seal.store.hours,
    )


def _values(wish: _Wish, judged: Judged) -> dict[str, Any]:
    return {
        "merchant": wish.coupon.merchant_id,
        "now": wish.now,
        "customer": wish.customer_id,
        "card": None,
        "model": wish.sent.model,
        "mark": judged.mark,
        "marks_since": wish.now - MARKS_FOR,
    }


def _written(wish: _Wish, match: Match) -> pressed.Written:
    fit = match.fit
    return pressed.Written(
        use=PressUse.REDEEM.value,
        residual_um=round(fit.residual * 1000),
        largest_um=round(fit.largest * 1000),
        scale_e4=round(fit.scale * E4),
        turn_e1=round(fit.turn_deg * 10),
        touches=wish.sent.touches,
        is_stray=match.is_stray,
        frames=wish.sent.raw,
    )


def _note(wish: _Wish, refused: Refused) -> None:
    """Use the right up, keep the press and raise the alarms, in a transaction of its own."""
    with transaction.atomic():
        PressNonce.objects.filter(
            digest=tokens.digest(wish.nonce), customer_id=wish.customer_id, used_at=None
        ).update(used_at=wish.now)
        row = Press(
            merchant_id=wish.coupon.merchant_id,
            seal_id=refused.held.seal_id if refused.held else None,
            store_id=refused.held.store_id if refused.held else None,
            use=PressUse.REDEEM,
            outcome=refused.refusal.code,
            customer_id=wish.customer_id,
            model=wish.sent.model,
            touches=wish.sent.touches,
            frames=wish.sent.raw,
            at=wish.now,
        )
        keep_refused(row, refused, target=f"coupon:{wish.coupon.pk}", actor=wish.actor)
