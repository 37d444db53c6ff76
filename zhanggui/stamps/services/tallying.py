"""Adding records up by days: a job follows the sealed ledger, a booking knows nothing of it.

Up to the sealed end of the ledger no record can appear any more, so whatever lies there is added
once. The statements that read count the few records after it themselves (decision 41).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

from django.db import connection, transaction

from zhanggui.accounts.models import Merchant
from zhanggui.core import tenancy
from zhanggui.ledger import sealing
from zhanggui.stamps.models import StampRecord
from zhanggui.stamps.models.tallies import DayTally, Scope, Tally, VisitorTally
from zhanggui.stamps.selectors import tally_statements as sql

AT_ONCE = 10_000
"""So many records one transaction adds at most."""

_BEHIND: LiteralString = """
SELECT c.merchant_id FROM ledger_chain c
LEFT JOIN stamps_tally t ON t.merchant_id = c.merchant_id
WHERE c.sealed_id > coalesce(t.counted_id, 0) ORDER BY c.merchant_id
"""


def add_up_all() -> None:
    """Add up what was sealed, of every merchant."""
    with (
        tenancy.all_merchants("every merchant's stamps are added up"),
        connection.cursor() as cursor,
    ):
        cursor.execute(_BEHIND)
        merchants = [merchant_id for (merchant_id,) in cursor.fetchall()]
    for merchant_id in merchants:
        with tenancy.merchant_scope(merchant_id):
            add_up()


def add_up() -> None:
    """Add up what was sealed since the last time, of the merchant in scope."""
    while _add_piece():
        pass


def make_anew() -> None:
    """Forget the tallies of the merchant in scope and add up everything that is sealed."""
    with transaction.atomic():
        _make(_locked(), _sealed_id())


@contextmanager
def changing_hands(customer_ids: Collection[int]) -> Iterator[None]:
    """Records go from one of these customers to another inside; holds the tally until the commit.

    Their days are taken out before and put in again after it.
    """
    tally = _locked()
    asked = {"zone": tally.zone, "customers": sorted(set(customer_ids))}
    _run(sql.MOVE_VISITORS, asked | {"sign": -1})
    yield
    _run(sql.MOVE_VISITORS, asked | {"sign": 1})


def _add_piece() -> bool:
    """Add some records, the oldest first; answers whether more wait."""
    with transaction.atomic():
        tally, sealed_id = _locked(), _sealed_id()
        if not tally.counted_id or tally.zone != _zone():
            _make(tally, sealed_id)
            return False
        after = StampRecord.objects.filter(
            transaction_id__gt=tally.counted_id, transaction_id__lte=sealed_id
        )
        ids = after.order_by("transaction_id").values_list("transaction_id", flat=True)
        last_id = ids[AT_ONCE - 1 : AT_ONCE].first()
        up_to = sealed_id if last_id is None else last_id
        if ids.exists():
            for statement in (sql.ADD_ENTRIES, sql.ADD_VISITORS):
                _run(statement, {"zone": tally.zone, "up_to": up_to})
        tally.counted_id = max(tally.counted_id, up_to)
        tally.save(update_fields=["counted_id"])
        return last_id is not None


def _make(tally: Tally, sealed_id: int) -> None:
    DayTally.objects.all().delete()
    VisitorTally.objects.all().delete()
    tally.counted_id, tally.zone = sealed_id, _zone()
    tally.save(update_fields=["counted_id", "zone"])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
    _run(sql.MAKE_ENTRIES, {})
    _run(sql.MAKE_VISITORS, {})


def _locked() -> Tally:
    """The merchant's row, made if need be, locked by the transaction."""
    Tally.objects.bulk_create(
        [Tally(merchant_id=tenancy.current_merchant_id())], ignore_conflicts=True
    )
    return Tally.objects.select_for_update().get()


def _sealed_id() -> int:
    head = sealing.head_of()
    return head.sealed_id if head else 0


def _zone() -> str:
    zones = Merchant.objects.values_list("time_zone", flat=True)
    return zones.get(pk=tenancy.current_merchant_id())


def _run(statement: LiteralString, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {
            "merchant": tenancy.current_merchant_id(),
            "scopes": Scope.values,
        }
        cursor.execute(statement, asked | values)
