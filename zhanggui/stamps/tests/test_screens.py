"""The counter's screen: its codes, a stamp by one of them, the proof beside a press."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry, Role
from zhanggui.accounts.tests.factories import ACTOR, make_staff, make_store
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.contacts import services as contacts
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock
from zhanggui.core.errors import NotFound
from zhanggui.core.models import LimitCounter
from zhanggui.stamps import retention, services
from zhanggui.stamps.errors import (
    CounterGone,
    CounterOff,
    CounterUsed,
    ScreenNameTaken,
    StampedJustNow,
    TooWeak,
)
from zhanggui.stamps.models import Card, CounterScreen, CounterTicket, StampRecord, WhenFull
from zhanggui.stamps.results import Confirmed
from zhanggui.stamps.services.screens import CODES
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    customer_of,
    make_card,
    make_programme,
    make_shop,
    stamp,
)
from zhanggui.stamps.tests.pressing import make_seal, press

NOON = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
ALL = ["press", "otp", "staff-scan", "counter"]


@dataclass
class Till:
    """A screen on the counter of a shop whose programme takes its codes."""

    shop: Shop
    screen: CounterScreen
    token: str

    def code(self) -> str:
        shown = services.next_code(screen=self.screen, ref="")
        assert shown is not None
        return shown.token

    def proof(self, card: Card | None = None, code: str = "") -> str:
        actor = customer_of(card or self.shop.card)
        return services.scan(token=code or self.code(), actor=actor).proof

    def stamp(self, proof: str = "", card: Card | None = None, **values: Any) -> Confirmed:
        card = card or self.shop.card
        return services.stamp_by_counter(
            card=card,
            proof=proof or self.proof(card),
            actor=customer_of(card),
            zone="Asia/Shanghai",
            **values,
        )


@pytest.fixture
def till(db: None) -> Any:
    shop = make_shop(ways=ALL)
    with shop.scope:
        screen, token = services.make_screen(name="收银台", store=shop.store, actor=ACTOR)
        yield Till(shop, screen, token)


def other_card(shop: Shop, **values: Any) -> Card:
    return make_card(make_programme(**({"ways": ALL} | values)))


class TestStamp:
    def test_one_code_is_one_stamp(self, till: Till) -> None:
        proof = till.proof()

        done = till.stamp(proof)

        assert (done.before, done.after, done.store_name) == (0, 1, till.shop.store.name)
        record = StampRecord.objects.get()
        assert (record.method, record.manager_id, record.manager_name) == ("counter", 0, "收银台")
        with pytest.raises(CounterUsed):
            till.stamp(proof)
        assert AuditEntry.objects.filter(action="stamps.counter.stamped").count() == 1
        assert till.shop.adds_up()

    def test_the_first_of_two_who_scanned_it_has_it(self, till: Till) -> None:
        other, code = make_card(till.shop.programme), till.code()
        mine, theirs = till.proof(code=code), till.proof(other, code)
        till.stamp(mine)
        with pytest.raises(CounterUsed):
            till.stamp(theirs, other)
        assert balance_of(other) == 0

    def test_a_minute_to_scan_and_two_to_choose(self, till: Till) -> None:
        with clock.at(NOON):
            code = till.code()
        with clock.at(NOON + timedelta(seconds=59)):
            proof = till.proof(code=code)
        with clock.at(NOON + timedelta(seconds=60)), pytest.raises(CounterGone):
            till.proof(code=code)
        with clock.at(NOON + timedelta(seconds=59 + 121)), pytest.raises(CounterGone):
            till.stamp(proof)
        with clock.at(NOON + timedelta(seconds=59 + 120)):
            assert till.stamp(proof).after == 1

    def test_a_proof_is_of_one_customer(self, till: Till) -> None:
        other = make_card(till.shop.programme)
        with pytest.raises(CounterGone):
            till.stamp(till.proof(), other)
        with pytest.raises(CounterGone):
            till.stamp("made-up")

    def test_the_same_key_answers_the_same(self, till: Till) -> None:
        proof = till.proof()
        first, second = (till.stamp(proof, key="k1") for _ in range(2))
        assert first == second
        assert balance_of(till.shop.card) == 1

    def test_a_programme_that_takes_none(self, till: Till) -> None:
        card = other_card(till.shop, ways=["press", "otp"])
        with pytest.raises(CounterOff):
            till.stamp(till.proof(card), card)

    def test_a_programme_of_another_store(self, till: Till) -> None:
        elsewhere = make_store(till.shop.merchant, "城西店")
        card = other_card(till.shop, store_ids=[elsewhere.pk])
        with pytest.raises(CounterOff):
            till.stamp(till.proof(card), card)

    def test_a_stamp_that_just_came_by_code_asks_first(self, till: Till) -> None:
        stamp(till.shop.desk, till.shop.card)
        proof = till.proof()
        with pytest.raises(StampedJustNow):
            till.stamp(proof)
        assert till.stamp(proof, is_again=True).after == 2

    def test_a_screen_that_was_switched_off_gives_nothing(self, till: Till) -> None:
        proof, code = till.proof(), till.code()
        services.revoke_screen(screen_id=till.screen.pk, actor=ACTOR)
        for attempt in (lambda: till.stamp(proof), lambda: till.proof(code=code)):
            with pytest.raises(CounterGone):
                attempt()
        with pytest.raises(NotFound):
            services.screen_of(till.token)

    def test_another_shops_code_is_unknown(self, till: Till) -> None:
        code = till.code()
        shop = make_shop(ways=ALL)
        with shop.scope, pytest.raises(CounterGone):
            services.scan(token=code, actor=customer_of(shop.card))


class TestBesideAPress:
    def test_makes_it_surer(self, till: Till) -> None:
        make_seal(till.shop.store)
        card = other_card(till.shop, slots=2, strong_from_fen=1)
        press(card)
        with pytest.raises(TooWeak):
            press(card)
        services.take_for_press(card=card, proof=till.proof(card), actor=customer_of(card))

        assert press(card).won == ["招牌奶茶一杯"]

        methods = list(StampRecord.objects.order_by("pk").values_list("method", flat=True))
        assert methods == ["press", "press+counter"]
        assert CounterTicket.objects.get().used_at is not None
        assert till.shop.adds_up()

    def test_counts_once_and_for_two_minutes(self, till: Till) -> None:
        make_seal(till.shop.store)
        card = till.shop.card
        with clock.at(NOON):
            services.take_for_press(card=card, proof=till.proof(), actor=customer_of(card))
            press(card)
            press(card)
            services.take_for_press(card=card, proof=till.proof(), actor=customer_of(card))
        with clock.at(NOON + timedelta(seconds=120)):
            press(card)
        methods = list(StampRecord.objects.order_by("pk").values_list("method", flat=True))
        assert methods == ["press+counter", "press", "press"]

    def test_at_the_store_of_the_stamp_only(self, till: Till) -> None:
        make_seal(make_store(till.shop.merchant, "城西店"))
        card = till.shop.card
        services.take_for_press(card=card, proof=till.proof(), actor=customer_of(card))
        press(card)
        assert StampRecord.objects.get().method == "press"

    def test_a_code_that_is_kept_stamps_no_other_card(self, till: Till) -> None:
        other, code = make_card(till.shop.programme), till.code()
        mine, theirs = till.proof(code=code), till.proof(other, code)
        services.take_for_press(card=till.shop.card, proof=mine, actor=customer_of(till.shop.card))
        with pytest.raises(CounterUsed):
            till.stamp(theirs, other)


class TestTablet:
    def url(self, till: Till, name: str = "screen") -> str:
        return reverse(f"stamps:{name}", args=[till.shop.merchant.slug, till.token])

    def ask(self, client: Client, till: Till, ref: str = "") -> Any:
        return client.post(self.url(till, "screen_code"), {"ref": ref})

    def test_shows_a_new_code_every_minute_and_after_each_use(
        self, client: Client, till: Till
    ) -> None:
        assert till.shop.store.name in client.get(self.url(till)).content.decode()
        with clock.at(NOON):
            first = self.ask(client, till)
            ref = re.search(r'"ref": "(\d+)"', first.content.decode())[1]  # type: ignore[index]
        with clock.at(NOON + timedelta(seconds=49)):
            assert self.ask(client, till, ref).status_code == 204
        with clock.at(NOON + timedelta(seconds=50)):
            assert self.ask(client, till, ref).status_code == 200
        with clock.at(NOON + timedelta(seconds=10)):
            CounterTicket.objects.filter(pk=ref).update(taken_at=clock.now())
            assert self.ask(client, till, ref).status_code == 200
        till.screen.refresh_from_db()
        assert till.screen.seen_at == NOON + timedelta(seconds=10)

    def test_a_wrong_address_opens_nothing(self, client: Client, till: Till) -> None:
        slug = till.shop.merchant.slug
        assert client.get(f"/w/{slug}/screen/unknown").status_code == 404
        assert client.post(f"/w/{slug}/screen/unknown/code").status_code == 404
        services.revoke_screen(screen_id=till.screen.pk, actor=ACTOR)
        assert client.get(self.url(till)).status_code == 404

    def test_a_screen_that_asks_without_end_is_stopped(self, client: Client, till: Till) -> None:
        assert self.ask(client, till).status_code == 200
        counted = LimitCounter.objects.filter(kind=CODES.kind)
        assert counted.update(count=CODES.most - 1) == 1  # as if it had asked so often
        answers = [self.ask(client, till).status_code for _ in range(3)]
        assert answers == [200, 429, 429]


class TestCustomer:
    @pytest.fixture
    def phone(self, client: Client, till: Till) -> Client:
        account = make_account(merchant=till.shop.merchant)
        link = make_link(till.shop.merchant, account.pk, nickname="陈小溪")
        sign_in_customer(client, link)
        till.shop.card = services.open_card(
            programme=till.shop.programme, customer_id=link.customer_id, actor=ACTOR
        )
        return client

    def test_scan_choose_and_done(self, phone: Client, till: Till) -> None:
        slug = till.shop.merchant.slug
        page = phone.get(reverse("stamps:counter", args=[slug, till.code()])).content.decode()
        proof = re.search(r'name="proof" value="([^"]+)"', page)[1]  # type: ignore[index]
        assert StampRecord.objects.count() == 0

        url = reverse("stamps:counter_stamp", args=[slug, till.shop.card.token])
        done = phone.post(url, {"proof": proof, "key": "k"})
        again = phone.post(url, {"proof": proof, "key": "other"})

        assert "data-counter-done" in done.content.decode()
        assert (done.status_code, again.status_code) == (200, 409)
        assert balance_of(till.shop.card) == 1

    def test_what_fills_the_card_is_celebrated(self, phone: Client, till: Till) -> None:
        programme = make_programme(slots=4, when_full=WhenFull.RENEW, ways=ALL)
        customer = till.shop.card.customer_id
        card = services.open_card(programme=programme, customer_id=customer, actor=ACTOR)
        start = clock.now()
        for hours in (3, 2, 1):
            with clock.at(start - timedelta(hours=hours)):
                stamp(till.shop.desk, card)
        url = reverse("stamps:counter_stamp", args=[till.shop.merchant.slug, card.token])
        page = phone.get(
            reverse("stamps:counter", args=[till.shop.merchant.slug, till.code()])
        ).content.decode()
        proof = re.search(r'name="proof" value="([^"]+)"', page)[1]  # type: ignore[index]

        done = phone.post(url, {"proof": proof, "key": "k", "again": "1"}).content.decode()

        full = done[done.index("stamps-sheet-full") :]
        assert re.search(r"<b>4</b> / 4", full)
        assert full.index("<b>4</b> / 4") < full.index("集满了！") < full.index("<b>0</b> / 4")

    def test_once_more_has_a_button(self, phone: Client, till: Till) -> None:
        stamp(till.shop.desk, till.shop.card)
        url = reverse("stamps:counter_stamp", args=[till.shop.merchant.slug, till.shop.card.token])
        refused = phone.post(url, {"proof": till.proof()})
        assert refused.status_code == 409
        assert "再集一次" in refused.content.decode()

    def test_an_old_code_says_what_to_do(self, phone: Client, till: Till) -> None:
        response = phone.get(reverse("stamps:counter", args=[till.shop.merchant.slug, "old"]))
        assert response.status_code == 410
        assert "E_COUNTER_GONE" in response.content.decode()

    def test_kept_for_a_press_leads_to_the_card(self, phone: Client, till: Till) -> None:
        make_seal(till.shop.store)
        url = reverse("stamps:counter_take", args=[till.shop.merchant.slug, till.shop.card.token])
        response = phone.post(url, {"proof": till.proof()}, follow=True)
        assert "请店员在两分钟内盖章" in response.content.decode()


class TestWithoutWechat:
    """Scanned by the phone's own camera: signed in by number, then stamped."""

    @pytest.fixture
    def browser(self, client: Client, till: Till) -> Client:
        make_account(merchant=till.shop.merchant)
        return client

    def sign_in(self, client: Client, till: Till, phone: str = "+8613800138000") -> Card | None:
        link = contacts.customer_of_phone(phone=phone, actor=ACTOR)
        sign_in_customer(client, link)
        return Card.objects.filter(customer=link.customer_id).first()

    def scan(self, client: Client, till: Till, code: str) -> Any:
        return client.get(reverse("stamps:counter", args=[till.shop.merchant.slug, code]))

    def first_stamp(self, client: Client, page: Any) -> Any:
        found = dict(re.findall(r'name="(offer|proof|key)" value="([^"]+)"', page.content.decode()))
        slug = page.wsgi_request.path.split("/")[2]
        return client.post(reverse("stamps:counter_join", args=[slug]), found)

    def test_the_way_by_number_is_offered(self, browser: Client, till: Till) -> None:
        page = self.scan(browser, till, till.code())
        assert page.status_code == 401
        assert "没有微信？用手机号登录" in page.content.decode()
        assert browser.cookies["zhanggui_scan"]["httponly"]

    @pytest.mark.parametrize(("seconds", "status"), [(61, 200), (299, 200), (301, 410)], ids=str)
    def test_signing_in_may_take_five_minutes(
        self, browser: Client, till: Till, seconds: int, status: int
    ) -> None:
        with clock.at(NOON):
            code = till.code()
            self.scan(browser, till, code)
        with clock.at(NOON + timedelta(seconds=seconds)):
            self.sign_in(browser, till)
            assert self.scan(browser, till, code).status_code == status

    def test_who_scanned_too_late_has_nothing(self, browser: Client, till: Till) -> None:
        with clock.at(NOON):
            code = till.code()
        with clock.at(NOON + timedelta(seconds=61)):
            self.scan(browser, till, code)
            assert "zhanggui_scan" not in browser.cookies
            self.sign_in(browser, till)
            assert self.scan(browser, till, code).status_code == 410

    def test_another_codes_sign_helps_nobody(self, browser: Client, till: Till) -> None:
        with clock.at(NOON):
            first, second = till.code(), till.code()
            self.scan(browser, till, first)
            sign = browser.cookies["zhanggui_scan"].value
        with clock.at(NOON + timedelta(seconds=61)):
            self.sign_in(browser, till)
            for made_up in (sign, "x", ""):
                browser.cookies["zhanggui_scan"] = made_up
                assert self.scan(browser, till, second).status_code == 410

    def test_somebody_else_may_be_faster_meanwhile(self, browser: Client, till: Till) -> None:
        code = till.code()
        self.scan(browser, till, code)
        till.stamp(till.proof(code=code))
        self.sign_in(browser, till)
        answer = self.scan(browser, till, code)
        assert answer.status_code == 409
        assert "E_COUNTER_USED" in answer.content.decode()

    def test_the_first_card_comes_with_its_first_stamp(self, browser: Client, till: Till) -> None:
        self.sign_in(browser, till)
        page = self.scan(browser, till, till.code())
        assert "领这张卡并集第一枚章" in page.content.decode()
        assert Card.objects.count() == 1, "looking takes nothing"
        done, again = self.first_stamp(browser, page), self.first_stamp(browser, page)
        assert [done.status_code, again.status_code] == [200, 200]
        card = Card.objects.latest("pk")
        assert (Card.objects.count(), balance_of(card)) == (2, 1)
        assert StampRecord.objects.get().method == "counter"

    def test_no_card_is_offered_that_this_code_does_not_stamp(
        self, browser: Client, till: Till
    ) -> None:
        elsewhere = make_store(till.shop.merchant, "城西店")
        other_card(till.shop, name="别处的卡", store_ids=[elsewhere.pk])
        other_card(till.shop, name="只盖章的卡", ways=["press"])
        self.sign_in(browser, till)
        page = self.scan(browser, till, till.code()).content.decode()
        assert page.count('name="offer"') == 1
        assert "别处的卡" not in page

    def test_an_offer_that_was_not_made_gives_nothing(self, browser: Client, till: Till) -> None:
        self.sign_in(browser, till)
        url = reverse("stamps:counter_join", args=[till.shop.merchant.slug])
        assert browser.post(url, {"offer": "1", "proof": "x"}).status_code == 404
        assert Card.objects.count() == 1


class TestOffice:
    def test_set_up_shown_to_its_maker_and_switched_off(self, client: Client, shop: Shop) -> None:
        client.force_login(make_staff(shop.merchant, role=Role.OWNER))
        other = Client()
        other.force_login(make_staff(shop.merchant, role=Role.OWNER))
        slug = shop.merchant.slug
        values = {"name": "门口收银台", "store": shop.store.pk}
        form = reverse("stamps:screen_new", args=[slug])
        listed = reverse("stamps:screens", args=[slug])

        with clock.at(NOON):
            made = client.post(form, values)
            again = client.post(form, values)
            pages = [client.get(listed).content.decode() for _reload in range(2)]
            theirs = other.get(listed).content.decode()
        with clock.at(NOON + timedelta(minutes=10)):
            later = client.get(listed).content.decode()

        assert made["Location"] == listed
        address = re.search(r"/w/[\w-]+/screen/([\w-]+)", pages[0])
        assert address is not None
        assert client.get(address[0]).status_code == 200
        assert address[1] in pages[1]
        for page in (theirs, later):
            assert "门口收银台" in page
            assert address[1] not in page
        assert again.status_code == 409
        assert address[1] not in str(dict(client.session))
        screen = CounterScreen.objects.get()
        client.post(reverse("stamps:screen_revoke", args=[slug, screen.pk]))
        assert client.get(address[0]).status_code == 404

    def test_a_name_is_free_again_after_switching_off(self, till: Till) -> None:
        store = till.shop.store
        with pytest.raises(ScreenNameTaken):
            services.make_screen(name="收银台", store=store, actor=ACTOR)
        services.revoke_screen(screen_id=till.screen.pk, actor=ACTOR)
        assert services.make_screen(name="收银台", store=store, actor=ACTOR)


class TestRetention:
    def test_old_codes_go(self, till: Till) -> None:
        with clock.at(NOON):
            till.code()
        with clock.at(NOON + timedelta(days=2)):
            retention.forget()
        assert not CounterTicket.objects.exists()


def test_old_screens_push_none_in_use_off_the_list(
    client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhanggui.stamps.views.screens.MOST_LISTED", 2)
    made = [
        services.make_screen(name=name, store=shop.store, actor=ACTOR)[0]
        for name in ("门口屏", "旧屏一", "旧屏二")
    ]
    for old in made[1:]:
        services.revoke_screen(screen_id=old.pk, actor=ACTOR)
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))

    page = client.get(reverse("stamps:screens", args=[shop.merchant.slug])).content.decode()

    assert "门口屏" in page
    assert "旧屏二" in page
    assert "旧屏一" not in page
