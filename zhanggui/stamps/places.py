"""How far a customer's phone is from the store that stamps: known only if it told a moment ago.

One statement says it for every way of stamping; a hot door carries it along (``hot.statements``).
Source: stamps specification 7.7 (3), table of section 8 ("remote").
"""

from __future__ import annotations

from typing import LiteralString, NamedTuple

from zhanggui.accounts.models import Store, StoreState
from zhanggui.core import clock, tenancy
from zhanggui.core.db import pipeline as read
from zhanggui.core.db.pipeline import Statement, fetch_first
from zhanggui.stamps.models import Limits, Programme, ProgrammeStore

OF: LiteralString = """
SELECT greatest(0, accounts_metres(s.latitude, s.longitude, w.latitude, w.longitude)
                   - w.accuracy_m) AS metres,
       coalesce((SELECT l.far_from_m FROM stamps_limits l WHERE l.merchant_id = %(merchant)s),
                1000) AS far
FROM contacts_whereabouts w
JOIN accounts_store s
  ON s.merchant_id = %(merchant)s AND s.id = %(store)s AND s.latitude IS NOT NULL
WHERE w.merchant_id = %(merchant)s AND w.at > %(now)s::timestamptz - interval '10 minutes'
  AND w.at < %(now)s::timestamptz + interval '1 minute' AND w.customer_id = """
"""What follows names the customer; ``metres`` is the least that it can be."""

_SEEN: LiteralString = f"SELECT metres, metres >= far FROM ({OF}%(customer)s) place"  # noqa: S608  constants only


class Seen(NamedTuple):
    """Where the phone was, as far as it matters."""

    distance_m: int | None
    is_far: bool


def asks(programme: Programme) -> bool:
    """Whether customers are asked for their place on cards of a programme.

    Only where the shop wants it, and where a store of the programme is on the map.
    """
    if not Limits.objects.filter(asks_place=True).exists():
        return False
    stores = Store.objects.filter(latitude__isnull=False, state=StoreState.OPEN)
    places = ProgrammeStore.objects.filter(programme=programme)
    chosen = places.values("store_id")
    return stores.filter(pk__in=chosen).exists() if places.exists() else stores.exists()


def is_missing(store_id: int) -> bool:
    """Whether the shop compares places and this store's is not known."""
    if not Limits.objects.filter(asks_place=True).exists():
        return False
    return Store.objects.filter(pk=store_id, latitude=None).exists()


NOTHING = Seen(None, is_far=False)


def seen(*, customer_id: int, store_id: int) -> Seen:
    """How far the customer's phone is from a store of the merchant in scope, one statement."""
    asked = Statement(
        _SEEN,
        {
            "merchant": tenancy.current_merchant_id(),
            "store": store_id,
            "customer": customer_id,
            "now": clock.now(),
        },
    )
    row = fetch_first(asked)
    return NOTHING if row is None else Seen(read.number(row[0]), read.is_true(row[1]))
