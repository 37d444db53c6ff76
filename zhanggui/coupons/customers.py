"""What coupons tell of a customer: story, merging, handing out, erasing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import F, Max
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from zhanggui.codes import services as codes
from zhanggui.contacts.fields import ERASED_NAME
from zhanggui.contacts.holders import Held, Holder, Merging, Sheet
from zhanggui.contacts.timeline import Entry, Row, Source
from zhanggui.core import clock
from zhanggui.coupons import permissions, rules
from zhanggui.coupons.models import Coupon, CouponGift, GiftState, UseKind, UseRecord, Way
from zhanggui.coupons.operations import SUBJECT

Text = str | Promise


def held(replaced_id: int, _survivor_id: int) -> Sequence[Held]:
    """How many coupons a customer has."""
    many = Coupon.objects.filter(customer_id=replaced_id).count()
    value = ngettext("%(count)s coupon", "%(count)s coupons", many) % {"count": many}
    return [Held(_("Coupons"), value, _("They belong to the customer who stays."))]


def merge(merging: Merging) -> dict[str, Any]:
    """Hand the coupons over; waits for one that is being redeemed right now.

    Numbers of a person go on after the survivor's, so that no two coupons share one.
    """
    coupons = Coupon.objects.select_for_update(of=("self",)).filter(customer_id=merging.replaced_id)
    ids = list(coupons.order_by("pk").values_list("pk", flat=True))
    numbered = Coupon.objects.filter(issued_to_id=merging.replaced_id).order_by("pk")
    issued = [(row.pk, row.person_no, row.template_id) for row in numbered]
    for pk, number, template_id in issued:
        Coupon.objects.filter(pk=pk).update(
            issued_to_id=merging.survivor_id,
            person_no=_next(template_id, merging.survivor_id) if number is not None else None,
        )
    _hand_over(ids, merging.survivor_id)
    return {"coupons": ids, "issued": [[pk, number] for pk, number, _template in issued]}


def _next(template_id: int, customer_id: int) -> int:
    rows = Coupon.objects.filter(template_id=template_id, issued_to_id=customer_id)
    return (rows.aggregate(last=Max("person_no"))["last"] or 0) + 1


def _hand_over(ids: Collection[int], customer_id: int) -> None:
    Coupon.objects.filter(pk__in=ids).update(customer_id=customer_id, version=F("version") + 1)
    UseRecord.objects.filter(coupon_id__in=ids).update(customer_id=customer_id)


def why_not_undo(survivor_id: int, _replaced_id: int, moved: Mapping[str, Any]) -> Text | None:
    """Coupons that went on to somebody else cannot come back."""
    ids = list(moved.get("coupons", ()))
    if Coupon.objects.filter(pk__in=ids, customer_id=survivor_id).count() != len(ids):
        return _("one of the coupons belongs to another customer now.")
    return None


def undo(merging: Merging, moved: Mapping[str, Any]) -> None:
    """Give the coupons back, as used as they are by now."""
    ids = list(moved.get("coupons", ()))
    rows = Coupon.objects.select_for_update(of=("self",)).filter(pk__in=ids)
    list(rows.order_by("pk").values_list("pk"))
    _hand_over(ids, merging.replaced_id)
    for pk, number in moved.get("issued", ()):
        Coupon.objects.filter(pk=pk).update(issued_to_id=merging.replaced_id, person_no=number)


def erase(customer_ids: Collection[int]) -> None:
    """Take names and words off, end live codes and gifts; ledger and counts stay."""
    UseRecord.objects.filter(customer_id__in=customer_ids).update(
        customer_name=ERASED_NAME, name_key="", reported_text=""
    )
    CouponGift.objects.filter(giver_id__in=customer_ids, state=GiftState.OPEN).update(
        state=GiftState.BACK, ended_at=clock.now()
    )
    coupons = Coupon.objects.filter(customer_id__in=customer_ids)
    codes.revoke_free(subject_type=SUBJECT, subject_ids=list(coupons.values_list("pk", flat=True)))


def in_use(customer_ids: Collection[int]) -> set[int]:
    """Who holds a coupon."""
    coupons = Coupon.objects.filter(customer_id__in=customer_ids)
    return set(coupons.values_list("customer_id", flat=True))


def sheets(customer_id: int) -> Sequence[Sheet]:
    """Coupons and every use of them by one person."""
    moment = clock.now()
    coupons = Coupon.objects.select_related("template").filter(customer_id=customer_id)
    records = UseRecord.objects.select_related("store").filter(customer_id=customer_id)
    return [
        Sheet(
            "coupons",
            _("Coupons"),
            [_("Coupon"), _("State"), _("Issued"), _("Valid from"), _("Valid until")],
            [
                (
                    c.template.name,
                    str(rules.state_now(c, moment).label),
                    c.issued_at,
                    c.starts_at,
                    c.ends_at,
                )
                for c in coupons.order_by("pk")
            ],
        ),
        Sheet(
            "redemptions",
            _("Redemptions"),
            [_("Time"), _("Coupon"), _("Store"), _("Operation"), _("Reason")],
            [
                (
                    r.at,
                    r.template_name,
                    r.store.name if r.store else "",
                    str(r.get_kind_display()),
                    r.reason,
                )
                for r in records.order_by("-at", "-pk")
            ],
        ),
    ]


def _issued(row: Row) -> Entry:
    """A coupon came to the customer."""
    told = row.told
    return Entry(
        _("Got the coupon “%(coupon)s”") % {"coupon": told["template__name"]},
        str(Way(told["way"]).label),
        "ticket",
        "redeem",
        by=told["issued_by"],
        url=reverse("coupons:office_coupon", args=[told["merchant__slug"], row.id]),
    )


def _used(row: Row) -> Entry:
    """A use, or a use taken back."""
    told = row.told
    is_undo = told["kind"] == UseKind.UNDO
    title = _("Redemption of “%(coupon)s” undone") if is_undo else _("Redeemed “%(coupon)s”")
    return Entry(
        title % {"coupon": told["template_name"]},
        " · ".join(filter(None, (told["store__name"], told["reason"]))),
        "arrow-back-up" if is_undo else "ticket",
        "cancel" if is_undo else "redeem",
        by=told["manager_name"],
        url=reverse("coupons:office_coupon", args=[told["merchant__slug"], told["coupon_id"]]),
    )


HOLDER = Holder(
    name="coupons",
    held=held,
    merge=merge,
    why_not_undo=why_not_undo,
    undo=undo,
    erase=erase,
    sheets=sheets,
    in_use=in_use,
)
TIMELINES = (
    Source(
        name="coupons",
        rows=lambda customer_id: Coupon.objects.filter(customer_id=customer_id),
        told=("template__name", "way", "issued_by", "merchant__slug"),
        entry=_issued,
        at="issued_at",
        permission=permissions.VIEW.name,
    ),
    Source(
        name="redemptions",
        rows=lambda customer_id: UseRecord.objects.filter(customer_id=customer_id),
        told=(
            *("kind", "template_name", "store__name", "reason", "manager_name", "coupon_id"),
            "merchant__slug",
        ),
        entry=_used,
        permission=permissions.VIEW.name,
    ),
)
