"""Programmes: what a card collects, where and how."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from zhanggui.accounts import audit
from zhanggui.accounts.models import Store
from zhanggui.core import constraints, tenancy
from zhanggui.core.errors import NotFound
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Unit
from zhanggui.stamps.errors import ProgrammeNameTaken, SlotsTooFew
from zhanggui.stamps.models import Card, Programme, ProgrammeState, ProgrammeStore

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

FIELDS = ("name", "reward", "slots", "rules", "code_ttl_s", "max_per_code")


@dataclass(frozen=True, slots=True)
class ProgrammeInput:
    """What the office types in."""

    name: str
    reward: str
    slots: int = 10
    rules: str = ""
    code_ttl_s: int = 180
    max_per_code: int = 1
    store_ids: Collection[int] = ()
    """Where it runs; empty means every store."""


def create_programme(*, values: ProgrammeInput, actor: Actor) -> Programme:
    """Start a programme.

    Raises:
        ProgrammeNameTaken: another one has this name (E_PROGRAMME_NAME, 409).
        NotFound: a store of another merchant (404).
    """
    programme = Programme(merchant_id=tenancy.current_merchant_id())
    try:
        with transaction.atomic():
            programme.issue_account = ledger.open_account_of_new_row(unit=Unit.STAMP)
            _put(programme, values)
            programme.save(force_insert=True)
            ledger.name_account(programme.issue_account, f"issue:{programme.pk}")
            _place(programme, values.store_ids)
            audit.record(
                actor,
                "stamps.programme.created",
                f"programme:{programme.pk}",
                details=_facts(programme, values.store_ids),
            )
    except IntegrityError as error:
        raise _refusal(error) from error
    return programme


def edit_programme(*, programme_id: int, values: ProgrammeInput, actor: Actor) -> Programme:
    """Change a programme; cards keep their stamps, codes already out keep their stores.

    Raises:
        NotFound: no such programme, or a store of another merchant (404).
        ProgrammeNameTaken: another one has this name (E_PROGRAMME_NAME, 409).
        SlotsTooFew: a card has more stamps than it would have places (E_PROGRAMME_SLOTS, 409).
    """
    try:
        with transaction.atomic():
            programme = _locked(programme_id)
            before = _facts(programme, _stores_of(programme))
            most = Card.objects.filter(programme=programme).aggregate(most=Max("balance"))["most"]
            if most is not None and values.slots < most:
                raise SlotsTooFew(most=most)
            _put(programme, values)
            programme.save(update_fields=FIELDS)
            _place(programme, values.store_ids)
            audit.record(
                actor,
                "stamps.programme.edited",
                f"programme:{programme.pk}",
                details={"before": before, "after": _facts(programme, values.store_ids)},
            )
    except IntegrityError as error:
        raise _refusal(error) from error
    return programme


def pause_programme(*, programme_id: int, actor: Actor) -> Programme:
    """Stop giving stamps; codes already out are refused at the desk (D28)."""
    return _set_state(programme_id, ProgrammeState.PAUSED, "stamps.programme.paused", actor)


def resume_programme(*, programme_id: int, actor: Actor) -> Programme:
    """Give stamps again."""
    return _set_state(programme_id, ProgrammeState.ACTIVE, "stamps.programme.resumed", actor)


def _set_state(programme_id: int, state: ProgrammeState, action: str, actor: Actor) -> Programme:
    with transaction.atomic():
        programme = _locked(programme_id)
        if programme.state != state:
            programme.state = state
            programme.save(update_fields=["state"])
            audit.record(actor, action, f"programme:{programme.pk}")
    return programme


def _locked(programme_id: int) -> Programme:
    found = Programme.objects.select_for_update().filter(pk=programme_id).first()
    if found is None:
        raise NotFound
    return found


def _put(programme: Programme, values: ProgrammeInput) -> None:
    for field in FIELDS:
        value = getattr(values, field)
        setattr(programme, field, value.strip() if isinstance(value, str) else value)


def _place(programme: Programme, store_ids: Collection[int]) -> None:
    wanted = set(store_ids)
    if Store.objects.filter(pk__in=wanted).count() != len(wanted):
        raise NotFound
    places = ProgrammeStore.objects.filter(programme=programme)
    places.exclude(store_id__in=wanted).delete()
    known = set(places.values_list("store_id", flat=True))
    ProgrammeStore.objects.bulk_create(
        ProgrammeStore(merchant_id=programme.merchant_id, programme=programme, store_id=store_id)
        for store_id in sorted(wanted - known)
    )


def _stores_of(programme: Programme) -> list[int]:
    places = ProgrammeStore.objects.filter(programme=programme)
    return sorted(places.values_list("store_id", flat=True))


def _facts(programme: Programme, store_ids: Collection[int]) -> dict[str, Any]:
    facts: dict[str, Any] = {field: getattr(programme, field) for field in FIELDS}
    return {**facts, "stores": sorted(store_ids)}


def _refusal(error: IntegrityError) -> Exception:
    if constraints.violated(error) == "programme_name_once":
        return ProgrammeNameTaken()
    return error
