"""A plan that is over, or has no stamp cards: what customers and store managers meet."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from zhanggui.accounts import standing
from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.billing.tests.factories import edition, make_plan
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock
from zhanggui.stamps import services
from zhanggui.stamps.errors import CardState
from zhanggui.stamps.models import Card
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.tests.factories import Shop, confirm, take_code

pytestmark = pytest.mark.django_db
OVER = timedelta(days=-8)


@pytest.fixture
def card(client: Client, shop: Shop) -> Card:
    """A customer is signed in and holds a card."""
    link = make_link(shop.merchant, make_account(merchant=shop.merchant).pk, nickname="陈小溪")
    sign_in_customer(client, link)
    return services.open_card(programme=shop.programme, customer_id=link.customer_id, actor=ACTOR)


def page_of(shop: Shop, name: str, *args: Any) -> str:
    return reverse(f"stamps:{name}", args=[shop.merchant.slug, *args])


class TestCustomer:
    def test_sees_the_card_and_that_the_shop_is_paused(
        self, client: Client, shop: Shop, card: Card
    ) -> None:
        make_plan(shop.merchant, left=OVER)
        for address in (page_of(shop, "wallet"), page_of(shop, "card", card.token)):
            page = client.get(address)
            assert page.status_code == 200
            assert "暂停" in page.content.decode()

    def test_gets_no_new_code_but_does_in_grace(
        self, client: Client, shop: Shop, card: Card
    ) -> None:
        make_plan(shop.merchant, left=timedelta(days=-6))
        address = page_of(shop, "card_code", card.token)
        json = {"Accept": "application/json"}
        assert client.post(address, {"kind": "accumulate"}).status_code < 400
        with clock.at(clock.now() + timedelta(days=2)):
            answer = client.post(address, {"kind": "accumulate"}, headers=json)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "E_SHOP_PAUSED"

    @pytest.mark.spec("platform P09")
    def test_finds_nothing_where_the_plan_has_no_stamp_cards(
        self, client: Client, shop: Shop, card: Card
    ) -> None:
        row = edition()
        row.features = []
        row.save()
        make_plan(shop.merchant)
        for address in (page_of(shop, "wallet"), page_of(shop, "card", card.token)):
            assert client.get(address).status_code == 404
        assert client.post(page_of(shop, "card_code", card.token)).status_code == 404


class TestManager:
    @pytest.mark.spec("platform P09")
    @pytest.mark.parametrize("why", ["over", "no-stamp-cards"])
    def test_confirms_no_code_any_more(self, shop: Shop, why: str) -> None:
        code = take_code(shop.card)
        if why == "over":
            make_plan(shop.merchant, left=OVER)
        else:
            row = edition()
            row.features = []
            row.save()
            make_plan(shop.merchant)
        with pytest.raises(CardState):
            confirm(shop.desk, code.digits)

    def test_confirms_in_grace(self, shop: Shop) -> None:
        code = take_code(shop.card)
        make_plan(shop.merchant, left=timedelta(days=-6))
        assert confirm(shop.desk, code.digits).after == 1


def in_sql(merchant: Merchant, moment: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {standing.AT_WORK} FROM accounts_merchant m WHERE m.id = %(merchant)s",  # noqa: S608
            {"merchant": merchant.pk, "now": moment, "feature": FEATURE.name},
        )
        return bool(cursor.fetchone()[0])


def test_hot_doors_and_pages_agree(shop: Shop) -> None:
    merchant, now = shop.merchant, clock.now()
    step: dict[str, Any] = {"from": None, "plan": "A", "is_trial": False, "limits": {}}
    answers = set()
    for state, features, then, left in product(
        ["active", "frozen"], [["stamps"], []], [None, ["stamps"], []], [-8, -7, -6, 0, 1, 30]
    ):
        steps = [step | {"features": features}]
        if then is not None:
            since = (now + timedelta(days=left - 20)).isoformat()
            steps.append(step | {"from": since, "features": then})
        Merchant.objects.filter(pk=merchant.pk).update(
            state=state, plan_ends_at=now + timedelta(days=left), plan_steps=steps
        )
        merchant.refresh_from_db()
        with clock.at(now):
            works = standing.takes_business(merchant, FEATURE.name)
        assert in_sql(merchant, now) is works, (state, features, then, left)
        answers.add(works)
    assert answers == {True, False}


def test_a_merchant_without_a_plan_is_at_work(shop: Shop) -> None:
    assert in_sql(shop.merchant, clock.now())
    assert standing.takes_business(shop.merchant, FEATURE.name)
