"""Payments and refunds are found by their number, where the money arrived."""

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
from zhanggui.channels.pay.tests.factories import (
    make_pay_account,
    make_payment,
    make_refund,
)
from zhanggui.core import tenancy

pytestmark = pytest.mark.django_db


def found(person: Person, address: str, text: str) -> str:
    client = Client()
    client.force_login(person)
    answer = client.get(address, {"q": text}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_by_the_number_or_how_it_begins() -> None:
    tea = make_merchant("tea")
    owner = make_staff(tea, role=Role.OWNER)
    payment = make_payment(tea)
    page = f'href="/m/tea/pay/payments/{payment.pk}/"'
    assert page in found(owner, "/m/tea/find", payment.number)
    assert page in found(owner, "/m/tea/find", payment.number[:8])
    assert page not in found(owner, "/m/tea/find", payment.number[:5])
    clerk = make_staff(tea, role=Role.CLERK)
    assert page not in found(clerk, "/m/tea/find", payment.number)
    stranger = make_staff(make_merchant("books"), role=Role.OWNER)
    assert f"payments/{payment.pk}" not in found(stranger, "/m/books/find", payment.number)
    boss = make_platform_staff(role=Role.OWNER)
    assert f"tea/{payment.pk}" not in found(boss, "/platform/find", payment.number)


def test_at_the_operator_that_collected() -> None:
    south = make_operator("south")
    tea = make_merchant("tea", operator=south)
    payment = make_payment(tea, make_pay_account(operator=south))
    page = f"/operator/south/pay/payments/tea/{payment.pk}/"
    seller = make_operator_staff(south, role=Role.OWNER)
    assert page in found(seller, "/operator/south/find", payment.number)
    owner = make_staff(tea, role=Role.OWNER)
    assert f"payments/{payment.pk}" not in found(owner, "/m/tea/find", payment.number)


def test_a_refund_leads_to_its_payment() -> None:
    tea = make_merchant("tea")
    refund = make_refund(tea)
    with tenancy.merchant_scope(tea.pk):
        payment = refund.payment
    page = f'href="/m/tea/pay/payments/{payment.pk}/"'
    assert page in found(make_staff(tea, role=Role.OWNER), "/m/tea/find", refund.number)
