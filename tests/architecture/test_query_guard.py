"""The guard over all statements: it must see what is wrong and let pass what is right."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.architecture.query_guard import UnscopedStatement, fault_of
from zhanggui.accounts.models import Store
from zhanggui.accounts.tests.factories import make_merchant, make_store
from zhanggui.core import tenancy

TABLES = frozenset({"card", "store"})


@pytest.mark.parametrize(
    "statement",
    [
        'SELECT "card"."id" FROM "card" WHERE "card"."merchant_id" = %s',
        'SELECT 1 AS "a" FROM "card" WHERE ("card"."id" = %s AND "card"."merchant_id" IN (%s))',
        (
            'SELECT * FROM "card" INNER JOIN "store" ON ("card"."store_id" = "store"."id" AND '
            '("card"."merchant_id" = ("store"."merchant_id"))) WHERE "card"."merchant_id" = %s'
        ),
        (
            "SELECT c.id FROM card c JOIN store AS s ON s.merchant_id = c.merchant_id "
            "WHERE c.merchant_id = %s"
        ),
        'UPDATE "card" SET "n" = %s WHERE ("card"."merchant_id" = %s AND "card"."id" = %s)',
        (
            "WITH used AS (UPDATE card SET n = 1 WHERE merchant_id = %s RETURNING id) "
            "SELECT id FROM used"
        ),
        "DELETE FROM card WHERE merchant_id = %s AND id = %s",
        'INSERT INTO "card" ("merchant_id", "n") VALUES (%s, %s) RETURNING "card"."id"',
        "SELECT 1 FROM person WHERE id = 1",
        "CREATE TABLE card (id int)",
        "SELECT 'FROM card '",
    ],
)
def test_lets_pass(statement: str) -> None:
    assert fault_of(statement, TABLES) == ""


@pytest.mark.parametrize(
    "statement",
    [
        'SELECT "card"."id" FROM "card" WHERE "card"."id" = %s',
        "SELECT count(*) FROM card",
        (
            'SELECT * FROM "card" INNER JOIN "store" ON ("card"."store_id" = "store"."id") '
            'WHERE "card"."merchant_id" = %s'
        ),
        'UPDATE "card" SET "n" = %s WHERE "card"."id" = %s',
        "DELETE FROM card WHERE id = %s",
        'INSERT INTO "card" ("n") VALUES (%s)',
        (
            'SELECT * FROM "card" WHERE "card"."merchant_id" = %s AND EXISTS '
            '(SELECT 1 FROM "store" U0 WHERE U0."id" = "card"."store_id")'
        ),
        'SELECT "card"."merchant_id" FROM "card" ORDER BY "card"."merchant_id"',
        "SELECT 1 FROM card WHERE note = 'merchant_id = 1'",
        'UPDATE "card" SET "merchant_id" = %s WHERE "card"."merchant_id" = %s',
    ],
)
def test_refuses(statement: str) -> None:
    assert fault_of(statement, TABLES) != ""


@pytest.mark.django_db
class TestWatchesDjango:
    def test_a_bare_statement_fails_the_test(self) -> None:
        with connection.cursor() as cursor, pytest.raises(UnscopedStatement):
            cursor.execute("SELECT count(*) FROM accounts_store")

    def test_a_scoped_query_passes(self) -> None:
        merchant = make_merchant()
        make_store(merchant)
        with tenancy.merchant_scope(merchant.pk):
            assert Store.objects.count() == 1

    def test_all_merchants_passes(self) -> None:
        make_store(make_merchant())
        with tenancy.all_merchants("test of the guard"):
            assert Store.objects.count() == 1
