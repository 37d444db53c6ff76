"""The list of customers: search, filters, saved views, columns, bulk actions and their undo."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from zhanggui.accounts.models import AuditEntry, Membership, Merchant, Role, SavedView
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff, make_store
from zhanggui.contacts import keys, selectors, services
from zhanggui.contacts.lists import CUSTOMERS
from zhanggui.contacts.models import BulkChange, Customer, CustomerState, Source
from zhanggui.contacts.tests.factories import make_customer, make_segment, make_tag
from zhanggui.core import clock, tenancy
from zhanggui.files.models import Task
from zhanggui.files.services import running
from zhanggui.ui import paging

pytestmark = pytest.mark.django_db
HERE = "/m/tea/customers/"
KEEP = "/m/tea/lists/contacts.customers"


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def boss(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


def names(client: Client, query: str = "") -> list[str]:
    response = client.get(f"{HERE}{query}")
    assert response.status_code == 200
    return [row.name for row in response.context["list"].rows]


class TestSearch:
    @pytest.fixture(autouse=True)
    def people(self, tea: Merchant) -> None:
        for name, phone in [
            ("王小明", "13800138000"),
            ("单雄信", None),
            ("Anna 李", "13912345678"),
            ("欧阳婉清", None),
            ("😀老王", None),
        ]:
            make_customer(tea, name, phone=phone)

    @pytest.mark.parametrize(
        ("typed", "found"),
        [
            ("王", {"王小明", "😀老王"}),
            ("小明", {"王小明"}),
            ("王小明", {"王小明"}),
            ("小王", set()),
            ("wangxiaoming", {"王小明"}),
            ("WANGX", {"王小明"}),
            ("xiaoming", {"王小明"}),
            ("wxm", {"王小明"}),
            ("王xm", {"王小明"}),
            ("shan", {"单雄信"}),
            ("danx", {"单雄信"}),
            ("oywq", {"欧阳婉清"}),
            ("anna", {"Anna 李"}),
            ("anna li", {"Anna 李"}),
            ("8000", {"王小明"}),
            ("138 0013 8000", {"王小明"}),
            ("+8613912345678", {"Anna 李"}),
            ("😀", {"😀老王"}),
            ("nobody", set()),
            ("'; DROP TABLE--", set()),
            ("|", {"王小明", "单雄信", "Anna 李", "欧阳婉清", "😀老王"}),
        ],
    )
    def test_finds(self, boss: Client, typed: str, found: set[str]) -> None:
        response = boss.get(HERE, {"q": typed})
        assert {row.name for row in response.context["list"].rows} == found

    def test_finds_by_number(self, boss: Client, tea: Merchant) -> None:
        customer = make_customer(tea, "许三多")
        assert names(boss, f"?q={customer.number}") == ["许三多"]
        assert "许三多" in names(boss, f"?q={customer.number[:4]}")

    @pytest.mark.parametrize("number", ["202411220001", "13700137000", "VIP2024ABC01", "A12"])
    def test_finds_by_a_number_of_ones_own(self, boss: Client, tea: Merchant, number: str) -> None:
        customer = make_customer(tea, "许三多")
        with tenancy.merchant_scope(tea.pk):
            customer.number = number
            keys.put_search(customer)
            customer.save(update_fields=["number", "search"])
        assert names(boss, f"?q={number}") == ["许三多"]

    def test_of_another_merchant_finds_nothing(self, boss: Client) -> None:
        make_customer(make_merchant("coffee"), "赵四海", phone="13700137000")
        assert names(boss, "?q=赵四海") == []
        assert names(boss, "?q=13700137000") == []

    def test_for_everything(self, tea: Merchant) -> None:
        with tenancy.merchant_scope(tea.pk):
            assert [c.name for c in selectors.find_customers("wxm", 5)] == ["王小明"]
            assert selectors.find_customers(" ", 5) == []

    def test_follows_a_changed_name_and_phone(self, boss: Client, tea: Merchant) -> None:
        with tenancy.merchant_scope(tea.pk):
            customer = Customer.objects.get(name="王小明")
            values = services.CustomerInput(name="马冬梅", phone="+8613600136009")
            services.edit_customer(customer=customer, values=values, actor=ACTOR)
        assert names(boss, "?q=mdm") == ["马冬梅"]
        assert names(boss, "?q=6009") == ["马冬梅"]
        assert names(boss, "?q=wxm") == names(boss, "?q=8000") == []


class TestFilters:
    @pytest.fixture(autouse=True)
    def people(self, tea: Merchant) -> None:
        tag, store = make_tag(tea, "熟客"), make_store(tea)
        with tenancy.merchant_scope(tea.pk):
            one = services.create_customer(
                name="甲",
                phone="13800138000",
                source=Source.HAND,
                values=services.CustomerInput(name="甲", tag_ids=(tag.pk,)),
                actor=ACTOR,
            )
            two = services.create_customer(name="乙", source=Source.WECHAT, actor=ACTOR)
            Customer.objects.filter(pk=one.pk).update(birthday=517, is_follower=True)
            Customer.objects.filter(pk=two.pk).update(
                store_ids=[store.pk],
                state=CustomerState.BLOCKED,
                created_at=clock.now() - timedelta(days=100),
            )
            gone = services.create_customer(name="丙", actor=ACTOR)
            Customer.objects.filter(pk=gone.pk).update(state=CustomerState.REPLACED)
        self.tag, self.store = tag.pk, store.pk
        self.segment = make_segment(tea, ("contacts.old", "30")).pk

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", ["甲", "乙"]),
            ("tag={tag}", ["甲"]),
            ("store={store}", ["乙"]),
            ("state=blocked", ["乙"]),
            ("state=replaced", ["丙"]),
            ("source=hand", ["甲"]),
            ("birthday=5", ["甲"]),
            ("birthday=6", []),
            ("phone=known", ["甲"]),
            ("phone=none", ["乙"]),
            ("phone=proved", []),
            ("followed=yes", ["甲"]),
            ("followed=no", ["乙"]),
            ("segment={segment}", ["乙"]),
            ("created_to=2020-01-01", []),
            ("created_from=2020-01-01", ["甲", "乙"]),
            ("tag={tag}&state=blocked", []),
        ],
    )
    def test_narrow(self, boss: Client, query: str, found: list[str]) -> None:
        query = query.format(tag=self.tag, store=self.store, segment=self.segment)
        assert names(boss, f"?{query}") == found

    @pytest.mark.parametrize(
        "query",
        ["tag=999999", "tag=x", "store=0", "state=drop", "birthday=13", "segment=-1", "sort=evil"],
    )
    def test_foreign_and_odd_values_are_no_filters(self, boss: Client, query: str) -> None:
        assert names(boss, f"?{query}") == ["甲", "乙"]

    @pytest.mark.parametrize(
        "query", ["created_from=2026-02-30", "created_from=abc", "created_to=0000-00-00"]
    )
    def test_a_wrong_day_is_told(self, boss: Client, query: str) -> None:
        response = boss.get(f"{HERE}?{query}")
        assert response.status_code == 200
        assert "zg-field-error" in response.content.decode()

    def test_a_period_that_ends_before_it_begins_is_told(self, boss: Client) -> None:
        response = boss.get(f"{HERE}?created_from=2026-02-02&created_to=2026-02-01")
        assert "zg-field-error" in response.content.decode()

    @pytest.mark.parametrize("order", ["newest", "oldest", "seen", "name", "number"])
    def test_orders_have_pages(self, boss: Client, tea: Merchant, order: str) -> None:
        with tenancy.merchant_scope(tea.pk):
            for number in range(60):
                services.create_customer(name=f"顾客{number % 7}", actor=ACTOR)
        first = boss.get(f"{HERE}?sort={order}").context["list"].page
        second = boss.get(f"{HERE}?sort={order}&after={first.next}").context["list"].page
        seen = [row.pk for row in (*first.rows, *second.rows)]
        assert len(seen) == len(set(seen)) == 62


class TestCounting:
    @pytest.mark.parametrize("many", [2, 3], ids=["more", "few"])
    @pytest.mark.parametrize("expected", [0, 10**6], ids=["expects few", "expects many"])
    def test_few_and_many_are_in_the_same_order(
        self,
        boss: Client,
        tea: Merchant,
        monkeypatch: pytest.MonkeyPatch,
        many: int,
        expected: int,
    ) -> None:
        for name in ("王一", "王二", "李三", "王四"):
            make_customer(tea, name)
        monkeypatch.setattr(paging, "COUNT_MANY_UP_TO", many)
        monkeypatch.setattr(paging, "_expected", lambda _rows: expected)
        shown = boss.get(f"{HERE}?q=王&sort=oldest").context["list"]
        assert [row.name for row in shown.rows] == ["王一", "王二", "王四"]
        is_more = many == 2 and expected > 0
        assert (shown.count, shown.is_more) == ((2, True) if is_more else (3, False))

    @pytest.mark.parametrize("order", ["newest", "name"])
    def test_pages_of_what_was_found_go_on_and_back(
        self, boss: Client, tea: Merchant, order: str
    ) -> None:
        with tenancy.merchant_scope(tea.pk):
            for number in range(120):
                services.create_customer(name=f"顾客{number % 7}", actor=ACTOR)
        address = f"{HERE}?q=顾客&sort={order}"
        pages, after = [], ""
        for _page in range(3):
            pages.append(boss.get(f"{address}&after={after}").context["list"].page)
            after = pages[-1].next
        shown = [row.pk for page in pages for row in page.rows]
        assert after == ""
        assert len(shown) == len(set(shown)) == 120
        with tenancy.merchant_scope(tea.pk):
            fitting = selectors.customers(search="顾客")
            sort = next(one for one in CUSTOMERS.sorts if one.name == order)
            walked = paging.keyset(fitting, order=sort.order, size=200)
        assert [row.pk for row in walked.rows] == shown
        back = boss.get(f"{address}&after={pages[2].previous}").context["list"].page
        assert [row.pk for row in back.rows] == [row.pk for row in pages[1].rows]


class TestViewsAndColumns:
    def save(self, client: Client, **changes: str) -> str:
        values = {"wish": "save", "name": "熟客", "query": "state=active", "back": HERE} | changes
        response = client.post(KEEP, values)
        assert response.status_code == 302
        return str(response["Location"])

    def test_a_view_becomes_a_tab(self, boss: Client) -> None:
        assert self.save(boss, query="state=active&after=x&evil=1") == f"{HERE}?state=active"
        text = boss.get(f"{HERE}?state=active").content.decode()
        assert 'href="?state=active" aria-current="page">熟客' in text
        assert SavedView.objects.get().query == "state=active"

    def test_one_name_once_and_never_empty(self, boss: Client) -> None:
        self.save(boss)
        self.save(boss)
        self.save(boss, name=" ")
        self.save(boss, name="x", query="")
        assert SavedView.objects.count() == 1

    def test_own_ones_are_seen_by_nobody_else(self, boss: Client, tea: Merchant) -> None:
        self.save(boss)
        self.save(boss, name="大家的", query="state=blocked", shared="1")
        boss.force_login(make_staff(tea, role=Role.CLERK))
        views = boss.get(HERE).context["list"].views
        assert [(view.name, view.may_delete) for view in views] == [("大家的", False)]
        with tenancy.merchant_scope(tea.pk):
            assert AuditEntry.objects.filter(action="accounts.view.shared").count() == 1

    def test_a_clerk_shares_nothing(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, role=Role.CLERK))
        self.save(client, shared="1")
        assert not SavedView.objects.get().is_shared

    def test_of_another_merchant_are_not_there(self, boss: Client) -> None:
        coffee = make_merchant("coffee")
        self.save(boss, shared="1")
        boss.force_login(make_staff(coffee, role=Role.OWNER))
        assert boss.get("/m/coffee/customers/").context["list"].views == []
        view = SavedView.objects.get()
        boss.post(
            "/m/coffee/lists/contacts.customers",
            {"wish": "delete", "view": view.pk, "back": "/m/coffee/customers/"},
        )
        assert SavedView.objects.exists()

    def test_can_be_deleted(self, boss: Client) -> None:
        self.save(boss)
        view = SavedView.objects.get()
        boss.post(KEEP, {"wish": "delete", "view": view.pk, "back": HERE})
        assert not SavedView.objects.exists()

    @pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:1"])
    def test_leads_nowhere_else(self, boss: Client, back: str) -> None:
        response = boss.post(KEEP, {"wish": "columns", "columns": "phone", "back": back})
        assert response["Location"] == "/"

    def test_columns_are_kept_for_one_person(self, boss: Client, tea: Merchant) -> None:
        for columns in (["phone"], ["birthday", "evil"]):
            boss.post(KEEP, {"wish": "columns", "columns": columns, "back": HERE})
        shown = boss.get(HERE).context["list"].has
        assert shown == {"name": True, "birthday": True}
        boss.post(KEEP, {"wish": "columns", "reset": "1", "back": HERE})
        assert "phone" in boss.get(HERE).context["list"].has
        assert not SavedView.objects.exists()

    def test_an_unknown_list(self, boss: Client) -> None:
        assert boss.post("/m/tea/lists/evil", {"wish": "columns"}).status_code == 404


class TestBulk:
    @pytest.fixture(autouse=True)
    def people(self, tea: Merchant) -> None:
        self.ids = [make_customer(tea, name).pk for name in ("甲", "乙", "丙")]
        self.tag = make_tag(tea, "熟客").pk

    def act(self, client: Client, action: str, **values: object) -> BulkChange | None:
        data = {"tag": self.tag, "ids": ",".join(map(str, self.ids))} | values
        response = client.post(f"{HERE}bulk/{action}", data)
        assert response.status_code == 302
        with tenancy.all_merchants("test"):
            return BulkChange.objects.order_by("-pk").first()

    def tagged(self, tea: Merchant) -> set[int]:
        with tenancy.merchant_scope(tea.pk):
            rows = Customer.objects.filter(tag_ids__contains=[self.tag])
            return set(rows.values_list("pk", flat=True))

    def test_puts_and_takes_a_tag_with_undo(self, boss: Client, tea: Merchant) -> None:
        self.act(boss, "tag", ids=str(self.ids[0]))
        change = self.act(boss, "tag")
        assert change is not None
        assert sorted(change.customer_ids) == self.ids[1:]
        assert self.tagged(tea) == set(self.ids)
        boss.post(f"{HERE}undo/{change.pk}")
        assert self.tagged(tea) == {self.ids[0]}
        boss.post(f"{HERE}undo/{change.pk}")  # a second time changes nothing
        assert self.tagged(tea) == {self.ids[0]}
        self.act(boss, "untag")
        assert self.tagged(tea) == set()

    def test_blocks_with_undo(self, boss: Client, tea: Merchant) -> None:
        change = self.act(boss, "block", reason="刷单")
        assert change is not None
        with tenancy.merchant_scope(tea.pk):
            assert set(Customer.objects.values_list("state", "blocked_reason")) == {
                ("blocked", "刷单")
            }
            boss.post(f"{HERE}undo/{change.pk}")
            assert set(Customer.objects.values_list("state", flat=True)) == {"active"}

    def test_everything_that_fits(self, boss: Client, tea: Merchant) -> None:
        self.act(boss, "tag", ids="", all="1", query="q=甲")
        assert self.tagged(tea) == {self.ids[0]}

    def test_a_new_tag_on_the_way(self, boss: Client, tea: Merchant) -> None:
        self.act(boss, "tag", new_tag="新客", tag="")
        with tenancy.merchant_scope(tea.pk):
            assert selectors.use_of_tags(selectors.tags())[self.tag + 1] == 3

    @pytest.mark.parametrize(
        "values", [{"ids": ""}, {"ids": "x,,-1"}, {"tag": "999"}, {"tag": ""}, {"tag": "1 OR 1"}]
    )
    def test_nothing_happens(self, boss: Client, tea: Merchant, values: dict[str, str]) -> None:
        assert self.act(boss, "tag", **values) is None
        assert self.tagged(tea) == set()

    def test_an_unknown_action_is_404(self, boss: Client) -> None:
        assert boss.post(f"{HERE}bulk/evil", {"ids": "1"}).status_code == 404

    @pytest.fixture
    def many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Three are many, and two of them one piece."""
        monkeypatch.setattr("zhanggui.contacts.views.list.MOST_AT_ONCE", 2)
        monkeypatch.setattr("zhanggui.contacts.services.bulk_tasks.AT_ONCE", 2)

    @pytest.mark.usefixtures("many")
    def test_more_than_ten_thousand_are_a_task_with_undo(self, boss: Client, tea: Merchant) -> None:
        assert self.act(boss, "tag", ids="", all="1", query="") is None
        assert self.tagged(tea) == set()
        with tenancy.merchant_scope(tea.pk):
            task = Task.objects.get()
            assert (task.title, task.total) == ("给顾客加标签“熟客”", 3)
            assert self.run(task) == ("done", {"customers": 3})
            assert self.tagged(tea) == set(self.ids)
            assert [len(one.customer_ids) for one in BulkChange.objects.order_by("pk")] == [2, 1]
            page = boss.get(f"/m/tea/jobs/{task.pk}/").content.decode()
            change = BulkChange.objects.order_by("-pk").first()
            assert change is not None
            assert f"{HERE}?done={change.pk}" in page
            assert "已修改 3 位顾客" in boss.get(f"{HERE}?done={change.pk}").content.decode()
            boss.post(f"{HERE}undo/{change.pk}")
            undo = Task.objects.exclude(pk=task.pk).get()
            assert self.run(undo) == ("done", {"customers": 3})
        assert self.tagged(tea) == set()

    @pytest.mark.usefixtures("many")
    def test_the_task_keeps_the_filters_and_looks_at_the_rights(
        self, boss: Client, tea: Merchant
    ) -> None:
        for name in ("甲二", "甲三"):
            make_customer(tea, name)
        self.act(boss, "block", ids="", all="1", query="q=甲", reason="刷单")
        with tenancy.merchant_scope(tea.pk):
            task = Task.objects.get()
            assert self.run(task) == ("done", {"customers": 3})
            assert Customer.objects.filter(state="blocked").count() == 3
            self.act(boss, "tag", ids="", all="1", query="")
            Membership.objects.all().delete()
            lost = Task.objects.exclude(pk=task.pk).get()
            assert self.run(lost)[0] == "failed"
            assert lost.error_code == "E_NOT_ALLOWED"
        assert self.tagged(tea) == set()

    def run(self, task: Task) -> tuple[str, dict[str, int]]:
        running.run(task_id=task.pk)
        task.refresh_from_db()
        return task.state, {k: v for k, v in task.result.items() if k == "customers"}

    def test_chosen_rows_are_exported_alone(self, boss: Client) -> None:
        assert 'id="bulk-export"' in boss.get(HERE).content.decode()
        data = {"ids": f"{self.ids[0]},{self.ids[2]}", "all": "", "query": "", "format": "csv"}
        for values, names_ in (
            (data, ["丙", "甲"]),
            (data | {"ids": "", "all": "1", "query": "q=乙"}, ["乙"]),
            (data | {"ids": ""}, []),
        ):
            answer: Any = boss.post("/m/tea/exports/contacts.customers", values)
            text = b"".join(answer.streaming_content).decode("utf-8-sig")
            assert [line.split(",")[1] for line in text.splitlines()[1:]] == names_

    def test_those_of_another_merchant_are_not_touched(self, boss: Client) -> None:
        coffee = make_merchant("coffee")
        foreign = make_customer(coffee)
        change = self.act(boss, "tag", ids=str(foreign.pk))
        assert change is not None
        assert change.customer_ids == []
        assert self.tagged(coffee) == set()

    def test_a_clerk_tags_but_blocks_not(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, role=Role.CLERK))
        ids = str(self.ids[0])
        answer = client.post(f"{HERE}bulk/tag", {"tag": self.tag, "ids": ids})
        assert answer.status_code == 302
        assert client.post(f"{HERE}bulk/block", {"ids": ids}).status_code == 403
        assert self.tagged(tea) == {self.ids[0]}


class TestOddNames:
    @pytest.mark.parametrize(
        "name",
        ["<script>alert(1)</script>", "\u202eمرحبا", "👩‍👩‍👧‍👦𠮷", "王" * 80, "a" * 80, "'\"><"],
    )
    def test_are_shown_as_they_are_and_harm_nothing(
        self, boss: Client, tea: Merchant, name: str
    ) -> None:
        customer = make_customer(tea, name)
        for path in (HERE, f"{HERE}{customer.pk}/", f"{HERE}?q={name[:20]}"):
            text = boss.get(path).content.decode()
            assert "<script>alert" not in text
        assert names(boss) == [name]


def test_the_index_of_what_fits_begins_with_the_merchant() -> None:
    # that they serve at 1,000,000 rows is measured: python -m benchmarks customers
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE tablename = 'contacts_customer' AND indexdef LIKE '%%USING gin%%'"
            " ORDER BY indexname"
        )
        found = [(name, definition.partition("gin ")[2]) for name, definition in cursor.fetchall()]
    assert found == [
        ("customers_by_what_fits", "(merchant_id, search, tag_ids, store_ids, birthday)"),
    ]
