"""What freezing does to people: sign-in, open sessions, pages, pieces and JSON of each tier."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from zhanggui.accounts import services
from zhanggui.accounts.models import Membership, Merchant, Operator, Person, Role, Session, Tier
from zhanggui.accounts.tests.factories import (
    ACTOR,
    PASSWORD,
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}
Shut = Callable[[Merchant], None]


def freeze(merchant: Merchant) -> None:
    services.freeze_merchant(merchant=merchant, reason="欠费", actor=ACTOR)


def freeze_operator(merchant: Merchant) -> None:
    assert merchant.operator is not None
    services.freeze_operator(operator=merchant.operator, reason="欠费", actor=ACTOR)


def archive(merchant: Merchant) -> None:
    services.archive_merchant(merchant=merchant, reason="停业", actor=ACTOR)


every_way = pytest.mark.parametrize("shut", [freeze, freeze_operator, archive])


@pytest.fixture
def operator() -> Operator:
    return make_operator("jiangnan", name="江南")


@pytest.fixture
def tea(operator: Operator) -> Merchant:
    return make_merchant("tea", name="花茶", operator=operator)


@pytest.fixture
def owner(tea: Merchant) -> Person:
    return make_staff(tea, role=Role.OWNER)


def signed_in(person: Person) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def also_at(person: Person, merchant: Merchant) -> None:
    Membership.objects.create(person=person, tier=Tier.MERCHANT, merchant=merchant, role=Role.OWNER)


@pytest.mark.spec("platform P03")
@every_way
class TestPeopleOfAShutMerchant:
    def test_lose_their_open_sessions(self, owner: Person, tea: Merchant, shut: Shut) -> None:
        browser = signed_in(owner)
        assert browser.get("/m/tea/").status_code == 200
        shut(tea)
        assert not Session.objects.filter(person_id=owner.pk).exists()
        assert browser.get("/m/tea/")["Location"].startswith("/login")
        assert browser.get("/m/tea/", headers=HTMX).status_code == 401
        assert browser.get("/m/tea/", headers=JSON).status_code == 401

    def test_cannot_sign_in(self, owner: Person, tea: Merchant, shut: Shut) -> None:
        shut(tea)
        answer = Client().post("/login", {"phone": owner.phone, "password": PASSWORD})
        assert answer.status_code == 403
        assert not Session.objects.filter(person_id=owner.pk).exists()

    def test_who_work_elsewhere_lose_this_place_only(
        self, owner: Person, tea: Merchant, shut: Shut
    ) -> None:
        also_at(owner, make_merchant("coffee"))
        browser = signed_in(owner)
        shut(tea)
        assert browser.get("/m/coffee/").status_code == 200
        page = browser.get("/m/tea/")
        assert page.status_code == 403
        assert "花茶" in page.content.decode()
        assert browser.get("/m/tea/", headers=HTMX).status_code == 403
        code = browser.get("/m/tea/", headers=JSON).json()["error"]["code"]
        assert code in {"E_FROZEN", "E_ARCHIVED"}
        assert browser.post("/m/tea/stores/new", {"name": "新店"}).status_code == 403
        sign_in = Client().post("/login", {"phone": owner.phone, "password": PASSWORD})
        assert sign_in.status_code == 302

    def test_read_why(self, owner: Person, tea: Merchant, shut: Shut) -> None:
        also_at(owner, make_merchant())
        browser = signed_in(owner)
        shut(tea)
        reason = "停业" if shut is archive else "欠费"
        assert f"原因：{reason}" in browser.get("/m/tea/").content.decode()

    def test_work_again_afterwards(self, owner: Person, tea: Merchant, shut: Shut) -> None:
        shut(tea)
        if shut is archive:
            services.restore_merchant(merchant=tea, actor=ACTOR)
        elif shut is freeze:
            services.unfreeze_merchant(merchant=tea, actor=ACTOR)
        else:
            operator = Operator.objects.get()
            services.unfreeze_operator(operator=operator, actor=ACTOR)
        answer = Client().post("/login", {"phone": owner.phone, "password": PASSWORD})
        assert answer.status_code == 302
        assert signed_in(owner).get("/m/tea/").status_code == 200


@pytest.mark.spec("platform P03")
class TestPeopleOfAFrozenOperator:
    @pytest.fixture
    def agent(self, operator: Operator) -> Person:
        return make_operator_staff(operator, role=Role.OWNER)

    def test_lose_sessions_and_cannot_sign_in(self, agent: Person, operator: Operator) -> None:
        browser = signed_in(agent)
        assert browser.get("/operator/jiangnan/").status_code == 200
        services.freeze_operator(operator=operator, actor=ACTOR)
        assert browser.get("/operator/jiangnan/")["Location"].startswith("/login")
        answer = Client().post("/login", {"phone": agent.phone, "password": PASSWORD})
        assert answer.status_code == 403

    def test_who_work_elsewhere_lose_this_place_only(
        self, agent: Person, operator: Operator
    ) -> None:
        also_at(agent, make_merchant("own"))
        browser = signed_in(agent)
        services.freeze_operator(operator=operator, actor=ACTOR)
        assert browser.get("/m/own/").status_code == 200
        assert browser.get("/operator/jiangnan/").status_code == 403

    def test_the_platform_stays_signed_in(self, tea: Merchant, operator: Operator) -> None:
        head = make_platform_staff(role=Role.OWNER)
        also_at(head, tea)
        browser = signed_in(head)
        services.freeze_operator(operator=operator, actor=ACTOR)
        assert browser.get("/platform/").status_code == 200
        assert browser.get("/m/tea/").status_code == 403

    def test_takes_in_nobody(self, operator: Operator) -> None:
        services.freeze_operator(operator=operator, actor=ACTOR)
        head = signed_in(make_platform_staff(role=Role.OWNER))
        form = {"name": "新店", "owner_name": "李", "owner_phone": "13900139000"}
        answer = head.post("/platform/new-merchant", {**form, "operator": operator.pk})
        assert answer.status_code == 422
        assert not Merchant.objects.exists()


@pytest.mark.parametrize("state", ["frozen", "archived"])
def test_other_merchants_of_the_operator_go_on(
    tea: Merchant, operator: Operator, state: str
) -> None:
    coffee = make_merchant("coffee", operator=operator)
    browser = signed_in(make_staff(coffee, role=Role.OWNER))
    (freeze if state == "frozen" else archive)(tea)
    assert browser.get("/m/coffee/").status_code == 200
