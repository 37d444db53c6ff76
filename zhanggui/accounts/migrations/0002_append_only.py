"""Audit entries are never changed, nor removed before 180 days (D45); agreements never are."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.at < now() - interval '180 days' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'the audit log is append-only: % on % refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
  FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER platform_audit_append_only BEFORE UPDATE OR DELETE ON accounts_platformauditentry
  FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE FUNCTION agreement_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a published agreement is append-only: % refused', TG_OP
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER agreement_append_only BEFORE UPDATE OR DELETE ON accounts_agreementversion
  FOR EACH ROW EXECUTE FUNCTION agreement_append_only();
"""
BACK = """
DROP TRIGGER agreement_append_only ON accounts_agreementversion;
DROP FUNCTION agreement_append_only();
DROP TRIGGER audit_append_only ON accounts_auditentry;
DROP TRIGGER platform_audit_append_only ON accounts_platformauditentry;
DROP FUNCTION audit_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
