"""One merchant's rows and nobody else's, in Python and in the database."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from zhanggui.accounts.models import ActorKind, AuditEntry, Store
from zhanggui.accounts.tests.factories import make_merchant, make_store
from zhanggui.core import tenancy
from zhanggui.core.tenancy import NoScope

pytestmark = pytest.mark.django_db


class TestWithoutScope:
    def test_a_query_raises(self) -> None:
        with pytest.raises(NoScope, match="merchant_scope"):
            Store.objects.count()

    def test_a_new_row_raises(self) -> None:
        with pytest.raises(NoScope):
            Store(name="Nowhere").save()

    def test_a_scope_over_all_names_no_merchant_for_a_new_row(self) -> None:
        with tenancy.all_merchants("test"), pytest.raises(NoScope, match="one merchant"):
            Store(name="Nowhere").save()

    def test_all_merchants_wants_a_reason(self) -> None:
        with pytest.raises(ValueError, match="why"), tenancy.all_merchants(""):
            pass


class TestInScope:
    def test_sees_its_own_rows_only(self) -> None:
        tea, coffee = make_merchant("tea"), make_merchant("coffee")
        mine = make_store(tea)
        theirs = make_store(coffee)
        with tenancy.merchant_scope(tea.pk):
            assert list(Store.objects.all()) == [mine]
            assert not Store.objects.filter(pk=theirs.pk).exists()
            with pytest.raises(Store.DoesNotExist):
                Store.objects.get(pk=theirs.pk)

    def test_all_merchants_sees_everything(self) -> None:
        make_store(make_merchant("tea"))
        make_store(make_merchant("coffee"))
        with tenancy.all_merchants("test"):
            assert Store.objects.count() == 2

    def test_a_new_row_takes_the_merchant_of_the_scope(self) -> None:
        tea = make_merchant("tea")
        with tenancy.merchant_scope(tea.pk):
            store = Store(name="South")
            store.save()
        assert store.merchant_id == tea.pk

    def test_saving_another_merchants_row_is_refused(self) -> None:
        tea, coffee = make_merchant("tea"), make_merchant("coffee")
        theirs = make_store(coffee, "Theirs")
        theirs.name = "Mine"
        with tenancy.merchant_scope(tea.pk), pytest.raises(NoScope, match="another merchant"):
            theirs.save(update_fields=["name"])
        with tenancy.merchant_scope(coffee.pk):
            assert Store.objects.get().name == "Theirs"

    def test_no_row_changes_its_merchant(self) -> None:
        tea, coffee = make_merchant("tea"), make_merchant("coffee")
        store = make_store(tea)
        store.merchant_id = coffee.pk
        moved = pytest.raises(DatabaseError, match="did not affect any rows")
        with tenancy.merchant_scope(coffee.pk), moved, transaction.atomic():
            store.save(force_update=True)
        with tenancy.merchant_scope(tea.pk):
            assert Store.objects.filter(pk=store.pk).exists()

    def test_the_inner_scope_ends_with_its_block(self) -> None:
        tea, coffee = make_merchant("tea"), make_merchant("coffee")
        with tenancy.merchant_scope(tea.pk):
            with tenancy.merchant_scope(coffee.pk):
                assert tenancy.current_merchant_id() == coffee.pk
            assert tenancy.current_merchant_id() == tea.pk
        with pytest.raises(NoScope):
            tenancy.current()

    def test_an_error_closes_the_scope(self) -> None:
        with pytest.raises(ZeroDivisionError), tenancy.merchant_scope(1):
            _ = 1 / 0
        with pytest.raises(NoScope):
            tenancy.current()

    def test_joins_and_lazy_access_name_the_merchant(self) -> None:
        tea = make_merchant("tea")
        store = make_store(tea, "South")
        with tenancy.merchant_scope(tea.pk):
            AuditEntry(actor_kind=ActorKind.SYSTEM, action="x.y", target="z:1", store=store).save()
            joined = AuditEntry.objects.filter(store__name="South").select_related("store")
            sql = str(joined.query)
            assert '"accounts_store"."merchant_id" = ("accounts_auditentry"."merchant_id")' in sql
            entry = AuditEntry.objects.get()
            assert entry.store == store


def insert_entry(*, merchant_id: int, store_id: int) -> None:
    """One row by SQL alone, with its constraints checked at once."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_auditentry (merchant_id, at, actor_kind, action, target,"
            " store_id, details, device)"
            " VALUES (%s, now(), 'system', 'a', 'b', %s, '{}', '')",
            [merchant_id, store_id],
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class TestDatabase:
    def test_refuses_a_reference_across_merchants(self) -> None:
        tea, coffee = make_merchant("tea"), make_merchant("coffee")
        foreign = make_store(coffee)
        with pytest.raises(IntegrityError, match="foreign key"):
            insert_entry(merchant_id=tea.pk, store_id=foreign.pk)

    def test_takes_a_reference_inside_the_merchant(self) -> None:
        tea = make_merchant("tea")
        own = make_store(tea)
        insert_entry(merchant_id=tea.pk, store_id=own.pk)
        with tenancy.merchant_scope(tea.pk):
            assert AuditEntry.objects.count() == 1
