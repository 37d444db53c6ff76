"""The statements that confirm a code, as ``confirming`` sends them.

Every statement names the merchant for each tenant table; UPDATEs are chained in one command and
INSERTs stand alone, so that the tables may be sharded by merchant.
"""

from __future__ import annotations

from typing import LiteralString

from zhanggui.accounts import audit
from zhanggui.accounts.standing import AT_WORK
from zhanggui.codes.services import CONSUME
from zhanggui.codes.tries import MOST_IN_A_DAY, TOLD_EXPIRED_AT_MOST
from zhanggui.ledger import hot as ledger
from zhanggui.messaging import outbox
from zhanggui.stamps import places

FACTS: LiteralString = f"""
SELECT
  (SELECT CASE WHEN b.operated_on = %(day)s THEN b.operations ELSE 0 END
   FROM stamps_managerbinding b
   WHERE b.id = %(binding)s AND b.person_id = %(person)s AND b.removed_at IS NULL),
  s.state = 'open' AND {AT_WORK}, s.name,
  ARRAY(SELECT t.at FROM codes_codetry t
        WHERE t.merchant_id = %(merchant)s AND t.store_id = %(store)s
          AND t.person_id = %(person)s AND t.at > %(tries_since)s AND t.kind = 'wrong'
        ORDER BY t.at DESC LIMIT {MOST_IN_A_DAY}),
  ARRAY(SELECT t.at FROM codes_codetry t
        WHERE t.merchant_id = %(merchant)s AND t.store_id = %(store)s
          AND t.person_id = %(person)s AND t.at > %(tries_since)s AND t.kind = 'expired'
        ORDER BY t.at DESC LIMIT {TOLD_EXPIRED_AT_MOST}),
  i.fingerprint, i.answer, i.created_at, {outbox.SWITCHED_ON},
  l.operations_a_day, l.may_stamp_own,
  (SELECT q.phone_sealed FROM accounts_person q WHERE q.id = %(person)s)
FROM accounts_store s
JOIN accounts_merchant m ON m.id = %(merchant)s
LEFT JOIN stamps_limits l ON l.merchant_id = %(merchant)s
LEFT JOIN core_idempotencyrecord i
  ON i.merchant_id = %(merchant)s AND i.caller = %(caller)s AND i.key = %(key)s
WHERE s.merchant_id = %(merchant)s AND s.id = %(store)s
"""  # noqa: S608  constants only

COUNTED: LiteralString = """
UPDATE stamps_managerbinding
SET operations = CASE WHEN operated_on = %(day)s::date THEN operations + 1 ELSE 1 END,
    operated_on = %(day)s::date
WHERE id = %(binding)s
"""
"""One more code of this manager today (D25)."""

# The stamp to take back is looked for among its card's few (OFFSET 0 keeps the planner from a walk
# through the whole day of the store, newest first) and only for a code that cancels. Where another
# card went into this one, the newest may be the other's: that is found with care.
# A card moves here only while nothing is won or lost by it (``due_at``, ``floor``); the rest is
# done by ``services.careful``, one statement after the other.
# The visit shows in the list of customers, once a day and store. A merge locks customers before
# cards, a booking cards first: whoever is being merged is left alone, so neither waits for ever.
MOVING: LiteralString = f"""
target AS (
  SELECT r.id, r.amount, r.transaction_id, r.business_date
  FROM spent CROSS JOIN LATERAL (
    SELECT * FROM stamps_stamprecord
    WHERE merchant_id = %(merchant)s AND card_id = spent.subject_id
      AND at >= %(cancel_since)s
    OFFSET 0) r
  WHERE spent.operation = 'stamps.cancel'
    AND r.store_id = %(store)s AND r.kind = 'accumulate'
    AND (r.id = %(record)s
         OR %(record)s::bigint IS NULL
            AND NOT EXISTS (SELECT 1 FROM stamps_card j
                            WHERE j.merchant_id = %(merchant)s
                              AND j.merged_into_id = spent.subject_id))
    AND NOT EXISTS (SELECT 1 FROM stamps_stamprecord c
                    WHERE c.merchant_id = %(merchant)s AND c.reverses_id = r.id)
  ORDER BY r.at DESC, r.id DESC LIMIT 1
),
wanted AS (
  SELECT spent.subject_id,
         CASE spent.operation WHEN 'stamps.accumulate' THEN %(amount)s::integer
                              WHEN 'stamps.cancel' THEN -target.amount END AS delta,
         target.business_date
  FROM spent LEFT JOIN target ON true
),
moved AS (
  UPDATE stamps_card c
  SET balance = c.balance + w.delta, version = c.version + 1,
      stamped_at = CASE WHEN w.delta > 0 THEN %(now)s::timestamptz ELSE c.stamped_at END,
      stamped_by = CASE WHEN w.delta > 0 THEN %(method)s ELSE c.stamped_by END,
      day = CASE WHEN w.delta > 0 THEN %(day)s::date ELSE c.day END,
      day_stamps = CASE
        WHEN w.delta > 0 THEN
          w.delta + CASE WHEN c.day = %(day)s::date THEN c.day_stamps ELSE 0 END
        WHEN c.day = w.business_date THEN greatest(0, c.day_stamps + w.delta)
        ELSE c.day_stamps END,
      expires_at = CASE
        WHEN c.expires_at IS NULL AND c.valid_days > 0 AND w.delta > 0
        THEN %(day_end)s::timestamptz + c.valid_days * interval '1 day'
        ELSE c.expires_at END
  FROM wanted w, stamps_programme p, contacts_customer k
  WHERE c.merchant_id = %(merchant)s AND c.id = w.subject_id AND c.state = 'open'
    AND p.merchant_id = %(merchant)s AND p.id = c.programme_id AND p.state = 'active'
    AND k.merchant_id = %(merchant)s AND k.id = c.customer_id AND k.state = 'active'
    AND (c.expires_at IS NULL OR c.expires_at > %(now)s::timestamptz)
    AND ((w.delta BETWEEN 1 AND p.max_per_code AND c.balance + w.delta < c.due_at
          AND (c.stamped_at IS NULL
               OR (c.stamped_at <= %(now)s::timestamptz - p.gap_s * interval '1 second'
                   AND (c.stamped_by = ANY(%(alike)s)
                        OR c.stamped_at <= %(again_before)s::timestamptz)))
          AND %(way)s = ANY(p.ways)
          AND w.delta + CASE WHEN c.day = %(day)s::date THEN c.day_stamps ELSE 0 END
              <= p.per_day)
         OR (w.delta < 0 AND c.balance + w.delta >= c.floor))
  RETURNING c.id, c.account_id, c.balance, w.delta, p.name AS programme_name, c.slots,
            p.issue_account_id, k.id AS customer_id, k.name, k.name_key, k.phone_hash
),
counted AS ({COUNTED} AND EXISTS (SELECT 1 FROM moved)),
visit AS (
  UPDATE contacts_customer
  SET last_seen_at = greatest(last_seen_at, %(now)s::timestamptz),
      store_ids = CASE WHEN store_ids @> ARRAY[%(store)s::bigint] THEN store_ids
                       ELSE store_ids || %(store)s::bigint END
  WHERE merchant_id = %(merchant)s AND id = (
    SELECT id FROM contacts_customer
    WHERE merchant_id = %(merchant)s AND id = (SELECT customer_id FROM moved)
      AND (last_seen_at < %(now)s::timestamptz - interval '12 hours'
           OR NOT store_ids @> ARRAY[%(store)s::bigint])
    FOR NO KEY UPDATE SKIP LOCKED)
)
SELECT spent.id, spent.operation, moved.id, moved.account_id, moved.balance, moved.delta,
       moved.programme_name, moved.slots, moved.issue_account_id, moved.customer_id,
       moved.name, moved.name_key, target.id, target.transaction_id,
       nextval('ledger_transaction_id_seq'), nextval('stamps_stamprecord_id_seq'),
       moved.phone_hash,
       EXISTS (SELECT 1 FROM contacts_identitylink n
               JOIN wechat_personidentity i
                 ON i.person_id = %(person)s AND i.account_id = n.account_id
                    AND i.openid = n.openid
               WHERE n.merchant_id = %(merchant)s AND n.customer_id = moved.customer_id
                 AND n.state = 'active'),
       place.metres, place.metres >= place.far
FROM spent LEFT JOIN moved ON true LEFT JOIN target ON true
LEFT JOIN LATERAL ({places.OF}moved.customer_id) place ON true
"""  # noqa: S608  constants only
"""What follows the CTE ``spent``: a code here, the right to press once in ``pressed``."""

MOVE: LiteralString = f"WITH spent AS ({CONSUME}),{MOVING}"

RECORD: LiteralString = """
INSERT INTO stamps_stamprecord
  (merchant_id, id, transaction_id, kind, method, card_id, customer_id, store_id, manager_id,
   manager_name, customer_name, name_key, amount, balance_after, code_id, reverses_id, reason,
   distance_m, is_far, at, business_date)
VALUES (%(merchant)s, %(record)s, %(transaction)s, %(kind)s, %(method)s, %(card)s, %(customer)s,
        %(store)s, %(person)s, %(manager_name)s, %(customer_name)s, %(name_key)s, %(amount)s,
        %(balance)s, %(code)s, %(cancelled)s, %(reason)s, %(distance)s, %(is_far)s, %(now)s,
        %(day)s)
"""

BOOKED = (*ledger.BOOKED, RECORD, audit.ENTRY)
"""What each booking writes."""
