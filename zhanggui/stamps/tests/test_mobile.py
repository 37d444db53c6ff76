"""The customer's pages: cards, the code layer, cancelling, polling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.wechat.tests.factories import PHONE_AGENT, make_account
from zhanggui.codes.models import CodeState, OneTimeCode
from zhanggui.contacts.models import CustomerSession
from zhanggui.contacts.services import create_customer
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock
from zhanggui.ledger.models import Transaction
from zhanggui.stamps import services
from zhanggui.stamps.errors import CodeRevoked
from zhanggui.stamps.models import Card, Kind, StampRecord
from zhanggui.stamps.results import CodeStatus
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    cancel,
    confirm,
    make_card,
    make_programme,
    make_shop,
    preview,
    stamp,
)
from zhanggui.ui import paging

HTMX = {"HX-Request": "true"}
DIGITS = re.compile(r'data-code role="img" aria-label="(\d{6})"')


@dataclass
class Visitor:
    """A signed-in customer of the shop with a card of the own."""

    client: Client
    shop: Shop
    card: Card

    def url(self, name: str, /, *args: Any) -> str:
        return reverse(f"stamps:{name}", args=[self.shop.merchant.slug, *args])

    def card_url(self, name: str = "card") -> str:
        return self.url(name, self.card.token)

    def tap(self, kind: str = "accumulate", **fields: Any) -> Any:
        """The small stamp."""
        values = {"kind": kind} | fields
        return self.client.post(self.card_url("card_code"), values, headers=HTMX)

    def digits(self, kind: str = "accumulate") -> str:
        """Six digits from the layer."""
        found = DIGITS.search(self.tap(kind).content.decode())
        assert found
        return found[1]

    def live(self, response: Any) -> Any:
        """Ask what the page that was sent asks."""
        found = re.search(r'id="poll".*?hx-get="([^"]+)"', response.content.decode(), re.DOTALL)
        assert found
        return self.client.get(found[1].replace("&amp;", "&"), headers=HTMX)


@pytest.fixture
def visitor(client: Client, shop: Shop) -> Visitor:
    account = make_account(merchant=shop.merchant)
    link = make_link(shop.merchant, account.pk, nickname="陈小溪")
    sign_in_customer(client, link)
    card = services.open_card(programme=shop.programme, customer_id=link.customer_id, actor=ACTOR)
    return Visitor(client, shop, card)


class TestAccess:
    @pytest.mark.parametrize("name", ["card", "card_more", "card_cancel", "card_live"])
    def test_belongs_to_who_holds_the_card(self, visitor: Visitor, name: str) -> None:
        foreign = make_card(visitor.shop.programme)
        other = make_shop("other")
        other.scope.close()

        assert visitor.client.get(visitor.url(name, foreign.token)).status_code == 404
        assert visitor.client.get(visitor.url(name, other.card.token)).status_code == 404
        assert visitor.client.get(visitor.card_url(name)).status_code in {200, 204}

    @pytest.mark.parametrize("name", ["card_code", "card_code_revoke"])
    def test_a_foreign_card_gives_no_code(self, visitor: Visitor, name: str) -> None:
        foreign = make_card(visitor.shop.programme)

        assert visitor.client.post(visitor.url(name, foreign.token)).status_code == 404
        assert visitor.client.get(visitor.card_url(name)).status_code == 405
        assert not OneTimeCode.objects.exists()

    def test_signs_in_by_wechat(self, visitor: Visitor) -> None:
        CustomerSession.objects.all().delete()

        inside = visitor.client.get(visitor.card_url(), headers={"User-Agent": PHONE_AGENT})
        outside = visitor.client.get(visitor.card_url())
        piece = visitor.client.get(visitor.card_url("card_live"), headers=HTMX)
        tapped = visitor.tap()

        assert inside.status_code == 302
        assert outside.status_code == 401
        assert (piece.status_code, tapped.status_code) == (401, 401)
        assert not OneTimeCode.objects.exists()


class TestWallet:
    @pytest.mark.edge("card new>OPEN")
    def test_offers_programmes_and_opens_a_card_once(self, visitor: Visitor) -> None:
        make_programme(name="早茶卡", reward="一笼虾饺")
        page = visitor.client.get(visitor.url("wallet")).content.decode()
        assert "一笼虾饺" in page
        offer = re.search(r'name="offer" value="([^"]+)"', page)
        assert offer

        first = visitor.client.post(visitor.url("join"), {"offer": offer[1]})
        second = visitor.client.post(visitor.url("join"), {"offer": offer[1]})

        assert first.status_code == 302
        assert first["Location"] == second["Location"]
        assert Card.objects.filter(programme__name="早茶卡").count() == 1

    def test_shows_somebody_without_a_card_what_it_looks_like(self, visitor: Visitor) -> None:
        way = services.RewardInput(3, "小食一份")
        make_programme(name="早茶卡", reward="一笼虾饺", on_the_way=[way])
        listed = visitor.client.get(visitor.url("wallet")).content.decode()
        assert listed.count("data-stampcard") == 1  # the own one; the other is a line
        assert "小食一份" not in listed
        other = create_customer(name="别人", phone=None, actor=ACTOR)
        Card.objects.filter(pk=visitor.card.pk).update(customer_id=other.pk)
        shown = visitor.client.get(visitor.url("wallet")).content.decode()
        assert shown.count("data-stampcard") == 2
        assert "小食一份" in shown

    def test_opening_the_page_takes_no_card(self, visitor: Visitor) -> None:
        make_programme(name="早茶卡")

        visitor.client.get(visitor.url("wallet"))

        assert not Card.objects.filter(programme__name="早茶卡").exists()
        assert visitor.client.get(visitor.url("join")).status_code == 405

    @pytest.mark.parametrize("offer", ["", "1", "x:y:z"])
    def test_takes_no_made_up_offer(self, visitor: Visitor, offer: str) -> None:
        assert visitor.client.post(visitor.url("join"), {"offer": offer}).status_code == 404

    def test_offers_nothing_paused(self, visitor: Visitor) -> None:
        paused = make_programme(name="停卡")
        services.pause_programme(programme_id=paused.pk, actor=ACTOR)

        assert "停卡" not in visitor.client.get(visitor.url("wallet")).content.decode()

    def test_a_blocked_card_says_so_and_asks_for_no_stamp(self, visitor: Visitor) -> None:
        assert "再集" in visitor.client.get(visitor.url("wallet")).content.decode()
        services.block_card(card_id=visitor.card.pk, reason="可疑", actor=ACTOR)
        page = visitor.client.get(visitor.url("wallet")).content.decode()
        assert "已停用" in page
        assert "再集" not in page
        card = visitor.client.get(visitor.card_url()).content.decode()
        assert "stamps-corner" not in card
        assert "data-press=" not in card
        assert "再集" not in card

    def test_a_card_that_has_ended_says_so_and_promises_nothing(self, visitor: Visitor) -> None:
        services.end_programme(programme_id=visitor.card.programme_id, actor=ACTOR)
        wallet = visitor.client.get(visitor.url("wallet")).content.decode()
        assert "已结束" in wallet
        card = visitor.client.get(visitor.card_url()).content.decode()
        assert "活动已结束" in card
        assert "这张卡不能再集章，已得到的奖励仍然有效。" in card
        assert "还差" not in wallet + card
        assert "商家暂停了" not in card
        assert "再集 " not in wallet + card

    @pytest.mark.parametrize("how", ["paused", "ended", "past its last day"])
    def test_an_offer_of_yesterday_opens_no_card(self, visitor: Visitor, how: str) -> None:
        moment = clock.now()
        zone = visitor.shop.merchant.time_zone
        late = make_programme(name="停卡", ends_on=clock.local_date(moment, zone))
        page = visitor.client.get(visitor.url("wallet")).content.decode()
        offer = re.search(r'name="offer" value="([^"]+)"', page)
        assert offer
        ends = {"paused": services.pause_programme, "ended": services.end_programme}
        if how in ends:
            ends[how](programme_id=late.pk, actor=ACTOR)
        with clock.at(moment + timedelta(days=0 if how in ends else 1)):
            answer = visitor.client.post(visitor.url("join"), {"offer": offer[1]}, follow=True)
            assert answer.redirect_chain[-1][0] == visitor.url("wallet")
            assert "不再发放" in answer.content.decode()
        assert not Card.objects.filter(programme=late).exists()


class TestCode:
    @pytest.mark.spec("stamps R09")
    def test_is_six_digits_in_the_colour_of_the_operation(self, visitor: Visitor) -> None:
        page = visitor.tap().content.decode()

        assert DIGITS.search(page)
        assert 'class="stamps-sheet zg-is-stamp"' in page
        assert 'data-countdown="1' in page
        assert "给店员看" in page

    @pytest.mark.spec("stamps D13")
    def test_a_second_tap_shows_the_same(self, visitor: Visitor) -> None:
        first = visitor.digits()
        with clock.at(clock.now() + timedelta(seconds=100)):
            response = visitor.tap()

        assert DIGITS.search(response.content.decode())[1] == first  # type: ignore[index]
        assert 70 <= response.context["layer"].seconds_left <= 80
        assert OneTimeCode.objects.count() == 1

    @pytest.mark.spec("stamps D13")
    def test_is_not_given_without_end(self, visitor: Visitor) -> None:
        moment = clock.now()
        for minute in range(5):
            with clock.at(moment + timedelta(seconds=minute)):
                visitor.digits()
                visitor.client.post(visitor.card_url("card_code_revoke"), ref_of(visitor))

        with clock.at(moment + timedelta(seconds=6)):
            response = visitor.tap()

        assert response.status_code == 429
        assert "E_TOO_MANY_CODES" in response.content.decode()
        assert "data-countdown" in response.content.decode()
        assert OneTimeCode.objects.count() == 5

    @pytest.mark.spec("stamps R12", "stamps D14")
    def test_for_cancelling_comes_from_its_own_layer(self, visitor: Visitor) -> None:
        stamp(visitor.shop.desk, visitor.card)
        layer = visitor.client.get(visitor.card_url("card_cancel")).content.decode()
        assert 'name="kind" value="cancel"' in layer
        assert 'name="kind" value="accumulate"' not in layer
        assert 'value="cancel"' not in visitor.client.get(visitor.card_url()).content.decode()

        first = visitor.digits()
        taken = visitor.tap("cancel", more="1")
        assert 'class="stamps-sheet zg-is-cancel"' in taken.content.decode()
        digits = DIGITS.search(taken.content.decode())[1]  # type: ignore[index]

        assert preview(visitor.shop.desk, digits).kind == Kind.CANCEL
        with pytest.raises(CodeRevoked):
            preview(visitor.shop.desk, first)

    def test_is_refused_when_nothing_can_be_cancelled(self, visitor: Visitor) -> None:
        response = visitor.tap("cancel")

        assert response.status_code == 409
        assert "E_NOTHING_TO_CANCEL" in response.content.decode()
        assert not OneTimeCode.objects.exists()

    @pytest.mark.spec("stamps D28")
    def test_is_refused_while_the_programme_rests(self, visitor: Visitor) -> None:
        services.pause_programme(programme_id=visitor.shop.programme.pk, actor=ACTOR)

        response = visitor.tap()

        assert response.status_code == 409
        assert "E_CARD_STATE" in response.content.decode()
        assert "商家暂停了这张卡" in visitor.client.get(visitor.card_url()).content.decode()
        assert not OneTimeCode.objects.exists()

    @pytest.mark.spec("stamps D39")
    def test_outlives_the_layer(self, visitor: Visitor) -> None:
        digits = visitor.digits()

        page = visitor.client.get(visitor.card_url()).content.decode()

        assert "集章验证码" in page
        assert digits not in page
        assert confirm(visitor.shop.desk, digits).after == 1

    @pytest.mark.spec("stamps D39")
    def test_is_withdrawn_by_the_customer(self, visitor: Visitor) -> None:
        visitor.tap()

        response = visitor.client.post(
            visitor.card_url("card_code_revoke"), ref_of(visitor), headers=HTMX
        )

        assert "验证码已作废" in response.content.decode()
        assert OneTimeCode.objects.get().state == CodeState.REVOKED

    def test_that_was_used_stays_used(self, visitor: Visitor) -> None:
        confirm(visitor.shop.desk, visitor.digits())

        response = visitor.client.post(
            visitor.card_url("card_code_revoke"), ref_of(visitor), headers=HTMX
        )

        assert "集章成功" in response.content.decode()
        assert Transaction.objects.count() == 1

    @pytest.mark.parametrize("ref", ["", "x", "1"])
    def test_is_named_by_nothing_made_up(self, visitor: Visitor, ref: str) -> None:
        visitor.tap()

        response = visitor.client.post(visitor.card_url("card_code_revoke"), {"ref": ref})

        assert response.status_code == 404
        assert OneTimeCode.objects.get().state == CodeState.ACTIVE

    def test_needs_no_script(self, visitor: Visitor) -> None:
        page = visitor.client.post(visitor.card_url("card_code")).content.decode()

        assert "<html" in page
        assert DIGITS.search(page)

    def test_row_ids_stay_inside(self, visitor: Visitor) -> None:
        visitor.tap()
        code = OneTimeCode.objects.get()
        OneTimeCode.objects.filter(pk=code.pk).update(id=987_654_321)

        page = visitor.tap().content.decode()

        assert "987654321" not in page


class TestLive:
    def test_says_nothing_while_nothing_happens(
        self, visitor: Visitor, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        page = visitor.client.get(visitor.card_url())

        with django_assert_max_num_queries(6):
            assert visitor.live(page).status_code == 204
        assert visitor.live(visitor.tap()).status_code == 204

    @pytest.mark.spec("stamps D39")
    def test_says_at_once_that_the_code_was_used(self, visitor: Visitor) -> None:
        tapped = visitor.tap()
        digits = DIGITS.search(tapped.content.decode())[1]  # type: ignore[index]
        confirm(visitor.shop.desk, digits)

        news = visitor.live(tapped).content.decode()

        assert "集章成功" in news
        assert "验证码已使用" in news
        assert 'data-fresh="1"' in news
        assert news.count("zg-slot-fresh") == 1
        assert 'hx-trigger="every 2s"' in news

    def test_a_code_used_while_the_phone_asks_shows_its_stamp(
        self, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tapped = visitor.tap()
        digits = DIGITS.search(tapped.content.decode())[1]  # type: ignore[index]
        look = services.code_status

        def booked_just_before(**which: Any) -> CodeStatus:
            if balance_of(visitor.card) == 0:
                confirm(visitor.shop.desk, digits)
            return look(**which)

        monkeypatch.setattr(services, "code_status", booked_just_before)
        news = visitor.live(tapped).content.decode()

        assert "卡上现在有 1 个章" in news
        assert 'data-balance="1"' in news

    def test_a_held_code_is_still_live(self, visitor: Visitor) -> None:
        tapped = visitor.tap()
        preview(visitor.shop.desk, DIGITS.search(tapped.content.decode())[1])  # type: ignore[index]

        assert visitor.live(tapped).status_code == 204

    def test_says_that_the_code_expired(self, visitor: Visitor) -> None:
        tapped = visitor.tap()

        with clock.at(clock.now() + timedelta(seconds=181)):
            news = visitor.live(tapped).content.decode()

        assert "验证码已过期" in news
        assert "重新获取" in news

    @pytest.mark.spec("stamps R11")
    def test_shows_a_cancel_on_the_page_behind_the_dots(self, visitor: Visitor) -> None:
        stamp(visitor.shop.desk, visitor.card)
        tapped = visitor.tap("cancel", more="1")
        confirm(visitor.shop.desk, DIGITS.search(tapped.content.decode())[1])  # type: ignore[index]

        news = visitor.live(tapped).content.decode()

        assert "取消成功" in news
        assert "is-struck" in news
        assert StampRecord.objects.count() == 2

    def test_shows_stamps_without_any_layer(self, visitor: Visitor) -> None:
        page = visitor.client.get(visitor.card_url())
        stamp(visitor.shop.desk, visitor.card)

        news = visitor.live(page).content.decode()

        assert 'data-balance="1"' in news
        assert 'data-fresh="1"' in news
        assert "stamps-sheet" not in news

    @pytest.mark.parametrize("query", ["v=x&n=x", "v=1&n=-5", "v=1&n=99999999"])
    def test_survives_nonsense(self, visitor: Visitor, query: str) -> None:
        assert visitor.client.get(f"{visitor.card_url('card_live')}?{query}").status_code == 200


class TestMore:
    def test_shows_rules_entries_and_the_way_to_cancel(self, visitor: Visitor) -> None:
        stamp(visitor.shop.desk, visitor.card)
        cancel(visitor.shop.desk, visitor.card)

        page = visitor.client.get(visitor.card_url("card_more")).content.decode()

        assert "取消累计" in page
        assert page.count('<li>\n          <div class="zg-cell') == 2
        assert page.count("is-struck") >= 1

    def test_a_long_history_goes_on_from_page_to_page(
        self, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(paging, "SIZE", 2)
        for _ in range(5):
            stamp(visitor.shop.desk, visitor.card)
        url, pages = visitor.card_url("card_more"), []
        while url:
            pages.append(visitor.client.get(url).content.decode())
            older = re.search(r'rel="next" href="([^"]+)"', pages[-1])
            url = older[1] if older else ""
        assert [page.count('<li>\n          <div class="zg-cell') for page in pages] == [2, 2, 1]
        assert ['id="poll"' in page for page in pages] == [True, False, False]
        assert 'rel="prev"' in pages[-1]

    def test_opens_the_layer_without_script(self, visitor: Visitor) -> None:
        stamp(visitor.shop.desk, visitor.card)

        page = visitor.client.get(visitor.card_url("card_more"), {"cancel": ""}).content.decode()

        assert "将取消最近的这个章" in page


def ref_of(visitor: Visitor) -> dict[str, str]:
    """What the layer's button sends."""
    page = visitor.client.get(visitor.card_url()).content.decode()
    found = re.search(r"ref=([0-9a-f]+)", page)
    if found:
        return {"ref": found[1]}
    from zhanggui.stamps.views import mobile

    newest = OneTimeCode.objects.order_by("-pk").first()
    assert newest
    return {"ref": mobile._ref(visitor.card, newest.pk)}
