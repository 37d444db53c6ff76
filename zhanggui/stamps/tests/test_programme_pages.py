"""Programmes in the back office: their list, their form, its sample card."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.stamps.models import Card, Programme, ProgrammeState
from zhanggui.stamps.tests.factories import Shop, make_card, make_shop, stamp
from zhanggui.stamps.tests.offices import FIELDS, Office

FOLDS = ("途中奖励", "3 · 有效期", "4 · 适用门店", "5 · 怎么集章", "6 · 柜台规则")
FOLD = re.compile(r'<details class="zg-fold[^"]*"(?P<open> open)?>.*?<b>(?P<title>.*?)</b>')


def folds_in(page: str) -> dict[str, bool]:
    """The folded sections of a page by their title, and whether they are open."""
    return {found["title"]: bool(found["open"]) for found in FOLD.finditer(page)}


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

    def test_before_the_end_it_says_who_loses(self, office: Office) -> None:
        programme = office.shop.programme
        office.post("programme_state", programme.pk, state="paused")
        assert "没集满的卡" not in office.page("programmes")
        office.post("programme_state", programme.pk, state="active")
        for card in (office.shop.card, make_card(programme, "韩梅梅")):
            stamp(office.shop.desk, card)
        make_card(programme, "李雷")
        office.post("programme_state", programme.pk, state="paused")

        assert "2 位顾客手里有没集满的卡" in office.page("programmes")

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

    def test_what_is_rarely_needed_is_folded(self, office: Office) -> None:
        assert folds_in(office.page("programme_new")) == dict.fromkeys(FOLDS, False)

    @pytest.mark.parametrize(
        ("fold", "sent"),
        [
            ("途中奖励", {"way_at_1": 3}),
            ("3 · 有效期", {"valid_days": 30}),
            ("3 · 有效期", {"ends_on": "2020-01-01"}),
            ("4 · 适用门店", {"stores": ["none"]}),
            ("5 · 怎么集章", {"ways": ["press"]}),
            ("5 · 怎么集章", {"strong_from_fen": "1"}),
            ("6 · 柜台规则", {"gap_s": 3601}),
            ("6 · 柜台规则", {"per_day": 2}),
        ],
    )
    def test_a_fold_opens_where_something_is_set_or_wrong(
        self, office: Office, fold: str, sent: dict[str, Any]
    ) -> None:
        page = office.post("programme_new", **FIELDS | {"name": ""} | sent).content.decode()

        assert folds_in(page) == dict.fromkeys(FOLDS, False) | {fold: True}

    def test_a_fold_stays_open_over_what_was_saved(self, office: Office) -> None:
        office.post("programme_new", **FIELDS, valid_days=30, stores=[office.shop.store.pk])
        made = Programme.objects.get(name=FIELDS["name"])

        folds = folds_in(office.page("programme", made.pk))

        assert [name for name, is_open in folds.items() if is_open] == [FOLDS[1], FOLDS[2]]

    def test_a_clerk_looks_but_does_not_touch(self, client: Client, shop: Shop) -> None:
        client.force_login(make_staff(shop.merchant, "stamps.view"))
        office = Office(client, shop)

        assert "新建活动" not in office.page("programmes")
        assert office.post("programme_new", **FIELDS).status_code == 403
        assert Programme.objects.count() == 1
