-- The least a confirm must do, for pgbench: consume the code, lock and update the card, one ledger
-- transaction with two entries, one audit row, one idempotency row. Nothing more: no sign-in, no
-- limits, no record with names, no answer in HTTP. Variables: merchant, store, issue (account),
-- first (number of the first code), i = 0, per_client.
\set i :i + 1
\set n :first + :client_id * :per_client + :i - 1
BEGIN;
WITH spent AS (
  UPDATE codes_onetimecode
  SET state = 'consumed', digits_sealed = NULL, ended_at = now(), ended_by_id = :client_id,
      ended_store_id = :store
  WHERE merchant_id = :merchant
    AND digits_hash = ANY(ARRAY[sha256(convert_to('bench' || :n::bigint::text, 'UTF8'))])
    AND subject_type = 'stamps.card' AND state IN ('active', 'held') AND expires_at > now()
    AND (state = 'active' OR held_by_id = :client_id OR held_until <= now())
    AND (store_ids = '{}' OR :store = ANY(store_ids))
  RETURNING id, subject_id
), moved AS (
  UPDATE stamps_card c SET balance = c.balance + 1, version = c.version + 1
  FROM spent, stamps_programme p
  WHERE c.merchant_id = :merchant AND c.id = spent.subject_id AND c.state = 'open'
    AND p.merchant_id = :merchant AND p.id = c.programme_id AND p.state = 'active'
    AND c.balance + 1 <= p.slots
  RETURNING c.account_id
)
SELECT spent.id AS code, moved.account_id AS account,
       nextval('ledger_transaction_id_seq') AS transaction
FROM spent JOIN moved ON true \gset
INSERT INTO ledger_transaction
  (merchant_id, id, unit, event, cause, reverses_id, store_id, at, business_date)
VALUES (:merchant, :transaction, 'stamp', 'stamps.accumulated', 'code:' || :code::bigint, NULL,
        :store, now(), current_date);
INSERT INTO ledger_entry (merchant_id, transaction_id, account_id, amount)
VALUES (:merchant, :transaction, :issue, -1), (:merchant, :transaction, :account, 1);
INSERT INTO accounts_auditentry
  (merchant_id, at, actor_kind, actor_id, action, target, store_id, details, device, ip)
VALUES (:merchant, now(), 'person', :client_id, 'stamps.code.confirmed', 'code:' || :code::bigint,
        :store, '{"kind": "accumulate", "amount": 1, "record": 1}', 'iPhone', '127.0.0.1');
INSERT INTO core_idempotencyrecord (merchant_id, caller, key, fingerprint, answer, created_at)
VALUES (:merchant, 'person:' || :client_id::bigint, 'bench' || :n::bigint, '\x00',
        '{"at": "2026-01-01T00:00:00+00:00", "kind": "accumulate", "after": 1, "slots": 10,
          "amount": 1, "before": 0, "record_id": 1, "store_name": "", "customer_name": ""}', now());
COMMIT;
