"""Own roles: made, copied, changed, deleted, never beyond what their maker holds."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import permissions, services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.errors import (
    MoreThanOwn,
    OwnMembership,
    RoleEmpty,
    RoleInUse,
    RoleNameTaken,
)
from zhanggui.accounts.models import AuditEntry, Merchant, Person, Role, RoleSet, Tier
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_merchant,
    make_operator,
    make_operator_staff,
    make_role,
    make_staff,
)
from zhanggui.core import tenancy

pytestmark = [pytest.mark.django_db, pytest.mark.spec("platform P06")]
ROLES = "/m/tea/staff/roles/"
CASHIER = {"name": "收银员", "explanation": "只看门店", "rights": ["accounts.view_stores"]}


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Person:
    person = make_staff(tea, role=Role.OWNER)
    client.force_login(person)
    return person


def text(answer: Any) -> str:
    return str(answer.content.decode())


def entries(merchant: Merchant) -> list[AuditEntry]:
    with tenancy.merchant_scope(merchant.pk):
        return list(AuditEntry.objects.order_by("pk"))


class TestPage:
    def test_explains_every_preset(self, client: Client, tea: Merchant, owner: Person) -> None:
        make_staff(tea, role=Role.CLERK)
        answer = client.get(ROLES)
        found = {choice.role: choice for choice in answer.context["presets"]}
        assert list(found) == permissions.offered(Tier.MERCHANT)
        assert all(choice.explanation for choice in found.values())
        assert found[Role.CLERK].people == 1
        page = text(answer)
        for word in ("店主", "财务", "店员", "查看操作日志"):
            assert word in page

    def test_roles_without_a_product_are_not_offered(
        self, client: Client, tea: Merchant, owner: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for role in (Role.TECHNICIAN, Role.REVIEWER, Role.SCANNER, Role.DRAW_HOST):
            carried = permissions.of_role(role, tier=Tier.MERCHANT)
            assert carried == {"accounts.view_stores"}
        assert "技师" not in text(client.get(ROLES))
        work = permissions.Permission(
            "repairs.work", "Work on repairs", roles=frozenset({Role.TECHNICIAN})
        )
        monkeypatch.setitem(permissions._known, work.name, work)
        assert "技师" in text(client.get(ROLES))

    @pytest.mark.parametrize("tier", [Tier.OPERATOR, Tier.PLATFORM])
    def test_tiers_above_have_all_of_theirs(self, tier: Tier) -> None:
        assert permissions.offered(tier) == list(permissions.PRESETS[tier])

    def test_a_role_somebody_holds_stays(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        make_staff(tea, role=Role.SCANNER)
        found = {choice.role: choice for choice in client.get(ROLES).context["presets"]}
        assert found[Role.SCANNER].people == 1

    def test_who_may_only_look_gets_no_buttons(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, role=Role.MANAGER))
        page = text(client.get(ROLES))
        assert "roles/new" not in page

    def test_costs_the_same_for_many(
        self, client: Client, tea: Merchant, owner: Person, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(20):
            make_staff(tea, "accounts.view_stores")
        with django_assert_max_num_queries(9):
            assert len(client.get(ROLES).context["own"]) == 20


class TestMaking:
    def test_from_nothing(self, client: Client, tea: Merchant, owner: Person) -> None:
        assert client.get(f"{ROLES}new").status_code == 200
        assert client.post(f"{ROLES}new", CASHIER)["Location"] == ROLES
        role = RoleSet.objects.get()
        assert (role.name, role.rights, role.merchant) == (
            "收银员",
            ["accounts.view_stores"],
            tea,
        )
        (entry,) = entries(tea)
        assert (entry.action, entry.after) == ("accounts.role.created", CASHIER)

    def test_from_a_copy(self, client: Client, tea: Merchant, owner: Person) -> None:
        page = client.get(f"{ROLES}new?from=manager")
        ticked = set(page.context["form"]["rights"].value())
        assert ticked == permissions.of_role(Role.MANAGER, tier=Tier.MERCHANT)
        own = make_role(tea, "accounts.view_audit")
        page = client.get(f"{ROLES}new?from=own:{own.pk}")
        assert page.context["form"]["rights"].value() == ["accounts.view_audit"]
        foreign = make_role(make_merchant(), "accounts.view_audit")
        page = client.get(f"{ROLES}new?from=own:{foreign.pk}")
        assert page.context["form"]["rights"].value() is None

    @pytest.mark.usefixtures("owner")
    @pytest.mark.parametrize(
        ("change", "status", "told"),
        [
            ({"rights": []}, 422, "至少要有一项权限"),
            ({"rights": ["accounts.platform_view"]}, 422, ""),
            ({"rights": ["no.such"]}, 422, ""),
            ({"name": ""}, 422, ""),
            ({"name": "x" * 41}, 422, ""),
            ({"name": "店员"}, 409, "已有同名角色"),
            ({"name": "主管"}, 409, "已有同名角色"),
        ],
        ids=["none", "other-tier", "unknown", "no-name", "long", "preset", "taken"],
    )
    def test_bad_input_makes_none(
        self,
        client: Client,
        tea: Merchant,
        change: dict[str, Any],
        status: int,
        told: str,
    ) -> None:
        make_role(tea, "accounts.view_stores", name="主管")
        answer = client.post(f"{ROLES}new", {**CASHIER, **change})
        assert answer.status_code == status
        assert told in text(answer)
        assert RoleSet.objects.count() == 1
        assert entries(tea) == []

    def test_names_are_shared_between_shops(self, tea: Merchant) -> None:
        for place in (tea, make_merchant(), make_operator(), None):
            right = {"accounts.operator_view", "accounts.platform_view", "accounts.view_stores"}
            services.create_role(
                place=place, name="助理", explanation="", rights=right, actor=ACTOR
            )
        with pytest.raises(RoleNameTaken):
            services.create_role(
                place=tea,
                name="助理",
                explanation="",
                rights=["accounts.view_stores"],
                actor=ACTOR,
            )
        assert RoleSet.objects.count() == 4

    def test_nobody_gives_more_than_they_have(self, client: Client, tea: Merchant) -> None:
        make_staff(tea, role=Role.OWNER)
        helper = make_staff(tea, "accounts.manage_roles", "accounts.view_stores")
        client.force_login(helper)
        page = text(client.get(f"{ROLES}new"))
        assert "您自己没有这项权限" in page
        answer = client.post(
            f"{ROLES}new", {**CASHIER, "rights": ["accounts.view_stores", "accounts.view_audit"]}
        )
        assert answer.status_code == 403
        assert "查看操作日志" in text(answer)
        assert not RoleSet.objects.filter(name="收银员").exists()
        assert client.post(f"{ROLES}new", CASHIER).status_code == 302

    def test_a_role_without_any_right_is_refused_by_the_service_too(self, tea: Merchant) -> None:
        with pytest.raises(RoleEmpty):
            services.create_role(
                place=tea,
                name="空",
                explanation="",
                rights=["accounts.platform_view"],
                actor=ACTOR,
            )


class TestChanging:
    def test_holds_at_once(self, client: Client, tea: Merchant, owner: Person) -> None:
        person = make_staff(tea, "accounts.view_stores")
        role = RoleSet.objects.get()
        browser = Client()
        browser.force_login(person)
        assert browser.get("/m/tea/stores/").status_code == 200
        assert client.get(f"{ROLES}{role.pk}/").status_code == 200
        changed = {"name": "查账", "explanation": "", "rights": ["accounts.view_audit"]}
        client.post(f"{ROLES}{role.pk}/", changed)
        assert browser.get("/m/tea/stores/").status_code == 403
        assert browser.get("/m/tea/audit/").status_code == 200
        (entry,) = entries(tea)
        assert entry.before == {"name": role.name, "rights": ["accounts.view_stores"]}
        assert entry.after == {"name": "查账", "rights": ["accounts.view_audit"]}

    def test_without_a_change_leaves_no_line(self, tea: Merchant) -> None:
        role = make_role(tea, "accounts.view_stores", name="收银员")
        services.edit_role(
            role=role, name="收银员", explanation="", rights=role.rights, actor=ACTOR
        )
        assert entries(tea) == []

    def test_a_taken_name_changes_nothing(self, tea: Merchant) -> None:
        make_role(tea, "accounts.view_stores", name="主管")
        role = make_role(tea, "accounts.view_stores", name="收银员")
        with pytest.raises(RoleNameTaken):
            services.edit_role(
                role=role, name="主管", explanation="x", rights=role.rights, actor=ACTOR
            )
        role.refresh_from_db()
        assert (role.name, role.explanation) == ("收银员", "")
        assert entries(tea) == []

    def test_ones_own_role_stays(self, tea: Merchant) -> None:
        helper = make_staff(tea, "accounts.manage_roles", "accounts.view_stores")
        role = RoleSet.objects.get()
        with pytest.raises(OwnMembership):
            services.edit_role(
                role=role,
                name="x",
                explanation="",
                rights=["accounts.manage_roles"],
                actor=person_actor(helper),
            )

    def test_a_role_with_more_rights_is_out_of_reach(self, tea: Merchant) -> None:
        make_staff(tea, role=Role.OWNER)
        actor = person_actor(make_staff(tea, "accounts.manage_roles", "accounts.view_stores"))
        role = make_role(tea, "accounts.view_audit")
        with pytest.raises(MoreThanOwn):
            services.edit_role(
                role=role, name="x", explanation="", rights=["accounts.view_stores"], actor=actor
            )
        with pytest.raises(MoreThanOwn):
            services.delete_role(role=role, actor=actor)
        assert RoleSet.objects.get(pk=role.pk).rights == ["accounts.view_audit"]


class TestDeleting:
    def test_one_that_nobody_has(self, client: Client, tea: Merchant, owner: Person) -> None:
        role = make_role(tea, "accounts.view_stores", name="收银员")
        client.post(f"{ROLES}{role.pk}/delete")
        assert not RoleSet.objects.exists()
        (entry,) = entries(tea)
        assert entry.before == {"name": "收银员", "rights": ["accounts.view_stores"]}

    def test_one_in_use_stays_and_says_who_has_it(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        make_staff(tea, "accounts.view_stores")
        role = RoleSet.objects.get()
        services.invite(place=tea, role=Role.CUSTOM, role_set=role, inviter=owner, actor=ACTOR)
        with pytest.raises(RoleInUse) as refusal:
            services.delete_role(role=role, actor=ACTOR)
        assert refusal.value.details == {"people": 1, "invitations": 1}
        client.post(f"{ROLES}{role.pk}/delete")
        assert RoleSet.objects.filter(pk=role.pk).exists()
        assert "1 人是这个角色" in text(client.get(ROLES))

    def test_old_invitations_do_not_keep_it(self, tea: Merchant, owner: Person) -> None:
        role = make_role(tea, "accounts.view_stores")
        made = services.invite(
            place=tea, role=Role.CUSTOM, role_set=role, inviter=owner, actor=ACTOR
        )
        services.revoke_invitation(invitation=made.invitation, actor=ACTOR)
        services.delete_role(role=role, actor=ACTOR)
        assert not RoleSet.objects.exists()


def test_an_operator_makes_its_own_roles(client: Client) -> None:
    operator = make_operator("jiangnan")
    client.force_login(make_operator_staff(operator, role=Role.OWNER))
    values = {"name": "客户经理", "explanation": "", "rights": ["accounts.operator_view"]}
    answer = client.post("/operator/jiangnan/staff/roles/new", values)
    assert answer["Location"] == "/operator/jiangnan/staff/roles/"
    role = RoleSet.objects.get()
    assert (role.tier, role.operator) == (Tier.OPERATOR, operator)
    foreign = make_role(make_operator(), "accounts.operator_view")
    assert client.get(f"/operator/jiangnan/staff/roles/{foreign.pk}/").status_code == 404
