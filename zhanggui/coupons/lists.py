"""The lists of templates, coupons and redemptions, and how they are taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store
from zhanggui.core import clock
from zhanggui.coupons import permissions, rules, selectors
from zhanggui.coupons.models import (
    STANDS,
    Coupon,
    CouponKind,
    CouponState,
    CouponTemplate,
    TemplateState,
    UseKind,
    UseRecord,
    Way,
)
from zhanggui.files.exports import Column as SheetColumn
from zhanggui.files.exports import Export, Query
from zhanggui.ui.lists import Choice, Choices, Column, ListPage, Period, Sort

CHUNK = 500
NEWEST_FIRST = pgettext_lazy("order of a list", "Newest first")
OLDEST_FIRST = pgettext_lazy("order of a list", "Oldest first")


def _stores(_request: HttpRequest) -> Choices:
    rows = Store.objects.order_by("id").values_list("pk", "name")
    return [(str(pk), name) for pk, name in rows]


def _templates(_request: HttpRequest) -> Choices:
    return selectors.template_choices()


KINDS: Choices = [
    *UseKind.choices,
    (STANDS, pgettext_lazy("use of a coupon", "Redeemed and not undone")),
]

TEMPLATES = ListPage(
    name="coupons.templates",
    search=_("Name of the coupon"),
    columns=(
        Column("name", _("Coupon"), is_fixed=True),
        Column("state", _("State")),
        Column("issued", pgettext_lazy("coupons", "Issued"), css="num"),
        Column("redeemed", pgettext_lazy("coupons", "Redeemed"), css="num"),
        Column("rate", _("Redemption rate"), css="num"),
        Column("left", _("Left in stock"), css="num"),
        Column("liability", _("Liability"), css="num"),
    ),
    sorts=(
        Sort("newest", NEWEST_FIRST, ("-created_at", "-id")),
        Sort("oldest", OLDEST_FIRST, ("created_at", "id")),
    ),
    filters=(
        Choice("state", _("State"), TemplateState.choices, every=_("All states")),
        Choice("kind", _("Kind"), CouponKind.choices, every=_("All kinds")),
    ),
)
COUPONS = ListPage(
    name="coupons.coupons",
    search=_("Code, customer, or last four digits"),
    columns=(
        Column("customer", _("Customer"), is_fixed=True),
        Column("coupon", _("Coupon")),
        Column("state", _("State")),
        Column("left", _("Uses left"), css="num"),
        Column("until", _("Valid until")),
        Column("way", _("Came by")),
        Column("issued", _("Issued")),
        Column("code", _("Code of the coupon"), is_shown=False),
    ),
    sorts=(
        Sort("newest", NEWEST_FIRST, ("-issued_at", "-id")),
        Sort("oldest", OLDEST_FIRST, ("issued_at", "id")),
        Sort("ending", _("What ends first"), ("ends_at", "id")),
    ),
    filters=(
        Choice(
            "state",
            _("State"),
            [
                *CouponState.choices,
                (selectors.OPEN, _("Still usable")),
                (selectors.USED, _("Used at least once")),
            ],
            every=_("All states"),
        ),
        Choice("template", _("Coupon"), _templates, every=_("All coupons")),
        Choice("way", _("Came by"), Way.choices, is_extra=True),
        Period("issued", _("Issued")),
        Period("ends", _("Valid until")),
    ),
)
USES = ListPage(
    name="coupons.uses",
    search=_("Customer, last four digits, or code of the coupon"),
    columns=(
        Column("customer", _("Customer"), is_fixed=True),
        Column("what", _("Operation")),
        Column("coupon", _("Coupon")),
        Column("store", _("Store")),
        Column("manager", _("Manager")),
        Column("at", _("When")),
    ),
    sorts=(
        Sort("newest", NEWEST_FIRST, ("-at", "-id")),
        Sort("oldest", OLDEST_FIRST, ("at", "id")),
    ),
    filters=(
        Choice("kind", _("Operation"), KINDS, every=_("All operations")),
        Choice("store", _("Store"), _stores, every=_("All stores")),
        Choice("template", _("Coupon"), _templates, is_extra=True),
        Period("at", _("When")),
    ),
)


def _day(typed: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(typed)
    return None


def _values(query: Query, names: tuple[str, ...], period: str) -> dict[str, Any]:
    values: dict[str, Any] = {name: query.get(name) for name in names}
    return values | {
        f"{period}_{end}": _day(query.get(f"{period}_{end}")) for end in ("from", "to")
    }


TEMPLATE_NAMES = ("state", "kind")
COUPON_NAMES = ("state", "template", "way", "customer")
USE_NAMES = ("kind", "store", "template")


def _found_templates(query: Query) -> QuerySet[CouponTemplate]:
    values = {name: query.get(name) for name in TEMPLATE_NAMES}
    return selectors.templates(search=query.get("q")[:80], values=values)


def _template_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    found = list(_found_templates(query).order_by("-created_at", "-id"))
    figures = selectors.template_figures([one.pk for one in found])
    for one in found:
        figure = figures.get(one.pk, selectors.TemplateFigures())
        yield (
            one.name,
            str(one.get_kind_display()),
            rules.worth_text(one),
            str(one.get_state_display()),
            figure.issued,
            figure.redeemed,
            one.left,
            figure.liability_fen,
            one.created_at,
        )


def _found_coupons(query: Query) -> QuerySet[Coupon]:
    values = _values(query, COUPON_NAMES, "issued") | _values(query, (), "ends")
    return selectors.coupons(search=query.get("q")[:80], values=values, zone=query.time_zone)


def _coupon_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    moment = clock.now()
    for one in _found_coupons(query).order_by(*selectors.NEWEST).iterator(chunk_size=CHUNK):
        yield (
            one.customer.name,
            one.customer.number,
            one.template.name,
            one.code,
            str(rules.state_now(one, moment).label),
            one.total,
            one.usable + one.held,
            one.redeemed,
            str(one.get_way_display()),
            one.issued_at,
            one.starts_at,
            one.ends_at,
        )


def _found_uses(query: Query) -> QuerySet[UseRecord]:
    values = _values(query, USE_NAMES, "at")
    return selectors.uses(search=query.get("q")[:80], values=values, zone=query.time_zone)


def _use_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for one in _found_uses(query).order_by(*selectors.ORDER).iterator(chunk_size=CHUNK):
        yield (
            one.at,
            str(one.get_kind_display()),
            one.customer_name,
            one.template_name,
            one.coupon.code,
            one.store.name if one.store else "",
            one.manager_name,
            str(one.get_method_display()),
            one.worth_fen,
            one.reason,
        )


EXPORTS = (
    Export(
        name="coupons.templates",
        label=_("Coupon templates"),
        permission=permissions.VIEW.name,
        columns=(
            SheetColumn("name", _("Coupon"), width=28),
            SheetColumn("kind", _("Kind")),
            SheetColumn("worth", _("Worth")),
            SheetColumn("state", _("State")),
            SheetColumn("issued", pgettext_lazy("coupons", "Issued"), kind="number"),
            SheetColumn("redeemed", pgettext_lazy("coupons", "Redeemed"), kind="number"),
            SheetColumn("left", _("Left in stock"), kind="number"),
            SheetColumn("liability", _("Liability"), kind="money"),
            SheetColumn("created", _("Made"), kind="moment", width=18),
        ),
        rows=_template_rows,
        count=lambda query: query.counted(_found_templates(query)),
        parameters=frozenset({"q", *TEMPLATE_NAMES}),
    ),
    Export(
        name="coupons.coupons",
        label=_("Coupons"),
        permission=permissions.VIEW.name,
        columns=(
            SheetColumn("customer", _("Customer"), width=20),
            SheetColumn("number", _("Member number")),
            SheetColumn("coupon", _("Coupon"), width=24),
            SheetColumn("code", _("Code of the coupon"), width=16),
            SheetColumn("state", _("State")),
            SheetColumn("total", _("Uses"), kind="number"),
            SheetColumn("left", _("Uses left"), kind="number"),
            SheetColumn("redeemed", pgettext_lazy("coupons", "Redeemed"), kind="number"),
            SheetColumn("way", _("Came by")),
            SheetColumn("issued", _("Issued"), kind="moment", width=18),
            SheetColumn("from", _("Valid from"), kind="moment", width=18),
            SheetColumn("until", _("Valid until"), kind="moment", width=18),
        ),
        rows=_coupon_rows,
        count=lambda query: query.counted(_found_coupons(query)),
        parameters=frozenset(
            {"q", *COUPON_NAMES, "issued_from", "issued_to", "ends_from", "ends_to"}
        ),
    ),
    Export(
        name="coupons.uses",
        label=_("Redemptions"),
        permission=permissions.VIEW.name,
        columns=(
            SheetColumn("at", _("When"), kind="moment", width=18),
            SheetColumn("kind", _("Operation")),
            SheetColumn("customer", _("Customer"), width=20),
            SheetColumn("coupon", _("Coupon"), width=24),
            SheetColumn("code", _("Code of the coupon"), width=16),
            SheetColumn("store", _("Store"), width=20),
            SheetColumn("manager", _("Manager")),
            SheetColumn("method", _("By way of")),
            SheetColumn("worth", _("Worth"), kind="money"),
            SheetColumn("reason", _("Reason"), width=28),
        ),
        rows=_use_rows,
        count=lambda query: query.counted(_found_uses(query)),
        parameters=frozenset({"q", *USE_NAMES, "at_from", "at_to"}),
    ),
)
