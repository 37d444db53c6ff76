"""People of a place through its pages: list, role, removal, hand-over, leaving."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.errors import OwnMembership
from zhanggui.accounts.models import (
    AuditEntry,
    Membership,
    Merchant,
    Person,
    PlatformAuditEntry,
    Role,
    Session,
    Tier,
)
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_person,
    make_platform_staff,
    make_role,
    make_staff,
    membership_of,
)
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import NotAllowed

pytestmark = pytest.mark.django_db
STAFF = "/m/tea/staff/"


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea", name="花茶时光")


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Person:
    person = make_staff(tea, role=Role.OWNER, name="李老板")
    client.force_login(person)
    return person


def text(answer: Any) -> str:
    return str(answer.content.decode())


def names(client: Client, query: str = "") -> list[str]:
    page = client.get(f"{STAFF}{query}").context["page"]
    return [member.person.name for member in page.rows]


def entries(merchant: Merchant) -> list[AuditEntry]:
    with tenancy.merchant_scope(merchant.pk):
        return list(AuditEntry.objects.order_by("pk"))


class TestList:
    @pytest.mark.spec("repairs U-51")
    def test_shows_people_with_masked_phones(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        person = make_staff(tea, role=Role.CLERK, name="王晓梅")
        page = text(client.get(STAFF))
        assert "王晓梅" in page
        assert person.phone[-11:] not in page
        assert f"{person.phone[3:6]}****{person.phone[-4:]}" in page

    def test_owners_come_first_and_strangers_not(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        make_staff(tea, role=Role.CLERK, name="王晓梅")
        make_staff(tea, role=Role.OWNER, name="周老板")
        make_staff(make_merchant(), role=Role.OWNER, name="别家老板")
        assert names(client) == ["李老板", "周老板", "王晓梅"]

    def test_searches_by_name_and_by_whole_number(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        clerk = make_staff(tea, role=Role.CLERK, name="王晓梅")
        assert names(client, "?q=晓梅") == ["王晓梅"]
        assert names(client, f"?q={clerk.phone[3:]}") == ["王晓梅"]
        assert names(client, f"?q={clerk.phone[-4:]}") == []
        assert "没有符合条件的人" in text(client.get(f"{STAFF}?q=火星"))

    def test_filters_by_role_and_by_sign_in(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        make_staff(tea, role=Role.CLERK, name="从未")
        own = make_role(tea, "accounts.view_stores", name="收银员")
        quiet = make_person("久未")
        Membership.objects.create(
            person=quiet, tier=Tier.MERCHANT, merchant=tea, role=Role.CUSTOM, role_set=own
        )
        quiet.last_login = clock.now() - timedelta(days=31)
        quiet.save(update_fields=["last_login"])
        assert names(client, "?role=clerk") == ["从未"]
        assert names(client, f"?role=own:{own.pk}") == ["久未"]
        assert names(client, "?state=never") == ["从未"]
        assert names(client, "?state=quiet") == ["久未"]
        assert names(client, "?state=active") == ["李老板"]
        assert names(client, "?role=own:x&state=y") == []

    def test_a_long_list_has_pages_and_few_queries(
        self, client: Client, tea: Merchant, owner: Person, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(60):
            make_staff(tea, role=Role.CLERK)
        with django_assert_max_num_queries(12):
            page = client.get(STAFF)
        assert len(page.context["page"].rows) == 50
        following = client.get(STAFF, {"after": page.context["page"].next})
        assert len(following.context["page"].rows) == 11

    def test_who_may_only_look_gets_no_buttons(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, role=Role.MANAGER))
        page = text(client.get(STAFF))
        assert "staff/invite" not in page
        assert "row-link" not in page


class TestRole:
    def test_is_changed(self, client: Client, tea: Merchant, owner: Person) -> None:
        member = membership_of(make_staff(tea, role=Role.CLERK), tea)
        path = f"{STAFF}{member.pk}/"
        assert client.get(path).status_code == 200
        assert client.post(path, {"role": "manager"})["Location"] == STAFF
        member.refresh_from_db()
        assert member.role == Role.MANAGER
        (entry,) = entries(tea)
        assert entry.action == "accounts.membership.changed"
        assert (entry.before, entry.after) == ({"role": "clerk"}, {"role": "manager"})

    def test_is_an_own_one(self, client: Client, tea: Merchant, owner: Person) -> None:
        own = make_role(tea, "accounts.view_stores", name="收银员")
        person = make_staff(tea, role=Role.CLERK)
        client.post(f"{STAFF}{membership_of(person, tea).pk}/", {"role": f"own:{own.pk}"})
        assert membership_of(person, tea).role_set == own
        browser = Client()
        browser.force_login(person)
        assert browser.get("/m/tea/stores/").status_code == 200
        assert browser.get("/m/tea/customers/").status_code == 403

    @pytest.mark.parametrize("role", ["king", "custom", "", "own:999999"])
    def test_an_unknown_one_changes_nothing(
        self, client: Client, tea: Merchant, owner: Person, role: str
    ) -> None:
        member = membership_of(make_staff(tea, role=Role.CLERK), tea)
        assert client.post(f"{STAFF}{member.pk}/", {"role": role}).status_code == 422
        member.refresh_from_db()
        assert member.role == Role.CLERK

    def test_the_same_again_leaves_no_line(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        member = membership_of(make_staff(tea, role=Role.CLERK), tea)
        client.post(f"{STAFF}{member.pk}/", {"role": "clerk"})
        assert entries(tea) == []

    def test_ones_own_stays(self, client: Client, tea: Merchant, owner: Person) -> None:
        path = f"{STAFF}{membership_of(owner, tea).pk}/"
        answer = client.post(path, {"role": "clerk"})
        assert answer.status_code == 409
        assert membership_of(owner, tea).role == Role.OWNER
        assert "不能修改自己的角色" in text(client.get(path)) or "这就是您" in text(
            client.get(path)
        )

    def test_only_roles_one_could_hold_are_offered(self, client: Client, tea: Merchant) -> None:
        make_staff(tea, role=Role.OWNER)
        small = make_role(tea, "accounts.view_stores", name="看店")
        big = make_role(tea, "accounts.view_audit", name="查账")
        helper = make_staff(
            tea, "accounts.manage_staff", "accounts.view_staff", "accounts.view_stores"
        )
        member = membership_of(make_staff(tea, "accounts.view_stores"), tea)
        client.force_login(helper)
        path = f"{STAFF}{member.pk}/"
        offered = {choice.value for choice in client.get(path).context["choices"]}
        assert f"own:{small.pk}" in offered
        assert offered.isdisjoint({"owner", "manager", f"own:{big.pk}"})
        for role in ("owner", "manager", f"own:{big.pk}"):
            assert client.post(path, {"role": role}).status_code == 422


@pytest.mark.spec("platform P06")
class TestRemoval:
    def test_ends_every_device_at_once(self, client: Client, tea: Merchant, owner: Person) -> None:
        person = make_staff(tea, role=Role.CLERK)
        browsers = [Client(), Client()]
        for browser in browsers:
            browser.force_login(person)
            assert browser.get("/m/tea/").status_code == 200
        client.post(f"{STAFF}{membership_of(person, tea).pk}/remove")
        assert not Membership.objects.filter(person=person).exists()
        for browser in browsers:
            assert browser.get("/m/tea/").status_code == 302
            browser.force_login(person)
            assert browser.get("/m/tea/").status_code == 404

    def test_the_last_owner_is_told_why_not(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        client.post(f"{STAFF}{membership_of(owner, tea).pk}/remove")
        assert Membership.objects.filter(person=owner).exists()
        assert "至少要保留一位店主" in text(client.get(STAFF))

    def test_somebody_of_another_shop_is_not_there(self, client: Client, owner: Person) -> None:
        coffee = make_merchant("coffee")
        member = membership_of(make_staff(coffee, role=Role.CLERK), coffee)
        for path in (f"{STAFF}{member.pk}/", f"{STAFF}{member.pk}/remove"):
            assert client.post(path, {"role": "manager"}).status_code == 404
        member.refresh_from_db()
        assert member.role == Role.CLERK

    def test_leaving_ends_ones_own_sessions(self, client: Client, tea: Merchant) -> None:
        make_staff(tea, role=Role.OWNER)
        clerk = make_staff(tea, role=Role.CLERK)
        client.force_login(clerk)
        answer = client.post(f"/me/places/{membership_of(clerk, tea).pk}/leave")
        assert answer["Location"] == "/login"
        assert not Session.objects.filter(person_id=clerk.pk).exists()
        assert entries(tea)[-1].action == "accounts.membership.left"

    def test_the_last_owner_cannot_leave(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        answer = client.post(f"/me/places/{membership_of(owner, tea).pk}/leave")
        assert answer["Location"] == "/me/"
        assert membership_of(owner, tea).role == Role.OWNER

    def test_nobody_leaves_for_another(self, client: Client, tea: Merchant, owner: Person) -> None:
        clerk = make_staff(tea, role=Role.CLERK)
        assert client.post(f"/me/places/{membership_of(clerk, tea).pk}/leave").status_code == 404
        assert Membership.objects.filter(person=clerk).exists()


class TestHandOver:
    def test_makes_an_owner_and_steps_back(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        heir = make_staff(tea, role=Role.MANAGER)
        path = f"{STAFF}{membership_of(heir, tea).pk}/hand-over"
        assert client.post(path, {"own_role": "manager"})["Location"] == STAFF
        assert membership_of(heir, tea).role == Role.OWNER
        assert membership_of(owner, tea).role == Role.MANAGER
        assert [entry.action for entry in entries(tea)] == ["accounts.membership.handed_over"] * 2

    @pytest.mark.parametrize("role", ["owner", "custom", "king", ""])
    def test_to_nothing_that_is_no_role_below(
        self, client: Client, tea: Merchant, owner: Person, role: str
    ) -> None:
        heir = make_staff(tea, role=Role.CLERK)
        client.post(f"{STAFF}{membership_of(heir, tea).pk}/hand-over", {"own_role": role})
        assert membership_of(heir, tea).role == Role.CLERK
        assert membership_of(owner, tea).role == Role.OWNER

    def test_only_owners_do(self, client: Client, tea: Merchant) -> None:
        make_staff(tea, role=Role.OWNER)
        helper = make_staff(tea, "accounts.manage_staff")
        heir = membership_of(make_staff(tea, role=Role.CLERK), tea)
        with pytest.raises(NotAllowed):
            services.hand_over_ownership(
                membership=heir, own_role=Role.MANAGER, actor=person_actor(helper)
            )
        with pytest.raises(OwnMembership):
            services.hand_over_ownership(
                membership=membership_of(helper, tea),
                own_role=Role.MANAGER,
                actor=person_actor(helper),
            )
        assert entries(tea) == []


class TestOtherTiers:
    def test_an_operator_has_its_own_people(self, client: Client) -> None:
        operator = make_operator("jiangnan")
        head = make_operator_staff(operator, role=Role.OWNER, name="陈总")
        agent = make_operator_staff(operator, role=Role.CLERK, name="小陈")
        make_operator_staff(make_operator(), role=Role.OWNER, name="别家")
        client.force_login(head)
        answer = client.get("/operator/jiangnan/staff/")
        assert [m.person.name for m in answer.context["page"].rows] == ["陈总", "小陈"]
        member = agent.memberships.get()
        path = f"/operator/jiangnan/staff/{member.pk}/"
        assert client.post(path, {"role": "manager"}).status_code == 302
        member.refresh_from_db()
        assert member.role == Role.MANAGER
        entry = PlatformAuditEntry.objects.get(action="accounts.membership.changed")
        assert (entry.before, entry.after) == ({"role": "clerk"}, {"role": "manager"})
        assert client.post(path, {"role": "scanner"}).status_code == 422

    def test_the_platform_has_its_own_people(self, client: Client) -> None:
        head = make_platform_staff(role=Role.OWNER, name="赵总")
        helper = make_platform_staff(role=Role.CLERK, name="小赵")
        client.force_login(head)
        answer = client.get("/platform/staff/")
        assert [m.person.name for m in answer.context["page"].rows] == ["赵总", "小赵"]
        client.post(f"/platform/staff/{helper.memberships.get().pk}/remove")
        assert not helper.memberships.exists()
