"""The ledger: balanced, append-only, reversed once, checked."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.core import tenancy
from zhanggui.ledger import checks, services
from zhanggui.ledger.errors import (
    AlreadyBooked,
    AlreadyReversed,
    NotBalanced,
    ReversalOfReversal,
)
from zhanggui.ledger.models import Account, Entry, Transaction, Unit

ZONE = "Asia/Shanghai"


@pytest.fixture(autouse=True)
def _scope(db: None) -> Iterator[None]:
    with tenancy.merchant_scope(make_merchant("tea").pk):
        yield


def book(amount: int = 1, cause: str = "test:1") -> Transaction:
    """Move units from ``issue:1`` to ``card:1``."""
    issue = services.open_account(unit=Unit.STAMP, code="issue:1", is_cached=False)
    card = services.open_account(unit=Unit.STAMP, code="card:1")
    return services.book(
        unit=Unit.STAMP,
        event="tests.given",
        cause=cause,
        amounts={issue.pk: -amount, card.pk: amount},
        zone=ZONE,
    )


def balance() -> int:
    """The cached balance of ``card:1``."""
    return Account.objects.get(code="card:1").balance


class TestAccounts:
    def test_of_one_code_is_one(self) -> None:
        first = services.open_account(unit=Unit.STAMP, code="card:9")
        again = services.open_account(unit=Unit.STAMP, code="card:9")

        assert first.pk == again.pk


class TestBook:
    def test_writes_two_sides_and_the_balance(self) -> None:
        booked = book(3)

        assert sorted(Entry.objects.values_list("amount", flat=True)) == [-3, 3]
        assert balance() == 3
        assert booked.event == "tests.given"

    @pytest.mark.parametrize(
        "amounts", [{}, {1: 1}, {1: 1, 2: -2}, {1: 0, 2: 0}, {1: 0.5, 2: -0.5}]
    )
    def test_refuses_what_does_not_balance(self, amounts: dict[int, int]) -> None:
        with pytest.raises(NotBalanced):
            services.book(unit=Unit.STAMP, event="x", cause="x:1", amounts=amounts, zone=ZONE)
        assert not Transaction.objects.exists()

    def test_books_a_cause_once(self) -> None:
        book()
        with pytest.raises(AlreadyBooked):
            book()

        assert Transaction.objects.count() == 1
        assert balance() == 1


class TestReverse:
    def test_takes_everything_back(self) -> None:
        services.reverse(original=book(2), event="tests.taken", cause="back:1", zone=ZONE)

        assert balance() == 0
        assert checks.findings() == []

    def test_works_once(self) -> None:
        booked = book()
        services.reverse(original=booked, event="tests.taken", cause="back:1", zone=ZONE)
        with pytest.raises(AlreadyReversed):
            services.reverse(original=booked, event="tests.taken", cause="back:2", zone=ZONE)

        assert balance() == 0

    @pytest.mark.spec("stamps D33")
    def test_of_a_reversal_is_refused(self) -> None:
        back = services.reverse(original=book(), event="tests.taken", cause="b:1", zone=ZONE)
        with pytest.raises(ReversalOfReversal):
            services.reverse(original=back, event="tests.taken", cause="b:2", zone=ZONE)


class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ledger_entry SET amount = amount + 1",
            "DELETE FROM ledger_entry",
            "UPDATE ledger_transaction SET event = 'x'",
            "DELETE FROM ledger_transaction",
            "TRUNCATE ledger_entry",
            "TRUNCATE ledger_transaction CASCADE",
        ],
    )
    def test_the_database_refuses(self, statement: str) -> None:
        book()
        with (
            tenancy.all_merchants("somebody with the database's password"),
            pytest.raises(DatabaseError, match="append-only"),
        ):
            _run_at_once(statement)
        assert balance() == 1
        assert checks.findings() == []


def check() -> tuple[int, str]:
    """Run the command; its exit code and what it complains about."""
    complaints = StringIO()
    try:
        call_command("verify_ledger", stdout=StringIO(), stderr=complaints)
    except SystemExit as end:
        return int(str(end.code)), complaints.getvalue()
    return 0, complaints.getvalue()


class TestCheck:
    def test_is_content_with_a_good_ledger(self) -> None:
        services.reverse(original=book(2), event="t", cause="b:1", zone=ZONE)

        assert check() == (0, "")

    def test_finds_a_wrong_balance(self) -> None:
        book(2)
        Account.objects.filter(code="card:1").update(balance=5)
        code, complaints = check()

        assert code == 1
        assert "tea: What pages show is the sum of its entries (ledger.account)" in complaints
        assert "is 5, should be 2" in complaints

    def test_finds_a_transaction_that_does_not_sum_to_zero(self) -> None:
        booked = book(2)
        account = services.open_account(unit=Unit.STAMP, code="issue:1")
        Entry(transaction=booked, account=account, amount=1).save()
        code, complaints = check()

        assert code == 1
        assert "sums to 0" in complaints

    def test_finds_a_reversal_that_is_not_the_opposite(self) -> None:
        booked = book(2)
        issue = Account.objects.get(code="issue:1")
        card = Account.objects.get(code="card:1")
        services.book(
            unit=Unit.STAMP,
            event="t",
            cause="b:1",
            amounts={issue.pk: 1, card.pk: -1},
            zone=ZONE,
            reverses_id=booked.pk,
        )
        code, complaints = check()

        assert code == 1
        assert "opposite" in complaints


def _run_at_once(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)
