"""Pages full of figures with 5,000,000 bookings of two years and twenty stores behind them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import load
from benchmarks.results import Result

if TYPE_CHECKING:
    from benchmarks.world import World

MANY, MANY_QUICK = 5_000_000, 200_000
PIECE = 500_000
CUSTOMERS, CUSTOMERS_QUICK = 100_000, 5_000
STORES = 20
DAYS = 730
LOOKS = 15
NEWEST = 300
"""So many bookings are not sealed yet."""


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """The median of the time each page takes, one request after the other."""
    many = MANY_QUICK if is_quick else MANY
    fill(world, many, CUSTOMERS_QUICK if is_quick else CUSTOMERS)
    made_s = add_up(world)
    owner, manager = world.owner(), world.desks[0].cookies
    office = "/m/tea/stamps/figures/"
    pages = {
        "figures.store": ("/staff/data", manager),
        "figures.office": (office, owner),
        "figures.office_month": (f"{office}?days=30", owner),
        "figures.office_store": (f"{office}?store={world.store.pk}", owner),
        "figures.office_programme": (f"{office}?programme={world.programme.pk}", owner),
        "figures.overview": ("/m/tea/", owner),
        "figures.overview_month": ("/m/tea/?days=30", owner),
    }
    rows = world.counted("SELECT count(*) FROM ledger_transaction WHERE merchant_id = %(m)s")
    found = [Result("figures.bookings", rows, "bookings", None, f"{STORES} stores, {DAYS} days")]
    found.append(Result("figures.made", made_s, "s", None, "all days added up anew, once"))
    for name, (path, cookies) in pages.items():
        found.append(Result(name, median(world, path, cookies), "ms", None, "at most 100"))
    return found


def median(world: World, path: str, cookies: str) -> float:
    """The time of a page, as the browser waits for it.

    Raises:
        RuntimeError: it did not answer 200.
    """
    request = load.get(world.place.port, path, cookies=cookies)
    load.run(world.place.port, [iter([request] * 5)])
    outcome = load.run(world.place.port, [iter([request] * LOOKS)])
    if set(outcome.statuses) != {200}:
        message = f"{path} answered {outcome.statuses}"
        raise RuntimeError(message)
    return outcome.percentile(0.5)


def fill(world: World, many: int, customers: int) -> None:
    """Book stamps of two years, the oldest first."""
    from zhanggui.accounts.models import Store
    from zhanggui.core import tenancy

    with tenancy.merchant_scope(world.merchant.pk):
        for number in range(2, STORES + 1):
            Store(name=f"{number}号店").save()
        stores = list(Store.objects.order_by("pk").values_list("pk", flat=True))
    ids = world.cards(customers)
    spread(world, ids)
    values = {
        "m": world.merchant.pk,
        "stores": stores,
        "issue": world.programme.issue_account_id,
        "first_card": ids[0],
        "cards": customers,
        "all": many,
        "days": DAYS,
    }
    tables = ("ledger_transaction", "ledger_entry", "stamps_stamprecord")
    with world.place.connect() as connection:
        for table in tables:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for start in range(0, many, PIECE):
            row = connection.execute(_LAST).fetchone()
            assert row is not None
            transactions, records = (int(str(number)) for number in row)
            piece = {
                **values,
                "after": start,
                "up_to": min(start + PIECE, many),
                "transactions": transactions - start,
                "records": records - start,
            }
            for statement in (_TRANSACTIONS, _ENTRIES, _RECORDS):
                connection.execute(statement, piece)
            for table in ("ledger_transaction", "stamps_stamprecord"):
                last = f"(SELECT max(id) FROM {table})"  # noqa: S608  our own names
                connection.execute(f"SELECT setval('{table}_id_seq', {last})")
        connection.execute(_BALANCES, values)
        for table in tables:
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        connection.execute(f"VACUUM ANALYZE {', '.join(tables)}")


def spread(world: World, cards: list[int]) -> None:
    """Let customers have come first, and taken their cards, on any day of the time."""
    values = {"m": world.merchant.pk, "first": cards[0], "many": len(cards), "days": DAYS}
    with world.place.connect() as connection:
        for table, key in (("contacts_customer", "id"), ("stamps_card", "customer_id")):
            connection.execute(_SPREAD.format(table=table, key=key), values)
        connection.execute("VACUUM ANALYZE contacts_customer, stamps_card")


def add_up(world: World) -> float:
    """Add up all but the newest bookings, which the job takes later; answers seconds."""
    from zhanggui.core import tenancy
    from zhanggui.ledger.models import Chain, Transaction
    from zhanggui.stamps.services import tallying

    with tenancy.merchant_scope(world.merchant.pk):
        ids = Transaction.objects.order_by("-pk").values_list("pk", flat=True)
        Chain.objects.create(merchant_id=world.merchant.pk, hash="", sealed_id=ids[NEWEST])
        began = time.monotonic()
        tallying.add_up()
        took_s = time.monotonic() - began
    with world.place.connect() as connection:
        connection.execute("VACUUM ANALYZE stamps_tally, stamps_daytally, stamps_visitortally")
    return took_s


_SPREAD = """
UPDATE {table} k SET created_at = now() - make_interval(
  secs => %(days)s * 86400.0 * (c.id - %(first)s + 1) / %(many)s)
FROM stamps_card c
WHERE k.merchant_id = %(m)s AND c.merchant_id = %(m)s AND c.customer_id = k.{key}
  AND c.id >= %(first)s
"""
_LAST = """
SELECT (SELECT coalesce(max(id), 0) FROM ledger_transaction),
       (SELECT coalesce(max(id), 0) FROM stamps_stamprecord)
"""
_MOMENT = "(now() - (%(all)s - g) * make_interval(secs => %(days)s * 86400.0 / %(all)s))"
_STORE = "(%(stores)s::bigint[])[1 + g %% cardinality(%(stores)s::bigint[])]"
_CARD = "%(first_card)s + (g::bigint * 7919) %% %(cards)s"
_TRANSACTIONS = f"""
INSERT INTO ledger_transaction
  (merchant_id, id, unit, event, cause, store_id, at, business_date)
SELECT %(m)s, %(transactions)s + g, 'stamp', 'stamps.accumulated', 'life:' || g, {_STORE},
       {_MOMENT}, ({_MOMENT} AT TIME ZONE 'Asia/Shanghai')::date
FROM generate_series(%(after)s + 1, %(up_to)s) g
"""  # noqa: S608  constants only
_ENTRIES = f"""
INSERT INTO ledger_entry (merchant_id, transaction_id, account_id, amount)
SELECT %(m)s, %(transactions)s + g, side.account_id, side.amount
FROM generate_series(%(after)s + 1, %(up_to)s) g
JOIN stamps_card c ON c.merchant_id = %(m)s AND c.id = {_CARD}
CROSS JOIN LATERAL (VALUES (%(issue)s::bigint, -1), (c.account_id, 1)) side (account_id, amount)
"""  # noqa: S608  constants only
_RECORDS = f"""
INSERT INTO stamps_stamprecord
  (merchant_id, id, transaction_id, kind, method, card_id, customer_id, store_id, manager_id,
   manager_name, customer_name, name_key, amount, balance_after, reason, at, business_date)
SELECT %(m)s, %(records)s + g, %(transactions)s + g, 'accumulate',
       CASE WHEN g %% 5 = 0 THEN 'otp' ELSE 'press' END, c.id, c.customer_id, {_STORE}, 1,
       '李店长', '王小明', '王小明|wangxiaoming|wxm', 1, 1, '', {_MOMENT},
       ({_MOMENT} AT TIME ZONE 'Asia/Shanghai')::date
FROM generate_series(%(after)s + 1, %(up_to)s) g
JOIN stamps_card c ON c.merchant_id = %(m)s AND c.id = {_CARD}
"""  # noqa: S608  constants only
_BALANCES = """
UPDATE stamps_card c SET balance = s.total
FROM (SELECT e.account_id, sum(e.amount) AS total FROM ledger_entry e
      WHERE e.merchant_id = %(m)s GROUP BY e.account_id) s
WHERE c.merchant_id = %(m)s AND s.account_id = c.account_id AND c.balance <> s.total
"""
