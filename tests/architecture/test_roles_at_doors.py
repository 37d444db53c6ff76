"""Every address of a merchant against every preset role, and those who should not be there.

What is expected is worked out from the rights: an address names one, a role carries it or not.
``docs/rights.md`` shows the same table to people; a test keeps it up to date.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import pytest
from django.test import Client

from tests.architecture.addresses import ROWS, Address, of_kind
from tests.architecture.test_addresses import send
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


def browser_of(person: Person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def rows_of(merchant: Merchant) -> dict[str, int]:
    """One row of the merchant for every number that stands in an address."""
    named = {name for a in of_kind("merchant") for name, is_number in a.places if is_number}
    return {name: ROWS[name](merchant) for name in sorted(named)}


def outcome(client: Client, address: Address, merchant: Merchant, rows: dict[str, int]) -> Any:
    """What the door says, in one word."""
    numbers = {name: rows[name] for name, is_number in address.places if is_number}
    answer = send(client, address, merchant=merchant.slug, **numbers)
    if answer.status_code == 403 and REFUSED in answer.content.decode():
        return "refused"
    if answer.status_code == 302 and answer["Location"].startswith("/login"):
        return "sign-in"
    return "crashed" if answer.status_code == 500 else "in"  # 503: WeChat does not answer here


def walk(
    clients: Sequence[Client], merchant: Merchant, held: frozenset[str], rows: dict[str, int]
) -> list[str]:
    """The addresses whose door answers otherwise than the rights say; clients take turns."""
    wrong = []
    found = sorted(of_kind("merchant"), key=lambda a: (a.permission, a.route))
    for address, client in zip(found, cycle(clients)):
        is_let_in = not address.permission or address.permission in held
        told = outcome(client, address, merchant, rows)
        if told != ("in" if is_let_in else "refused"):
            wrong.append(f"/{address.route} ({address.permission}): {told}")
    return wrong


def alike() -> list[list[Role]]:
    """The roles of a merchant, those of the same rights together."""
    by_rights: dict[frozenset[str], list[Role]] = {}
    for role in permissions.PRESETS[Tier.MERCHANT]:
        by_rights.setdefault(permissions.of_role(role, tier=Tier.MERCHANT), []).append(role)
    return list(by_rights.values())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("roles", alike(), ids="-".join)
def test_a_role_opens_exactly_its_doors(roles: list[Role]) -> None:
    """Roles of the same rights share the walk: each address is tried by one of them."""
    merchant = make_merchant()
    make_staff(merchant, role=Role.OWNER)
    people = [make_staff(merchant, role=role) for role in roles]
    held = permissions.of_role(roles[0], tier=Tier.MERCHANT)
    rows = rows_of(merchant)
    assert walk([browser_of(person) for person in people], merchant, held, rows) == []


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
    assert walk([browser_of(helper)], merchant, permissions.of_support(), rows_of(merchant)) == []


def test_an_own_role_without_rights_opens_what_is_everybodys_only() -> None:
    merchant = make_merchant()
    client = browser_of(make_staff(merchant))
    assert walk([client], merchant, frozenset(), rows_of(merchant)) == []


def test_whoever_was_removed_is_a_stranger() -> None:
    merchant = make_merchant()
    person = make_staff(merchant, role=Role.OWNER)
    client = browser_of(person)
    Membership.objects.filter(person=person).delete()
    for address in of_kind("merchant"):
        assert send(client, address, merchant=merchant.slug).status_code == 404, address.route


@pytest.mark.parametrize("tier", [Tier.OPERATOR, Tier.PLATFORM])
def test_a_role_above_opens_exactly_its_doors(tier: Tier) -> None:
    operator = make_operator()
    for role in permissions.PRESETS[tier]:
        maker = make_operator_staff if tier == Tier.OPERATOR else None
        person = maker(operator, role=role) if maker else make_platform_staff(role=role)
        client = browser_of(person)
        held = permissions.of_role(role, tier=tier)
        for address in of_kind(tier.value):
            if address.permission and address.permission not in held:
                answer = send(client, address, operator=operator.slug)
                assert answer.status_code == 403, (role, address.route)


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
