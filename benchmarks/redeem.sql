-- The least a redemption must write, for pgbench: consume the code, lock and use the coupon, take
-- it from its account's kept balance, one ledger transaction with two entries, the step of the
-- coupon's life, one audit row, one idempotency row. No sign-in, no limits, no record with names,
-- no answer in HTTP. Variables: merchant, store, used (account), template, first (number of the
-- first code), i, per_client.
\set i :i + 1
\set n :first + :client_id * :per_client + :i - 1
BEGIN;
WITH spent AS (
  UPDATE codes_onetimecode
  SET state = 'consumed', digits_sealed = NULL, ended_at = now(), ended_by_id = :client_id,
      ended_store_id = :store
  WHERE merchant_id = :merchant
    AND digits_hash = ANY(ARRAY[sha256(convert_to('bench' || :n::bigint::text, 'UTF8'))])
    AND subject_type = 'coupons.coupon' AND state IN ('active', 'held') AND expires_at > now()
    AND (state = 'active' OR held_by_id = :client_id OR held_until <= now())
    AND (store_ids = '{}' OR :store = ANY(store_ids))
  RETURNING id, subject_id
), used AS (
  UPDATE coupons_coupon c
  SET state = 'redeemed', held = 0, redeemed = c.redeemed + 1, held_by = '', held_until = NULL,
      version = c.version + 1
  FROM spent, coupons_coupontemplate t
  WHERE c.merchant_id = :merchant AND c.id = spent.subject_id AND c.state = 'held'
    AND c.ends_at > now()
    AND t.merchant_id = :merchant AND t.id = c.template_id AND t.state = 'active'
  RETURNING c.id, c.account_id
), paid AS (
  UPDATE ledger_account a SET balance = a.balance - 1
  FROM used
  WHERE a.merchant_id = :merchant AND a.id = used.account_id AND a.is_cached AND a.balance >= 1
)
SELECT spent.id AS code, used.id AS coupon, used.account_id AS account,
       nextval('ledger_transaction_id_seq') AS transaction
FROM spent JOIN used ON true \gset
INSERT INTO ledger_transaction
  (merchant_id, id, unit, event, cause, reverses_id, store_id, at, business_date)
VALUES (:merchant, :transaction, 'coupon', 'coupons.redeemed',
        'redeemed-' || :coupon::bigint, NULL, :store, now(), current_date);
INSERT INTO ledger_entry (merchant_id, transaction_id, account_id, amount)
VALUES (:merchant, :transaction, :account, -1), (:merchant, :transaction, :used, 1);
INSERT INTO coupons_couponchange (merchant_id, coupon_id, before, after, note, by, store_id, at)
VALUES (:merchant, :coupon, 'held', 'redeemed', '', 'bench', :store, now());
INSERT INTO accounts_auditentry
  (merchant_id, at, actor_kind, actor_id, action, target, store_id, details, device, ip)
VALUES (:merchant, now(), 'person', :client_id, 'coupons.coupon.redeemed',
        'coupon:' || :coupon::bigint, :store, '{"method": "otp", "use": 1}', 'iPhone', '127.0.0.1');
INSERT INTO core_idempotencyrecord (merchant_id, caller, key, fingerprint, answer, created_at)
VALUES (:merchant, 'person:' || :client_id::bigint, 'redeem' || :n::bigint, '\x00',
        '{"page": {"kind": "redeem", "coupon": "", "worth": "", "left": 0, "record_id": 1,
          "store_name": "", "customer_name": ""}, "subject": "coupons.coupon"}', now());
COMMIT;
