"""Orders are found by their number, each seller's own."""

from __future__ import annotations

import pytest
from django.test import Client

from zhanggui.accounts.models import Person, Role
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)
from zhanggui.billing.tests.factories import make_order

pytestmark = pytest.mark.django_db


def found(person: Person, address: str, text: str) -> str:
    client = Client()
    client.force_login(person)
    answer = client.get(address, {"q": text}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_an_order_is_found_where_it_was_placed_and_sold() -> None:
    operator = make_operator("south")
    tea = make_merchant("tea", operator=operator)
    order = make_order(tea)
    elsewhere = make_merchant("books")
    make_order(elsewhere)
    start = order.number[:12]

    own = f'href="/m/tea/account/orders/{order.pk}/"'
    owner = make_staff(tea, role=Role.OWNER)
    assert own in found(owner, "/m/tea/find", start)
    assert own not in found(owner, "/m/tea/find", order.number[:3])
    assert own not in found(owner, "/m/tea/find", "x" + start)

    sold = f"/billing/orders/tea/{order.pk}/"
    seller = make_operator_staff(operator, role=Role.OWNER)
    assert sold in found(seller, "/operator/south/find", start)
    assert "orders/books" not in found(seller, "/operator/south/find", order.number[:6])
    assert sold in found(make_platform_staff(role=Role.OWNER), "/platform/find", start)
