"""The back office: programmes, ledger, figures, cards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from zhanggui.accounts.tests.factories import make_staff, make_store
from zhanggui.contacts.models import Customer
from zhanggui.contacts.search import name_key
from zhanggui.core import clock
from zhanggui.ledger.models import Transaction
from zhanggui.stamps.models import StampRecord
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    cancel,
    make_card,
    make_manager,
    make_programme,
    make_shop,
    stamp,
)
from zhanggui.stamps.tests.offices import Office

T0 = datetime(2026, 5, 15, 4, 0, tzinfo=UTC)


def rows_of(page: str) -> int:
    """Ledger rows on a page."""
    return page.count('<tr id="r')


class TestLedger:
    def test_is_empty_at_first(self, office: Office) -> None:
        assert "还没有流水" in office.page("ledger")

    @pytest.mark.spec("stamps D42")
    def test_strikes_through_and_links(self, office: Office) -> None:
        given = stamp(office.shop.desk, office.shop.card)
        taken = cancel(office.shop.desk, office.shop.card)

        page = office.page("ledger")

        assert rows_of(page) == 2
        assert page.count("stamps-cancelled") == 1
        for record_id in (taken.record_id, given.record_id):
            assert f'href="{office.url("record", record_id)}"' in page

    def test_narrows_down(self, office: Office) -> None:
        shop = office.shop
        other = make_store(shop.merchant, "二店")
        stamp(shop.desk, shop.card)
        stamp(make_manager(other), make_card(shop.programme, "李雷"))
        cancel(shop.desk, shop.card)

        assert rows_of(office.page("ledger")) == 3
        assert rows_of(office.page("ledger", store=shop.store.pk)) == 2
        assert rows_of(office.page("ledger", store=other.pk)) == 1
        assert rows_of(office.page("ledger", kind="cancel")) == 1
        assert rows_of(office.page("ledger", q="李雷")) == 1
        assert rows_of(office.page("ledger", q="lilei")) == 1
        assert rows_of(office.page("ledger", until="2020-01-01")) == 0
        assert "没有符合的流水" in office.page("ledger", q="没有")

    @pytest.mark.parametrize(
        "query",
        [
            "store=x",
            "kind=x",
            "since=x",
            "after=x",
            "q=" + "长" * 200,
            "since=0001-01-01",
            "until=9999-12-31",
            "store=" + "9" * 30,
        ],
    )
    def test_leaves_nonsense_out(self, office: Office, query: str) -> None:
        stamp(office.shop.desk, office.shop.card)

        response = office.client.get(f"{office.url('ledger')}?{query}")

        assert response.status_code == 200

    @pytest.mark.spec("stamps D41")
    def test_finds_the_old_name_and_the_new_one(self, office: Office) -> None:
        stamp(office.shop.desk, office.shop.card)
        Customer.objects.filter(pk=office.shop.card.customer_id).update(
            name="ＡＢＣ大王", name_key=name_key("ＡＢＣ大王")
        )

        for search in ("王小明", "abc", "ＡＢＣ", "大王"):
            assert rows_of(office.page("ledger", q=search)) == 1, search
        assert "现名 ＡＢＣ大王" in office.page("ledger")

    def test_shows_nothing_of_other_merchants(self, office: Office) -> None:
        stamp(office.shop.desk, office.shop.card)
        other = make_shop("other")
        stamp(other.desk, other.card)
        other.scope.close()

        assert rows_of(office.page("ledger")) == 1

    def test_turns_pages_in_as_many_queries(
        self, office: Office, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        shop = office.shop
        for number in range(60):
            stamp(shop.desk, make_card(shop.programme, f"顾客{number}"))

        with django_assert_max_num_queries(10):
            first = office.page("ledger")
        after = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        second = office.client.get(office.url("ledger") + after).content.decode()

        assert (rows_of(first), rows_of(second)) == (50, 10)
        assert "顾客59" in first
        assert "顾客0<" in second


class TestCancel:
    def test_takes_the_stamp_back(self, office: Office) -> None:
        given = stamp(office.shop.desk, office.shop.card)
        back = office.url("ledger") + "?q=wang"

        response = office.post("cancel", given.record_id, reason="误盖两次", back=back)

        assert (response.status_code, response["Location"]) == (302, back)
        assert balance_of(office.shop.card) == 0
        assert StampRecord.objects.get(reverses_id=given.record_id).reason == "误盖两次"

    def test_asks_in_a_dialog(self, office: Office) -> None:
        given = stamp(office.shop.desk, office.shop.card)
        url = office.url("cancel", given.record_id)

        dialog = office.client.get(url, headers={"HX-Request": "true"}).content.decode()

        assert "<dialog" in dialog
        assert "王小明" in dialog
        assert "<html" not in dialog
        assert "<html" in office.page("cancel", given.record_id)

    @pytest.mark.parametrize("back", ["https://evil.example/m/", "//evil.example", "javascript:1"])
    def test_goes_back_to_the_own_site_only(self, office: Office, back: str) -> None:
        given = stamp(office.shop.desk, office.shop.card)

        response = office.post("cancel", given.record_id, reason="误盖", back=back)

        assert response["Location"] == office.url("ledger")

    def test_needs_a_reason(self, office: Office) -> None:
        given = stamp(office.shop.desk, office.shop.card)

        response = office.post("cancel", given.record_id, reason=" ")

        assert response.status_code == 422
        assert balance_of(office.shop.card) == 1

    @pytest.mark.spec("stamps D30")
    def test_is_over_after_15_days(self, office: Office) -> None:
        with clock.at(clock.now() - timedelta(days=15, seconds=1)):
            given = stamp(office.shop.desk, office.shop.card)

        response = office.post("cancel", given.record_id, reason="误盖")

        assert response.status_code == 409
        assert "E_CANCEL_WINDOW" in response.content.decode()
        assert Transaction.objects.count() == 1

    def test_happens_once(self, office: Office) -> None:
        given = stamp(office.shop.desk, office.shop.card)
        office.post("cancel", given.record_id, reason="误盖")

        response = office.post("cancel", given.record_id, reason="误盖")

        assert response.status_code == 409
        assert Transaction.objects.count() == 2

    def test_knows_no_entry_of_others(self, office: Office) -> None:
        other = make_shop("other")
        given = stamp(other.desk, other.card)
        other.scope.close()

        assert office.post("cancel", given.record_id, reason="误盖").status_code == 404

    def test_needs_the_right(self, client: Client, shop: Shop) -> None:
        given = stamp(shop.desk, shop.card)
        client.force_login(make_staff(shop.merchant, "stamps.view"))
        office = Office(client, shop)

        assert "取消这次集章" not in office.page("ledger")
        assert office.post("cancel", given.record_id, reason="误盖").status_code == 403
        assert balance_of(shop.card) == 1


class TestFigures:
    def test_asks_little_of_the_database(
        self, office: Office, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(5):
            make_store(office.shop.merchant, f"店{number}")

        with django_assert_max_num_queries(11):
            office.page("figures")

    def test_stand_on_the_overview(self, office: Office) -> None:
        stamp(office.shop.desk, office.shop.card)
        url = reverse("accounts:overview", args=[office.shop.merchant.slug])

        page = office.client.get(url).content.decode()

        assert "集章次数" in page
        assert "比之前 7 天" in page


class TestCards:
    def test_are_found_by_name_pinyin_number_and_programme(self, office: Office) -> None:
        shop = office.shop
        other = make_programme(name="早茶卡")
        make_card(other, "李雷")

        assert "王小明" in office.page("cards")
        assert "王小明" not in office.page("cards", q="lilei")
        assert "李雷" in office.page("cards", q="lilei")
        assert "李雷" not in office.page("cards", programme=shop.programme.pk)
        assert "李雷" in office.page("cards", q=Customer.objects.get(name="李雷").number)
        assert "没有符合的集章卡" in office.page("cards", q="没有")

    def test_list_asks_little(
        self, office: Office, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(12):
            make_card(office.shop.programme, f"顾客{number}")

        with django_assert_max_num_queries(7):
            office.page("cards")

    def test_shows_one_with_its_entries(self, office: Office) -> None:
        stamp(office.shop.desk, office.shop.card)

        page = office.page("office_card", office.shop.card.pk)

        assert "王小明" in page
        assert rows_of(page) == 1

    def test_stand_on_the_customer_s_page(self, office: Office) -> None:
        shop = office.shop
        url = reverse("contacts:customer", args=[shop.merchant.slug, shop.card.customer_id])

        page = office.client.get(url).content.decode()

        assert shop.programme.name in page
