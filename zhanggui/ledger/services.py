"""Double entry for every unit: open accounts, book, reverse.

Every function runs in the open merchant scope and in the caller's transaction.
Source: stamps specification 5.6.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import IntegrityError, connection, transaction
from django.db.models import F

from zhanggui.core import clock, constraints, tenancy, tokens
from zhanggui.ledger.errors import (
    AlreadyBooked,
    AlreadyReversed,
    NotBalanced,
    NotEnough,
    ReversalOfReversal,
)
from zhanggui.ledger.models import NEVER_BELOW_ZERO, Account, Entry, Transaction, Unit

_OPEN = """
INSERT INTO ledger_account (merchant_id, unit, code, balance, is_cached)
VALUES (%s, %s, %s, 0, %s)
ON CONFLICT (merchant_id, unit, code) DO NOTHING
"""


def open_account(*, unit: Unit, code: str, is_cached: bool = True) -> Account:
    """The account of this code, made when it is not there yet.

    Args:
        unit: what it counts.
        code: ``card:17``, ``issue:3``; unique in the merchant and unit.
        is_cached: False for an account that many write at once.
    """
    found = Account.objects.filter(unit=unit, code=code).first()
    if found is not None:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [tenancy.current_merchant_id(), unit, code, is_cached])
    return Account.objects.get(unit=unit, code=code)


def open_account_of_new_row(*, unit: Unit) -> Account:
    """An account for a row that has no id yet; ``name_account`` names it afterwards."""
    account = Account(
        merchant_id=tenancy.current_merchant_id(),
        unit=unit,
        code=f"new:{tokens.new_token()}",
        is_cached=False,
    )
    account.save(force_insert=True)
    return account


def name_account(account: Account, code: str) -> None:
    """Name the account after its row, for example ``card:17``."""
    account.code = code
    account.save(update_fields=["code"])


def book(
    *,
    unit: Unit,
    event: str,
    cause: str,
    amounts: Mapping[int, int],
    zone: str,
    store_id: int | None = None,
    reverses_id: int | None = None,
) -> Transaction:
    """Book one event.

    Args:
        unit: what is moved.
        event: for example ``stamps.accumulated``.
        cause: what it refers to, for example ``code:17``; books once in the merchant.
        amounts: account id to whole amount; together zero, none of them zero.
        zone: decides the business date.
        store_id: where it happened.
        reverses_id: the transaction this one takes back.

    Raises:
        NotBalanced: the amounts are not whole numbers other than 0 that sum to 0; a bug.
        AlreadyBooked: the cause was booked before (409).
        AlreadyReversed: the original was taken back before (409).
        NotEnough: an account of money or of segments would go below zero (409).
    """
    check_balanced(amounts)
    moment = clock.now()
    try:
        with transaction.atomic():
            booked = Transaction(
                unit=unit,
                event=event,
                cause=cause,
                reverses_id=reverses_id,
                store_id=store_id,
                at=moment,
                business_date=clock.local_date(moment, zone),
            )
            booked.save(force_insert=True)
            Entry.objects.bulk_create(
                Entry(
                    merchant_id=booked.merchant_id,
                    transaction=booked,
                    account_id=account_id,
                    amount=amount,
                )
                for account_id, amount in amounts.items()
            )
            for account_id in sorted(amounts):  # one order for all, so that nobody deadlocks
                _move(unit, account_id, amounts[account_id])
    except IntegrityError as error:
        raise _refusal(error) from error
    return booked


def _move(unit: Unit, account_id: int, amount: int) -> None:
    """Keep the balance; of what can be spent, the row count of one statement decides."""
    kept = Account.objects.filter(pk=account_id, is_cached=True)
    is_spent = amount < 0 and unit in NEVER_BELOW_ZERO
    enough = kept.filter(balance__gte=-amount) if is_spent else kept
    if not enough.update(balance=F("balance") + amount) and is_spent and kept.exists():
        raise NotEnough


def reverse(
    *, original: Transaction, event: str, cause: str, zone: str, store_id: int | None = None
) -> Transaction:
    """Book the opposite of a transaction, once.

    Raises:
        ReversalOfReversal: the original is itself a reversal (409, D33).
        AlreadyReversed: it was taken back before (409).
    """
    if original.reverses_id is not None:
        raise ReversalOfReversal
    entries = Entry.objects.filter(transaction=original).values_list("account_id", "amount")
    return book(
        unit=Unit(original.unit),
        event=event,
        cause=cause,
        amounts={account_id: -amount for account_id, amount in entries},
        zone=zone,
        store_id=store_id if store_id is not None else original.store_id,
        reverses_id=original.pk,
    )


def check_balanced(amounts: Mapping[int, int]) -> None:
    """Refuse amounts that do not sum to zero.

    Raises:
        NotBalanced: a bug in the caller.
    """
    values = list(amounts.values())
    is_whole = all(type(value) is int and value != 0 for value in values)
    if not values or not is_whole or sum(values) != 0:
        raise NotBalanced(values)


def _refusal(error: IntegrityError) -> Exception:
    name = constraints.violated(error)
    if name == "one_reversal_each":
        return AlreadyReversed()
    if name == "one_booking_per_cause":
        return AlreadyBooked()
    if name == "nothing_spent_twice":
        return NotEnough()
    return error
