"""Entries, transactions and blocks of the chain never change: the database itself refuses."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: % on % refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER transaction_append_only BEFORE UPDATE OR DELETE ON ledger_transaction
  FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON ledger_entry
  FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER transaction_no_truncate BEFORE TRUNCATE ON ledger_transaction
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER entry_no_truncate BEFORE TRUNCATE ON ledger_entry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER block_append_only BEFORE UPDATE OR DELETE ON ledger_block
  FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER block_no_truncate BEFORE TRUNCATE ON ledger_block
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
"""
BACK = """
DROP TRIGGER transaction_append_only ON ledger_transaction;
DROP TRIGGER entry_append_only ON ledger_entry;
DROP TRIGGER transaction_no_truncate ON ledger_transaction;
DROP TRIGGER entry_no_truncate ON ledger_entry;
DROP TRIGGER block_append_only ON ledger_block;
DROP TRIGGER block_no_truncate ON ledger_block;
DROP FUNCTION ledger_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
