"""The installation's audit log: filters, words, rights."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import audit, services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import Person, Role
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_merchant,
    make_operator,
    make_person,
    make_platform_staff,
)
from zhanggui.core import clock

pytestmark = [pytest.mark.django_db, pytest.mark.spec("platform P08")]
ADDRESS = "/platform/audit/"


@pytest.fixture
def head(client: Client) -> Person:
    person = make_platform_staff(role=Role.OWNER, name="赵平台")
    client.force_login(person)
    return person


def shown(client: Client, **query: str) -> list[str]:
    lines = client.get(ADDRESS, query).context["lines"]
    return [line.action for line in lines if not line.action.startswith("登录")]


def test_names_who_what_and_on_what(client: Client, head: Person) -> None:
    tea = make_merchant("tea", name="花茶")
    services.edit_merchant(merchant=tea, name="红茶", trade="", actor=person_actor(head))
    line = client.get(ADDRESS, {"action": "accounts.merchant.edited"}).context["lines"][0]
    assert (line.who, line.action, line.target) == ("赵平台", "修改商家", "商家 红茶")
    assert [(one.label, one.before, one.after) for one in line.changes] == [
        ("名称", "花茶", "红茶")
    ]


def test_filters_by_person_action_target_and_days(client: Client, head: Person) -> None:
    north, south = make_operator("north"), make_operator("south")
    other = make_person("钱经理")
    with clock.at(datetime(2026, 3, 1, 20, tzinfo=UTC)):  # 4 o'clock on the 2nd in Shanghai
        services.freeze_operator(operator=north, actor=person_actor(head))
    with clock.at(datetime(2026, 3, 5, tzinfo=UTC)):
        services.unfreeze_operator(operator=north, actor=person_actor(other))
        services.freeze_operator(operator=south, actor=ACTOR)
    assert shown(client, q="钱") == ["解冻运营者"]
    assert shown(client, action="accounts.operator.frozen") == ["冻结运营者", "冻结运营者"]
    assert shown(client, target=f"operator:{north.pk}") == ["解冻运营者", "冻结运营者"]
    assert shown(client, since="2026-03-02", until="2026-03-02") == ["冻结运营者"]
    assert shown(client, until="2026-03-01") == []
    assert shown(client, q="nobody") == []


@pytest.mark.parametrize("day", ["x", "2026-13-01", "0001-01-01x"])
def test_an_odd_day_is_refused(client: Client, head: Person, day: str) -> None:
    assert client.get(ADDRESS, {"since": day}).status_code == 400


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_time_are_days(client: Client, head: Person, day: str) -> None:
    for name in ("since", "until"):
        assert client.get(ADDRESS, {name: day}).status_code in {200, 400}


def test_costs_the_same_for_many(
    client: Client, head: Person, django_assert_max_num_queries: Any
) -> None:
    for _ in range(60):
        merchant = make_merchant()
        audit.record_platform(
            person_actor(make_person()), "accounts.merchant.edited", f"merchant:{merchant.pk}"
        )
    with django_assert_max_num_queries(12):
        assert len(client.get(ADDRESS).context["lines"]) == 50


def test_rows_of_merchants_have_no_names_here(client: Client, head: Person) -> None:
    audit.record_platform(person_actor(head), "accounts.merchant.edited", "wechat_account:7")
    audit.record_platform(person_actor(head), "accounts.merchant.edited", "nothing")
    lines = client.get(ADDRESS, {"action": "accounts.merchant.edited"}).context["lines"]
    assert [line.target for line in lines] == ["nothing", "公众号 #7"]
    assert client.get(ADDRESS, {"target": "wechat_account:7"}).status_code == 200


def test_takes_its_right(client: Client) -> None:
    client.force_login(make_platform_staff(role=Role.CLERK))
    assert client.get(ADDRESS).status_code == 403
