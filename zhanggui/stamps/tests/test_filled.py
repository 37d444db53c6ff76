"""A card that was just filled: said and celebrated on both phones, never shown as a loss."""

from __future__ import annotations

from datetime import timedelta

import pytest

from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.core import clock
from zhanggui.coupons.models import Coupon
from zhanggui.coupons.tests.factories import make_template
from zhanggui.stamps import services
from zhanggui.stamps.models import Kind, Reward
from zhanggui.stamps.tests.factories import make_programme, manager_of, stamp, take_code
from zhanggui.stamps.tests.test_mobile import DIGITS, Visitor, visitor
from zhanggui.stamps.tests.test_staff import Counter, counter

__all__ = ["counter", "visitor"]


@pytest.fixture(params=["coupon", "counter"])
def reward(request: pytest.FixtureRequest) -> str:
    """How the reward is given."""
    return str(request.param)


def filled_but_one(visitor: Visitor, reward: str, when_full: str = "renew") -> None:
    """Give the visitor a card of four places that lacks one stamp."""
    template = make_template(name="招牌奶茶券").pk if reward == "coupon" else None
    programme = make_programme(
        slots=4, max_per_code=3, reward_template_id=template, when_full=when_full
    )
    visitor.card = services.open_card(
        programme=programme, customer_id=visitor.card.customer_id, actor=ACTOR
    )
    stamp(visitor.shop.desk, visitor.card, amount=3, reason="三杯")


class TestFilled:
    def test_on_both_phones(self, visitor: Visitor, counter: Counter, reward: str) -> None:
        filled_but_one(visitor, reward)
        tapped = visitor.tap()
        digits = DIGITS.search(tapped.content.decode())[1]  # type: ignore[index]

        done = counter.confirm(digits).content.decode()
        assert "集满了" in done
        assert "<b>4<small> / 4</small></b>" in done
        assert "得到“招牌奶茶一杯”" in done
        assert ("请当面交给顾客" in done) == (reward == "counter")
        assert "新一轮已经开始，卡上现在 0 / 4" in done

        news = visitor.live(tapped).content.decode()
        assert "集满了" in news
        assert "得到“招牌奶茶一杯”" in news
        assert "新一轮已经开始，卡上现在 0 / 4" in news
        assert 'data-sheet-done="stays"' in news
        sheet = news[news.index('id="sheet"') :]
        assert sheet.count("zg-seal-ground") == 4  # the full card, although its next round began
        assert 'data-feel="full"' in sheet
        if reward == "coupon":
            assert f"/coupons/{Coupon.objects.get().token}/" in sheet
            assert "请到柜台领取" not in sheet
        else:
            assert "请到柜台领取" in sheet

    def test_what_the_counter_hands_out_is_asked_for_until_it_is_handed_over(
        self, visitor: Visitor
    ) -> None:
        filled_but_one(visitor, "counter")
        stamp(visitor.shop.desk, visitor.card)
        days_later = clock.now() + timedelta(days=3)
        with clock.at(days_later):
            page = visitor.client.get(visitor.card_url()).content.decode()
            assert "请到柜台领取" in page

            services.hand_over(
                desk=visitor.shop.desk,
                reward_id=Reward.objects.get().pk,
                actor=manager_of(visitor.shop.desk),
            )
            page = visitor.client.get(visitor.card_url()).content.decode()
            assert "请到柜台领取" not in page
            assert "已领取" in page
            assert "招牌奶茶一杯" in page

    def test_not_with_the_next_stamp(self, visitor: Visitor, counter: Counter, reward: str) -> None:
        filled_but_one(visitor, reward)
        stamp(visitor.shop.desk, visitor.card)
        tapped = visitor.tap()
        digits = DIGITS.search(tapped.content.decode())[1]  # type: ignore[index]
        assert "集章成功" in counter.confirm(digits).content.decode()
        news = visitor.live(tapped).content.decode()
        assert "集章成功" in news
        assert "集满了" not in news

    def test_a_card_that_ends_begins_no_round(self, visitor: Visitor, counter: Counter) -> None:
        filled_but_one(visitor, "counter", when_full="stop")
        tapped = visitor.tap()
        digits = DIGITS.search(tapped.content.decode())[1]  # type: ignore[index]
        for page in (counter.confirm(digits), visitor.live(tapped)):
            assert "集满了" in page.content.decode()
            assert "新一轮" not in page.content.decode()

    def test_nor_with_a_cancel_after_it(self, visitor: Visitor, counter: Counter) -> None:
        filled_but_one(visitor, "counter")
        stamp(visitor.shop.desk, visitor.card)
        stamp(visitor.shop.desk, visitor.card)
        tapped = visitor.tap("cancel")
        digits = DIGITS.search(tapped.content.decode())[1]  # type: ignore[index]
        assert counter.confirm(digits).status_code == 200
        assert "集满了" not in visitor.live(tapped).content.decode()


def test_locked_the_input_waits_for_the_countdown(counter: Counter) -> None:
    good = take_code(counter.shop.card, Kind.ACCUMULATE).digits
    wrong = "000000" if good != "000000" else "111111"
    for _ in range(4):
        counter.preview(wrong)
    locked = counter.preview(wrong).content.decode()
    assert "disabled data-locked" in locked
    assert "600 秒" not in locked
    assert "解锁倒计时" in locked
    assert "disabled data-locked" in counter.get("desk")  # opened anew, it is locked still
    with clock.at(clock.now() + timedelta(minutes=10, seconds=1)):
        assert "disabled data-locked" not in counter.get("desk")
