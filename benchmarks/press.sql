-- The least a pressed stamp must write, for pgbench: the right to press is used up, the card moves,
-- one ledger transaction with two entries, the press with its frames, what was learned of the
-- phone, one audit row, one idempotency row. No sign-in, no recognition, no record with names, no
-- page. Variables: merchant, store, issue (account), seal, first (the first right), i, per_client.
\set i :i + 1
\set n :first + :client_id * :per_client + :i - 1
BEGIN;
WITH spent AS (
  UPDATE stamps_pressnonce SET used_at = now()
  WHERE merchant_id = :merchant AND id = :n AND used_at IS NULL AND expires_at > now()
    AND EXISTS (SELECT 1 FROM stamps_seal p
                WHERE p.merchant_id = :merchant AND p.id = :seal AND p.state = 'active')
  RETURNING id, subject_id
), moved AS (
  UPDATE stamps_card c SET balance = c.balance + 1, version = c.version + 1, stamped_at = now()
  FROM spent, stamps_programme p
  WHERE c.merchant_id = :merchant AND c.id = spent.subject_id AND c.state = 'open'
    AND p.merchant_id = :merchant AND p.id = c.programme_id AND p.state = 'active'
    AND c.balance + 1 < c.due_at
  RETURNING c.id, c.account_id, c.customer_id
)
SELECT spent.id AS nonce, moved.id AS card, moved.account_id AS account,
       moved.customer_id AS customer, nextval('ledger_transaction_id_seq') AS transaction
FROM spent JOIN moved ON true \gset
INSERT INTO ledger_transaction
  (merchant_id, id, unit, event, cause, reverses_id, store_id, at, business_date)
VALUES (:merchant, :transaction, 'stamp', 'stamps.accumulated', 'press:' || :nonce::bigint, NULL,
        :store, now(), current_date);
INSERT INTO ledger_entry (merchant_id, transaction_id, account_id, amount)
VALUES (:merchant, :transaction, :issue, -1), (:merchant, :transaction, :account, 1);
INSERT INTO stamps_press
  (merchant_id, seal_id, store_id, use, outcome, customer_id, card_id, record_id, model, phone,
   residual_um, largest_um, scale_e4, turn_e1, touches, is_stray, mark, frames, at)
VALUES (:merchant, :seal, :store, 'stamp', 'ok', :customer, :card, NULL, 'bench', '', 300, 500,
        10000, 0, 5, false, sha256(convert_to('bench' || :n::bigint::text, 'UTF8')),
        '{"screen": [393, 873, 2.75], "frames": [[0, [[0, 129.4, 330.0], [1, 222.1, 227.3],
          [2, 299.1, 355.7], [3, 177.2, 330.0], [4, 125.8, 394.2]]]]}', now());
INSERT INTO stamps_devicescale AS d
  (merchant_id, model, presses, scale_sum_e4, most_touches, doctor, at)
VALUES (:merchant, 'bench' || :client_id::bigint, 1, 10000, 5, '', now())
ON CONFLICT (merchant_id, model) DO UPDATE
SET presses = d.presses + 1, scale_sum_e4 = d.scale_sum_e4 + excluded.scale_sum_e4,
    at = excluded.at;
INSERT INTO accounts_auditentry
  (merchant_id, at, actor_kind, actor_id, action, target, store_id, details, device, ip)
VALUES (:merchant, now(), 'customer', :customer, 'stamps.press.accepted',
        'press:' || :nonce::bigint, :store, '{"kind": "accumulate", "amount": 1, "record": 1}',
        'Android', '127.0.0.1');
INSERT INTO core_idempotencyrecord (merchant_id, caller, key, fingerprint, answer, created_at)
VALUES (:merchant, 'customer:' || :customer::bigint, 'bench' || :n::bigint, '\x00',
        '{"at": "2026-01-01T00:00:00+00:00", "kind": "accumulate", "after": 1, "slots": 10,
          "amount": 1, "before": 0, "record_id": 1, "store_name": "", "customer_name": ""}', now());
COMMIT;
