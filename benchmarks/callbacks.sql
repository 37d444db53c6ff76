-- The least a callback must do, for pgbench: read the account's keys, keep the push once under
-- the platform's own id, and its job with it. Nothing more: no HTTP, no signature, no decryption.
-- Variables: account (row), first (number of the first push), per_client, i = 0.
\set i :i + 1
\set n :first + :client_id * :per_client + :i - 1
SELECT id, callback_token_sealed, aes_key_sealed, last_callback_at
  FROM wechat_channelaccount
 WHERE app_id = 'wxsb00000000000001' AND is_connected AND callback_token_sealed IS NOT NULL;
WITH kept AS (
  INSERT INTO wechat_callbackdelivery
    (account_id, component_id, platform_key, kind, body_sealed, sent_at, state, tries, error,
     received_at)
  VALUES (:account, NULL, 'msg:' || :n::bigint, 'text', decode(repeat('ab', 400), 'hex'), now(),
          'received', 0, '', now())
  ON CONFLICT DO NOTHING
  RETURNING id
)
SELECT procrastinate_defer_jobs_v1(ARRAY[
  ROW('wechat', 'wechat.handle_delivery', 0, NULL, NULL,
      jsonb_build_object('delivery_id', kept.id), NULL)::procrastinate_job_to_defer_v1])
  FROM kept;
