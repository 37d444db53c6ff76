"""Rows the demo made, found again by the name the cast gives them."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.db.models import Model

from demo.cast import MerchantPlan, StorePlan
from demo.errors import DemoError
from demo.models import Made


def made(key: str, make: Callable[[], Model]) -> int:
    """The id of a row of the demo; ``make`` runs once in the life of a database."""
    known = Made.objects.filter(key=key).first()
    if known:
        return known.row_id
    with transaction.atomic():
        row_id: int = make().pk
        Made.objects.create(key=key, row_id=row_id)
    return row_id


def find(key: str) -> int | None:
    """The id of a row of the demo, if it was made yet."""
    known = Made.objects.filter(key=key).first()
    return known.row_id if known else None


def id_of(key: str) -> int:
    """The id of a row that was made before.

    Raises:
        DemoError: it was not.
    """
    found = find(key)
    if found is None:
        message = f"{key} is missing in the demo data"
        raise DemoError(message)
    return found


def store_key(merchant: MerchantPlan, store: StorePlan) -> str:
    """Under which a store is remembered."""
    return f"store:{merchant.slug}/{store.name}"


def manager_key(merchant: MerchantPlan, store: StorePlan, place: int) -> str:
    """Under which a manager's person is remembered."""
    return f"manager:{merchant.slug}/{store.name}/{place}"
