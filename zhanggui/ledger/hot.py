"""A booking of two accounts as hot doors send it: what ``services.book`` writes, for one trip.

Neither account's balance is kept here: a door that spends from a cached one moves it in the same
UPDATE that decides whether there is enough.
"""

from __future__ import annotations

from typing import LiteralString

TRANSACTION: LiteralString = """
INSERT INTO ledger_transaction
  (merchant_id, id, unit, event, cause, reverses_id, store_id, at, business_date)
VALUES (%(merchant)s, %(transaction)s, %(unit)s, %(event)s, %(cause)s, %(reversed)s, %(store)s,
        %(now)s, %(day)s)
"""

ENTRIES: LiteralString = """
INSERT INTO ledger_entry (merchant_id, transaction_id, account_id, amount)
VALUES (%(merchant)s::bigint, %(transaction)s::bigint, %(from_account)s::bigint,
        -%(amount)s::bigint),
       (%(merchant)s, %(transaction)s, %(to_account)s::bigint, %(amount)s)
"""

BOOKED = (TRANSACTION, ENTRIES)
