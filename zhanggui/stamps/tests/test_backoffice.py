"""The back office: programmes, ledger, figures, cards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from zhanggui.accounts.models import AuditEntry, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff, make_store
from zhanggui.contacts.models import Customer
from zhanggui.contacts.search import name_key
from zhanggui.core import clock
from zhanggui.ledger.models import Transaction
from zhanggui.stamps.models import Card, Programme, ProgrammeState, StampRecord
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

T0 = datetime(2026, 5, 15, 4, 0, tzinfo=UTC)
FIELDS = {
    "name": "品茶卡",
    "slots": 8,
    "reward": "一壶好茶",
    "when_full": "renew",
    "code_ttl_s": 180,
    "max_per_code": 1,
    "per_day": 10,
    "gap_s": 30,
    "ways": ["press", "otp", "staff-scan"],
}


@dataclass
class Office:
    """A signed-in person of the shop's back office."""

    client: Client
    shop: Shop

    def url(self, name: str, /, *args: Any) -> str:
        return reverse(f"stamps:{name}", args=[self.shop.merchant.slug, *args])

    def page(self, name: str, /, *args: Any, **query: Any) -> str:
        """A page's text; it must be there."""
        response = self.client.get(self.url(name, *args), query)
        assert response.status_code == 200, response.content.decode()[:500]
        return response.content.decode()

    def post(self, name: str, /, *args: Any, **fields: Any) -> Any:
        return self.client.post(self.url(name, *args), fields)


@pytest.fixture
def office(client: Client, shop: Shop) -> Office:
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))
    return Office(client, shop)


def rows_of(page: str) -> int:
    """Ledger rows on a page."""
    return page.count('<tr id="r')


class TestProgrammes:
    def test_lists_them_with_their_cards(self, office: Office) -> None:
        page = office.page("programmes")

        assert office.shop.programme.name in page
        assert "全部门店" in page
        assert "进行中" in page

    def test_says_what_to_do_first(self, client: Client, db: None) -> None:
        merchant = make_merchant("empty")
        client.force_login(make_staff(merchant, role=Role.OWNER))

        page = client.get(reverse("stamps:programmes", args=["empty"])).content.decode()

        assert "还没有集章活动" in page
        assert "新建第一个活动" in page

    def test_creates_one(self, office: Office) -> None:
        response = office.post("programme_new", **FIELDS, stores=[office.shop.store.pk])

        assert response.status_code == 302
        made = Programme.objects.get(name="品茶卡")
        assert (made.slots, made.reward, made.places.count()) == (8, "一壶好茶", 1)
        assert AuditEntry.objects.filter(action="stamps.programme.created").count() == 2

    @pytest.mark.parametrize(
        ("field", "value"),
        [("name", ""), ("slots", 3), ("slots", 21), ("code_ttl_s", 59), ("code_ttl_s", 601)],
    )
    def test_refuses_what_makes_no_sense(self, office: Office, field: str, value: Any) -> None:
        response = office.post("programme_new", **FIELDS | {field: value})

        assert response.status_code == 422
        assert "zg-field-error" in response.content.decode()
        assert Programme.objects.count() == 1

    @pytest.mark.spec("stamps D12")
    @pytest.mark.parametrize("life_s", [60, 600])
    def test_a_code_may_live_for_one_to_ten_minutes(self, office: Office, life_s: int) -> None:
        response = office.post("programme_new", **FIELDS | {"code_ttl_s": life_s})

        assert response.status_code == 302
        assert Programme.objects.get(name="品茶卡").code_ttl_s == life_s

    def test_refuses_a_name_that_is_taken(self, office: Office) -> None:
        response = office.post("programme_new", **FIELDS | {"name": office.shop.programme.name})

        assert response.status_code == 409
        assert "已经有同名的活动" in response.content.decode()
        assert Programme.objects.count() == 1

    def test_refuses_stores_of_others(self, office: Office) -> None:
        other = make_shop("other")
        other.scope.close()

        response = office.post("programme_new", **FIELDS, stores=[other.store.pk])

        assert response.status_code == 422
        assert Programme.objects.count() == 1

    def test_changes_one(self, office: Office) -> None:
        programme = office.shop.programme
        page = office.page("programme", programme.pk)
        asked = office.post("programme", programme.pk, **FIELDS)
        assert asked.status_code == 422
        assert "已有顾客按现行规则在集章" in asked.content.decode()
        assert Programme.objects.get(pk=programme.pk).slots == 10
        response = office.post("programme", programme.pk, **FIELDS, cards="move")

        assert programme.name in page
        assert response.status_code == 302
        programme.refresh_from_db()
        assert (programme.name, programme.slots) == ("品茶卡", 8)
        assert Card.objects.get(pk=office.shop.card.pk).slots == 8
        assert "第 2 版" in office.page("programme", programme.pk)

    def test_rewards_on_the_way_are_shown_and_checked(self, office: Office) -> None:
        way = {"way_at_1": 3, "way_name_1": "小食一份"}
        sample = office.page("programme_sample", **FIELDS, **way)
        assert sample.index("小食一份") > sample.index("zg-stampcard-ways")
        for wrong, said in (
            ({"way_at_1": 8}, "第 1 个途中奖励：须少于 8 个章。"),
            ({"way_at_2": 3, "way_name_2": "茶点"}, "第 2 个途中奖励：这个章上已经有奖励了"),
            ({"way_name_1": ""}, "zg-field-error"),
            ({"way_at_1": ""}, "请填写集到第几个章。"),
        ):
            response = office.post("programme_new", **FIELDS | way | wrong)
            assert response.status_code == 422
            assert said in response.content.decode()
        assert office.post("programme_new", **FIELDS | way).status_code == 302
        assert Programme.objects.get(name="品茶卡").versions.get().reward_at == [3, 8]

    def test_one_end_is_enough(self, office: Office) -> None:
        for ends in ({"valid_days": 30, "ends_on": "2099-01-01"}, {"ends_on": "2020-01-01"}):
            assert office.post("programme_new", **FIELDS | ends).status_code == 422
        assert office.post("programme_new", **FIELDS | {"valid_days": 30}).status_code == 302

    def test_copies_and_ends_one(self, office: Office) -> None:
        programme = office.shop.programme
        copied = office.post("programme_copy", programme.pk)
        office.post("programme_state", programme.pk, state="ended")

        assert copied.status_code == 302
        states = list(Programme.objects.order_by("pk").values_list("state", flat=True))
        assert states == ["ended", "paused"]
        assert "已结束" in office.page("programmes")
        assert office.post("programme_state", programme.pk, state="active").status_code == 409

    def test_pauses_and_resumes(self, office: Office) -> None:
        programme = office.shop.programme
        for state in (ProgrammeState.PAUSED, ProgrammeState.ACTIVE):
            assert office.post("programme_state", programme.pk, state=state).status_code == 302
            programme.refresh_from_db()
            assert programme.state == state

    def test_a_link_changes_no_state(self, office: Office) -> None:
        assert office.client.get(office.url("programme_state", 1)).status_code == 405

    def test_shows_the_card_while_it_is_typed(self, office: Office) -> None:
        page = office.page("programme_sample", name="满" * 80, slots="6", reward="<b>")

        assert "满" * 60 in page
        assert "满" * 61 not in page
        assert "<b>" not in page.replace("<b>2</b>", "")
        assert "/ 6" in page

    def test_says_when_the_shown_card_is_not_the_typed_one(self, office: Office) -> None:
        limits = "最少 4 个，最多 20 个。"
        assert limits in office.page("programme_sample", slots="99")
        assert limits not in office.page("programme_sample", slots="20")
        refused = office.post("programme_new", **FIELDS | {"slots": 99}).content.decode()
        assert "最多 20 个章。" in refused

    def test_a_clerk_looks_but_does_not_touch(self, client: Client, shop: Shop) -> None:
        client.force_login(make_staff(shop.merchant, "stamps.view"))
        office = Office(client, shop)

        assert "新建活动" not in office.page("programmes")
        assert office.post("programme_new", **FIELDS).status_code == 403
        assert Programme.objects.count() == 1


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

        assert "盖章次数" in page
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
