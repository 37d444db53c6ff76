"""Every address of a merchant against every preset role, and those who should not be there.

What is expected is worked out from the rights: an address names one, a role carries it or not.
``docs/rights.md`` shows the same table to people; a test keeps it up to date.
"""

from __future__ import annotations

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


def walk(client: Client, merchant: Merchant, held: frozenset[str]) -> list[str]:
    """The addresses whose door answers otherwise than the rights say."""
    rows = rows_of(merchant)
    wrong = []
    for address in sorted(of_kind("merchant"), key=lambda a: (a.permission, a.route)):
        is_let_in = not address.permission or address.permission in held
        found = outcome(client, address, merchant, rows)
        if found != ("in" if is_let_in else "refused"):
            wrong.append(f"/{address.route} ({address.permission}): {found}")
    return wrong


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", permissions.PRESETS[Tier.MERCHANT])
def test_a_role_opens_exactly_its_doors(role: Role) -> None:
    merchant = make_merchant()
    make_staff(merchant, role=Role.OWNER)
    held = permissions.of_role(role, tier=Tier.MERCHANT)
    assert walk(browser_of(make_staff(merchant, role=role)), merchant, held) == []


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
    assert walk(browser_of(helper), merchant, permissions.of_support()) == []


def test_an_own_role_without_rights_opens_what_is_everybodys_only() -> None:
    merchant = make_merchant()
    assert walk(browser_of(make_staff(merchant)), merchant, frozenset()) == []


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
