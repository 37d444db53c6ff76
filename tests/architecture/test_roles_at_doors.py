"""Every address of a merchant against every preset role, and those who should not be there.

What is expected is worked out from the rights: an address names one, a role carries it or not.
``docs/rights.md`` shows the same table to people; a test keeps it up to date.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from itertools import cycle
from typing import Any

import pytest
from django.test import Client

from tests.architecture.addresses import ROWS, Address, of_kind
from tests.architecture.knocking import Knocker
from tests.architecture.test_addresses import DATA, send
from tools import rights as table
from zhanggui.accounts import permissions, services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import Membership, Merchant, Person, Role, Tier
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)

pytestmark = [pytest.mark.django_db, pytest.mark.spec("platform P06")]
REFUSED = "E_NOT_ALLOWED"
LOGIN = "/login"


def browser_of(person: Person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def rows_of(merchant: Merchant) -> dict[str, int]:
    """One row of the merchant for every number that stands in an address."""
    named = {name for a in of_kind("merchant") for name, is_number in a.places if is_number}
    return {name: ROWS[name](merchant) for name in sorted(named)}


def outcome(client: Client | Knocker, address: Address, **values: Any) -> str:
    """What the door says, in one word. Refusals come as data, which is quicker than a page."""
    answer = send(client, address, headers=DATA, **values)
    if answer.status_code == HTTPStatus.FORBIDDEN and REFUSED in answer.content.decode():
        return "refused"
    if answer.status_code in {HTTPStatus.FOUND, HTTPStatus.UNAUTHORIZED}:
        is_elsewhere = not answer.get("Location", LOGIN).startswith(LOGIN)
        return "in" if is_elsewhere else "sign-in"
    # 503: WeChat does not answer here
    return "crashed" if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR else "in"


def inside(client: Client, address: Address, merchant: Merchant, rows: dict[str, int]) -> str:
    """The same, with the rows that the address names."""
    numbers = {name: rows[name] for name, is_number in address.places if is_number}
    return outcome(client, address, merchant=merchant.slug, **numbers)


def walk(held: frozenset[str], ask: Callable[[Address], str], kind: str = "merchant") -> list[str]:
    """The addresses whose door answers otherwise than the rights say."""
    wrong = []
    for address in of_kind(kind):
        is_let_in = not address.permission or address.permission in held
        told = ask(address)
        if told != ("in" if is_let_in else "refused"):
            wrong.append(f"/{address.route} ({address.permission}): {told}")
    return wrong


def alike() -> list[list[Role]]:
    """The roles of a merchant, those of the same rights together."""
    by_rights: dict[frozenset[str], list[Role]] = {}
    for role in permissions.PRESETS[Tier.MERCHANT]:
        by_rights.setdefault(permissions.of_role(role, tier=Tier.MERCHANT), []).append(role)
    return list(by_rights.values())


@pytest.mark.parametrize("roles", alike(), ids="-".join)
def test_a_role_opens_exactly_its_doors(knocking: type[Knocker], roles: list[Role]) -> None:
    """Roles of the same rights share the walk: each address is tried by one of them."""
    merchant = make_merchant()
    make_staff(merchant, role=Role.OWNER)
    turns = cycle([knocking(make_staff(merchant, role=role)) for role in roles])
    held = permissions.of_role(roles[0], tier=Tier.MERCHANT)
    assert walk(held, lambda a: outcome(next(turns), a, merchant=merchant.slug)) == []


@pytest.mark.timeout(300)
def test_behind_a_door_there_is_no_second_one() -> None:
    """Each address is entered by the role that may and may do least, or by one without rights."""
    merchant = make_merchant()
    make_staff(merchant, role=Role.OWNER)
    rows = rows_of(merchant)
    by_rights = {
        permissions.of_role(roles[0], tier=Tier.MERCHANT): make_staff(merchant, role=roles[0])
        for roles in alike()
    } | {frozenset[str](): make_staff(merchant)}
    browsers = {held: browser_of(by_rights[held]) for held in sorted(by_rights, key=len)}

    def weakest(address: Address) -> Client:
        return next(
            client
            for held, client in browsers.items()
            if not address.permission or address.permission in held
        )

    everything = frozenset(right.name for right in permissions.known())
    assert walk(everything, lambda a: inside(weakest(a), a, merchant, rows)) == []


@pytest.mark.timeout(300)
def test_a_support_session_opens_exactly_its_doors() -> None:
    merchant = make_merchant()
    make_staff(merchant, role=Role.OWNER)
    helper = make_platform_staff(role=Role.MANAGER)
    services.open_support(
        merchant=merchant,
        operator=None,
        person=helper,
        reason="x",
        minutes=120,
        actor=person_actor(helper),
    )
    client, rows = browser_of(helper), rows_of(merchant)
    assert walk(permissions.of_support(), lambda a: inside(client, a, merchant, rows)) == []


def test_an_own_role_without_rights_opens_what_is_everybodys_only(
    knocking: type[Knocker],
) -> None:
    merchant = make_merchant()
    visitor = knocking(make_staff(merchant))
    assert walk(frozenset(), lambda a: outcome(visitor, a, merchant=merchant.slug)) == []


def test_whoever_was_removed_is_a_stranger(knocking: type[Knocker]) -> None:
    merchant = make_merchant()
    person = make_staff(merchant, role=Role.OWNER)
    Membership.objects.filter(person=person).delete()
    visitor = knocking(person)
    for address in of_kind("merchant"):
        answer = send(visitor, address, merchant=merchant.slug, headers=DATA)
        assert answer.status_code == HTTPStatus.NOT_FOUND, address.route


@pytest.mark.parametrize("tier", [Tier.OPERATOR, Tier.PLATFORM])
def test_a_role_above_opens_exactly_its_doors(knocking: type[Knocker], tier: Tier) -> None:
    operator = make_operator()
    for role in permissions.PRESETS[tier]:
        visitor = knocking(
            make_operator_staff(operator, role=role)
            if tier == Tier.OPERATOR
            else make_platform_staff(role=role)
        )
        ask = partial(outcome, visitor, operator=operator.slug)
        assert walk(permissions.of_role(role, tier=tier), ask, tier.value) == [], role


def test_every_right_explains_itself() -> None:
    silent = [
        right.name for tier in Tier for right in permissions.known(tier) if not right.explanation
    ]
    assert silent == [], "say in one sentence what it lets somebody do"


def test_every_area_of_rights_has_a_heading() -> None:
    bare = {
        area.name for tier in Tier for area, _ in permissions.areas(tier) if area.label == area.name
    }
    assert bare == set(), "permissions.register_area in apps.py"


def test_the_table_in_the_docs_is_up_to_date() -> None:
    assert table.PAGE.read_text(encoding="utf-8") == table.text(), "python -m tools.rights"
