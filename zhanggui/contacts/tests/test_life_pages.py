"""Pages of merging, splitting and duplicates."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff
from zhanggui.contacts import services, timeline
from zhanggui.contacts.models import Customer, CustomerState, DuplicatePair, Likeness, Merge
from zhanggui.contacts.permissions import MERGE_CUSTOMERS, VIEW_CUSTOMERS
from zhanggui.contacts.tests.factories import make_customer, make_link, make_segment, make_tag
from zhanggui.core import tenancy
from zhanggui.files.models import Task
from zhanggui.files.services import running

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea() -> Iterator[Merchant]:
    merchant = make_merchant("tea")
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


@pytest.fixture
def staff(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, VIEW_CUSTOMERS.name, MERGE_CUSTOMERS.name))
    return client


def url(name: str, *args: int) -> str:
    return reverse(f"contacts:{name}", args=["tea", *args])


class TestMergePages:
    @pytest.mark.spec("platform P13")
    def test_from_search_to_merge_and_back(self, staff: Client, tea: Merchant) -> None:
        kept = make_customer(tea, "王小明", phone="13800138000")
        gone = make_customer(tea, "王晓明", phone="13900139000")
        assert "王晓明" in staff.get(f"{url('merge_choose', kept.pk)}?q=wxm").content.decode()
        page = staff.get(url("merge", kept.pk, gone.pk))
        text = page.content.decode()
        assert "take_name" in text
        assert "13900139000" not in text

        form = {"take_name": "other", "idempotency_key": "k"}
        for _ in range(2):  # the second press changes nothing
            answer = staff.post(url("merge", kept.pk, gone.pk), form)
            assert answer["Location"] == url("customer", kept.pk)

        assert Merge.objects.count() == 1
        assert Customer.objects.get(pk=kept.pk).name == "王晓明"
        assert staff.get(url("customer", gone.pk))["Location"] == url("customer", kept.pk)
        shown = staff.get(url("customer", kept.pk)).content.decode()
        assert gone.number in shown
        assert gone.number not in staff.get(url("customers")).content.decode()

        staff.post(url("merge_undo", Merge.objects.get().pk))
        assert Customer.objects.get(pk=gone.pk).state == CustomerState.ACTIVE
        assert staff.get(url("customer", gone.pk)).status_code == 200

    def test_a_refusal_says_why(self, staff: Client, tea: Merchant) -> None:
        customer = make_customer(tea)
        answer = staff.get(url("merge", customer.pk, customer.pk))
        assert answer.status_code == 422

    def test_split(self, staff: Client, tea: Merchant) -> None:
        first = make_link(tea, 1, unionid="u")
        second = make_link(tea, 2, unionid="u", nickname="妈妈")
        assert f'id="split-{second.pk}"' in staff.get(url("customer", first.customer_id)).text
        staff.post(url("link_split", second.pk))
        assert Customer.objects.get(name="妈妈").links.get().pk == second.pk


class TestDuplicates:
    def people(self, tea: Merchant) -> list[Customer]:
        """Two with name and birthday, two with name and tail, one alone."""
        made = [
            make_customer(tea, "李雷", phone="13800131111"),
            make_customer(tea, "李雷", phone="13900131111"),
            make_customer(tea, "韩梅梅"),
            make_customer(tea, "韩梅梅"),
            make_customer(tea, "韩梅梅"),
            make_customer(tea, "微信用户"),
            make_customer(tea, "微信用户"),
        ]
        ids = [one.pk for one in made]
        Customer.objects.filter(pk__in=ids[2:4]).update(birthday=517)
        Customer.objects.filter(pk__in=ids[5:]).update(birthday=517)
        return made

    @pytest.mark.spec("platform P13")
    def test_are_found_by_keys(self, tea: Merchant) -> None:
        people = self.people(tea)
        link = make_link(tea, 1, unionid="u-1")
        other = make_link(tea, 2)
        type(other).objects.filter(pk=other.pk).update(unionid="u-1")
        assert services.find_duplicates(actor=ACTOR) == 3
        found = {(p.first_id, p.second_id): p.likeness for p in DuplicatePair.objects.all()}
        assert found == {
            (people[0].pk, people[1].pk): Likeness.NAME_TAIL,
            (people[2].pk, people[3].pk): Likeness.NAME_BIRTHDAY,
            (link.customer_id, other.customer_id): Likeness.UNIONID,
        }
        before = set(DuplicatePair.objects.values_list("pk", flat=True))
        services.find_duplicates(actor=ACTOR)
        assert set(DuplicatePair.objects.values_list("pk", flat=True)) == before

    def test_told_apart_stay_apart(self, staff: Client, tea: Merchant) -> None:
        self.people(tea)
        services.find_duplicates(actor=ACTOR)
        pairs = list(DuplicatePair.objects.order_by("pk"))
        assert len(pairs) == 2
        staff.post(url("pair_dismiss", pairs[0].pk))
        services.find_duplicates(actor=ACTOR)
        shown = staff.get(url("duplicates")).context["page"].rows
        assert [pair.pk for pair in shown] == [pairs[1].pk]
        away = staff.get(f"{url('duplicates')}?state=dismissed").context["page"].rows
        assert [pair.pk for pair in away] == [pairs[0].pk]
        staff.post(url("pair_dismiss", pairs[0].pk), {"again": "1"})
        assert DuplicatePair.objects.filter(state="open").count() == 2

    def test_comparing_now_is_one_task_at_a_time(self, staff: Client, tea: Merchant) -> None:
        self.people(tea)
        first = staff.post(url("duplicates_search"))
        task = Task.objects.get()
        assert first["Location"] == f"/m/tea/jobs/{task.pk}/"
        assert staff.post(url("duplicates_search"))["Location"] == first["Location"]
        running.run(task_id=task.pk)
        task.refresh_from_db()
        assert (task.state, task.result) == ("done", {"pairs": 2})
        page = staff.get(first["Location"]).text
        assert "疑似重复的顾客对" in page
        assert url("duplicates") in page
        assert DuplicatePair.objects.count() == 2

    def test_merging_takes_them_off_the_list(self, staff: Client, tea: Merchant) -> None:
        people = self.people(tea)
        services.find_duplicates(actor=ACTOR)
        staff.post(url("merge", people[0].pk, people[1].pk))
        assert services.find_duplicates(actor=ACTOR) == 1

    def test_no_pairs_says_so(self, staff: Client) -> None:
        assert "zg-empty" in staff.get(url("duplicates")).content.decode()

    def test_page_asks_a_constant_number_of_questions(
        self, staff: Client, tea: Merchant, django_assert_max_num_queries: object
    ) -> None:
        for number in range(30):
            for _ in range(2):
                customer = make_customer(tea, f"客{number}")
                Customer.objects.filter(pk=customer.pk).update(birthday=101)
        services.find_duplicates(actor=ACTOR)
        with django_assert_max_num_queries(12):  # type: ignore[operator]
            assert len(staff.get(url("duplicates")).context["page"].rows) == 30


class TestTimeline:
    def test_pages_lose_nothing_at_one_moment(self, tea: Merchant) -> None:
        customer = make_customer(tea)
        for _ in range(7):
            link = make_link(tea, 1)
            type(link).objects.filter(pk=link.pk).update(
                customer=customer, created_at=customer.created_at
            )
        everything = timeline.page(customer.pk, permissions=[], size=50)
        seen: list[tuple[str, int]] = []
        token = ""
        while True:
            page = timeline.page(customer.pk, permissions=[], after=token, size=3)
            seen += [(entry.source, entry.id) for entry in page.entries]
            token = page.next
            if not token:
                break
        assert len(seen) == 8
        assert seen == [(entry.source, entry.id) for entry in everything.entries]
        assert everything.next == ""

    def test_a_damaged_token_shows_the_first_page(self, tea: Merchant) -> None:
        customer = make_customer(tea)
        assert timeline.page(customer.pk, permissions=[], after="x").entries


class TestTakenAway:
    """Tags, segments and duplicates as spreadsheets."""

    @pytest.fixture
    def boss(self, client: Client, tea: Merchant) -> Client:
        client.force_login(make_staff(tea, role=Role.OWNER))
        return client

    def take(self, client: Client, name: str, query: str = "") -> list[list[str]]:
        answer: Any = client.post(f"/m/tea/exports/{name}?{query}", {"format": "csv"})
        text = b"".join(answer.streaming_content).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text)))[1:]

    def test_tags_and_segments_with_their_customers(self, boss: Client, tea: Merchant) -> None:
        tag = make_tag(tea, "熟客")
        make_tag(tea, "新客")
        ids = [make_customer(tea, name).pk for name in ("甲", "乙", "丙")]
        services.put_tag(tag_id=tag.pk, customer_ids=ids)
        Customer.objects.filter(pk=ids[2]).update(state="replaced")
        segment = make_segment(tea, ("contacts.tag", str(tag.pk)))
        tags = self.take(boss, "contacts.tags")
        assert {name: many for name, many, _made in tags} == {"熟客": "2", "新客": "0"}
        ((name, words, many),) = self.take(boss, "contacts.segments")
        assert (name, many) == (segment.name, "2")
        assert "熟客" in words

    def test_duplicates_by_state(self, boss: Client, tea: Merchant) -> None:
        for phone in ("13800131111", "13900131111"):
            make_customer(tea, "李雷", phone=phone)
        services.find_duplicates(actor=ACTOR)
        (row,) = self.take(boss, "contacts.duplicates", "likeness=name_tail")
        assert (row[0], row[3]) == ("李雷", "李雷")
        assert self.take(boss, "contacts.duplicates", "state=dismissed") == []
