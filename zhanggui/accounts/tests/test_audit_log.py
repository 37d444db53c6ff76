"""A merchant's audit log: what it keeps, in words, filtered; it cannot be changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import audit, audit_log, services
from zhanggui.accounts.actors import Actor, person_actor
from zhanggui.accounts.audit_log import Filters
from zhanggui.accounts.models import ActorKind, AuditEntry, Merchant, Person, Role, Store
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_merchant,
    make_role,
    make_staff,
    make_store,
    membership_of,
)
from zhanggui.core import tenancy

pytestmark = [pytest.mark.django_db, pytest.mark.spec("platform P08")]
LOG = "/m/tea/audit/"


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Person:
    person = make_staff(tea, role=Role.OWNER, name="李老板")
    client.force_login(person)
    return person


def text(answer: Any) -> str:
    return str(answer.content.decode())


def shown(client: Client, **query: Any) -> list[str]:
    return [line.action for line in client.get(LOG, query).context["lines"]]


def write(tea: Merchant, action: str = "accounts.store.edited", **values: Any) -> None:
    with tenancy.merchant_scope(tea.pk):
        AuditEntry(
            **{"actor_kind": "system", "action": action, "target": "store:1"} | values
        ).save()


def fill(tea: Merchant) -> Store:
    person = make_staff(tea, role=Role.MANAGER, name="王晓梅")
    with tenancy.merchant_scope(tea.pk):
        store = services.create_store(name="人民路店", actor=person_actor(person))
        services.close_store(store=store, actor=ACTOR)
    return store


class TestWords:
    def test_who_did_what_to_what(self, client: Client, tea: Merchant, owner: Person) -> None:
        fill(tea)
        answer = client.get(LOG)
        closed, opened = answer.context["lines"]
        assert (opened.who, opened.action, opened.target) == (
            "王晓梅",
            "新建门店",
            "门店 人民路店",
        )
        assert (closed.who, closed.action, closed.store) == ("tests", "门店停业", "人民路店")
        assert "accounts.store" not in text(answer).split("<tbody")[1].replace("target=", "")

    def test_before_and_after(self, client: Client, tea: Merchant, owner: Person) -> None:
        own = make_role(tea, "accounts.view_stores", name="收银员")
        member = membership_of(make_staff(tea, role=Role.CLERK), tea)
        client.post(f"/m/tea/staff/{member.pk}/", {"role": f"own:{own.pk}"})
        (line,) = client.get(LOG).context["lines"]
        (change,) = line.changes
        assert (change.label, change.before, change.after) == ("角色", "店员", "收银员")
        assert line.details == "角色：店员 → 收银员"
        page = text(client.get(LOG))
        assert "<del>店员</del>" in page
        assert "<ins>收银员</ins>" in page

    def test_rights_stand_there_in_words(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        values = {"name": "收银员", "explanation": "", "rights": ["accounts.view_stores"]}
        client.post("/m/tea/staff/roles/new", values)
        (line,) = client.get(LOG).context["lines"]
        assert ("权限", "", "查看门店") in [(c.label, c.before, c.after) for c in line.changes]

    def test_odd_values_stay_readable(self, client: Client, tea: Merchant, owner: Person) -> None:
        write(
            tea,
            before={"a": None, "b": True, "c": [], "role": 7, "rights": "x"},
            after={"a": "x" * 300, "b": False, "c": [1, 2], "role": None, "rights": ["gone"]},
        )
        (line,) = client.get(LOG).context["lines"]
        assert [(c.label, c.before, c.after) for c in line.changes] == [
            ("a", "—", "x" * 200 + "…"),
            ("b", "是", "否"),
            ("c", "—", "1、2"),
            ("角色", "7", "—"),
            ("权限", "", ""),
        ]

    @pytest.mark.usefixtures("owner")
    @pytest.mark.parametrize(
        ("code", "told"),
        [
            ("E_OWNER_ONLY", "只有店主才能设立、修改或移出店主。请找一位店主处理。"),
            ("E_FROZEN", "E_FROZEN"),
            ("E_GONE_SINCE", "E_GONE_SINCE"),
        ],
        ids=["plain", "with-places", "unknown"],
    )
    def test_a_refusal_stands_there_in_words(
        self, client: Client, tea: Merchant, code: str, told: str
    ) -> None:
        write(tea, details={"code": code})
        (line,) = client.get(LOG).context["lines"]
        assert line.note == told

    def test_markup_is_text(self, client: Client, tea: Merchant, owner: Person) -> None:
        evil = "<script>alert(1)</script>"
        write(tea, after={"name": evil}, details={"reason": evil}, device=evil)
        assert evil not in text(client.get(LOG))

    def test_unknown_people_and_actions_stay_readable(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        write(tea, "old.thing.done", actor_kind="customer", actor_id=99, target="thing:7")
        (line,) = client.get(LOG).context["lines"]
        assert (line.action, line.target, line.who) == ("old.thing.done", "thing #7", "已注销")

    def test_where_from(self, client: Client, tea: Merchant, owner: Person) -> None:
        actor = Actor(ActorKind.PERSON, owner.pk, "x", ip="203.0.113.7", device="iPhone · 微信")
        with tenancy.merchant_scope(tea.pk):
            audit.record(actor, "accounts.store.edited", "store:1")
        (line,) = client.get(LOG).context["lines"]
        assert (line.device, line.ip) == ("iPhone · 微信", "203.0.113.7")


class TestFilters:
    def test_by_action(self, client: Client, tea: Merchant, owner: Person) -> None:
        fill(tea)
        assert shown(client, action="accounts.store.closed") == ["门店停业"]
        assert shown(client, action="accounts.store.") == ["门店停业", "新建门店"]
        assert shown(client, action="accounts.membership.") == []

    def test_by_person(self, client: Client, tea: Merchant, owner: Person) -> None:
        fill(tea)
        assert shown(client, person=Person.objects.get(name="王晓梅").pk) == ["新建门店"]
        assert shown(client, person=owner.pk) == []

    def test_by_store_and_by_target(self, client: Client, tea: Merchant, owner: Person) -> None:
        store = fill(tea)
        other = make_store(tea)
        assert len(shown(client, store=store.pk)) == 2
        assert shown(client, store=other.pk) == []
        assert len(shown(client, target=f"store:{store.pk}")) == 2
        assert shown(client, target="store:0") == []
        assert "只看与“门店 人民路店”有关的记录" in text(
            client.get(LOG, {"target": f"store:{store.pk}"})
        )

    def test_by_day_of_the_merchants_clock(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        # 16:30 UTC is half past midnight of the next day in Shanghai
        write(tea, "accounts.store.created", at=datetime(2026, 3, 1, 15, 30, tzinfo=UTC))
        write(tea, "accounts.store.closed", at=datetime(2026, 3, 1, 16, 30, tzinfo=UTC))
        assert shown(client, until="2026-03-01") == ["新建门店"]
        assert shown(client, since="2026-03-02") == ["门店停业"]
        assert len(shown(client, since="2026-03-01", until="2026-03-02")) == 2

    @pytest.mark.usefixtures("owner")
    @pytest.mark.parametrize(
        "query",
        [
            {"person": "x"},
            {"person": "-1"},
            {"person": "1 OR 1=1"},
            {"store": "x"},
            {"since": "yesterday"},
            {"until": "2026-13-01"},
        ],
    )
    def test_an_odd_one_is_a_bad_request(self, client: Client, query: dict[str, str]) -> None:
        assert client.get(LOG, query).status_code == 400

    def test_an_empty_result_says_so(self, client: Client, tea: Merchant, owner: Person) -> None:
        assert "没有符合筛选条件的记录" in text(client.get(LOG, {"target": "store:0"}))


class TestLimits:
    def test_shows_nothing_of_others(self, client: Client, tea: Merchant, owner: Person) -> None:
        fill(make_merchant("coffee"))
        assert client.get(LOG).context["lines"] == []

    def test_a_hundred_rows_cost_no_more_queries(
        self, client: Client, tea: Merchant, owner: Person, django_assert_max_num_queries: Any
    ) -> None:
        now = datetime.now(UTC)
        for number in range(60):
            write(
                tea,
                at=now - timedelta(seconds=number),
                actor_kind="person",
                actor_id=owner.pk,
                target=f"store:{number}",
            )
        with django_assert_max_num_queries(12):
            page = client.get(LOG)
        assert len(page.context["lines"]) == 50
        older = client.get(LOG, {"after": page.context["page"].next})
        assert len(older.context["lines"]) == 10

    def test_all_lines_come_in_chunks(
        self, tea: Merchant, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
    ) -> None:
        monkeypatch.setattr(audit_log, "CHUNK", 10)
        for _ in range(25):
            write(tea, actor_kind="customer", actor_id=None, target="x")
        with tenancy.merchant_scope(tea.pk), django_assert_num_queries(1):
            assert len(list(audit_log.all_lines(audit_log.entries(Filters())))) == 25


def test_only_what_differs_is_kept() -> None:
    before, after = audit.changed({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4})
    assert (before, after) == ({"b": 2, "c": None}, {"b": 3, "c": 4})
