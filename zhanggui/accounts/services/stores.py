"""Stores of a merchant: opened, changed, closed."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, hooks, standing
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import NameTaken, PlaceKnown
from zhanggui.accounts.hours import Hours
from zhanggui.accounts.models import Store, StoreState
from zhanggui.accounts.points import Point
from zhanggui.core import constraints, tenancy


def create_store(
    *,
    name: str,
    actor: Actor,
    address: str = "",
    phone: str = "",
    hours: Hours | None = None,
    point: Point | None = None,
) -> Store:
    """Open a store of the merchant in scope; without ``hours`` nobody knows when it is open.

    Raises:
        NameTaken: the merchant has a store of this name (E_NAME_TAKEN, 409).
        PlanLimit: the plan has no room for another store (E_PLAN_LIMIT, 409).
    """
    store = Store(name=name, address=address, phone=phone, hours=dict(hours or {}))
    store.latitude, store.longitude = point or (None, None)
    with transaction.atomic():
        _refuse_one_more()
        constraints.insert(store, NameTaken)
        audit.record(actor, "accounts.store.created", f"store:{store.pk}", store_id=store.pk)
    return store


def edit_store(
    *,
    store: Store,
    name: str,
    address: str,
    phone: str,
    actor: Actor,
    hours: Hours | None = None,
    point: Point | None = None,
) -> Store:
    """Change what a store is called, where it is and when it is open.

    Args:
        store: as it is.
        name: as customers call it.
        address: in words.
        phone: of the store.
        actor: who changes it.
        hours: None leaves them as they were.
        point: where it stands on the map; None: nobody tells.

    Raises:
        NameTaken: the merchant has another store of this name (E_NAME_TAKEN, 409).
    """
    wanted: dict[str, Any] = {"name": name, "address": address, "phone": phone}
    if hours is not None:
        wanted["hours"] = dict(hours)
    wanted["latitude"], wanted["longitude"] = point or (None, None)
    changed = [field for field, value in wanted.items() if getattr(store, field) != value]
    if not changed:
        return store
    before = {field: getattr(store, field) for field in changed}
    for field in changed:
        setattr(store, field, wanted[field])
    try:
        with transaction.atomic():
            store.save(update_fields=changed)
            audit.record(
                actor,
                "accounts.store.edited",
                f"store:{store.pk}",
                store_id=store.pk,
                details={"fields": changed},
            )
    except IntegrityError as error:
        for field, value in before.items():
            setattr(store, field, value)
        raise NameTaken from error
    return store


def locate_store(*, store_id: int, point: Point, actor: Actor) -> None:
    """Note where a store stands on the map, where nobody has told; from a phone in the store.

    Whoever works at the counter may tell it once. Afterwards only the office changes it, so that
    nobody moves the store to where the own friends are.

    Raises:
        PlaceKnown: it is known (E_PLACE_KNOWN, 409).
    """
    unknown = Store.objects.filter(pk=store_id, latitude=None)
    with transaction.atomic():
        if not unknown.update(latitude=point.latitude, longitude=point.longitude):
            raise PlaceKnown
        audit.record(actor, "accounts.store.located", f"store:{store_id}", store_id=store_id)


def close_store(*, store: Store, actor: Actor) -> None:
    """Take a store out of business; what its customers hold stays, its managers go."""
    with transaction.atomic():
        if _change_store(store, StoreState.CLOSED, "accounts.store.closed", actor):
            hooks.store_closed(store, actor)


def reopen_store(*, store: Store, actor: Actor) -> None:
    """Put a closed store back into business.

    Raises:
        PlanLimit: the plan has no room for another open store (E_PLAN_LIMIT, 409).
    """
    with transaction.atomic():
        if store.state != StoreState.OPEN:
            _refuse_one_more()
        _change_store(store, StoreState.OPEN, "accounts.store.reopened", actor)


def _change_store(store: Store, state: StoreState, action: str, actor: Actor) -> bool:
    with transaction.atomic():
        changed = Store.objects.filter(pk=store.pk).exclude(state=state).update(state=state)
        store.state = state
        if changed:
            audit.record(actor, action, f"store:{store.pk}", store_id=store.pk)
    return changed == 1


def _refuse_one_more() -> None:
    """Ask the plan whether one more open store has room.

    Raises:
        PlanLimit: it has not (E_PLAN_LIMIT, 409).
    """
    merchant = standing.hold(tenancy.current_merchant_id())
    has = Store.objects.filter(state=StoreState.OPEN).count()
    standing.refuse_beyond(merchant, "stores", has=has, what=_("Stores"))
