"""A message is found by the number WeChat or the provider knows it under."""

from __future__ import annotations

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.core import tenancy
from zhanggui.messaging.tests.factories import make_message

pytestmark = pytest.mark.django_db


def found(merchant: Merchant, text: str, role: Role = Role.OWNER) -> str:
    client = Client()
    client.force_login(make_staff(merchant, role=role))
    answer = client.get(f"/m/{merchant.slug}/find", {"q": text}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_its_own_shop_finds_it() -> None:
    tea, books = make_merchant("tea"), make_merchant("books")
    with tenancy.merchant_scope(tea.pk):
        message = make_message(tea, platform_id="2400001122334455")
    page = f'href="/m/tea/messages/{message.pk}/"'
    assert page in found(tea, "2400001122334455")
    assert page not in found(tea, "24000011")
    assert page not in found(tea, "2400001122334455", Role.CLERK)
    assert "messages/" not in found(books, "2400001122334455").replace("/m/books/messages/", "")
