"""Every address is guarded, and each guard keeps out who has no business there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import groupby
from typing import Any

import pytest
from django.test import Client

from tests.architecture.addresses import ROWS, Address, addresses, of_kind
from tests.architecture.knocking import Knocker
from zhanggui.accounts import permissions
from zhanggui.accounts.models import Merchant, Role, Tier, TierState
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)
from zhanggui.api.tests.factories import make_caller

KINDS = {
    "public": "everybody",
    "signed-in": "whoever signed in",
    "merchant": "people of the merchant",
    "operator": "people of the operator",
    "platform": "people of the platform",
    "customer": "the merchant's customers in WeChat",
    "staff": "whoever signed in through the platform's account",
    "manager": "store managers",
    "mini": "customers in the merchant's mini program",
    "token": "whoever holds a token of the merchant",
    "wechat-signature": "WeChat itself",
    "wechat-pay-signature": "WeChat Pay itself",
}
DEVELOPMENT = "ui/"
"""The living page of components; it shows no data and is not there in production."""
DATA = {"Accept": "application/json"}
PIECE = {"HX-Request": "true"}
"""A refusal is short then; a whole page of regret takes several times as long to make."""
POST_ONLY: set[str] = set()
"""Routes that have answered 405 to a GET; nobody's rights change that."""


def refused(addresses: Iterable[Address], ask: Callable[[Address], Any], status: int) -> list[str]:
    """The addresses that answer something else, with what they answer.

    One walk over all of them, not a test for each: there are hundreds, and a test of its own costs
    more than the question.
    """
    found = [(address, ask(address).status_code) for address in addresses]
    return [f"/{address.route}: {told}" for address, told in found if told != status]


def send(visitor: Client | Knocker, address: Address, **values: Any) -> Any:
    """GET, or POST where only that is allowed."""
    headers = values.pop("headers", {})
    if address.route not in POST_ONLY:
        answer = _ask(visitor, "GET", address, headers, values)
        if answer.status_code != 405:
            return answer
        POST_ONLY.add(address.route)
    return _ask(visitor, "POST", address, headers, values)


def _ask(
    visitor: Client | Knocker,
    method: str,
    address: Address,
    headers: dict[str, str],
    values: dict[str, Any],
) -> Any:
    if isinstance(visitor, Knocker):
        return visitor.ask(method, address, headers, **values)
    ask = visitor.get if method == "GET" else visitor.post
    return ask(address.path(**values), headers=headers)


pytestmark = [pytest.mark.django_db, pytest.mark.timeout(180)]
MERCHANT, OPERATOR, PLATFORM = (of_kind(kind) for kind in ("merchant", "operator", "platform"))
TOKEN = of_kind("token")
STAFF = [*MERCHANT, *OPERATOR, *PLATFORM, *of_kind("signed-in")]
PHONES = [*of_kind("customer"), *of_kind("staff"), *of_kind("manager"), *of_kind("mini")]


def by_permission(found: list[Address]) -> list[tuple[str, list[Address]]]:
    """The addresses of each right."""
    ordered = sorted(found, key=lambda address: address.permission)
    return [(name, list(group)) for name, group in groupby(ordered, lambda a: a.permission)]


def all_but(permission: str, tier: Tier) -> set[str]:
    """Every right of a tier without one."""
    return {known.name for known in permissions.known(tier)} - {permission}


def test_there_is_something_to_walk() -> None:
    assert min(map(len, (MERCHANT, OPERATOR, PLATFORM, PHONES))) > 5


def test_each_has_a_guard_we_know() -> None:
    unknown = [f"/{a.route}" for a in addresses() if a.kind not in KINDS]
    assert [route for route in unknown if not route.startswith(f"/{DEVELOPMENT}")] == []


def test_each_names_a_right_that_exists() -> None:
    known = {"", *(permission.name for permission in permissions.known(Tier.MERCHANT))}
    assert [f"/{a.route}" for a in MERCHANT if a.permission not in known] == []


def test_every_number_in_an_address_can_be_made() -> None:
    named = {name for a in MERCHANT for name, is_number in a.places if is_number}
    assert named <= set(ROWS), "add the row to tests/architecture/addresses.py"


class TestAnonymous:
    def test_is_led_to_the_sign_in(self, client: Client) -> None:
        answers = {f"/{address.route}": send(client, address) for address in STAFF}
        assert {route for route, told in answers.items() if told.status_code != 302} == set()
        places = {told["Location"].partition("%2F")[0] for told in answers.values()}
        assert places == {"/login?next="}

    @pytest.mark.parametrize("headers", [PIECE, DATA], ids=["htmx", "json"])
    def test_gets_401_for_pieces(self, knocking: type[Knocker], headers: dict[str, str]) -> None:
        nobody = knocking()
        assert refused(STAFF, lambda a: send(nobody, a, headers=headers), 401) == []

    def test_gets_401_for_pieces_of_phone_pages(self, client: Client) -> None:
        slug = make_merchant().slug
        asked: dict[str, Any] = {"merchant": slug, "headers": PIECE}
        assert refused(PHONES, partial(send, client, **asked), 401) == []


class TestMerchant:
    def test_stranger(self, knocking: type[Knocker]) -> None:
        visitor = knocking(make_staff(make_merchant(), role=Role.OWNER))
        asked: dict[str, Any] = {"merchant": make_merchant().slug, "headers": DATA}
        assert refused(MERCHANT, partial(send, visitor, **asked), 404) == []

    @pytest.mark.parametrize("tier", [Tier.OPERATOR, Tier.PLATFORM])
    def test_those_above_are_strangers(self, knocking: type[Knocker], tier: Tier) -> None:
        operator = make_operator()
        slug = make_merchant(operator=operator).slug
        is_operator = tier is Tier.OPERATOR
        visitor = knocking(
            make_operator_staff(operator, role=Role.OWNER)
            if is_operator
            else make_platform_staff(role=Role.OWNER)
        )
        asked: dict[str, Any] = {"merchant": slug, "headers": DATA}
        assert refused(MERCHANT, partial(send, visitor, **asked), 404) == []

    def test_unknown_merchant(self, knocking: type[Knocker]) -> None:
        visitor = knocking(make_staff(make_merchant(), role=Role.OWNER))
        asked: dict[str, Any] = {"merchant": "nobody", "headers": DATA}
        assert refused(MERCHANT, partial(send, visitor, **asked), 404) == []

    def test_colleague_without_the_right(self, knocking: type[Knocker]) -> None:
        merchant = make_merchant()
        for permission, found in by_permission(MERCHANT):
            visitor = knocking(make_staff(merchant, *all_but(permission, Tier.MERCHANT)))
            asked: dict[str, Any] = {"merchant": merchant.slug, "headers": DATA}
            answers = {f"/{a.route}": send(visitor, a, **asked) for a in found}
            let_in = {route for route, answer in answers.items() if answer.status_code != 403}
            # without a named right everybody who works here is let in; what is not there is 404
            assert let_in == (set() if permission else set(answers))

    def test_frozen_merchant(self, knocking: type[Knocker]) -> None:
        merchant = make_merchant(state=TierState.FROZEN)
        visitor = knocking(make_staff(merchant, role=Role.OWNER))
        asked: dict[str, Any] = {"merchant": merchant.slug, "headers": DATA}
        assert refused(MERCHANT, partial(send, visitor, **asked), 403) == []

    def test_rows_of_another_are_not_there(self, client: Client) -> None:
        mine, theirs = make_merchant(), make_merchant()
        client.force_login(make_staff(mine, role=Role.OWNER))
        named = {name for a in MERCHANT for name, is_number in a.places if is_number}
        own = {name: ROWS[name](mine) for name in sorted(named)}
        foreign = {name: ROWS[name](theirs) for name in sorted(named)}
        for name in sorted(named):
            values = own | {name: foreign[name]}
            found = [a for a in MERCHANT if (name, True) in a.places]
            assert refused(found, partial(ask, client, mine.slug, values), 404) == []


class TestToken:
    def test_without_one(self, client: Client) -> None:
        assert TOKEN
        assert refused(TOKEN, lambda a: send(client, a), 401) == []

    def test_of_a_session(self, client: Client) -> None:
        merchant = make_merchant()
        client.force_login(make_staff(merchant, role=Role.OWNER))
        assert refused(TOKEN, lambda a: send(client, a), 401) == []

    def test_of_a_frozen_merchant(self, client: Client) -> None:
        merchant = make_merchant()
        headers = make_caller(merchant).headers
        Merchant.objects.filter(pk=merchant.pk).update(state=TierState.FROZEN)
        assert refused(TOKEN, lambda a: send(client, a, headers=headers), 403) == []


def ask(client: Client, slug: str, numbers: dict[str, int], address: Address) -> Any:
    """Send with those of the numbers that the address has."""
    fitting = {name: numbers[name] for name, is_number in address.places if is_number}
    return send(client, address, merchant=slug, headers=PIECE, **fitting)


class TestOperator:
    def test_stranger(self, knocking: type[Knocker]) -> None:
        visitor = knocking(make_operator_staff(make_operator(), role=Role.OWNER))
        slug = make_operator().slug
        assert refused(OPERATOR, partial(send, visitor, operator=slug), 404) == []

    def test_colleague_without_the_right(self, knocking: type[Knocker]) -> None:
        operator = make_operator()
        for permission, found in by_permission(OPERATOR):
            visitor = knocking(make_operator_staff(operator, *all_but(permission, Tier.OPERATOR)))
            asked: dict[str, Any] = {"operator": operator.slug, "headers": DATA}
            assert refused(found, partial(send, visitor, **asked), 403) == []

    def test_frozen_operator(self, knocking: type[Knocker]) -> None:
        operator = make_operator(state=TierState.FROZEN)
        visitor = knocking(make_operator_staff(operator, role=Role.OWNER))
        asked: dict[str, Any] = {"operator": operator.slug, "headers": DATA}
        assert refused(OPERATOR, partial(send, visitor, **asked), 403) == []

    def test_merchant_of_another(self, client: Client) -> None:
        mine = make_operator()
        foreign = make_merchant(operator=make_operator())
        client.force_login(make_operator_staff(mine, role=Role.OWNER))
        found = [address for address in OPERATOR if "slug" in dict(address.places)]
        assert found
        asked: dict[str, Any] = {"operator": mine.slug, "slug": foreign.slug}
        assert refused(found, partial(send, client, **asked), 404) == []


class TestPlatform:
    def test_stranger(self, knocking: type[Knocker]) -> None:
        visitor = knocking(make_staff(make_merchant(), role=Role.OWNER))
        assert refused(PLATFORM, partial(send, visitor), 404) == []

    def test_colleague_without_the_right(self, knocking: type[Knocker]) -> None:
        for permission, found in by_permission(PLATFORM):
            visitor = knocking(make_platform_staff(*all_but(permission, Tier.PLATFORM)))
            assert refused(found, partial(send, visitor, headers=DATA), 403) == []
