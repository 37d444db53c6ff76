"""Templates: what a coupon promises, how many there are, where and when it is taken."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import F

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant, Store
from zhanggui.accounts.services import pictures
from zhanggui.core import constraints, tenancy
from zhanggui.core.errors import NotFound
from zhanggui.coupons import rules
from zhanggui.coupons.errors import StockTooSmall, TemplateNameTaken
from zhanggui.coupons.models import (
    CouponKind,
    CouponTemplate,
    TemplateState,
    TemplateStore,
    Validity,
)
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Unit

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

FIELDS = (
    "name",
    "kind",
    "amount_fen",
    "percent_off",
    "min_spend_fen",
    "weekdays",
    "terms",
    "validity",
    "starts_at",
    "ends_at",
    "days_valid",
    "days_until_start",
    "uses",
    "per_person",
    "is_transferable",
    "takes_press",
)
ACTIONS = {
    TemplateState.ACTIVE: "coupons.template.resumed",
    TemplateState.STOPPED: "coupons.template.stopped",
    TemplateState.PAUSED: "coupons.template.paused",
}


@dataclass(frozen=True, slots=True)
class TemplateInput:
    """What the office types in; no ``store_ids`` means every store, no ``stock`` any number."""

    name: str
    kind: CouponKind = CouponKind.GIFT
    amount_fen: int = 0
    percent_off: int = 0
    min_spend_fen: int = 0
    weekdays: Collection[int] = ()
    terms: str = ""
    validity: Validity = Validity.DAYS
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    days_valid: int = 30
    days_until_start: int = 0
    uses: int = 1
    stock: int | None = None
    per_person: int | None = None
    is_transferable: bool = True
    takes_press: bool = False
    store_ids: Collection[int] = ()


def create_template(
    *, values: TemplateInput, actor: Actor, picture_draft: str = ""
) -> CouponTemplate:
    """Make a template; nothing is issued yet.

    Args:
        values: what it promises.
        actor: who makes it.
        picture_draft: the token of a picture kept for the form (``pictures.draft``).

    Raises:
        TemplateNameTaken: another one has this name (E_COUPON_NAME, 409).
        NotFound: a store of another merchant (404).
    """
    template = CouponTemplate(merchant_id=tenancy.current_merchant_id())
    try:
        with transaction.atomic():
            template.issue_account = ledger.open_account_of_new_row(unit=Unit.COUPON)
            _put(template, values)
            template.stock = template.left = values.stock
            if picture_draft:
                merchant = Merchant.objects.get(pk=template.merchant_id)
                template.picture_token = pictures.adopt(picture_draft, merchant)
            template.save(force_insert=True)
            ledger.name_account(template.issue_account, f"coupon-issue:{template.pk}")
            _place(template, values.store_ids)
            audit.record(
                actor,
                "coupons.template.created",
                f"coupon_template:{template.pk}",
                details=_facts(template, values.store_ids),
            )
    except IntegrityError as error:
        raise _refusal(error) from error
    return template


def edit_template(*, template_id: int, values: TemplateInput, actor: Actor) -> CouponTemplate:
    """Change a template; coupons that are out keep their days and number of uses.

    Name, worth, conditions and stores hold for them, too, as people read them on the coupon.

    Raises:
        NotFound: no such template, or a store of another merchant (404).
        TemplateNameTaken: another one has this name (E_COUPON_NAME, 409).
        StockTooSmall: more are out than there would be (E_COUPON_STOCK, 409).
    """
    try:
        with transaction.atomic():
            template = locked(template_id)
            before = _facts(template, rules.store_ids(template.pk))
            issued = (template.stock or 0) - (template.left or 0)
            if template.stock is None:
                issued = template.coupons.count()
            if values.stock is not None and values.stock < issued:
                raise StockTooSmall(issued=issued)
            _put(template, values)
            template.stock = values.stock
            template.left = None if values.stock is None else values.stock - issued
            template.save(update_fields=[*FIELDS, "stock", "left"])
            _place(template, values.store_ids)
            was, now = audit.changed(before, _facts(template, values.store_ids))
            audit.record(
                actor,
                "coupons.template.edited",
                f"coupon_template:{template.pk}",
                before=was,
                after=now,
            )
    except IntegrityError as error:
        raise _refusal(error) from error
    return template


def set_state(*, template_id: int, state: TemplateState, actor: Actor) -> CouponTemplate:
    """Give coupons out, stop giving them out, or put also those on hold that are out."""
    with transaction.atomic():
        template = locked(template_id)
        if template.state != state:
            template.state = state
            template.save(update_fields=["state"])
            audit.record(actor, ACTIONS[state], f"coupon_template:{template.pk}")
    return template


def take_from_stock(template_id: int) -> bool:
    """Take one; the row count of one statement decides who gets the last."""
    rows = CouponTemplate.objects.filter(pk=template_id)
    if rows.filter(left__gt=0).update(left=F("left") - 1):
        return True
    return rows.filter(stock=None).exists()


def locked(template_id: int) -> CouponTemplate:
    """A template with its row locked.

    Raises:
        NotFound: none of this merchant's (404).
    """
    found = CouponTemplate.objects.select_for_update().filter(pk=template_id).first()
    if found is None:
        raise NotFound
    return found


def _put(template: CouponTemplate, values: TemplateInput) -> None:
    for field in FIELDS:
        value = getattr(values, field)
        setattr(template, field, value.strip() if isinstance(value, str) else value)
    template.weekdays = sorted(set(values.weekdays))


def _place(template: CouponTemplate, store_ids: Collection[int]) -> None:
    wanted = set(store_ids)
    if Store.objects.filter(pk__in=wanted).count() != len(wanted):
        raise NotFound
    places = TemplateStore.objects.filter(template=template)
    places.exclude(store_id__in=wanted).delete()
    known = set(places.values_list("store_id", flat=True))
    TemplateStore.objects.bulk_create(
        TemplateStore(merchant_id=template.merchant_id, template=template, store_id=store_id)
        for store_id in sorted(wanted - known)
    )


def _facts(template: CouponTemplate, store_ids: Collection[int]) -> dict[str, Any]:
    facts: dict[str, Any] = {field: getattr(template, field) for field in (*FIELDS, "stock")}
    for field in ("starts_at", "ends_at"):
        facts[field] = facts[field].isoformat() if facts[field] else None
    return {**facts, "stores": sorted(store_ids)}


def _refusal(error: IntegrityError) -> Exception:
    if constraints.violated(error) == "coupon_template_name_once":
        return TemplateNameTaken()
    return error
