"""Reads of physical stamps: their list, what was pressed, what phones are like (7.6)."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store
from zhanggui.core import clock, numbers
from zhanggui.stamps import ways
from zhanggui.stamps.models import (
    DeviceScale,
    Kind,
    Method,
    Press,
    PressUse,
    Seal,
    SealState,
    StampRecord,
)
from zhanggui.ui.lists import Choice, Choices, Column, ListPage, Period, Sort

MONTH = timedelta(days=30)
NEWEST = ("-at", "-id")
MOST_MEASURED = 5_000
E4 = 10_000


def _stores(_request: HttpRequest) -> Choices:
    return [(str(pk), name) for pk, name in Store.objects.order_by("id").values_list("pk", "name")]


def _seals(_request: HttpRequest) -> Choices:
    return [(str(pk), name) for pk, name in Seal.objects.order_by("id").values_list("pk", "name")]


SEALS = ListPage(
    name="stamps.seals",
    search=_("Name of the stamp"),
    columns=(
        Column("name", pgettext_lazy("physical stamp", "Stamp"), is_fixed=True),
        Column("store", _("Store")),
        Column("state", _("State"), is_fixed=True),
        Column("presses", _("Stamped by pressing, 30 days"), css="num"),
        Column("last", _("Last pressed")),
    ),
    sorts=(Sort("newest", pgettext_lazy("order of a list", "Newest first"), ("-id",)),),
    filters=(
        Choice("state", _("State"), SealState.choices, every=_("All states")),
        Choice("store", _("Store"), _stores, every=_("All stores")),
    ),
)

OUTCOMES: Choices = [
    ("ok", pgettext_lazy("press", "Taken")),
    ("refused", pgettext_lazy("press", "Refused")),
]

PRESSES = ListPage(
    name="stamps.presses",
    columns=(
        Column("at", _("Time"), is_fixed=True),
        Column("seal", pgettext_lazy("physical stamp", "Stamp"), is_fixed=True),
        Column("store", _("Store")),
        Column("use", pgettext_lazy("press", "For")),
        Column("outcome", pgettext_lazy("press", "Outcome"), is_fixed=True),
        Column("fit", _("Deviation"), css="num"),
        Column("model", _("Phone model")),
    ),
    sorts=(Sort("newest", pgettext_lazy("order of a list", "Newest first"), NEWEST),),
    filters=(
        Choice("outcome", pgettext_lazy("press", "Outcome"), OUTCOMES, every=_("All outcomes")),
        Choice("seal", pgettext_lazy("physical stamp", "Stamp"), _seals, every=_("All stamps")),
        Choice("use", pgettext_lazy("press", "For"), PressUse.choices, is_extra=True),
        Choice("store", _("Store"), _stores, is_extra=True),
        Period("at", _("Time")),
    ),
)


def seals(values: Mapping[str, Any], *, search: str) -> QuerySet[Seal]:
    """Stamps that fit the list's filters, with what customers collected by them in 30 days.

    Presses to enrol and to measure are none of them, so that the rows add up to ``shares``.
    """
    recent = Q(
        press__at__gt=clock.now() - MONTH, press__outcome="ok", press__use=PressUse.STAMP.value
    )
    rows = Seal.objects.select_related("store").annotate(
        presses=Count("press", filter=recent), last_at=Max("press__at")
    )
    if values.get("state"):
        rows = rows.filter(state=values["state"])
    store = numbers.whole(str(values.get("store") or ""))
    if store is not None:
        rows = rows.filter(store_id=store)
    return rows.filter(name__icontains=search) if search else rows


def presses(values: Mapping[str, Any], *, zone: str) -> QuerySet[Press]:
    """Presses that fit the list's filters."""
    rows = Press.objects.select_related("seal", "store").defer("frames")
    if values.get("outcome"):
        is_taken = Q(outcome="ok")
        rows = rows.filter(is_taken if values["outcome"] == "ok" else ~is_taken)
    if values.get("use"):
        rows = rows.filter(use=values["use"])
    for name in ("seal", "store"):
        number = numbers.whole(str(values.get(name) or ""))
        if number is not None:
            rows = rows.filter(**{f"{name}_id": number})
    first, last = values.get("at_from"), values.get("at_to")
    if isinstance(first, date):
        rows = rows.filter(at__gte=clock.start_of(first, zone))
    if isinstance(last, date) and last < date.max:
        rows = rows.filter(at__lt=clock.start_of(last + timedelta(days=1), zone))
    return rows


@dataclass(frozen=True, slots=True)
class PhoneModel:
    """What the presses say about one model of phone."""

    model: str
    presses: int
    sigma_mm: float | None
    """Estimated noise of one coordinate."""
    scale: float | None
    """Mean size, 1 is the pattern's own."""
    lost_share: float
    """Presses in which the phone felt fewer than five points."""
    most_touches: int
    doctor: str


def phone_models() -> list[PhoneModel]:
    """σ, size and loss for each model, the most pressed first (7.6)."""
    found: dict[str, list[Press]] = {}
    rows = Press.objects.exclude(model="").defer("frames", "mark").order_by(*NEWEST)
    for row in rows[:MOST_MEASURED]:
        found.setdefault(row.model, []).append(row)
    known = {row.model: row for row in DeviceScale.objects.all()}
    for model in known:
        found.setdefault(model, [])
    models = [_phone_model(model, made, known.get(model)) for model, made in found.items()]
    return sorted(models, key=lambda one: (-one.presses, one.model))


def _phone_model(model: str, made: list[Press], known: DeviceScale | None) -> PhoneModel:
    good = [row for row in made if row.outcome == "ok" and row.residual_um is not None]
    squares = [((row.residual_um or 0) / 1000) ** 2 for row in good]
    few = sum(row.outcome == "E_POINTS_FEW" for row in made)
    return PhoneModel(
        model=model,
        presses=len(made),
        # five points lose four degrees of freedom to turn, size and place: 10 - 4 = 6 are left
        sigma_mm=(5 * statistics.fmean(squares) / 6) ** 0.5 if squares else None,
        scale=statistics.fmean((row.scale_e4 or 0) / E4 for row in good) if good else None,
        lost_share=few / len(made) if made else 0.0,
        most_touches=max(
            [row.touches for row in made] + ([known.most_touches] if known else []), default=0
        ),
        doctor=str(known.get_doctor_display()) if known and known.doctor else "",
    )


@dataclass(frozen=True, slots=True)
class Shares:
    """How stamps were given in 30 days (R17)."""

    by_press: int
    by_code: int

    @property
    def code_share(self) -> float | None:
        """Codes of all; None without any."""
        total = self.by_press + self.by_code
        return self.by_code / total if total else None


def shares() -> Shares:
    """Stamps of the last 30 days by press and by code."""
    since = clock.now() - MONTH
    rows = StampRecord.objects.filter(kind=Kind.ACCUMULATE, at__gt=since)
    counted = rows.aggregate(
        press=Count("pk", filter=Q(method__in=ways.ALIKE[Method.PRESS])),
        code=Count("pk", filter=Q(method__in=ways.ALIKE[Method.CODE])),
    )
    return Shares(counted["press"], counted["code"])
