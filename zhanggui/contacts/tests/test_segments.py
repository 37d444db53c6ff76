"""Segments: conditions, the page with count and preview, use as a filter; stamps' conditions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.contacts import conditions, selectors
from zhanggui.contacts.errors import ConditionWrong
from zhanggui.contacts.models import Customer, Segment, Tag
from zhanggui.contacts.tests.factories import make_customer, make_segment, make_tag
from zhanggui.core import clock, tenancy

pytestmark = [pytest.mark.django_db, pytest.mark.spec("platform P15")]
HERE = "/m/tea/customers/segments/"


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def boss(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


def fitting(merchant: Merchant, *pairs: tuple[str, str]) -> list[str]:
    with tenancy.merchant_scope(merchant.pk):
        kept = conditions.checked(pairs)
        rows = selectors.found(selectors.Filters()).filter(conditions.fitting(kept))
        return sorted(row.name for row in rows)


class TestConditions:
    def test_each_asks_its_question(self, tea: Merchant) -> None:
        tag = make_tag(tea)
        old, new = make_customer(tea, "老"), make_customer(tea, "新", phone="13800138000")
        long_ago = clock.now() - timedelta(days=90)
        with tenancy.merchant_scope(tea.pk):
            rows = Customer.objects.filter(pk=old.pk)
            rows.update(created_at=long_ago, last_seen_at=long_ago, tag_ids=[tag.pk])
            Customer.objects.filter(pk=new.pk).update(birthday=229, is_follower=True, gender="f")
        for pair, names in [
            (("contacts.tag", str(tag.pk)), ["老"]),
            (("contacts.no_tag", str(tag.pk)), ["新"]),
            (("contacts.new", "30"), ["新"]),
            (("contacts.old", "30"), ["老"]),
            (("contacts.seen", "30"), ["新"]),
            (("contacts.quiet", "60"), ["老"]),
            (("contacts.birthday", "2"), ["新"]),
            (("contacts.birthday", "3"), []),
            (("contacts.phone", "known"), ["新"]),
            (("contacts.phone", "none"), ["老"]),
            (("contacts.phone", "proved"), []),
            (("contacts.follows", "yes"), ["新"]),
            (("contacts.gender", "f"), ["新"]),
            (("contacts.source", "other"), ["新", "老"]),
            (("contacts.state", "blocked"), []),
            (("stamps.balance", "1"), []),
            (("stamps.collected", "30"), []),
            (("stamps.missing", "20"), []),
        ]:
            assert fitting(tea, pair) == names, pair

    def test_all_must_hold(self, tea: Merchant) -> None:
        make_customer(tea, phone="13800138000")
        both = (("contacts.phone", "known"), ("contacts.old", "30"))
        assert fitting(tea, *both) == []

    @pytest.mark.parametrize(
        "pairs",
        [
            [],
            [("evil", "1")],
            [("contacts.new", "")],
            [("contacts.new", "0")],
            [("contacts.new", "99999")],
            [("contacts.new", "1e3")],
            [("contacts.new", "٣")],
            [("contacts.tag", "1")],
            [("contacts.source", "x")],
            [("contacts.new", "1")] * 11,
        ],
    )
    def test_what_is_wrong_is_refused(self, tea: Merchant, pairs: list[tuple[str, str]]) -> None:
        with tenancy.merchant_scope(tea.pk), pytest.raises(ConditionWrong):
            conditions.checked(pairs)

    def test_a_foreign_tag_is_no_condition(self, tea: Merchant) -> None:
        foreign = make_tag(make_merchant("coffee"))
        with tenancy.merchant_scope(tea.pk), pytest.raises(ConditionWrong):
            conditions.checked([("contacts.tag", str(foreign.pk))])

    def test_a_deleted_tag_fits_nobody(self, tea: Merchant) -> None:
        tag = make_tag(tea)
        make_customer(tea)
        segment = make_segment(tea, ("contacts.no_tag", str(tag.pk)))
        with tenancy.merchant_scope(tea.pk):
            assert selectors.found(selectors.Filters(segment=segment.pk)).count() == 1
            Tag.objects.filter(pk=tag.pk).delete()
            assert selectors.found(selectors.Filters(segment=segment.pk)).count() == 0


class TestPages:
    def test_from_the_first_condition_to_the_filter(self, boss: Client, tea: Merchant) -> None:
        make_customer(tea, "王小明", phone="13800138000")
        line = boss.get(f"{HERE}condition?add=contacts.new").content.decode()
        assert 'value="contacts.new"' in line
        assert boss.get(f"{HERE}condition?add=evil").status_code == 204
        asked = "?kind=contacts.new&value=30&kind=contacts.phone&value=known"
        preview = boss.get(f"{HERE}preview{asked}")
        assert (preview.context["count"], preview.context["is_more"]) == (1, False)
        assert "13800138000" not in preview.content.decode()
        values = {"name": "新客", "kind": ["contacts.new"], "value": ["30"]}
        assert boss.post(f"{HERE}new", values).status_code == 302
        assert boss.post(f"{HERE}new", values).status_code == 409
        with tenancy.merchant_scope(tea.pk):
            segment = Segment.objects.get()
        assert "新客" in boss.get(HERE).content.decode()
        found = boss.get(f"/m/tea/customers/?segment={segment.pk}")
        assert [row.name for row in found.context["list"].rows] == ["王小明"]
        values = {"name": "更新", "kind": ["contacts.old"], "value": ["30"]}
        assert boss.post(f"{HERE}{segment.pk}/", values).status_code == 302
        boss.post(f"{HERE}{segment.pk}/delete")
        with tenancy.merchant_scope(tea.pk):
            assert not Segment.objects.exists()

    @pytest.mark.parametrize(
        "values", [{"name": "x"}, {"name": "", "kind": ["contacts.new"], "value": ["3"]}]
    )
    def test_incomplete_ones_are_not_kept(
        self, boss: Client, tea: Merchant, values: dict[str, object]
    ) -> None:
        assert boss.post(f"{HERE}new", values).status_code == 422
        with tenancy.merchant_scope(tea.pk):
            assert not Segment.objects.exists()

    def test_a_clerk_only_looks(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, role=Role.CLERK))
        assert client.get(HERE).status_code == 200
        assert client.get(f"{HERE}new").status_code == 403
