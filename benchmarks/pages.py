"""The manager's ledger page, whole and signed in, with few and with many rows behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import load
from benchmarks.results import Result

if TYPE_CHECKING:
    from benchmarks.world import World

CONNECTIONS = 8
FEW, MANY, MANY_QUICK = 10_000, 2_000_000, 100_000


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """Pages per second with 10,000 rows, then with 2,000,000."""
    requests = 40 if is_quick else 200
    many = MANY_QUICK if is_quick else MANY
    fill(world, FEW)
    few_rate = rate(world, requests)
    fill(world, many - FEW)
    many_rate = rate(world, requests)
    return [
        Result("ledger.page.10k", few_rate, "pages/s", None, "at least 200"),
        Result(
            f"ledger.page.{many // 1000}k",
            many_rate,
            "pages/s",
            many_rate / few_rate,
            "ledger.page.10k",
        ),
    ]


def rate(world: World, each: int) -> float:
    """Pages per second over a few connections."""
    place = world.place
    desks = world.desks[:CONNECTIONS]
    requests = [load.get(place.port, "/staff/ledger", cookies=desk.cookies) for desk in desks]
    load.run(place.port, [iter([request] * 10) for request in requests])
    outcome = load.run(place.port, [iter([request] * each) for request in requests], keep=True)
    bad = {status for _line, status, body in outcome.answers if status != 200}
    if bad:
        message = f"the ledger page answered {bad}"
        raise RuntimeError(message)
    return outcome.rate


def fill(world: World, many: int) -> None:
    """Put entries of the last 15 days into the ledger, faster than services could."""
    (card,) = world.cards(1)
    values = {
        "m": world.merchant.pk,
        "s": world.store.pk,
        "n": many,
        "card": card,
        "issue": world.programme.issue_account_id,
    }
    tables = ("ledger_transaction", "ledger_entry", "stamps_stamprecord")
    with world.place.connect() as connection:
        for table in tables:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        first = connection.execute("SELECT coalesce(max(id), 0) FROM ledger_transaction").fetchone()
        values["first"] = int(str(first[0])) if first else 0
        for statement in (_TRANSACTIONS, _ENTRIES, _RECORDS, _BALANCE):
            connection.execute(statement, values)
        for table in ("ledger_transaction", "stamps_stamprecord"):
            last = f"(SELECT max(id) FROM {table})"  # noqa: S608  our own names
            connection.execute(f"SELECT setval('{table}_id_seq', {last})")
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        connection.execute("ALTER TABLE ledger_entry ENABLE TRIGGER ALL")
        connection.execute("VACUUM ANALYZE ledger_transaction, stamps_stamprecord")


_TRANSACTIONS = """
INSERT INTO ledger_transaction
  (merchant_id, id, unit, event, cause, store_id, at, business_date)
SELECT %(m)s, %(first)s + g, 'stamp', 'stamps.accumulated', 'fill:' || %(first)s + g, %(s)s,
       now() - make_interval(secs => g * 1200000.0 / %(n)s),
       (now() - make_interval(secs => g * 1200000.0 / %(n)s))::date
FROM generate_series(1, %(n)s) g
"""
_ENTRIES = """
INSERT INTO ledger_entry (merchant_id, transaction_id, account_id, amount)
SELECT %(m)s, %(first)s + g, side.account_id, side.amount
FROM generate_series(1, %(n)s) g, (
  SELECT %(issue)s::bigint AS account_id, -1 AS amount
  UNION ALL SELECT account_id, 1 FROM stamps_card WHERE merchant_id = %(m)s AND id = %(card)s
) side
"""
_BALANCE = """
UPDATE stamps_card SET balance = balance + %(n)s WHERE merchant_id = %(m)s AND id = %(card)s
"""
_RECORDS = """
INSERT INTO stamps_stamprecord
  (merchant_id, id, transaction_id, kind, method, card_id, customer_id, store_id, manager_id,
   manager_name, customer_name, name_key, amount, balance_after, reason, at, business_date)
SELECT t.merchant_id, (SELECT coalesce(max(id), 0) FROM stamps_stamprecord) + t.id, t.id,
       'accumulate', 'otp', c.id, c.customer_id, t.store_id, 1, '李店长', '王小明',
       '王小明|wangxiaoming|wxm', 1, 1, '', t.at, t.business_date
FROM ledger_transaction t JOIN stamps_card c ON c.merchant_id = %(m)s AND c.id = %(card)s
WHERE t.merchant_id = %(m)s AND t.id > %(first)s AND t.id <= %(first)s + %(n)s
"""
