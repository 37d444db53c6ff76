"""Every address is guarded, and each guard keeps out who has no business there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.architecture.addresses import ROWS, Address, addresses, of_kind
from zhanggui.accounts import permissions
from zhanggui.accounts.models import Role, Tier, TierState
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)

KINDS = {
    "public": "everybody",
    "signed-in": "whoever signed in",
    "merchant": "people of the merchant",
    "operator": "people of the operator",
    "platform": "people of the platform",
    "customer": "the merchant's customers in WeChat",
    "staff": "whoever signed in through the platform's account",
    "manager": "store managers",
    "wechat-signature": "WeChat itself",
}
DEVELOPMENT = "ui/"
"""The living page of components; it shows no data and is not there in production."""


def name_of(address: Address) -> str:
    return f"/{address.route}"


def send(client: Client, address: Address, **values: Any) -> Any:
    """GET, or POST where only that is allowed."""
    headers = values.pop("headers", {})
    path = address.path(**values)
    answer = client.get(path, headers=headers)
    return client.post(path, headers=headers) if answer.status_code == 405 else answer


def behind(*kinds: str) -> pytest.MarkDecorator:
    found = [address for kind in kinds for address in of_kind(kind)]
    return pytest.mark.parametrize("address", found, ids=name_of)


merchants = behind("merchant")
operators = behind("operator")
platforms = behind("platform")
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", addresses(), ids=name_of)
def test_has_a_guard_we_know(address: Address) -> None:
    if address.route.startswith(DEVELOPMENT):
        return
    assert address.kind in KINDS, f"say who may open /{address.route}"


@merchants
def test_names_a_right_that_exists(address: Address) -> None:
    known = {permission.name for permission in permissions.known(Tier.MERCHANT)}
    assert not address.permission or address.permission in known


def test_every_number_in_an_address_can_be_made() -> None:
    named = {name for a in of_kind("merchant") for name, is_number in a.places if is_number}
    assert named <= set(ROWS), "add the row to tests/architecture/addresses.py"


@behind("merchant", "operator", "platform", "signed-in")
class TestAnonymous:
    def test_is_led_to_the_sign_in(self, client: Client, address: Address) -> None:
        answer = send(client, address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login?next=%2F")

    @pytest.mark.parametrize(
        "headers", [{"HX-Request": "true"}, {"Accept": "application/json"}], ids=["htmx", "json"]
    )
    def test_gets_401_for_pieces(
        self, client: Client, address: Address, headers: dict[str, str]
    ) -> None:
        assert send(client, address, headers=headers).status_code == 401


@behind("customer", "staff", "manager")
def test_phone_pages_give_anonymous_pieces_401(client: Client, address: Address) -> None:
    merchant = make_merchant()
    answer = send(client, address, merchant=merchant.slug, headers={"HX-Request": "true"})
    assert answer.status_code == 401


@merchants
class TestMerchant:
    def test_stranger(self, client: Client, address: Address) -> None:
        client.force_login(make_staff(make_merchant(), role=Role.OWNER))
        assert send(client, address, merchant=make_merchant().slug).status_code == 404

    def test_platform_and_operator_are_strangers(self, client: Client, address: Address) -> None:
        operator = make_operator()
        merchant = make_merchant(operator=operator)
        for person in (
            make_operator_staff(operator, role=Role.OWNER),
            make_platform_staff(role=Role.OWNER),
        ):
            client.force_login(person)
            assert send(client, address, merchant=merchant.slug).status_code == 404

    def test_unknown_merchant(self, client: Client, address: Address) -> None:
        client.force_login(make_staff(make_merchant(), role=Role.OWNER))
        assert send(client, address, merchant="nobody").status_code == 404

    def test_colleague_without_the_right(self, client: Client, address: Address) -> None:
        merchant = make_merchant()
        rights = {permission.name for permission in permissions.known(Tier.MERCHANT)}
        client.force_login(make_staff(merchant, *(rights - {address.permission})))
        answer = send(client, address, merchant=merchant.slug)
        # without a named right everybody who works here is let in; what is not there is 404
        assert (answer.status_code == 403) == bool(address.permission)

    def test_frozen_merchant(self, client: Client, address: Address) -> None:
        merchant = make_merchant(state=TierState.FROZEN)
        client.force_login(make_staff(merchant, role=Role.OWNER))
        assert send(client, address, merchant=merchant.slug).status_code == 403


def numbered() -> list[tuple[Address, str]]:
    """Each merchant's address once for each number in it."""
    return [
        (address, name)
        for address in of_kind("merchant")
        for name, is_number in address.places
        if is_number
    ]


@pytest.mark.parametrize(
    ("address", "foreign"), numbered(), ids=[f"{name_of(a)}-{name}" for a, name in numbered()]
)
def test_rows_of_another_merchant_are_not_there(
    client: Client, address: Address, foreign: str
) -> None:
    mine, theirs = make_merchant(), make_merchant()
    client.force_login(make_staff(mine, role=Role.OWNER))
    values = {
        name: ROWS[name](theirs if name == foreign else mine)
        for name, is_number in address.places
        if is_number
    }
    assert send(client, address, merchant=mine.slug, **values).status_code == 404


@operators
class TestOperator:
    def test_stranger(self, client: Client, address: Address) -> None:
        client.force_login(make_operator_staff(make_operator(), role=Role.OWNER))
        assert send(client, address, operator=make_operator().slug).status_code == 404

    def test_colleague_without_the_right(self, client: Client, address: Address) -> None:
        operator = make_operator()
        rights = {permission.name for permission in permissions.known(Tier.OPERATOR)}
        client.force_login(make_operator_staff(operator, *(rights - {address.permission})))
        assert send(client, address, operator=operator.slug).status_code == 403

    def test_frozen_operator(self, client: Client, address: Address) -> None:
        operator = make_operator(state=TierState.FROZEN)
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        assert send(client, address, operator=operator.slug).status_code == 403


@platforms
class TestPlatform:
    def test_stranger(self, client: Client, address: Address) -> None:
        client.force_login(make_staff(make_merchant(), role=Role.OWNER))
        assert send(client, address).status_code == 404

    def test_colleague_without_the_right(self, client: Client, address: Address) -> None:
        rights = {permission.name for permission in permissions.known(Tier.PLATFORM)}
        client.force_login(make_platform_staff(*(rights - {address.permission})))
        assert send(client, address).status_code == 403


@behind("operator")
def test_an_operator_reaches_no_merchant_of_another(client: Client, address: Address) -> None:
    if "slug" not in dict(address.places):
        return
    mine = make_operator()
    foreign = make_merchant(operator=make_operator())
    client.force_login(make_operator_staff(mine, role=Role.OWNER))
    answer = send(client, address, operator=mine.slug, slug=foreign.slug)
    assert answer.status_code == 404
