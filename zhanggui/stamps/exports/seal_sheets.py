"""Physical stamps, presses and phone models as spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.files.exports import Column, Export, Query
from zhanggui.stamps.models import DeviceScale, Press, Seal
from zhanggui.stamps.permissions import VIEW
from zhanggui.stamps.selectors import seal_lists

CHUNK = 500


def _seals(query: Query) -> QuerySet[Seal]:
    values = {name: query.get(name) for name in ("state", "store")}
    return seal_lists.seals(values, search=query.get("q")[:40])


def _seal_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for seal in _seals(query).order_by("-id").iterator(chunk_size=CHUNK):
        pairs = " ".join(f"{x:g},{y:g}" for x, y in seal.points)
        yield (
            seal.name,
            seal.store.name,
            str(seal.get_state_display()),
            vars(seal)["presses"],
            vars(seal)["last_at"],
            pairs,
            seal.created_at,
        )


SEALS = Export(
    name="stamps.seals",
    label=_("Physical stamps"),
    permission=VIEW.name,
    columns=(
        Column("name", pgettext_lazy("physical stamp", "Stamp"), width=20),
        Column("store", _("Store"), width=20),
        Column("state", _("State"), width=12),
        Column("presses", _("Stamped by pressing, 30 days"), kind="number", width=10),
        Column("last", _("Last pressed"), kind="moment", width=18),
        Column("points", _("Points in millimetres"), width=40),
        Column("made", _("Made on"), kind="moment", width=18),
    ),
    rows=_seal_rows,
    count=lambda query: query.counted(_seals(query)),
    parameters=frozenset({"q", "state", "store"}),
)


def _day(typed: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(typed)
    return None


def _presses(query: Query) -> QuerySet[Press]:
    values: dict[str, Any] = {name: query.get(name) for name in ("outcome", "seal", "use", "store")}
    values |= {name: _day(query.get(name)) for name in ("at_from", "at_to")}
    return seal_lists.presses(values, zone=query.time_zone)


def _press_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for row in _presses(query).order_by(*seal_lists.NEWEST).iterator(chunk_size=CHUNK):
        yield (
            row.at,
            row.seal.name if row.seal else "",
            row.store.name if row.store else "",
            str(row.get_use_display()),
            row.outcome,
            row.residual_mm,
            "" if row.scale_e4 is None else f"{row.scale_e4 / seal_lists.E4:.3f}",
            row.touches,
            row.model,
        )


PRESSES = Export(
    name="stamps.presses",
    label=_("Presses"),
    permission=VIEW.name,
    columns=(
        Column("at", _("Time"), kind="moment", width=18),
        Column("seal", pgettext_lazy("physical stamp", "Stamp"), width=20),
        Column("store", _("Store"), width=20),
        Column("use", pgettext_lazy("press", "For"), width=12),
        Column("outcome", pgettext_lazy("press", "Outcome"), width=18),
        Column("fit", _("Deviation"), width=10),
        Column("scale", pgettext_lazy("of a press", "Size"), width=10),
        Column("touches", _("Fingers at once"), kind="number", width=10),
        Column("model", _("Phone model"), width=28),
    ),
    rows=_press_rows,
    count=lambda query: query.counted(_presses(query)),
    parameters=frozenset({"outcome", "seal", "use", "store", "at_from", "at_to"}),
)


def _phone_rows(_query: Query) -> Iterator[tuple[Any, ...]]:
    for one in seal_lists.phone_models():
        yield (
            one.model,
            one.presses,
            "" if one.sigma_mm is None else f"{one.sigma_mm:.2f}",
            "" if one.scale is None else f"{one.scale:.3f}",
            f"{one.lost_share:.3f}",
            one.most_touches,
        )


PHONES = Export(
    name="stamps.phones",
    label=pgettext_lazy("models", "Phones"),
    permission=VIEW.name,
    columns=(
        Column("model", _("Phone model"), width=28),
        Column("presses", pgettext_lazy("count", "Presses"), kind="number", width=10),
        Column("sigma", _("Noise σ"), width=10),
        Column("scale", pgettext_lazy("of a press", "Size"), width=10),
        Column("lost", pgettext_lazy("presses", "Lost"), width=10),
        Column("touches", _("Fingers at once"), kind="number", width=10),
    ),
    rows=_phone_rows,
    count=lambda query: query.counted(DeviceScale.objects.all()),
)

EXPORTS = (SEALS, PRESSES, PHONES)
