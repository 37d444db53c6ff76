"""The queue of applications: read, approved, rejected; two reviewers at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import hooks, services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.errors import DecidedAlready, OperatorShut
from zhanggui.accounts.models import (
    Application,
    ApplicationState,
    Merchant,
    Operator,
    Person,
    PlatformAuditEntry,
    Role,
)
from zhanggui.accounts.services import applications
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_operator,
    make_operator_staff,
    make_person,
    make_platform_staff,
    membership_of,
)
from zhanggui.core.tests.threads import together

in_database = pytest.mark.django_db


def make_application(
    place: Operator | None, name: str = "新茶有限公司", person: Person | None = None
) -> Application:
    """Somebody waits at a place."""
    return Application.objects.create(
        operator=place, person=person or make_person("吴掌柜"), registered_name=name
    )


def text(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What people were told."""
    heard: list[tuple[int, str]] = []
    monkeypatch.setattr(
        hooks, "_notifiers", [lambda person, said: heard.append((person.pk, str(said)))]
    )
    return heard


@pytest.fixture
def operator(db: None) -> Operator:
    return make_operator("jiangnan", name="江南")


@pytest.fixture
def head(client: Client, operator: Operator) -> Person:
    """A head of the operator is signed in."""
    person = make_operator_staff(operator, role=Role.OWNER, name="陈总")
    client.force_login(person)
    return person


@in_database
@pytest.mark.spec("platform P03")
class TestQueue:
    def test_shows_those_who_wait_and_filters(
        self, client: Client, operator: Operator, head: Person
    ) -> None:
        make_application(operator, "甲茶")
        make_application(operator, "乙茶", make_person("郑掌柜"))
        done = make_application(operator, "丙茶")
        services.reject_application(application=done, reason="资料不全", actor=ACTOR)
        make_application(None, "丁茶")
        address = "/operator/jiangnan/applications/"

        def shown(**query: str) -> list[str]:
            rows = client.get(address, query).context["page"].rows
            return [row.registered_name for row in rows]

        assert shown() == ["乙茶", "甲茶"]
        assert shown(q="郑") == ["乙茶"]
        assert shown(state="rejected") == ["丙茶"]
        assert shown(state="all") == ["丙茶", "乙茶", "甲茶"]
        assert shown(state="odd") == ["乙茶", "甲茶"]
        assert "139****" in text(client.get(address))

    def test_the_platform_sees_all_places(self, client: Client, operator: Operator) -> None:
        client.force_login(make_platform_staff(role=Role.OWNER))
        make_application(operator, "甲茶")
        make_application(None, "丁茶")
        address = "/platform/applications/"
        for query, names in (
            ({}, ["丁茶", "甲茶"]),
            ({"operator": "direct"}, ["丁茶"]),
            ({"operator": str(operator.pk)}, ["甲茶"]),
        ):
            rows = client.get(address, query).context["page"].rows
            assert [row.registered_name for row in rows] == names

    def test_the_list_costs_the_same_for_many(
        self,
        client: Client,
        operator: Operator,
        head: Person,
        django_assert_max_num_queries: Any,
    ) -> None:
        for _ in range(60):
            make_application(operator)
        with django_assert_max_num_queries(12):
            page = client.get("/operator/jiangnan/applications/")
        assert len(page.context["page"].rows) == 50

    def test_the_menu_counts_those_who_wait(
        self, client: Client, operator: Operator, head: Person
    ) -> None:
        make_application(operator)
        make_application(None)
        page = client.get("/operator/jiangnan/")
        badges = [
            item.badge
            for group in page.context["ui"].menu
            for item in group.items
            if item.entry.name == "applications"
        ]
        assert badges == [1]

    def test_when_closed_says_why_it_is_empty(
        self, client: Client, operator: Operator, head: Person
    ) -> None:
        assert "入驻未开放" in text(client.get("/operator/jiangnan/applications/"))


@in_database
@pytest.mark.spec("platform P03")
class TestDeciding:
    def test_approved_begins_with_its_owner_who_is_told(
        self, client: Client, operator: Operator, head: Person, told: list[tuple[int, str]]
    ) -> None:
        waiting = make_application(operator)
        answer = client.post(f"/operator/jiangnan/applications/{waiting.pk}/approve")
        merchant = Merchant.objects.get()
        assert answer["Location"] == f"/operator/jiangnan/merchants/{merchant.slug}/"
        assert (merchant.operator, merchant.name) == (operator, "新茶有限公司")
        assert membership_of(waiting.person, merchant).role == Role.OWNER
        waiting.refresh_from_db()
        assert (waiting.state, waiting.decided_by_id) == (ApplicationState.APPROVED, head.pk)
        assert told == [(waiting.person_id, "“新茶有限公司”的入驻申请已通过，请用手机号登录。")]
        assert PlatformAuditEntry.objects.filter(
            action="accounts.application.approved", target=f"application:{waiting.pk}"
        ).exists()
        page = text(client.get(f"/operator/jiangnan/applications/{waiting.pk}/"))
        assert "陈总" in page
        assert "/approve" not in page

    def test_rejected_for_a_reason_that_is_told(
        self, client: Client, operator: Operator, head: Person, told: list[tuple[int, str]]
    ) -> None:
        waiting = make_application(operator)
        address = f"/operator/jiangnan/applications/{waiting.pk}/reject"
        assert client.post(address, {"reason": ""}).status_code == 422
        assert told == []
        client.post(address, {"reason": "营业执照看不清"})
        waiting.refresh_from_db()
        assert (waiting.state, waiting.reason) == (ApplicationState.REJECTED, "营业执照看不清")
        assert told == [(waiting.person_id, "“新茶有限公司”的入驻申请未通过：营业执照看不清")]
        assert not Merchant.objects.exists()

    def test_a_rejected_one_may_apply_again(
        self, client: Client, operator: Operator, head: Person
    ) -> None:
        waiting = make_application(operator)
        services.reject_application(application=waiting, reason="x", actor=ACTOR)
        make_application(operator, person=waiting.person)

    @pytest.mark.parametrize("first", ["approve", "reject"])
    @pytest.mark.parametrize("second", ["approve", "reject"])
    def test_is_decided_once(
        self, client: Client, operator: Operator, head: Person, first: str, second: str
    ) -> None:
        waiting = make_application(operator)
        base = f"/operator/jiangnan/applications/{waiting.pk}/"
        client.post(f"{base}{first}", {"reason": "x"})
        before = Application.objects.values().get()
        answer = client.post(f"{base}{second}", {"reason": "y"})
        assert answer.status_code == 409
        assert "已经有人审核过" in text(answer)
        assert Application.objects.values().get() == before
        assert Merchant.objects.count() == (1 if first == "approve" else 0)

    @pytest.mark.parametrize("page", ["", "approve", "reject"])
    def test_another_places_is_not_there(
        self, client: Client, operator: Operator, head: Person, page: str
    ) -> None:
        for place in (None, make_operator()):
            waiting = make_application(place)
            address = f"/operator/jiangnan/applications/{waiting.pk}/{page}"
            answer = client.post(address, {"reason": "x"}) if page else client.get(address)
            assert answer.status_code == 404
            waiting.refresh_from_db()
            assert waiting.state == ApplicationState.WAITING

    @pytest.mark.parametrize("page", ["approve", "reject"])
    def test_takes_the_right_to_manage(self, client: Client, operator: Operator, page: str) -> None:
        client.force_login(make_operator_staff(operator, role=Role.CLERK))
        waiting = make_application(operator)
        base = f"/operator/jiangnan/applications/{waiting.pk}/"
        assert client.post(f"{base}{page}", {"reason": "x"}).status_code == 403
        assert "/approve" not in text(client.get(base))
        waiting.refresh_from_db()
        assert waiting.state == ApplicationState.WAITING

    def test_not_for_an_operator_frozen_meanwhile(self, operator: Operator) -> None:
        waiting = make_application(operator)
        services.freeze_operator(operator=operator, actor=ACTOR)
        with pytest.raises(OperatorShut):
            services.approve_application(application=waiting, actor=ACTOR)
        waiting.refresh_from_db()
        assert waiting.state == ApplicationState.WAITING
        assert not Merchant.objects.exists()


def _two_reviewers(operator: Operator) -> list[Any]:
    waiting = make_application(operator)
    reviewers = [make_operator_staff(operator, role=Role.OWNER) for _ in range(2)]

    def decide(number: int) -> object:
        return services.approve_application(
            application=Application.objects.get(pk=waiting.pk),
            actor=person_actor(reviewers[number]),
        )

    return list(together(decide))


@pytest.mark.spec("platform P03")
def test_of_two_reviewers_at_once_one_wins(race_db: str) -> None:
    answers = _two_reviewers(make_operator("jiangnan"))
    assert sorted(type(answer).__name__ for answer in answers) == ["DecidedAlready", "Merchant"]
    assert Merchant.objects.count() == 1
    assert PlatformAuditEntry.objects.filter(action="accounts.application.approved").count() == 1


def test_without_the_lock_both_would_take_it_in(
    race_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(application: Application) -> Application:
        if application.state != ApplicationState.WAITING:
            raise DecidedAlready
        return Application.objects.select_related("operator", "person").get(pk=application.pk)

    monkeypatch.setattr(applications, "_lock", careless)
    _two_reviewers(make_operator("jiangnan"))
    assert Merchant.objects.count() == 2
