"""Smallest valid rows of accounts; a test names only what it is about."""

from __future__ import annotations

from itertools import count

from django.contrib.auth.hashers import make_password

from zhanggui.accounts.actors import Actor, system_actor
from zhanggui.accounts.models import (
    Membership,
    Merchant,
    Operator,
    Person,
    Role,
    RoleSet,
    Store,
    StoreState,
    Tier,
    TierState,
)
from zhanggui.accounts.permissions import at
from zhanggui.core import tenancy

PASSWORD = "red-seal-48"
_PASSWORD_HASH = ""
_numbers = count(1)

ACTOR: Actor = system_actor("tests")


def _password_hash() -> str:
    # hashing is slow by design; all test people share one password
    global _PASSWORD_HASH  # noqa: PLW0603
    _PASSWORD_HASH = _PASSWORD_HASH or make_password(PASSWORD)
    return _PASSWORD_HASH


def new_phone() -> str:
    """A phone number nobody in this process has, in E.164."""
    return f"+86139{next(_numbers):08d}"


def make_person(name: str = "李店长", *, phone: str | None = "") -> Person:
    """A person with ``PASSWORD``; ``phone=None`` makes one who signs in by WeChat alone."""
    person = Person(name=name, password=_password_hash())
    if phone is not None:
        person.set_phone(phone or new_phone())
    person.save()
    return person


def make_operator(slug: str = "", *, name: str = "", state: str = TierState.ACTIVE) -> Operator:
    """An operator."""
    slug = slug or f"operator-{next(_numbers)}"
    return Operator.objects.create(slug=slug, name=name or slug.title(), state=state)


def make_merchant(
    slug: str = "",
    *,
    name: str = "",
    operator: Operator | None = None,
    state: str = TierState.ACTIVE,
) -> Merchant:
    """A merchant."""
    slug = slug or f"merchant-{next(_numbers)}"
    return Merchant.objects.create(
        slug=slug, name=name or slug.title(), operator=operator, state=state
    )


def make_store(
    merchant: Merchant, name: str = "", *, state: str = StoreState.OPEN, address: str = ""
) -> Store:
    """A store of a merchant."""
    with tenancy.merchant_scope(merchant.pk):
        store = Store(name=name or f"Store {next(_numbers)}", state=state, address=address)
        store.save()
    store.merchant = merchant
    return store


def make_role(place: Merchant | Operator | None, *permissions: str, name: str = "") -> RoleSet:
    """An own role of a place with exactly these rights, even none."""
    return RoleSet.objects.create(
        name=name or f"Role {next(_numbers)}", rights=list(permissions), **at(place)
    )


def make_staff(
    merchant: Merchant, *permissions: str, role: Role | None = None, name: str = "王小店"
) -> Person:
    """A person of a merchant with exactly these rights, or with a role."""
    person = make_person(name)
    Membership.objects.create(
        person=person,
        tier=Tier.MERCHANT,
        merchant=merchant,
        role=role or Role.CUSTOM,
        role_set=None if role else make_role(merchant, *permissions),
    )
    return person


def make_operator_staff(
    operator: Operator, *permissions: str, role: Role | None = None, name: str = "陈运营"
) -> Person:
    """A person of an operator with exactly these rights, or with a role."""
    person = make_person(name)
    Membership.objects.create(
        person=person,
        tier=Tier.OPERATOR,
        operator=operator,
        role=role or Role.CUSTOM,
        role_set=None if role else make_role(operator, *permissions),
    )
    return person


def make_platform_staff(
    *permissions: str, role: Role | None = None, name: str = "赵平台"
) -> Person:
    """A person of the platform with exactly these rights, or with a role."""
    person = make_person(name)
    Membership.objects.create(
        person=person,
        tier=Tier.PLATFORM,
        role=role or Role.CUSTOM,
        role_set=None if role else make_role(None, *permissions),
    )
    return person


def membership_of(person: Person, merchant: Merchant) -> Membership:
    """The membership of a person at a merchant."""
    return Membership.objects.get(person=person, merchant=merchant)


__all__ = [
    "ACTOR",
    "PASSWORD",
    "make_merchant",
    "make_operator",
    "make_operator_staff",
    "make_person",
    "make_platform_staff",
    "make_role",
    "make_staff",
    "make_store",
    "membership_of",
    "new_phone",
]
