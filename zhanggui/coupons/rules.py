"""What holds for a coupon at a moment: its state by the clock, and why it cannot be used.

States change by the clock when they are looked at; the nightly job only tidies the rows.
Source: stamps specification 5.4, D34, D35.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from zhanggui.contacts.errors import CustomerBlocked
from zhanggui.contacts.models import CustomerState
from zhanggui.core import clock
from zhanggui.coupons.errors import (
    ConditionUnmet,
    CouponExpired,
    CouponFrozen,
    CouponHeld,
    CouponUsed,
    CouponVoided,
    CouponWrongStore,
    NotStarted,
    TemplatePaused,
)
from zhanggui.coupons.models import (
    Coupon,
    CouponKind,
    CouponState,
    CouponTemplate,
    TemplateState,
    TemplateStore,
    Validity,
)
from zhanggui.ui.formats import day as say_day
from zhanggui.ui.formats import money

if TYPE_CHECKING:
    from zhanggui.core.errors import DomainError

S = CouponState
WAITING = frozenset({S.ISSUED, S.USABLE, S.HELD})
"""States that pass by the clock."""

EDGES: dict[tuple[CouponState, CouponState], str] = {
    (S.ISSUED, S.USABLE): "start",
    (S.USABLE, S.HELD): "hold",
    (S.HELD, S.USABLE): "release",
    (S.HELD, S.REDEEMED): "redeem",
    (S.REDEEMED, S.USABLE): "undo",
    (S.REDEEMED, S.EXPIRED): "undo after the end",
    (S.EXPIRED, S.USABLE): "undo of one of several uses",
    (S.USABLE, S.EXPIRED): "end",
    (S.ISSUED, S.EXPIRED): "end",
    (S.USABLE, S.VOIDED): "void",
    (S.ISSUED, S.VOIDED): "void",
    (S.HELD, S.VOIDED): "void",
    (S.USABLE, S.FROZEN): "freeze",
    (S.FROZEN, S.USABLE): "unfreeze",
}
"""The whole state machine of 5.4: from, to, and what leads there.

A coupon with several uses adds one edge: it ends before it is used up, and a use is undone then.
"""


def state_now(coupon: Coupon, moment: datetime) -> CouponState:
    """The state by the clock: the row may not have been tidied yet.

    A held coupon whose hold has passed is usable; a use that is confirmed in the very second of
    the end counts only before it.
    """
    state = CouponState(coupon.state)
    if state not in WAITING:
        return state
    if coupon.ends_at <= moment:
        return S.EXPIRED
    if state == S.HELD and coupon.held_until and coupon.held_until > moment:
        return S.HELD
    return S.ISSUED if coupon.starts_at > moment else S.USABLE


def store_ids(template_id: int) -> list[int]:
    """Where coupons of a template are taken; empty means every store."""
    places = TemplateStore.objects.filter(template_id=template_id)
    return sorted(places.values_list("store_id", flat=True))


def why_not(coupon: Coupon, moment: datetime, *, holder: str = "") -> DomainError | None:
    """Why the coupon cannot be used now, whoever asks and wherever; None when it can.

    Args:
        coupon: with its template and customer.
        moment: now.
        holder: who holds it, if it is held: for them it is free.
    """
    state = state_now(coupon, moment)
    if state == S.HELD and coupon.held_by != holder:
        wait = (coupon.held_until or moment) - moment
        return CouponHeld(retry_after_s=max(1, -(-wait // timedelta(seconds=1))))
    if state == S.ISSUED:
        return NotStarted(day=say_day(coupon.starts_at))
    refusals: dict[CouponState, type[DomainError]] = {
        S.EXPIRED: CouponExpired,
        S.REDEEMED: CouponUsed,
        S.FROZEN: CouponFrozen,
        S.VOIDED: CouponVoided,
    }
    if state in refusals:
        return refusals[state]()
    if coupon.template.state == TemplateState.PAUSED:
        return TemplatePaused()
    if coupon.customer.state == CustomerState.BLOCKED:
        return CustomerBlocked()
    return None


def why_not_here(
    template: CouponTemplate,
    *,
    store_id: int | None,
    places: Collection[int],
    moment: datetime,
    zone: str,
    order_fen: int | None = None,
) -> DomainError | None:
    """Why the conditions forbid a use at this store, on this day, for this bill."""
    if places and store_id not in places:
        return CouponWrongStore()
    weekday = moment.astimezone(ZoneInfo(zone)).isoweekday()
    if template.weekdays and weekday not in template.weekdays:
        return ConditionUnmet(condition=weekdays_text(template.weekdays))
    if order_fen is not None and order_fen < template.min_spend_fen:
        return ConditionUnmet(condition=spend_text(template.min_spend_fen))
    return None


def weekdays_text(weekdays: Collection[int]) -> str:
    """For example "only on Mon, Tue"."""
    names = [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]
    days = _(", ").join(names[number - 1] for number in sorted(weekdays) if 1 <= number <= 7)  # noqa: PLR2004
    return _("only on %(days)s") % {"days": days}


def spend_text(min_spend_fen: int) -> str:
    """For example "from ¥50.00 on"."""
    return _("for bills from %(amount)s on") % {"amount": money(min_spend_fen)}


def conditions(template: CouponTemplate) -> list[str]:
    """What a customer must know, in short sentences."""
    lines = []
    if template.min_spend_fen:
        lines.append(spend_text(template.min_spend_fen))
    if template.weekdays:
        lines.append(weekdays_text(template.weekdays))
    return lines


class Worth(Protocol):
    """What tells how much a coupon is worth: a template, or what a hot door read of it."""

    @property
    def kind(self) -> str:
        """A value of ``CouponKind``."""

    @property
    def amount_fen(self) -> int:
        """As the template's."""

    @property
    def percent_off(self) -> int:
        """As the template's."""


def worth_text(template: Worth) -> str:
    """What the coupon is worth in a word: ¥10, 8.5 折, or "gift"."""
    if template.kind == CouponKind.CASH:
        yuan, fen = divmod(template.amount_fen, 100)
        return f"¥{yuan}.{fen:02d}" if fen else f"¥{yuan}"
    if template.kind == CouponKind.PERCENT:
        pays = 100 - template.percent_off
        tenths = f"{pays // 10}.{pays % 10}" if pays % 10 else str(pays // 10)
        is_chinese = (get_language() or "").startswith("zh")  # who pays 85 % pays 8.5 折
        return f"{tenths} 折" if is_chinese else f"{template.percent_off}% off"
    return str(CouponKind(template.kind).label)


def span(
    template: CouponTemplate, issued_at: datetime, zone: str, *, is_promised: bool = False
) -> tuple[datetime, datetime]:
    """From when until when a coupon issued at this moment can be used.

    A reward that was promised when its days had not passed is worth something all the same: it
    lasts as long as one that counts from its issue.
    Days are counted from 00:00 in the shop's zone; a coupon of one day issued in the evening ends
    with the next day's evening and not with midnight: the last day counts whole.
    """
    if template.validity == Validity.FIXED:
        starts, ends = template.starts_at, template.ends_at
        if starts is None or ends is None:  # the database forbids it
            message = f"template {template.pk} has no days"
            raise ValueError(message)
        if not is_promised or ends > issued_at:
            return max(starts, issued_at), ends
    today: date = clock.local_date(issued_at, zone)
    first = today + timedelta(days=template.days_until_start)
    starts = clock.start_of(first, zone) if template.days_until_start else issued_at
    return starts, clock.start_of(first + timedelta(days=template.days_valid + 1), zone)


def worth_fen(template: Worth) -> int:
    """What one use costs the shop, as far as it is known; 0 for a percentage."""
    return 0 if template.kind == CouponKind.PERCENT else template.amount_fen
