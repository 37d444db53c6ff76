"""The ways to stamp: which a programme takes, how each is recorded, what a reward needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.core import clock
from zhanggui.ledger.models import Transaction
from zhanggui.stamps import selectors, services, ways
from zhanggui.stamps.errors import (
    CodeFormat,
    CodesOff,
    PressOff,
    ScanOff,
    StampedJustNow,
    TooFast,
    TooWeak,
    WayOff,
    WaysWrong,
)
from zhanggui.stamps.models import Case, CaseKind, Kind, Method, Press, Programme, StampRecord
from zhanggui.stamps.services.programmes import RewardInput, values_of
from zhanggui.stamps.tests.factories import (
    FakeCoupons,
    Shop,
    balance_of,
    cancel,
    confirm,
    customer_of,
    make_card,
    make_programme,
    make_shop,
    preview,
    stamp,
    take_code,
)
from zhanggui.stamps.tests.pressing import T1, make_seal, points_px, press
from zhanggui.stamps.tests.test_staff import HTMX, Counter, sign_in

NOON = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
def capped(db: None) -> Iterator[Shop]:
    """A shop with the gap of D25 as it is without a setting, and a physical stamp."""
    shop = make_shop(slots=20, gap_s=30)
    with shop.scope:
        make_seal(shop.store)
        yield shop


def change(programme: Programme, **values: Any) -> None:
    services.edit_programme(
        programme_id=programme.pk, values=replace(values_of(programme), **values), actor=ACTOR
    )


def methods() -> list[str]:
    return list(StampRecord.objects.order_by("pk").values_list("method", flat=True))


def press_again(shop: Shop) -> None:
    nonce = services.allow_press(
        card=shop.card, kind=Kind.ACCUMULATE, actor=customer_of(shop.card), is_again=True
    )
    press(shop.card, nonce=nonce.token)


class TestOnceMore:
    @pytest.mark.spec("stamps D26")
    def test_a_code_after_a_press_wants_the_word(self, capped: Shop) -> None:
        with clock.at(NOON):
            press(capped.card)
        with clock.at(NOON + timedelta(seconds=12)):
            digits = take_code(capped.card).digits
            seen = preview(capped.desk, digits)
            assert (seen.stamped_s_ago, seen.stamped_by) == (12, "盖章")
            with pytest.raises(StampedJustNow) as refusal:
                confirm(capped.desk, digits)
            assert (refusal.value.code, refusal.value.details["ago"]) == ("E_AGAIN", 12)
            assert balance_of(capped.card) == 1
            assert confirm(capped.desk, digits, is_again=True).after == 2
        assert methods() == ["press", "otp"]
        assert capped.adds_up()

    @pytest.mark.spec("stamps D26")
    def test_a_press_after_a_code_wants_the_word(self, capped: Shop) -> None:
        with clock.at(NOON):
            stamp(capped.desk, capped.card)
        with clock.at(NOON + timedelta(seconds=12)):
            with pytest.raises(StampedJustNow):
                press(capped.card)
            assert Press.objects.get(outcome="E_AGAIN").customer_id == capped.card.customer_id
            assert balance_of(capped.card) == 1
            press_again(capped)
        assert methods() == ["otp", "press"]
        assert capped.adds_up()

    @pytest.mark.spec("stamps D26")
    def test_after_thirty_seconds_nothing_is_asked(self, capped: Shop) -> None:
        with clock.at(NOON):
            press(capped.card)
        with clock.at(NOON + timedelta(seconds=30)):
            digits = take_code(capped.card).digits
            assert preview(capped.desk, digits).stamped_s_ago is None
            assert confirm(capped.desk, digits).after == 2

    @pytest.mark.spec("stamps D26")
    def test_it_is_asked_without_a_gap_too(self, capped: Shop) -> None:
        change(capped.programme, gap_s=0)
        with clock.at(NOON):
            press(capped.card)
            digits = take_code(capped.card).digits
            with pytest.raises(StampedJustNow):
                confirm(capped.desk, digits)

    @pytest.mark.parametrize("gap_s", [30, 120], ids=["the-same-way", "a-longer-gap"])
    def test_the_word_opens_no_cap(self, capped: Shop, gap_s: int) -> None:
        change(capped.programme, gap_s=gap_s)
        with clock.at(NOON):
            stamp(capped.desk, capped.card) if gap_s == 30 else press(capped.card)
            digits = take_code(capped.card).digits
            with pytest.raises(TooFast):
                confirm(capped.desk, digits, is_again=True)
        assert balance_of(capped.card) == 1

    @pytest.mark.spec("stamps D26")
    def test_the_page_says_so_and_its_button_is_the_word(
        self, client: Client, capped: Shop
    ) -> None:
        sign_in(client, capped.desk)
        counter = Counter(client, capped)
        press(capped.card)
        digits = take_code(capped.card).digits

        page = counter.preview(digits).content.decode()
        refused = counter.confirm(digits)
        done = counter.confirm(digits, again="1")

        assert "data-again" in page
        assert "再集一次" in page
        assert "确认集章" not in page
        assert (refused.status_code, done.status_code) == (409, 200)
        assert balance_of(capped.card) == 2


class TestScan:
    def test_a_scanned_code_is_recorded_as_such(self, shop: Shop) -> None:
        digits = take_code(shop.card).digits
        assert preview(shop.desk, ways.picture(digits)).after == 1
        assert confirm(shop.desk, ways.picture(digits)).after == 1
        assert methods() == ["staff-scan"]

    def test_only_the_picture_of_this_shop_and_code_counts(self, shop: Shop) -> None:
        digits, other = take_code(shop.card).digits, make_card(shop.programme)
        mark = ways.picture(take_code(other).digits).partition(".")[2]
        for wrong in (f"{digits}.{mark}", f"{digits}.", f"{digits}.ABC"):
            with pytest.raises(CodeFormat):
                confirm(shop.desk, wrong)
        assert not Transaction.objects.exists()

    def test_the_page_of_the_customer_shows_the_picture(self, client: Client, shop: Shop) -> None:
        sign_in(client, shop.desk)
        digits = take_code(shop.card).digits
        url = reverse("stamps:staff_preview")
        values = {"digits": digits, "scan": ways.picture(digits)}
        page = client.post(url, values, headers=HTMX).content.decode()
        assert f'value="{ways.picture(digits)}"' in page

    def test_yesterday_still_counts_and_the_day_before_does_not(self, shop: Shop) -> None:
        with clock.at(NOON):
            made = ways.picture("048213")
        with clock.at(NOON + timedelta(hours=24)):
            assert ways.read(made) == ways.Typed("048213", Method.SCAN)
        with clock.at(NOON + timedelta(hours=48)), pytest.raises(CodeFormat):
            ways.read(made)


class TestAllowed:
    def test_a_programme_without_typed_codes(self, shop: Shop) -> None:
        change(shop.programme, ways=["staff-scan"])
        digits = take_code(shop.card).digits
        with pytest.raises(WayOff) as refusal:
            confirm(shop.desk, digits)
        assert refusal.value.code == "E_WAY_OFF"
        with pytest.raises(WayOff):
            preview(shop.desk, digits)
        assert confirm(shop.desk, ways.picture(digits)).after == 1

    def test_a_programme_without_scanned_codes(self, shop: Shop) -> None:
        change(shop.programme, ways=["otp"])
        digits = take_code(shop.card).digits
        with pytest.raises(ScanOff):
            confirm(shop.desk, ways.picture(digits))
        assert confirm(shop.desk, digits).after == 1

    def test_a_programme_without_presses(self, shop: Shop) -> None:
        make_seal(shop.store)
        assert selectors.takes_press(shop.programme)
        change(shop.programme, ways=["otp"])
        shop.programme.refresh_from_db()
        shop.card.programme.refresh_from_db()
        assert not selectors.takes_press(shop.programme)
        with pytest.raises(PressOff):
            press(shop.card)
        assert balance_of(shop.card) == 0

    def test_a_programme_without_codes_gives_none(self, shop: Shop) -> None:
        change(shop.programme, ways=["press"])
        with pytest.raises(CodesOff):
            take_code(shop.card)

    def test_a_cancel_goes_by_any_way(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        change(shop.programme, ways=["press"])
        digits = take_code(shop.card, Kind.CANCEL).digits
        assert confirm(shop.desk, digits).after == 0

    @pytest.mark.parametrize(
        "values",
        [
            {"ways": []},
            {"ways": ["by-post"]},
            {"ways": ["otp"], "strong_from_fen": 100, "strong_ways": ["press+counter"]},
            {"ways": ["otp"], "strong_ways": ["otp"]},
        ],
        ids=["none", "unknown", "unreachable", "too-weak"],
    )
    def test_nonsense_is_refused(self, shop: Shop, values: dict[str, Any]) -> None:
        with pytest.raises(WaysWrong):
            change(shop.programme, **values)


class TestValue:
    """A reward of value is won only by ways that prove more (feature 9)."""

    @pytest.fixture
    def card_of_two(self, shop: Shop, coupons: FakeCoupons) -> Shop:
        programme = make_programme(
            slots=2,
            reward_template_id=1,
            on_the_way=[RewardInput(1, "小食", 1)],
            strong_from_fen=1800,
        )
        return replace(shop, programme=programme, card=make_card(programme))

    def test_a_typed_code_does_not_win_it(self, card_of_two: Shop) -> None:
        shop, digits = card_of_two, take_code(card_of_two.card).digits
        with pytest.raises(TooWeak) as refusal:
            confirm(shop.desk, digits)
        assert refusal.value.code == "E_ASSURANCE"
        assert refusal.value.details == {"reward": "小食", "ways": "盖章＋柜台码、店员扫码"}
        assert balance_of(shop.card) == 0
        assert confirm(shop.desk, ways.picture(digits)).won == ["小食"]

    def test_a_press_alone_does_not_win_it(self, card_of_two: Shop) -> None:
        make_seal(card_of_two.store)
        with pytest.raises(TooWeak):
            press(card_of_two.card)

    def test_a_smaller_reward_is_won_by_any_way(
        self, card_of_two: Shop, coupons: FakeCoupons
    ) -> None:
        coupons.worth_fen = 1799
        assert stamp(card_of_two.desk, card_of_two.card).won == ["小食"]

    def test_a_reward_without_a_coupon_counts_as_one_of_value(self, shop: Shop) -> None:
        card = make_card(make_programme(slots=2, strong_from_fen=1))
        assert stamp(shop.desk, card).after == 1
        with pytest.raises(TooWeak):
            stamp(shop.desk, card)

    def test_the_next_round_is_looked_at_too(self, shop: Shop, coupons: FakeCoupons) -> None:
        programme = make_programme(
            slots=4,
            max_per_code=3,
            when_full="renew",
            reward_template_id=None,
            strong_from_fen=1,
            strong_ways=["staff-scan"],
        )
        card = make_card(programme)
        stamp(shop.desk, card, amount=3, reason="三杯")
        digits = take_code(card).digits
        with pytest.raises(TooWeak):
            confirm(shop.desk, digits, amount=3, reason="三杯")
        assert confirm(shop.desk, ways.picture(digits), amount=3, reason="三杯").after == 2


class TestTooExact:
    def test_it_alarms_on_the_careful_path_too(self, shop: Shop) -> None:
        programme = make_programme(slots=2)
        card = make_card(programme)
        make_seal(shop.store)
        for turn in (0.0, 40.0):
            press(card, points_px(T1, turn=turn, noise=0.0))
        assert Case.objects.filter(kind=CaseKind.TOO_EXACT).count() == 1


class TestShare:
    @pytest.mark.spec("stamps R17")
    def test_the_stamp_comes_first_and_the_share_of_codes_is_told(
        self, client: Client, shop: Shop
    ) -> None:
        """Codes are for emergencies: the figures say how many stamps needed one."""
        make_seal(shop.store)
        for _ in range(3):
            press(make_card(shop.programme))
        coded = make_card(shop.programme)
        stamp(shop.desk, coded)
        cancel(shop.desk, coded)  # counted apart: the ways add up to the stamps given
        sign_in(client, shop.desk)

        page = Counter(client, shop).get("staff_figures")

        assert 'data-way="press">盖章 <b>3</b> <small>75%</small>' in page
        assert 'data-way="otp">验证码 <b>1</b> <small>25%</small>' in page
