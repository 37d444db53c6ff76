"""Support access: for a reason, for a time, seen and stopped by the merchant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import permissions, services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.errors import SupportForbidden
from zhanggui.accounts.models import (
    AuditEntry,
    Membership,
    Merchant,
    Operator,
    Person,
    PlatformAuditEntry,
    Role,
    Store,
    SupportSession,
    Tier,
)
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import NotAllowed, NotFound
from zhanggui.core.tests.threads import together

in_database = [pytest.mark.django_db, pytest.mark.spec("platform P07")]
ENTER = "/platform/merchants/tea/support"
FORM = {"reason": "客户来电，帮忙设置", "minutes": "30"}


@pytest.fixture
def operator() -> Operator:
    return make_operator("jiangnan")


@pytest.fixture
def tea(operator: Operator) -> Merchant:
    return make_merchant("tea", name="花茶时光", operator=operator)


@pytest.fixture
def helper(client: Client) -> Person:
    person = make_platform_staff(role=Role.MANAGER, name="赵支持")
    client.force_login(person)
    return person


def text(answer: Any) -> str:
    return str(answer.content.decode())


def entries(merchant: Merchant) -> list[AuditEntry]:
    with tenancy.merchant_scope(merchant.pk):
        return list(AuditEntry.objects.order_by("pk"))


def enter(tea: Merchant, person: Person, operator: Operator | None = None) -> SupportSession:
    return services.open_support(
        merchant=tea,
        operator=operator,
        person=person,
        reason="x",
        minutes=30,
        actor=person_actor(person),
    )


class TestEntering:
    pytestmark = in_database

    def test_for_a_reason_and_a_time(self, client: Client, tea: Merchant, helper: Person) -> None:
        assert client.get("/m/tea/").status_code == 404
        assert client.get(ENTER).status_code == 200
        assert client.post(ENTER, FORM)["Location"] == "/m/tea/"
        page = text(client.get("/m/tea/"))
        assert "您正以技术支持身份进入 花茶时光" in page
        assert "客户来电，帮忙设置" in page
        session = SupportSession.objects.get()
        assert session.ends_at - session.starts_at == timedelta(minutes=30)
        (entry,) = entries(tea)
        assert (entry.action, entry.actor_id) == ("accounts.support.opened", helper.pk)
        assert entry.details == {"reason": "客户来电，帮忙设置", "minutes": 30}
        above = PlatformAuditEntry.objects.get(action="accounts.support.opened")
        assert above.details["merchant"] == tea.pk

    def test_the_banner_stands_on_every_page(
        self, client: Client, tea: Merchant, helper: Person
    ) -> None:
        enter(tea, helper)
        for path in ("", "stores/", "staff/", "staff/roles/", "audit/", "customers/"):
            assert "技术支持身份" in text(client.get(f"/m/tea/{path}")), path

    @pytest.mark.usefixtures("helper", "tea")
    @pytest.mark.parametrize(
        "change",
        [{"reason": ""}, {"reason": " "}, {"minutes": "1000"}, {"minutes": ""}],
        ids=["no-reason", "blank", "long", "no-time"],
    )
    def test_bad_input_opens_nothing(self, client: Client, change: dict[str, str]) -> None:
        assert client.post(ENTER, {**FORM, **change}).status_code == 422
        assert client.get("/m/tea/").status_code == 404

    def test_a_new_one_ends_the_one_before(
        self, client: Client, tea: Merchant, helper: Person
    ) -> None:
        first = enter(tea, helper)
        enter(tea, helper)
        first.refresh_from_db()
        assert first.ended_at is not None
        assert client.get("/m/tea/").status_code == 200

    def test_an_operator_enters_its_own(
        self, client: Client, tea: Merchant, operator: Operator
    ) -> None:
        client.force_login(make_operator_staff(operator, role=Role.MANAGER))
        path = "/operator/jiangnan/merchants/tea/support"
        assert client.post(path, FORM)["Location"] == "/m/tea/"
        assert client.get("/m/tea/stores/").status_code == 200

    def test_not_the_merchant_of_another_operator(self, client: Client, tea: Merchant) -> None:
        other = make_operator("jiangbei")
        agent = make_operator_staff(other, role=Role.OWNER)
        client.force_login(agent)
        path = "/operator/jiangbei/merchants/tea/support"
        assert client.post(path, FORM).status_code == 404
        with pytest.raises(NotFound):
            enter(tea, agent, other)
        assert not SupportSession.objects.exists()

    @pytest.mark.parametrize("role", [Role.CLERK, Role.FINANCE])
    def test_not_without_the_right(self, client: Client, tea: Merchant, role: Role) -> None:
        person = make_platform_staff(role=role)
        client.force_login(person)
        assert client.post(ENTER, FORM).status_code == 403
        with pytest.raises(NotAllowed):
            enter(tea, person)

    def test_not_where_it_is_forbidden(self, client: Client, tea: Merchant, helper: Person) -> None:
        services.allow_support(merchant=tea, allowed=False, actor=ACTOR)
        assert "商家不允许" in text(client.get(ENTER))
        assert client.post(ENTER, FORM).status_code == 403
        assert not SupportSession.objects.exists()

    def test_not_while_frozen(self, client: Client, tea: Merchant, helper: Person) -> None:
        services.freeze_merchant(merchant=tea, actor=ACTOR)
        assert client.post(ENTER, FORM).status_code == 403
        assert not SupportSession.objects.exists()


class TestInside:
    pytestmark = in_database

    def test_acts_under_the_own_name_with_a_mark(
        self, client: Client, tea: Merchant, helper: Person
    ) -> None:
        session = enter(tea, helper)
        client.post("/m/tea/stores/new", {"name": "人民路店"})
        entry = entries(tea)[-1]
        assert (entry.action, entry.actor_id) == ("accounts.store.created", helper.pk)
        assert entry.support_id == session.pk
        owner = Client()
        owner.force_login(make_staff(tea, role=Role.OWNER))
        lines = owner.get("/m/tea/audit/?person=support").context["lines"]
        assert [(line.who, line.is_support) for line in lines] == [("赵支持", True)]

    def test_has_a_managers_rights_without_people_and_phones(
        self, client: Client, tea: Merchant, helper: Person
    ) -> None:
        enter(tea, helper)
        assert client.get("/m/tea/staff/").status_code == 200
        for path in ("staff/invite", "staff/roles/new", "support/"):
            assert client.get(f"/m/tea/{path}").status_code == 403, path
        given = permissions.of_support()
        assert "contacts.view_phones" not in given
        assert given < permissions.of_role(Role.MANAGER, tier=Tier.MERCHANT)

    def test_is_nobody_at_other_merchants(
        self, client: Client, tea: Merchant, helper: Person
    ) -> None:
        make_merchant("coffee")
        enter(tea, helper)
        assert client.get("/m/coffee/").status_code == 404

    def test_makes_nobody_a_member(self, tea: Merchant, helper: Person) -> None:
        enter(tea, helper)
        assert not Membership.objects.filter(merchant=tea).exists()

    def test_costs_two_statements_more(
        self, client: Client, tea: Merchant, helper: Person, django_assert_max_num_queries: Any
    ) -> None:
        enter(tea, helper)
        with django_assert_max_num_queries(12):
            client.get("/m/tea/stores/")


class TestEnding:
    pytestmark = in_database

    def posted(self, client: Client, tea: Merchant) -> int:
        status = client.post("/m/tea/stores/new", {"name": "人民路店"}).status_code
        with tenancy.merchant_scope(tea.pk):
            assert not Store.objects.exists()
        return status

    def test_by_time(self, client: Client, tea: Merchant, helper: Person) -> None:
        enter(tea, helper)
        assert client.get("/m/tea/stores/new").status_code == 200
        SupportSession.objects.update(
            starts_at=clock.now() - timedelta(hours=1), ends_at=clock.now() - timedelta(seconds=1)
        )
        assert self.posted(client, tea) == 403
        assert "技术支持访问已结束" in text(client.get("/m/tea/"))
        SupportSession.objects.update(
            starts_at=clock.now() - timedelta(days=2), ends_at=clock.now() - timedelta(days=1)
        )
        assert client.get("/m/tea/").status_code == 404

    def test_by_the_merchant_in_the_middle(
        self, client: Client, tea: Merchant, helper: Person
    ) -> None:
        session = enter(tea, helper)
        boss = make_staff(tea, role=Role.OWNER)
        owner = Client()
        owner.force_login(boss)
        page = owner.get("/m/tea/support/")
        assert "赵支持" in text(page)
        assert "正在访问" in text(page)
        owner.post(f"/m/tea/support/{session.pk}/end")
        assert self.posted(client, tea) == 403
        session.refresh_from_db()
        assert session.ended_by_id == boss.pk
        assert [e.action for e in entries(tea)].count("accounts.support.ended") == 1
        owner.post(f"/m/tea/support/{session.pk}/end")
        assert [e.action for e in entries(tea)].count("accounts.support.ended") == 1

    def test_by_forbidding(self, client: Client, tea: Merchant, helper: Person) -> None:
        session = enter(tea, helper)
        owner = Client()
        owner.force_login(make_staff(tea, role=Role.OWNER))
        owner.post("/m/tea/support/allow", {"allowed": "0"})
        assert self.posted(client, tea) == 403
        assert "不允许技术支持" in text(client.get("/m/tea/"))
        session.refresh_from_db()
        assert session.ended_at is not None
        owner.post("/m/tea/support/allow", {"allowed": "1"})
        assert self.posted(client, tea) == 403

    def test_by_its_own_person(self, client: Client, tea: Merchant, helper: Person) -> None:
        session = enter(tea, helper)
        answer = client.post(f"/me/support/{session.pk}/end")
        assert answer["Location"] == "/platform/merchants/tea/"
        assert self.posted(client, tea) == 403

    def test_by_losing_the_right(self, client: Client, tea: Merchant, helper: Person) -> None:
        enter(tea, helper)
        Membership.objects.filter(person=helper).update(role=Role.CLERK)
        assert self.posted(client, tea) == 404

    def test_by_leaving_the_platform(self, client: Client, tea: Merchant, helper: Person) -> None:
        enter(tea, helper)
        Membership.objects.filter(person=helper).delete()
        assert self.posted(client, tea) == 404

    def test_by_moving_to_another_operator(
        self, client: Client, tea: Merchant, operator: Operator
    ) -> None:
        agent = make_operator_staff(operator, role=Role.MANAGER)
        client.force_login(agent)
        enter(tea, agent, operator)
        assert client.get("/m/tea/").status_code == 200
        Merchant.objects.filter(pk=tea.pk).update(operator=make_operator())
        assert self.posted(client, tea) == 404

    def test_by_freezing(self, client: Client, tea: Merchant, helper: Person) -> None:
        enter(tea, helper)
        services.freeze_merchant(merchant=tea, actor=ACTOR)
        client.force_login(helper)
        assert self.posted(client, tea) == 403

    def test_nobody_ends_anothers(self, client: Client, tea: Merchant, helper: Person) -> None:
        session = enter(tea, helper)
        other = Client()
        other.force_login(make_platform_staff(role=Role.OWNER))
        assert other.post(f"/me/support/{session.pk}/end").status_code == 404
        coffee = make_merchant("coffee")
        other.force_login(make_staff(coffee, role=Role.OWNER))
        assert other.post(f"/m/coffee/support/{session.pk}/end").status_code == 404
        assert client.get("/m/tea/").status_code == 200


@pytest.mark.spec("platform P07")
def test_forbidding_and_entering_at_once_leave_nobody_inside(race_db: str) -> None:
    tea = make_merchant()
    helper = make_platform_staff(role=Role.OWNER)

    def act(number: int) -> None:
        if number:
            enter(tea, helper)
        else:
            services.allow_support(merchant=tea, allowed=False, actor=ACTOR)

    answers = together(act)
    assert answers[0] is None
    assert answers[1] is None or isinstance(answers[1], SupportForbidden)
    assert not [session for session in SupportSession.objects.all() if session.is_open]
