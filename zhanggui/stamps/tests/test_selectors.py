"""Ledger pages, search and figures."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from zhanggui.accounts.tests.factories import make_store
from zhanggui.contacts.models import Customer
from zhanggui.contacts.search import name_key
from zhanggui.core import clock
from zhanggui.stamps import selectors
from zhanggui.stamps.models import Kind, StampRecord
from zhanggui.stamps.selectors import Period
from zhanggui.stamps.tests.factories import (
    Shop,
    cancel,
    make_card,
    make_manager,
    make_shop,
    stamp,
)
from zhanggui.ui import paging

ZONE = "Asia/Shanghai"
TODAY = datetime(2026, 5, 20, 12, 0, tzinfo=ZoneInfo(ZONE))


def found(search: str, store_id: int | None = None) -> list[str]:
    """Names of that time of the records a search finds, newest first."""
    records = selectors.ledger(
        period=selectors.ledger_period(ZONE), store_id=store_id, search=search
    )
    return [record.customer_name for record in records.order_by(*selectors.ORDER)]


class TestWindow:
    @pytest.mark.spec("stamps D40", "stamps R16")
    def test_is_today_and_the_14_days_before(self, shop: Shop) -> None:
        first = datetime(2026, 5, 6, 0, 0, tzinfo=ZoneInfo(ZONE))
        for moment in (first - timedelta(seconds=1), first, TODAY):
            with clock.at(moment):
                stamp(shop.desk, shop.card)
        with clock.at(TODAY):
            period = selectors.ledger_period(ZONE)
            shown = selectors.ledger(period=period).order_by("at")

            assert (period.first, period.last) == (date(2026, 5, 6), date(2026, 5, 20))
            assert [record.at for record in shown] == [first, TODAY]

    @pytest.mark.spec("stamps D40")
    def test_follows_the_shops_zone(self, shop: Shop) -> None:
        with clock.at(datetime(2026, 5, 5, 16, 0, tzinfo=UTC)):  # 00:00 in Shanghai
            stamp(shop.desk, shop.card)
        (record,) = shop.records()

        assert record.business_date == date(2026, 5, 6)


class TestScope:
    @pytest.mark.spec("stamps R15")
    def test_other_stores_and_merchants_stay_out(self, shop: Shop) -> None:
        elsewhere = make_manager(make_store(shop.merchant))
        stamp(shop.desk, shop.card)
        stamp(elsewhere, shop.card)
        rival = make_shop()
        with rival.scope:
            stamp(rival.desk, rival.card)
        period = selectors.ledger_period(ZONE)

        assert selectors.ledger(period=period, store_id=shop.store.pk).count() == 1
        assert selectors.ledger(period=period).count() == 2
        assert selectors.ledger(period=period, store_id=rival.store.pk).count() == 0


class TestSearch:
    @pytest.mark.spec("stamps D41", "stamps R16")
    @pytest.mark.parametrize("typed", ["Ｌｕｃｋｙ", "luck", "UCKY", "l u c k y"])
    def test_contains_whatever_case_and_width(self, shop: Shop, typed: str) -> None:
        stamp(shop.desk, make_card(shop.programme, "Lucky🍀"))
        stamp(shop.desk, shop.card)

        assert found(typed) == ["Lucky🍀"]

    @pytest.mark.spec("stamps D41")
    @pytest.mark.parametrize("typed", ["小明", "王", "wxm", "xiaoming"])
    def test_chinese_and_pinyin(self, shop: Shop, typed: str) -> None:
        stamp(shop.desk, shop.card)
        stamp(shop.desk, make_card(shop.programme, "李四"))

        assert found(typed) == ["王小明"]

    @pytest.mark.spec("stamps D41")
    def test_name_then_and_name_now(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        Customer.objects.filter(pk=shop.card.customer_id).update(
            name="陈大文", name_key=name_key("陈大文")
        )
        stamp(shop.desk, shop.card)

        assert found("小明") == ["王小明"]
        assert found("大文") == ["陈大文", "王小明"]

    @pytest.mark.spec("stamps D41")
    def test_member_number_and_phone_tail(self, shop: Shop) -> None:
        card = make_card(shop.programme, "李四", phone="13812345678")
        stamp(shop.desk, card)
        stamp(shop.desk, shop.card)
        number = Customer.objects.get(pk=card.customer_id).number

        assert found("5678") == ["李四"]
        assert found(number) == ["李四"]
        assert found("没有这个人") == []

    def test_a_wildcard_is_a_sign_like_any_other(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)

        assert found("%") == []
        assert found("_") == []


class TestRows:
    @pytest.mark.spec("stamps D42")
    def test_cancelled_entries_stay_with_their_reversal(self, shop: Shop) -> None:
        first, second = stamp(shop.desk, shop.card), stamp(shop.desk, shop.card)
        back = cancel(shop.desk, shop.card)
        page = paging.keyset(
            selectors.ledger(period=selectors.ledger_period(ZONE)), order=selectors.ORDER
        )
        rows = {row.record.pk: row for row in selectors.with_context(page.rows)}

        assert list(rows) == [back.record_id, second.record_id, first.record_id]
        assert rows[second.record_id].is_cancelled
        assert rows[second.record_id].cancelled_by_id == back.record_id
        assert not rows[first.record_id].is_cancelled
        assert rows[back.record_id].record.reverses_id == second.record_id

    @pytest.mark.spec("stamps D42")
    def test_in_minus_cancelled_is_the_change_of_balance(self, shop: Shop) -> None:
        for _ in range(3):
            stamp(shop.desk, shop.card)
        cancel(shop.desk, shop.card)
        records = selectors.ledger(period=selectors.ledger_period(ZONE), search="小明")
        given = records.filter(kind=Kind.ACCUMULATE).count()
        taken = records.filter(kind=Kind.CANCEL).count()

        assert given - taken == 2
        assert selectors.card_version(shop.card.pk) == (4, 2)


class TestFigures:
    def test_equal_the_rows_of_the_ledger(self, shop: Shop) -> None:
        other = make_card(shop.programme, "李四")
        with clock.at(TODAY - timedelta(days=6)):
            stamp(shop.desk, shop.card)
        with clock.at(TODAY - timedelta(days=1)):
            stamp(shop.desk, other)
        with clock.at(TODAY):
            stamp(shop.desk, shop.card)
            cancel(shop.desk, shop.card)
            periods = [selectors.ledger_period(ZONE, days) for days in (1, 7, 15)]
            today, week, all_days = selectors.figures(periods=periods, store_id=shop.store.pk)

        assert (today.stamps, today.given, today.cancels, today.customers) == (1, 1, 1, 1)
        assert (week.stamps, week.given, week.cancels, week.customers) == (3, 3, 1, 2)
        assert (all_days.stamps, all_days.customers) == (3, 2)
        rows = selectors.ledger(period=week.period, kind=Kind.ACCUMULATE)
        assert rows.count() == week.given

    def test_by_day_shows_empty_days_too(self, shop: Shop) -> None:
        with clock.at(TODAY):
            stamp(shop.desk, shop.card)
            days = selectors.by_day(period=selectors.ledger_period(ZONE, 3))

        assert [(day.day.day, day.stamps, day.cancels) for day in days] == [
            (18, 0, 0),
            (19, 0, 0),
            (20, 1, 0),
        ]

    def test_of_no_period_are_none(self, shop: Shop) -> None:
        assert selectors.figures(periods=[]) == []

    def test_of_a_shop_without_entries_are_zero(self, shop: Shop) -> None:
        day = Period(date(2026, 1, 1), date(2026, 1, 1), ZONE)
        (figure,) = selectors.figures(periods=[day])

        assert (figure.stamps, figure.given, figure.cancels, figure.customers) == (0, 0, 0, 0)
        assert not StampRecord.objects.exists()


class TestCards:
    def test_only_the_own_card_is_found_by_its_token(self, shop: Shop) -> None:
        assert selectors.card_by_token(shop.card.token, shop.card.customer_id) == shop.card
        assert selectors.card_by_token(shop.card.token, shop.card.customer_id + 1) is None
        assert selectors.cards_of(shop.card.customer_id) == [shop.card]

    def test_records_of_a_card(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        cancel(shop.desk, shop.card)
        rows = selectors.records_of_card(shop.card.pk, size=50).rows

        assert [(row.record.kind, row.is_cancelled) for row in rows] == [
            (Kind.CANCEL, False),
            (Kind.ACCUMULATE, True),
        ]


@pytest.mark.django_db
def test_the_planner_takes_stores_for_many() -> None:
    """So that a quiet store's page is never read out of the whole shop's rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attoptions FROM pg_attribute"
            " WHERE attrelid = 'stamps_stamprecord'::regclass AND attname = 'store_id'"
        )
        assert cursor.fetchone() == (["n_distinct=-0.01"],)
