"""Reads of coupons: wallets, lists, the ledger of redemptions, figures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Sum
from django.urls import reverse

from zhanggui.accounts.models import Merchant
from zhanggui.contacts import phones
from zhanggui.contacts.models import Customer
from zhanggui.contacts.search import fold
from zhanggui.core import clock, numbers, tenancy
from zhanggui.coupons import rules
from zhanggui.coupons.models import (
    STANDING,
    STANDS,
    Coupon,
    CouponGift,
    CouponKind,
    CouponLink,
    CouponState,
    CouponTemplate,
    GiftState,
    UseKind,
    UseRecord,
)
from zhanggui.ui import paging

S = CouponState
ORDER = ("-at", "-id")
NEWEST = ("-issued_at", "-id")
PHONE_TAIL = 4
OPEN, USED, OVER = "open", "used", "over"
IN_WALLET = 30


@dataclass(frozen=True, slots=True)
class Shown:
    """A coupon as its customer sees it."""

    coupon: Coupon
    state: CouponState
    worth: str
    conditions: Sequence[str]
    days_left: int
    """Whole days until the end; 0 on the last day."""

    @property
    def is_open(self) -> bool:
        """Whether it is of any use still."""
        return self.state in {S.ISSUED, S.USABLE, S.HELD, S.FROZEN}

    @property
    def tone(self) -> str:
        """The colour of the state."""
        tones = {S.USABLE: "success", S.HELD: "redeem", S.ISSUED: "waiting", S.FROZEN: "danger"}
        return tones.get(self.state, "muted")


def shown(coupon: Coupon, moment: datetime) -> Shown:
    """What a page says of a coupon; needs its template."""
    return Shown(
        coupon,
        rules.state_now(coupon, moment),
        rules.worth_text(coupon.template),
        rules.conditions(coupon.template),
        max(0, (coupon.ends_at - moment).days),
    )


def shown_by_id(coupon_ids: Collection[int]) -> dict[int, Shown]:
    """What a page says of coupons, by their ids; those that are gone are left out."""
    if not coupon_ids:
        return {}
    found = Coupon.objects.select_related("template").filter(pk__in=coupon_ids)
    moment = clock.now()
    return {coupon.pk: shown(coupon, moment) for coupon in found}


def by_clock(state: str, moment: datetime) -> Q:
    """The condition for coupons that are in a state by the clock."""
    waiting = Q(state__in=rules.WAITING, ends_at__gt=moment)
    is_held = Q(state=S.HELD, held_until__gt=moment)
    conditions = {
        S.EXPIRED: Q(state=S.EXPIRED) | Q(state__in=rules.WAITING, ends_at__lte=moment),
        S.HELD: is_held & waiting,
        S.ISSUED: waiting & Q(starts_at__gt=moment) & ~is_held,
        S.USABLE: waiting & Q(starts_at__lte=moment) & ~is_held,
    }
    return conditions.get(S(state), Q(state=state))


def is_open(moment: datetime) -> Q:
    """The condition for coupons that could be used now or later."""
    return Q(state__in=rules.WAITING, ends_at__gt=moment)


def template_choices() -> Sequence[tuple[str, str]]:
    """All templates by name, for filters and conditions."""
    rows = CouponTemplate.objects.order_by("name").values_list("pk", "name")
    return [(str(pk), name) for pk, name in rows]


def wallet(customer_id: int, tab: str = OPEN, *, after: str = "") -> paging.Page[Shown]:
    """A page of a customer's coupons of one tab; of those that can be used, what ends first."""
    moment = clock.now()
    is_over = by_clock(S.EXPIRED, moment) | Q(state=S.VOIDED)
    tabs = {USED: Q(state=S.REDEEMED), OVER: is_over, OPEN: is_open(moment) | Q(state=S.FROZEN)}
    rows = Coupon.objects.select_related("template", "customer").filter(customer_id=customer_id)
    order = ("ends_at", "id") if tab == OPEN else ("-ends_at", "-id")
    page = paging.keyset(rows.filter(tabs[tab]), order=order, after=after, size=IN_WALLET)
    return paging.Page(
        [shown(one, moment) for one in page.rows], page.next, page.previous, page.size
    )


def open_count(customer_id: int) -> int:
    """How many coupons the wallet shows first: those of any use still, frozen ones among them."""
    can_be = is_open(clock.now()) | Q(state=S.FROZEN)
    return Coupon.objects.filter(can_be, customer_id=customer_id).count()


def by_token(token: str, customer_id: int) -> Coupon | None:
    """The customer's own coupon."""
    rows = Coupon.objects.select_related("template", "customer")
    return rows.filter(token=token, customer_id=customer_id).first()


def open_gift(coupon: Coupon) -> CouponGift | None:
    """The link by which the coupon is being handed on."""
    rows = CouponGift.objects.filter(coupon=coupon, state=GiftState.OPEN)
    return rows.filter(expires_at__gt=clock.now()).first()


def gift_by_token(token: str) -> CouponGift | None:
    """The gift of an address, with coupon and giver."""
    rows = CouponGift.objects.select_related("coupon__template", "coupon__customer", "giver")
    return rows.filter(token=token).first()


def link_by_token(token: str) -> CouponLink | None:
    """The link of an address, with its template."""
    return CouponLink.objects.select_related("template").filter(token=token).first()


def uses_of(coupon: Coupon) -> list[UseRecord]:
    """Every use of a coupon, newest first."""
    rows = UseRecord.objects.select_related("store").filter(coupon=coupon)
    return list(rows.order_by(*ORDER))


# -- the ledger of redemptions


def between(
    rows: QuerySet[UseRecord], first: date | None, last: date | None, zone: str
) -> QuerySet[UseRecord]:
    """Whole days in the shop's zone, both included."""
    if first:
        rows = rows.filter(at__gte=clock.start_of(first, zone))
    if last and last < date.max:
        rows = rows.filter(at__lt=clock.start_of(last + timedelta(days=1), zone))
    return rows


def uses(
    *, search: str = "", values: Mapping[str, Any], zone: str, store_id: int | None = None
) -> QuerySet[UseRecord]:
    """The ledger of redemptions (核销流水), narrowed; unordered.

    Args:
        search: part of the customer's name then or now, member number, last four of the phone,
            or the coupon's code.
        values: ``kind``, ``store``, ``template``, ``at_from``, ``at_to``; all may be missing.
        zone: of the shop.
        store_id: one store only, whatever the values say.
    """
    rows = UseRecord.objects.select_related("store", "customer", "coupon__template")
    if store_id is not None:
        rows = rows.filter(store_id=store_id)
    if values.get("kind") == STANDS:
        rows = rows.filter(STANDING)
    elif values.get("kind") in UseKind.values:
        rows = rows.filter(kind=values["kind"])
    for name in ("store", "template"):
        number = numbers.whole(str(values.get(name) or ""))
        if number is not None:
            rows = rows.filter(**{f"{name}_id": number})
    wanted = fold(search)
    if wanted:
        rows = rows.filter(
            Q(name_key__contains=wanted)
            | Q(customer_id__in=_customers_like(wanted))
            | Q(coupon_id__in=Coupon.objects.filter(code=code_of(search)).values("pk"))
        )
    return between(rows, values.get("at_from"), values.get("at_to"), zone)


def _customers_like(wanted: str) -> QuerySet[Customer, int]:
    found = Q(name_key__contains=wanted) | Q(number__startswith=wanted)
    if len(wanted) == PHONE_TAIL and wanted.isascii() and wanted.isdecimal():
        hashes = phones.tail_hashes(wanted, merchant_id=tenancy.current_merchant_id())
        found |= Q(phone_tail_hash__in=hashes)
    return Customer.objects.filter(found).values_list("pk", flat=True)


def code_of(typed: str) -> str:
    """A coupon's code as people type it: spaces and dashes go, look-alikes become digits."""
    signs = "".join(sign for sign in typed.upper() if sign.isalnum())
    return signs.translate(str.maketrans("OIL", "011"))


def uses_named(subjects: Iterable[str]) -> dict[str, UseRecord]:
    """Redemptions by how cases and messages call them, ``use:17``."""
    ids = [numbers.whole(one.removeprefix("use:")) for one in subjects if one.startswith("use:")]
    rows = UseRecord.objects.select_related("store").filter(pk__in=[pk for pk in ids if pk])
    return {f"use:{use.pk}": use for use in rows}


def undone_ids(record_ids: Sequence[int]) -> dict[int, int]:
    """Which of these redemptions were taken back, and by which row."""
    rows = UseRecord.objects.filter(reverses_id__in=record_ids)
    return {int(original or 0): pk for original, pk in rows.values_list("reverses_id", "pk")}


@dataclass(frozen=True, slots=True)
class UseFigures:
    """Counts of one period; each equals the number of rows its link shows."""

    redeemed: int
    undone: int


def use_figures(
    periods: Sequence[tuple[date, date]], *, zone: str, store_id: int
) -> list[UseFigures]:
    """Redemptions and undone ones of several periods of a store, in one query (D43)."""
    first = min(period[0] for period in periods)
    sums: dict[str, Any] = {}
    for number, period in enumerate(periods):
        inside = Q(business_date__range=period)
        sums[f"redeemed{number}"] = Count("pk", filter=inside & Q(kind=UseKind.REDEEM))
        sums[f"undone{number}"] = Count("pk", filter=inside & Q(kind=UseKind.UNDO))
    rows = between(UseRecord.objects.filter(store_id=store_id), first, None, zone)
    found = rows.aggregate(**sums)
    return [
        UseFigures(found[f"redeemed{number}"], found[f"undone{number}"])
        for number in range(len(periods))
    ]


def may_undo(store_id: int, person_id: int, within: timedelta) -> list[UseRecord]:
    """What this manager redeemed a moment ago and may still take back, newest first."""
    moment = clock.now()
    taken_back = UseRecord.objects.filter(reverses__isnull=False, at__gte=moment - within)
    rows = UseRecord.objects.filter(
        store_id=store_id,
        manager_id=person_id,
        kind=UseKind.REDEEM,
        at__gte=moment - within,
    ).exclude(pk__in=taken_back.values("reverses_id"))
    return list(rows.order_by(*ORDER)[:3])


# -- back office


def templates(*, search: str = "", values: Mapping[str, Any]) -> QuerySet[CouponTemplate]:
    """Templates with how many coupons are out and how many uses were redeemed."""
    rows = CouponTemplate.objects.all()
    if values.get("state"):
        rows = rows.filter(state=values["state"])
    if values.get("kind"):
        rows = rows.filter(kind=values["kind"])
    if search:
        rows = rows.filter(name__icontains=search)
    return rows


@dataclass(frozen=True, slots=True)
class TemplateFigures:
    """How a template does."""

    issued: int = 0
    redeemed: int = 0
    """Coupons of which at least one use was redeemed."""
    open: int = 0
    """Uses that customers could still redeem."""
    liability_fen: int = 0

    @property
    def rate(self) -> float:
        """Redeemed of issued."""
        return self.redeemed / self.issued if self.issued else 0.0


def template_figures(template_ids: Sequence[int]) -> dict[int, TemplateFigures]:
    """Figures of several templates in one query."""
    moment = clock.now()
    waiting = is_open(moment) | Q(state=S.FROZEN)
    rows = (
        Coupon.objects.filter(template_id__in=template_ids)
        .order_by()
        .values("template_id")
        .annotate(
            issued=Count("pk"),
            redeemed_ones=Count("pk", filter=Q(redeemed__gt=0)),
            open=Sum(F("usable") + F("held"), filter=waiting, default=0),
        )
    )
    worth = {
        template.pk: rules.worth_fen(template)
        for template in CouponTemplate.objects.filter(pk__in=template_ids)
    }
    return {
        row["template_id"]: TemplateFigures(
            row["issued"],
            row["redeemed_ones"],
            row["open"],
            row["open"] * worth[row["template_id"]],
        )
        for row in rows
    }


def coupons(*, search: str = "", values: Mapping[str, Any], zone: str) -> QuerySet[Coupon]:
    """Coupons that fit the filters of their list; unordered."""
    moment = clock.now()
    rows = Coupon.objects.select_related("template", "customer")
    state = values.get("state")
    if state == OPEN:
        # a use that is held counts as well, and still does when its hold has passed
        has_use = Q(usable__gt=0) | Q(held__gt=0)
        rows = rows.filter(has_use, is_open(moment) | Q(state=S.FROZEN))
    elif state == USED:
        rows = rows.filter(redeemed__gt=0)
    elif state in S.values:
        rows = rows.filter(by_clock(str(state), moment))
    for name in ("template", "customer"):
        number = numbers.whole(str(values.get(name) or ""))
        if number is not None:
            rows = rows.filter(**{f"{name}_id": number})
    if values.get("way"):
        rows = rows.filter(way=values["way"])
    rows = rows.filter(_days("issued_at", values, "issued", zone, ("gte", "lt")))
    rows = rows.filter(_days("ends_at", values, "ends", zone, ("gt", "lte")))
    wanted = fold(search)
    if wanted:
        rows = rows.filter(Q(code=code_of(search)) | Q(customer_id__in=_customers_like(wanted)))
    return rows


def _days(
    column: str, values: Mapping[str, Any], name: str, zone: str, lookups: tuple[str, str]
) -> Q:
    """Whole days in the shop's zone, both included; an end is the midnight after its last day."""
    fits = Q()
    first, last = values.get(f"{name}_from"), values.get(f"{name}_to")
    if first:
        fits &= Q(**{f"{column}__{lookups[0]}": clock.start_of(first, zone)})
    if last and last < date.max:
        end = clock.start_of(last + timedelta(days=1), zone)
        fits &= Q(**{f"{column}__{lookups[1]}": end})
    return fits


def liability_fen() -> int:
    """What all open coupons of the merchant may still cost, as far as it is known."""
    moment = clock.now()
    waiting = is_open(moment) | Q(state=S.FROZEN)
    rows = Coupon.objects.filter(waiting).exclude(template__kind=CouponKind.PERCENT)
    found = rows.aggregate(
        fen=Sum((F("usable") + F("held")) * F("template__amount_fen"), default=0)
    )
    return int(found["fen"])


def coupon_url(merchant: Merchant, coupon: Coupon) -> str:
    """The customer's page of a coupon, the whole address."""
    return f"{settings.BASE_URL}{reverse('coupons:coupon', args=[merchant.slug, coupon.token])}"


def gift_url(merchant: Merchant, gift: CouponGift) -> str:
    """The whole address by which somebody takes a gift."""
    return f"{settings.BASE_URL}{reverse('coupons:gift', args=[merchant.slug, gift.token])}"


def link_url(merchant: Merchant, link: CouponLink) -> str:
    """The whole address by which customers take a coupon."""
    return f"{settings.BASE_URL}{reverse('coupons:take', args=[merchant.slug, link.token])}"
