"""A card's page lists all that moved it, and the list adds up; the ledger says where rounds end."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import Person
from zhanggui.accounts.tests.factories import make_person
from zhanggui.channels.wechat.tests.factories import make_account, make_identity, sign_in_staff
from zhanggui.stamps import services
from zhanggui.stamps.models import Card
from zhanggui.stamps.selectors import histories
from zhanggui.stamps.services import RewardInput
from zhanggui.stamps.tests.factories import (
    Shop,
    cancel,
    make_card,
    make_programme,
    make_shop,
    stamp,
)
from zhanggui.stamps.tests.offices import Office

FILLED = "集满，开始新一轮"


def assert_adds_up(card: Card) -> list[histories.Move]:
    """Each line stands on the one below it, the first on nothing; the last is what people see."""
    card = Card.objects.get(pk=card.pk)
    moves = histories.of_card(card)
    assert moves[0].after == card.shown
    balance = 0
    for move in reversed(moves):
        balance += move.amount
        assert move.after == balance
    return moves


def test_a_round_that_ends_and_opens_again_adds_up(db: None) -> None:
    shop = make_shop(slots=2, when_full="renew")
    with shop.scope:
        stamp(shop.desk, shop.card)
        stamp(shop.desk, shop.card)
        moves = assert_adds_up(shop.card)
        assert [(move.amount, move.after) for move in moves] == [(-2, 0), (1, 2), (1, 1)]

        cancel(shop.desk, shop.card)
        moves = assert_adds_up(shop.card)
        assert [(move.amount, move.after) for move in moves[:2]] == [(-1, 1), (2, 2)]


def test_a_card_that_stays_full_adds_up(db: None) -> None:
    shop = make_shop(slots=2)
    with shop.scope:
        stamp(shop.desk, shop.card)
        stamp(shop.desk, shop.card)
        assert [(move.amount, move.after) for move in assert_adds_up(shop.card)] == [
            (0, 2),
            (1, 2),
            (1, 1),
        ]


def test_an_adjustment_over_two_rounds_adds_up(db: None) -> None:
    shop = make_shop(slots=2, when_full="renew", on_the_way=[RewardInput(1, "小食")])
    with shop.scope:
        stamp(shop.desk, shop.card)
        actor = person_actor(make_person("安娜"))
        services.adjust(card_id=shop.card.pk, amount=4, reason="旧卡", actor=actor)
        moves = assert_adds_up(shop.card)
        assert [move.event.kind for move in moves if move.event].count("adjust") == 1
        assert sum(move.amount for move in moves) == 1


def test_the_pages_say_where_a_round_ended(office: Office, client: Client) -> None:
    shop: Shop = office.shop
    card = make_card(make_programme(name="两格卡", slots=2, when_full="renew"))
    stamp(shop.desk, card)
    assert FILLED not in office.page("ledger")
    stamp(shop.desk, card)

    page = office.page("ledger")
    assert page.count(FILLED) == 1
    assert "两格卡" in page
    assert office.page("office_card", card.pk).count(FILLED) == 1
    identity = make_identity(make_account(), person=Person.objects.get(pk=shop.desk.person_id))
    sign_in_staff(client, identity)
    assert client.get("/staff/ledger").content.decode().count(FILLED) == 1


def test_a_cancelled_entry_keeps_the_name(office: Office) -> None:
    stamp(office.shop.desk, office.shop.card)
    cancel(office.shop.desk, office.shop.card)
    page = office.page("office_card", office.shop.card.pk)
    row = re.search(r'<tr id="r\d+" class="stamps-cancelled">.*?</tr>', page, re.DOTALL)
    assert row is not None
    assert "已取消" in row.group()


@pytest.mark.spec("stamps D38")
def test_the_second_person_sees_what_an_adjustment_would_do(office: Office) -> None:
    shop = office.shop
    actor = person_actor(make_person("安娜"))
    services.adjust(card_id=shop.card.pk, amount=8, reason="旧卡", actor=actor)

    listed = office.page("adjustments")
    assert f"8 / {shop.card.slots}" in listed
    assert "安娜" in office.page("office_card", shop.card.pk)
    assert "待第二人同意后入账" in office.page("office_card", shop.card.pk)
