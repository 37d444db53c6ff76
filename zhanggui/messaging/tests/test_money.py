"""What messages cost in money: prices of purses, of messages, statements, sellers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Operator, Role
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.messaging import packs, receivers, selectors, sending, wallet
from zhanggui.messaging.errors import PackPriceWrong
from zhanggui.messaging.models import Grant, Message, PackPrice, Purse, SmsPack
from zhanggui.messaging.tests.factories import bind, fake_sms, make_reader, send

PHONE = "+8613800138000"


def buy(tea: Merchant, segments: int, paid_fen: int, cause: str = "order:1") -> Grant:
    return wallet.grant(
        merchant=tea, segments=segments, cause=cause, actor=ACTOR, paid_fen=paid_fen
    )


@pytest.mark.spec("platform P28")
class TestPrice:
    def test_a_segment_costs_what_was_paid_on_average(self, tea: Merchant) -> None:
        buy(tea, 1_000, 6_000)
        assert wallet.price_of(Purse.SERVICE) == 6_000
        buy(tea, 1_000, 4_000, "order:2")
        assert wallet.price_of(Purse.SERVICE) == 5_000
        buy(tea, 500, 0, "gift:1")
        assert wallet.price_of(Purse.SERVICE) == 4_000

    def test_spending_does_not_change_it_and_the_rest_weighs(self, tea: Merchant) -> None:
        buy(tea, 100, 600)
        wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=50, cause="message:1")
        wallet.settle(merchant=tea, purse=Purse.SERVICE, used=50, freed=0, cause="batch:1")
        assert wallet.price_of(Purse.SERVICE) == 6_000
        buy(tea, 50, 200, "order:2")
        assert wallet.price_of(Purse.SERVICE) == 5_000

    def test_what_is_taken_back_takes_its_price_along(self, tea: Merchant) -> None:
        buy(tea, 100, 600)
        buy(tea, 100, 400, "order:2")
        wallet.take_back(merchant=tea, cause="order:2", actor=ACTOR)
        assert wallet.price_of(Purse.SERVICE) == 6_000

    def test_moved_it_keeps_its_price(self, tea: Merchant) -> None:
        buy(tea, 100, 600)
        wallet.move(merchant=tea, source=Purse.SERVICE, segments=10, key="k", actor=ACTOR)
        assert wallet.price_of(Purse.MARKETING) == 6_000


@pytest.mark.spec("platform P28")
class TestMessage:
    def test_keeps_what_it_cost_although_prices_change(
        self, tea: Merchant, account: ChannelAccount
    ) -> None:
        buy(tea, 100, 450)
        reader = make_reader(tea, phone=PHONE)
        message = send(tea, reader, data={"what": "很" * 70, "when": ""})
        buy(tea, 100, 2_000, "order:2")
        with fake_sms():
            sending.drain(merchant_id=tea.pk)
        message.refresh_from_db()
        assert (message.segments, message.milli_fen, message.cost_fen) == (2, 4_500, 9)
        bind(account)
        free = send(tea, make_reader(tea, account), "record:2")
        assert (free.segments, free.cost_fen) == (0, 0)

    def test_refused_it_costs_nothing(self, tea: Merchant) -> None:
        buy(tea, 100, 600)
        message = send(tea, receivers.Phone(PHONE))
        with fake_sms() as gateway:
            gateway.status = 422
            sending.drain(merchant_id=tea.pk)
        message.refresh_from_db()
        assert message.cost_fen == 0

    def test_sums_of_the_log(self, client: Client, tea: Merchant) -> None:
        buy(tea, 100, 600)
        reader = make_reader(tea, phone=PHONE)
        for n in range(3):
            send(tea, reader, f"record:{n}")
        with fake_sms():
            sending.drain(merchant_id=tea.pk)
        assert selectors.today(tea.time_zone).cost_fen == 18
        found = selectors.costs(Message.objects.all())
        assert (found.by_sms, found.segments, found.cost_fen) == (3, 3, 18)
        client.force_login(make_staff(tea, role=Role.OWNER))
        home = f"/m/{tea.slug}/messages/"
        assert client.get(f"{home}?route=sms").context["costs"] == found
        assert client.get(f"{home}?route=wechat").context["costs"].segments == 0
        text = client.get(f"{home}{Message.objects.first().pk}/").content.decode()  # type: ignore[union-attr]
        assert "¥0.06" in text


class TestStatement:
    def test_says_what_was_left_after_each_line(self, client: Client, tea: Merchant) -> None:
        buy(tea, 100, 600)
        send(tea, receivers.Phone(PHONE))
        send(tea, receivers.Phone(PHONE), "record:2")
        with fake_sms() as gateway:
            gateway.status = 422
            sending.drain(merchant_id=tea.pk)
        wallet.move(merchant=tea, source=Purse.SERVICE, segments=30, key="k", actor=ACTOR)
        entries = list(selectors.statement())
        shown = [(line.purse, line.amount, line.balance) for line in selectors.lines(entries)]
        assert (Purse.MARKETING, 30, 30) in shown
        service = [(amount, left) for purse, amount, left in shown if purse == Purse.SERVICE]
        assert service == [(-30, 70), (2, 100), (-1, 98), (-1, 99), (100, 100)]
        one = selectors.lines(entries[-1:])
        assert [line.balance for line in one] == [100]
        client.force_login(make_staff(tea, role=Role.OWNER))
        page = client.get(f"/m/{tea.slug}/messages/credit/?kind=in").content.decode()
        assert "¥6.00" in page


class TestSellers:
    @pytest.fixture
    def operator(self, db: None) -> Operator:
        return make_operator()

    def pack(self) -> SmsPack:
        return SmsPack.objects.get(code="sms-1k")

    def test_an_operator_asks_its_own_price_within_the_range(self, operator: Operator) -> None:
        pack = self.pack()
        least, most = packs.range_of(pack)
        assert (least, most) == (4_800, 9_000)
        packs.set_price(pack=pack, operator=operator, price_fen=7_000, actor=ACTOR)
        own = packs.find("sms-1k", operator.pk)
        base = packs.find("sms-1k", None)
        assert own is not None
        assert base is not None
        assert (own.price_fen, own.is_own, own.milli_fen) == (7_000, True, 7_000)
        assert (base.price_fen, base.is_own) == (6_000, False)
        for wrong in (least - 1, most + 1):
            with pytest.raises(PackPriceWrong):
                packs.set_price(pack=pack, operator=operator, price_fen=wrong, actor=ACTOR)
        assert PackPrice.objects.get().price_fen == 7_000

    def test_a_price_that_left_the_range_is_drawn_back(self, operator: Operator) -> None:
        pack = self.pack()
        packs.set_price(pack=pack, operator=operator, price_fen=9_000, actor=ACTOR)
        SmsPack.objects.filter(pk=pack.pk).update(price_fen=4_000)
        found = packs.find("sms-1k", operator.pk)
        assert found is not None
        assert found.price_fen == 6_000

    def test_the_operators_pages(self, client: Client, operator: Operator) -> None:
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        home = f"/operator/{operator.slug}/sms-credit/"
        address = f"{home}packs/sms-1k"
        assert "¥60.00" in client.get(home).content.decode()
        assert client.post(address, {"price": "10000"}).status_code == 422
        assert client.post(address, {"price": "72.5"})["Location"] == home
        assert "¥72.50" in client.get(home).content.decode()
        assert client.get(f"{home}packs/nothing").status_code == 404
        client.post(f"{address}/drop")
        assert not PackPrice.objects.exists()

    def test_the_platforms_page_sets_the_range(self, client: Client, operator: Operator) -> None:
        packs.set_price(pack=self.pack(), operator=operator, price_fen=7_000, actor=ACTOR)
        client.force_login(make_platform_staff(role=Role.OWNER))
        address = "/platform/sms-credit/packs/sms-1k"
        assert operator.name in client.get(address).content.decode()
        form: dict[str, Any] = {
            "name": "一千条",
            "segments": "1000",
            "price": "60",
            "is_on_sale": "on",
            "resale_from_percent": "110",
            "resale_to_percent": "100",
        }
        assert client.post(address, form).status_code == 422
        assert client.post(address, form | {"resale_from_percent": "100"}).status_code == 302
        assert packs.range_of(self.pack()) == (6_000, 6_000)
