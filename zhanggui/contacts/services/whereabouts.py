"""A customer's phone tells where it is, because its owner allowed it.

Source: stamps specification 7.7 (3), table of section 8.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.points import Told
from zhanggui.contacts.models import Customer, Whereabouts
from zhanggui.core import clock, limits, tenancy
from zhanggui.core.limits import Limit
from zhanggui.core.retention import remove_in_batches

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

KEPT_FOR = timedelta(hours=1)
PLACES = Limit("contacts-place", most=60, window_s=600, lock_s=300)
"""Of one customer."""


def note_place(*, customer: Customer, told: Told, actor: Actor) -> None:
    """Keep where a customer's phone is, for a short while, instead of what was known.

    The audit log says that it was told, not where.

    Args:
        customer: of the merchant in scope.
        told: by the phone.
        actor: the customer.

    Raises:
        TooMany: a phone that tells without end (429).
    """
    limits.claim(PLACES, actor.key)
    values = {
        "latitude": told.point.latitude,
        "longitude": told.point.longitude,
        "accuracy_m": told.accuracy_m,
        "at": clock.now(),
    }
    with transaction.atomic():
        Whereabouts.objects.update_or_create(
            merchant_id=customer.merchant_id, customer=customer, defaults=values
        )
        audit.record(actor, "contacts.place.told", f"customer:{customer.pk}")


def forget() -> int:
    """Remove what nobody compares any more; answers how many rows."""
    with tenancy.all_merchants("places run out for every merchant"):
        old = Whereabouts.objects.filter(at__lt=clock.now() - KEPT_FOR)
        return remove_in_batches(old)
