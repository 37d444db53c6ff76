"""Every table is either a tenant's or named here as global; tenant tables keep the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models

from zhanggui.core.models import TenantForeignKey, TenantManager, TenantModel

OURS = (
    "accounts",
    "api",
    "billing",
    "codes",
    "contacts",
    "core",
    "demo",
    "files",
    "ledger",
    "messaging",
    "pay",
    "stamps",
    "wechat",
    "signin",
    "sms",
)
GLOBAL = {
    "accounts.Person": "one person may work for many merchants",
    "accounts.Operator": "a tier",
    "accounts.Merchant": "a tier",
    "accounts.Membership": "of all tiers",
    "accounts.RoleSet": "own roles of all tiers",
    "accounts.Invitation": "of all tiers, found before anybody is signed in",
    "accounts.SupportSession": "of people of the tiers above, asked before a scope is open",
    "accounts.Session": "of a person",
    "accounts.RegistrationSettings": "of an operator or the platform",
    "accounts.PlacePicture": "of an operator or the platform",
    "accounts.AgreementVersion": "of an operator or the platform",
    "accounts.Application": "of a person who is no merchant yet",
    "accounts.SavedView": "of a person, at any tier",
    "accounts.PlatformAuditEntry": "what belongs to no single merchant",
    "api.ApiToken": "of a till, found before a scope is open",
    "billing.Edition": "a row of the platform's price table",
    "billing.Price": "of the platform or an operator",
    "billing.Seller": "of the platform or an operator",
    "core.LimitCounter": "subjects of any kind, also before anybody is known",
    "messaging.SmsPack": "a row of the platform's price list",
    "messaging.PackPrice": "of an operator",
    "messaging.Stock": "of an operator",
    "messaging.StockMove": "of an operator",
    "pay.PayAccount": "owned by a tier",
    "pay.PlatformCertificate": "of an account",
    "pay.TradeNumber": "leads from a number WeChat Pay names to its merchant",
    "pay.PayNotification": "received before anybody knows whose it is",
    "pay.PayBill": "of an account",
    "pay.BillDifference": "of an account's bill",
    "signin.SmsCode": "of a phone, before anybody is known",
    "signin.SpentPicture": "of a browser, before anybody is known",
    "files.TierExport": "of somebody at the platform or at an operator",
    "signin.TotpDevice": "of a person",
    "signin.RecoveryCode": "of a person",
    "signin.Passkey": "of a person",
    "signin.QrVisit": "of a browser, before anybody is known",
    "sms.OutgoingSms": "of a phone; the platform's own belong to no merchant",
    "sms.ProviderHealth": "of a provider",
    "sms.SmsDay": "of a merchant or of the platform",
    "sms.SmsReceipt": "of a provider, before we know whose message it is",
    "sms.SmsStop": "the platform's switch",
    "wechat.ChannelAccount": "owned by a tier",
    "wechat.PageTicket": "of an account",
    "wechat.Follower": "unique per account and openid",
    "wechat.Component": "the platform's own",
    "wechat.AuthorisationVisit": "of a person, for any tier",
    "wechat.ApiCall": "of an app id, before anybody knows whose it is",
    "wechat.CallDay": "of an app id",
    "wechat.TemplateBinding": "of an account",
    "wechat.Permit": "of an account",
    "wechat.SceneCode": "of an account",
    "wechat.CallbackDelivery": "received before anybody knows whose it is",
    "wechat.OutgoingMessage": "of an account",
    "wechat.MenuDraft": "of an account",
    "wechat.MenuVersion": "of an account",
    "wechat.ConditionalMenu": "of an account",
    "wechat.ConditionalVersion": "of a menu of an account",
    "wechat.AutoReply": "of an account",
    "wechat.ReplyPicture": "of an account",
    "wechat.TrackedCode": "of an account; some of them of a merchant it is lent to",
    "wechat.CodeScan": "of a code of an account",
    "wechat.OAuthState": "of an account, before the sign-in",
    "wechat.PersonIdentity": "of a person",
    "demo.Made": "a note of the demo to itself, not in production",
    "demo.Day": "a note of the demo to itself, not in production",
    "stamps.ManagerBinding": "one WeChat works for one store of all merchants",
}
UNCHECKED = {
    "accounts.AuditEntry": "written in the transaction that changed rows of the same merchant",
    "core.IdempotencyRecord": "written with what it answers for, and gone after a day",
    "ledger.Transaction": "its entries lie in accounts of the same merchant",
}
"""Whose merchant the database does not check although no other key of theirs leads to it."""
LONGEST_NAME = 54
"""Shards append ``_<number>`` to the names of constraints."""
APPEND_ONLY = {"accounts_auditentry", "ledger_block", "ledger_entry", "ledger_transaction"}

our_models = [m for m in apps.get_models() if m._meta.app_label in OURS]
tenant_models = [m for m in our_models if issubclass(m, TenantModel)]
Model = type[models.Model]


def each(found: Sequence[Model]) -> Callable[[Callable[[Model], None]], Callable[[], None]]:
    """Ask a question of every model in one test: a test for each costs more than the question."""

    def decorate(check: Callable[[Model], None]) -> Callable[[], None]:
        def test() -> None:
            for model in found:
                try:
                    check(model)
                except AssertionError as wrong:
                    wrong.add_note(model._meta.label)
                    raise

        return test

    return decorate


of_tenants = each(tenant_models)


def is_tenants(model: Any) -> bool:
    """Whether a key's target is a tenant's table."""
    return issubclass(model, TenantModel)


def is_constraint(field: Any) -> bool:
    """Whether the database knows a key, too."""
    return bool(field.db_constraint)


def is_required_inside(field: Any) -> bool:
    """Whether it always leads to another row of the same merchant, and the database sees to it."""
    return isinstance(field, TenantForeignKey) and is_constraint(field) and not field.null


@each(our_models)
def test_is_a_tenants_or_global_by_name(model: Model) -> None:
    if issubclass(model, TenantModel):
        assert model._meta.label not in GLOBAL
    else:
        assert model._meta.label in GLOBAL, "a tenant's table, or global for which reason?"


class TestTenantModel:
    @staticmethod
    @of_tenants
    def test_has_the_scoped_manager(model: Model) -> None:
        assert isinstance(model._default_manager, TenantManager)
        assert isinstance(model._base_manager, TenantManager)
        assert all(isinstance(manager, TenantManager) for manager in model._meta.managers)

    @staticmethod
    @of_tenants
    def test_constraints_and_indexes_begin_with_the_merchant(model: Model) -> None:
        unique = [c for c in model._meta.constraints if isinstance(c, models.UniqueConstraint)]
        for rule in [*unique, *model._meta.indexes]:
            first = rule.fields[0].lstrip("-") if rule.fields else str(rule.expressions[0])
            assert "merchant" in first, rule.name

    @staticmethod
    @of_tenants
    def test_uses_nothing_that_forgets_the_merchant(model: Model) -> None:
        for field in model._meta.local_fields:
            assert not isinstance(field, models.OneToOneField), field.name
            assert field.primary_key or not field.unique, field.name
        for many in model._meta.local_many_to_many:
            assert not vars(many.remote_field)["through"]._meta.auto_created, many.name

    @staticmethod
    @of_tenants
    def test_keys_to_tenants_are_tenant_keys_and_others_are_no_constraints(model: Model) -> None:
        for field in model._meta.local_fields:
            if not isinstance(field, models.ForeignKey) or field.name == "merchant":
                continue
            if is_tenants(field.related_model):
                assert isinstance(field, TenantForeignKey), field.name
            else:
                assert not is_constraint(field), field.name

    @staticmethod
    @of_tenants
    def test_an_unchecked_merchant_follows_from_another_key_or_has_a_reason(model: Model) -> None:
        is_checked = is_constraint(model._meta.get_field("merchant"))
        is_implied = any(map(is_required_inside, model._meta.local_fields))
        if model._meta.label in UNCHECKED:
            assert not is_checked, "named as unchecked"
            assert not is_implied, "its other key says it: no reason is needed"
        else:
            assert is_checked or is_implied, "nothing refuses a merchant that there is not"


@each([model for model in our_models if model not in tenant_models])
def test_global_tables_have_no_key_to_tenants(model: Model) -> None:
    for field in model._meta.local_fields:
        if isinstance(field, models.ForeignKey):
            assert not is_tenants(field.related_model), field.name


def rows(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


INDEXES = """
SELECT i.relname, x.indisunique, x.indisprimary,
       array(SELECT a.attname::text FROM unnest(x.indkey::int[]) WITH ORDINALITY k(attnum, place)
             JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
             ORDER BY k.place)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
WHERE x.indrelid = %s::regclass
"""
KEYS = """
SELECT c.conname, c.confrelid::regclass::text, c.confdeltype::text,
       array(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(attnum, place)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
             ORDER BY k.place),
       array(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(attnum, place)
             JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum
             ORDER BY k.place)
FROM pg_constraint c WHERE c.conrelid = %s::regclass AND c.contype = 'f'
"""


@pytest.mark.django_db
class TestCatalogue:
    @staticmethod
    @of_tenants
    def test_merchant_is_the_first_column(model: Model) -> None:
        first = rows(
            "SELECT attname, attnotnull, atttypid::regtype::text FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum = 1",
            model._meta.db_table,
        )
        assert first == [("merchant_id", True, "bigint")]

    @staticmethod
    @of_tenants
    def test_the_primary_key_is_merchant_and_id(model: Model) -> None:
        found = rows(INDEXES, model._meta.db_table)
        assert [columns for _n, _u, primary, columns in found if primary] == [["merchant_id", "id"]]

    @staticmethod
    @of_tenants
    def test_every_index_begins_with_the_merchant(model: Model) -> None:
        for name, _unique, _primary, columns in rows(INDEXES, model._meta.db_table):
            assert columns[0] == "merchant_id", name

    @staticmethod
    @of_tenants
    def test_there_is_no_exclusion_without_the_merchant(model: Model) -> None:
        found = rows(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'x'",
            model._meta.db_table,
        )
        assert found == []

    @staticmethod
    @of_tenants
    def test_keys_to_tenants_are_composite_and_none_is_set_null(model: Model) -> None:
        tables = {tenant._meta.db_table for tenant in tenant_models}
        expected = {
            field.column
            for field in model._meta.local_fields
            if isinstance(field, TenantForeignKey) and is_constraint(field)
        }
        found: set[str] = set()
        is_checked = False
        for name, target, on_delete, columns, theirs in rows(KEYS, model._meta.db_table):
            assert on_delete not in {"n", "d"}, name
            if target in tables:
                assert columns[0] == "merchant_id", name
                assert theirs == ["merchant_id", "id"], name
                found.add(columns[1])
            else:
                assert (target, columns) == ("accounts_merchant", ["merchant_id"]), name
                is_checked = True
        assert found == expected
        assert is_checked == is_constraint(model._meta.get_field("merchant"))

    @staticmethod
    @of_tenants
    def test_names_leave_room_for_the_number_of_a_shard(model: Model) -> None:
        names = rows(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype <> 'n'"
            " UNION SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
            " WHERE x.indrelid = %s::regclass AND x.indisunique",
            model._meta.db_table,
            model._meta.db_table,
        )
        assert [name for (name,) in names if len(name) > LONGEST_NAME] == []

    @staticmethod
    @of_tenants
    def test_append_only_tables_have_their_trigger(model: Model) -> None:
        if model._meta.db_table not in APPEND_ONLY:
            return
        triggers = rows(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
            model._meta.db_table,
        )
        assert triggers


def test_the_append_only_tables_exist() -> None:
    assert {model._meta.db_table for model in tenant_models} >= APPEND_ONLY
