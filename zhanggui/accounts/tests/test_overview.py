"""Overviews: every number equals the count of its rows, at every tier, with the right only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import figures, rights, todo
from zhanggui.accounts.models import Merchant, Role, Store, StoreState, TierState
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
    make_store,
)
from zhanggui.core import clock, tenancy

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea", name="花茶时光")


def numbers_of(answer: Any) -> dict[str, int]:
    return {str(item.number.measure.name): item.number.value for item in answer.context["numbers"]}


def opened(merchant: Merchant, *days_ago: float) -> None:
    for days in days_ago:
        store = make_store(merchant)
        with tenancy.merchant_scope(merchant.pk):
            Store.objects.filter(pk=store.pk).update(created_at=NOON - timedelta(days=days))


NEW_STORES = figures.Measure(
    "tests.new_stores",
    "New stores",
    "building-store",
    Store,
    lambda merchant, span, _store: f"/m/{merchant.slug}/stores/?since={span.first}",
    moment="created_at",
    order=1,
)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_known", {NEW_STORES.name: NEW_STORES})


class TestNumbers:
    @pytest.mark.parametrize(("days", "now", "before"), [(1, 1, 1), (7, 3, 1), (30, 4, 0)])
    def test_count_days_and_as_many_before(
        self, tea: Merchant, days: int, now: int, before: int
    ) -> None:
        opened(tea, 0, 1, 6.4, 8)
        opened(make_merchant(), 0, 0, 0)
        with clock.at(NOON), tenancy.merchant_scope(tea.pk):
            span = figures.last_days(days, "Asia/Shanghai")
            (found,) = figures.numbers([NEW_STORES], span)
        assert (found.value, found.before) == (now, before)
        assert found.change == now - before

    @pytest.mark.spec("repairs U-52")
    def test_days_begin_at_midnight_of_the_merchant(self, tea: Merchant) -> None:
        # 20:00 in UTC is already the next day in Shanghai
        opened(tea, 8 / 24)
        with clock.at(NOON), tenancy.merchant_scope(tea.pk):
            (here,) = figures.numbers([NEW_STORES], figures.last_days(1, "Asia/Shanghai"))
            (there,) = figures.numbers([NEW_STORES], figures.last_days(1, "Europe/London"))
        assert (here.value, there.value) == (1, 0)

    def test_course_has_every_day_and_adds_up(self, tea: Merchant) -> None:
        opened(tea, 0, 0, 3, 9)
        with clock.at(NOON), tenancy.merchant_scope(tea.pk):
            span = figures.last_days(7, "Asia/Shanghai")
            now, before = figures.course(NEW_STORES, span)
        assert now == [0, 0, 0, 1, 0, 0, 2]
        assert (len(before), sum(before)) == (7, 1)


class TestMerchant:
    def test_shows_numbers_with_their_rows(self, client: Client, tea: Merchant) -> None:
        make_store(tea)
        make_store(tea, state=StoreState.CLOSED)
        client.force_login(make_staff(tea, role=Role.OWNER))
        answer = client.get("/m/tea/")
        found = numbers_of(answer)
        assert found["accounts.stores"] == 1
        assert found["accounts.staff"] == 1
        assert 'href="/m/tea/stores/?state=open"' in answer.content.decode()

    def test_shows_only_what_one_may_see(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, rights.VIEW_STORES.name))
        assert list(numbers_of(client.get("/m/tea/"))) == ["accounts.stores"]

    @pytest.mark.usefixtures("measured")
    def test_another_period_and_a_wrong_one(self, client: Client, tea: Merchant) -> None:
        opened(tea, 0, 3, 20)
        client.force_login(make_staff(tea, role=Role.OWNER))
        with clock.at(NOON):
            for days, wanted in (("1", 1), ("7", 2), ("30", 3), ("8", 2), ("x", 2), ("-1", 2)):
                answer = client.get("/m/tea/", {"days": days})
                assert numbers_of(answer) == {NEW_STORES.name: wanted}
                course = answer.context["course"]
                assert len(course.labels) == (30 if days == "30" else 7)
                assert sum(course.series[0].values) >= wanted

    def test_says_that_nothing_waits(
        self, client: Client, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(todo, "_sources", {})
        client.force_login(make_staff(tea, role=Role.OWNER))
        assert "没有等您处理的事" in client.get("/m/tea/").content.decode()


class TestTiers:
    @pytest.mark.usefixtures("measured")
    def test_operator_counts_own_merchants_and_lists_them(
        self, client: Client, tea: Merchant
    ) -> None:
        operator = make_operator("north")
        first, second = make_merchant(operator=operator), make_merchant(operator=operator)
        opened(first, 0, 2)
        opened(second, 1)
        opened(tea, 0)
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        with clock.at(NOON):
            assert numbers_of(client.get("/operator/north/overview/")) == {NEW_STORES.name: 3}
            answer = client.get(f"/operator/north/figures/{NEW_STORES.name}/?days=7")
        rows = [(row["merchant"], row["value"]) for row in answer.context["rows"]]
        assert rows == [(first, 2), (second, 1)]
        assert answer.context["total"] == 3

    def test_platform_counts_all_but_archived(self, client: Client, tea: Merchant) -> None:
        make_merchant(state=TierState.FROZEN)
        client.force_login(make_platform_staff(role=Role.OWNER))
        found = numbers_of(client.get("/platform/overview/"))
        assert found["accounts.merchants"] == 1
        assert found["accounts.new_merchants"] == 2
        answer = client.get("/platform/figures/accounts.merchants/")
        assert [row["merchant"] for row in answer.context["rows"]] == [tea]

    def test_an_operator_without_merchants_has_noughts(self, client: Client) -> None:
        operator = make_operator("north")
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        found = numbers_of(client.get("/operator/north/overview/"))
        assert found
        assert set(found.values()) == {0}

    def test_what_is_not_for_tiers_is_not_found(self, client: Client) -> None:
        client.force_login(make_platform_staff(role=Role.OWNER))
        assert client.get("/platform/figures/stamps.customers/").status_code == 404
        assert client.get("/platform/figures/x/").status_code == 404
