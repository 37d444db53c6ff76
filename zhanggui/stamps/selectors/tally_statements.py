"""The statements behind the tallies: what all records come to, and what the newest add to it.

Each takes ``%(merchant)s``; those about customers ``%(scopes)s``, values of ``Scope``. The planner
cannot know how few records came after the last count, so subqueries that end with OFFSET 0 make it
look those up one by one, by index.

Source: decision 41.
"""

from __future__ import annotations

from typing import LiteralString

from zhanggui.stamps.models.tallies import LONGEST_GAP

_DAY: LiteralString = "(r.at AT TIME ZONE %(zone)s)::date"
_COUNTED: LiteralString = """
head AS (
  SELECT coalesce(max(counted_id), 0) AS counted_id FROM stamps_tally
  WHERE merchant_id = %(merchant)s AND zone = %(zone)s
)
"""
_NEW: LiteralString = f"""
{_COUNTED}, fresh AS (
  SELECT n.* FROM head CROSS JOIN LATERAL (
    SELECT r.at, {_DAY} AS day, r.card_id, r.customer_id, r.store_id, r.kind, r.method, r.amount
    FROM stamps_stamprecord r
    WHERE r.merchant_id = %(merchant)s AND r.transaction_id > head.counted_id
      AND r.transaction_id <= %(up_to)s
    ORDER BY r.transaction_id OFFSET 0) n
)
"""  # noqa: S608  constants only
_NEW_ENTRIES: LiteralString = """
SELECT f.day, f.store_id, c.programme_id, f.kind, f.method, 1 AS entries, f.amount
FROM fresh f CROSS JOIN LATERAL (
  SELECT programme_id FROM stamps_card
  WHERE merchant_id = %(merchant)s AND id = f.card_id OFFSET 0) c
"""

# The days near the new ones on which their customers came, ``was``: before already.
_NEW_DAYS: LiteralString = f"""
who AS (
  SELECT customer_id, min(at) - interval '{LONGEST_GAP + 1} days' AS since,
         max(at) + interval '{LONGEST_GAP + 1} days' AS until
  FROM fresh GROUP BY customer_id
), came AS (
  SELECT who.customer_id, r.day, r.store_id, c.programme_id, bool_or(r.was) AS was
  FROM head CROSS JOIN who CROSS JOIN LATERAL (
    SELECT id, programme_id FROM stamps_card
    WHERE merchant_id = %(merchant)s AND customer_id = who.customer_id OFFSET 0) c
  CROSS JOIN LATERAL (
    SELECT {_DAY} AS day, r.store_id, r.transaction_id <= head.counted_id AS was
    FROM stamps_stamprecord r
    WHERE r.merchant_id = %(merchant)s AND r.card_id = c.id
      AND r.at BETWEEN who.since AND who.until AND r.transaction_id <= %(up_to)s
    OFFSET 0) r
  GROUP BY who.customer_id, r.day, r.store_id, c.programme_id
)
"""  # noqa: S608  constants only
_DAYS_OF_CUSTOMERS: LiteralString = f"""
came AS (
  SELECT DISTINCT k.customer_id, r.day, r.store_id, c.programme_id, false AS was
  FROM head CROSS JOIN unnest(%(customers)s::bigint[]) k (customer_id) CROSS JOIN LATERAL (
    SELECT id, programme_id FROM stamps_card
    WHERE merchant_id = %(merchant)s AND customer_id = k.customer_id OFFSET 0) c
  CROSS JOIN LATERAL (
    SELECT {_DAY} AS day, r.store_id FROM stamps_stamprecord r
    WHERE r.merchant_id = %(merchant)s AND r.card_id = c.id
      AND r.transaction_id <= head.counted_id OFFSET 0) r
)
"""  # noqa: S608  constants only
_ALL_COUNTED: LiteralString = """
head AS (
  SELECT counted_id, zone FROM stamps_tally WHERE merchant_id = %(merchant)s
), counted AS (
  SELECT (r.at AT TIME ZONE head.zone)::date AS day, r.store_id, c.programme_id, r.customer_id,
         r.kind, r.method, r.amount
  FROM head
  JOIN stamps_stamprecord r
    ON r.merchant_id = %(merchant)s AND r.transaction_id <= head.counted_id
  JOIN stamps_card c ON c.merchant_id = %(merchant)s AND c.id = r.card_id
)
"""
# Of each scope the gap now and the gap before; what did not change comes to nothing.
_GAPS: LiteralString = f"""
scoped AS (
  SELECT s.scope, s.store_id, s.programme_id, c.customer_id, c.day, bool_or(c.was) AS was
  FROM came c CROSS JOIN LATERAL (VALUES
    (0, NULL::bigint, NULL::bigint), (1, c.store_id, NULL),
    (2, NULL, c.programme_id), (3, c.store_id, c.programme_id)
  ) s (scope, store_id, programme_id)
  WHERE s.scope = ANY(%(scopes)s)
  GROUP BY 1, 2, 3, 4, 5
), gaps AS (
  SELECT scope, store_id, programme_id, day, was, day - lag(day) OVER days AS gap,
         day - max(day) FILTER (WHERE was)
               OVER (days ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS gap_before
  FROM scoped
  WINDOW days AS (PARTITION BY scope, store_id, programme_id, customer_id ORDER BY day)
), changed AS (
  SELECT g.scope, g.day, g.store_id, g.programme_id,
         least(coalesce(one.gap, {LONGEST_GAP}), {LONGEST_GAP}) AS gap,
         sum(one.customers)::integer AS customers
  FROM gaps g CROSS JOIN LATERAL (VALUES
    (g.gap, 1), (g.gap_before, -(g.was::integer))
  ) one (gap, customers)
  GROUP BY 1, 2, 3, 4, 5 HAVING sum(one.customers) <> 0
)
"""  # noqa: S608  constants only

_HERE: LiteralString = """
  AND (%(store)s::bigint IS NULL OR store_id = %(store)s)
  AND (%(programme)s::bigint IS NULL OR programme_id = %(programme)s)
"""


def entries(column: LiteralString) -> LiteralString:
    """Entries of some days by a column, kind and way: what is stored and what came since."""
    return f"""
    WITH {_NEW}, entry AS (
      SELECT d.day, d.store_id, d.programme_id, d.kind, d.method, d.entries, d.amount
      FROM stamps_daytally d
      JOIN stamps_tally t ON t.merchant_id = %(merchant)s AND t.zone = %(zone)s
      WHERE d.merchant_id = %(merchant)s AND d.day BETWEEN %(first)s AND %(last)s
      UNION ALL {_NEW_ENTRIES}
    )
    SELECT {column}, kind, method, sum(entries)::integer, sum(amount)::integer
    FROM entry WHERE day BETWEEN %(first)s AND %(last)s {_HERE}
    GROUP BY 1, 2, 3
    """  # noqa: S608  constants only


VISITORS: LiteralString = f"""
WITH {_NEW}, {_NEW_DAYS}, {_GAPS}, visit AS (
  SELECT v.scope, v.day, v.store_id, v.programme_id, v.gap, v.customers
  FROM stamps_visitortally v
  JOIN stamps_tally t ON t.merchant_id = %(merchant)s AND t.zone = %(zone)s
  WHERE v.merchant_id = %(merchant)s AND v.scope = ANY(%(scopes)s)
    AND v.day BETWEEN %(first)s AND %(last)s
  UNION ALL SELECT scope, day, store_id, programme_id, gap, customers FROM changed
)
SELECT scope, store_id, programme_id, period.number - 1, sum(customers)::integer
FROM visit
JOIN unnest(%(firsts)s::date[], %(lasts)s::date[]) WITH ORDINALITY period (first, last, number)
  ON visit.day BETWEEN period.first AND period.last AND visit.gap > visit.day - period.first
WHERE scope = ANY(%(scopes)s) {_HERE}
GROUP BY 1, 2, 3, 4
"""  # noqa: S608  constants only
"""Customers of a scope in each of some periods, none longer than ``LONGEST_GAP``."""

_INTO_ENTRIES: LiteralString = """
INSERT INTO stamps_daytally
  (merchant_id, day, store_id, programme_id, kind, method, entries, amount)
"""
_INTO_VISITORS: LiteralString = """
INSERT INTO stamps_visitortally
  (merchant_id, scope, day, store_id, programme_id, gap, customers)
"""
_MORE_VISITORS: LiteralString = """
ON CONFLICT (merchant_id, scope, day, store_id, programme_id, gap)
DO UPDATE SET customers = stamps_visitortally.customers + excluded.customers
"""

ADD_ENTRIES: LiteralString = f"""
{_INTO_ENTRIES}
WITH {_NEW}, entry AS ({_NEW_ENTRIES})
SELECT %(merchant)s, day, store_id, programme_id, kind, method, sum(entries), sum(amount)
FROM entry GROUP BY day, store_id, programme_id, kind, method
ON CONFLICT (merchant_id, day, store_id, programme_id, kind, method)
DO UPDATE SET entries = stamps_daytally.entries + excluded.entries,
              amount = stamps_daytally.amount + excluded.amount
"""  # noqa: S608  constants only
ADD_VISITORS: LiteralString = f"""
{_INTO_VISITORS}
WITH {_NEW}, {_NEW_DAYS}, {_GAPS}
SELECT %(merchant)s, scope, day, store_id, programme_id, gap, customers FROM changed
{_MORE_VISITORS}
"""  # noqa: S608  constants only
MOVE_VISITORS: LiteralString = f"""
{_INTO_VISITORS}
WITH {_COUNTED}, {_DAYS_OF_CUSTOMERS}, {_GAPS}
SELECT %(merchant)s, scope, day, store_id, programme_id, gap, %(sign)s * customers FROM changed
{_MORE_VISITORS}
"""  # noqa: S608  constants only

_ALL_ENTRIES: LiteralString = """
SELECT day, store_id, programme_id, kind, method, count(*) AS entries, sum(amount) AS amount
FROM counted GROUP BY day, store_id, programme_id, kind, method
"""
# Four gaps of each entry, so that millions are sorted by customer once; a customer's second entry
# of a day has none.
_ALL_VISITORS: LiteralString = f"""
SELECT s.scope, g.day, s.store_id, s.programme_id,
       least(coalesce(s.gap, {LONGEST_GAP}), {LONGEST_GAP}) AS gap, count(*) AS customers
FROM (
  SELECT day, store_id, programme_id,
         day - lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS shop,
         day - lag(day) OVER (PARTITION BY customer_id, store_id ORDER BY day) AS store,
         day - lag(day) OVER (PARTITION BY customer_id, programme_id ORDER BY day) AS programme,
         day - lag(day) OVER (
           PARTITION BY customer_id, programme_id, store_id ORDER BY day) AS both_of_them
  FROM counted
) g
CROSS JOIN LATERAL (VALUES
  (0, NULL::bigint, NULL::bigint, g.shop), (1, g.store_id, NULL, g.store),
  (2, NULL, g.programme_id, g.programme), (3, g.store_id, g.programme_id, g.both_of_them)
) s (scope, store_id, programme_id, gap)
WHERE s.gap IS DISTINCT FROM 0 GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608  constants only
MAKE_ENTRIES: LiteralString = f"""
{_INTO_ENTRIES}
WITH {_ALL_COUNTED}
SELECT %(merchant)s, made.* FROM ({_ALL_ENTRIES}) made
"""  # noqa: S608  constants only
MAKE_VISITORS: LiteralString = f"""
{_INTO_VISITORS}
WITH {_ALL_COUNTED}
SELECT %(merchant)s, made.* FROM ({_ALL_VISITORS}) made
"""  # noqa: S608  constants only

ODD_ENTRIES: LiteralString = f"""
WITH {_ALL_COUNTED}, made AS ({_ALL_ENTRIES}), kept AS (
  SELECT * FROM stamps_daytally WHERE merchant_id = %(merchant)s
)
SELECT 'store:' || store_id || ' programme:' || programme_id || ' ' || day || ' ' || kind || ' '
         || method,
       CASE WHEN kept.entries = made.entries THEN kept.amount ELSE coalesce(kept.entries, 0) END,
       CASE WHEN kept.entries = made.entries THEN made.amount ELSE coalesce(made.entries, 0) END
FROM made FULL JOIN kept USING (day, store_id, programme_id, kind, method)
WHERE (kept.entries, kept.amount) IS DISTINCT FROM (made.entries, made.amount)
"""  # noqa: S608  constants only
ODD_VISITORS: LiteralString = f"""
WITH {_ALL_COUNTED}, made AS (
  SELECT scope, day, coalesce(store_id, 0) AS store, coalesce(programme_id, 0) AS programme, gap,
         customers
  FROM ({_ALL_VISITORS}) made
), kept AS (
  SELECT scope, day, coalesce(store_id, 0) AS store, coalesce(programme_id, 0) AS programme, gap,
         customers
  FROM stamps_visitortally WHERE merchant_id = %(merchant)s AND customers <> 0
)
SELECT 'store:' || store || ' programme:' || programme || ' ' || day || ' gap:' || gap,
       coalesce(kept.customers, 0), coalesce(made.customers, 0)
FROM made FULL JOIN kept USING (scope, day, store, programme, gap)
WHERE kept.customers IS DISTINCT FROM made.customers
"""  # noqa: S608  constants only
