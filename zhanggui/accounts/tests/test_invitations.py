"""Invitations: made and shown once, accepted, renewed, taken back; what is told where not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import services, standing
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.errors import (
    AlreadyMember,
    InvitationUsed,
    MoreThanOwn,
    OwnerOnly,
    PlanLimit,
)
from zhanggui.accounts.models import (
    AuditEntry,
    Invitation,
    Membership,
    Merchant,
    Person,
    Role,
    Tier,
)
from zhanggui.accounts.services.invitations import NewInvitation
from zhanggui.accounts.standing import Standing
from zhanggui.accounts.tests.factories import (
    ACTOR,
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
from zhanggui.core.tests.threads import together

in_database = pytest.mark.django_db
U9 = pytest.mark.spec("repairs U-9")
INVITE = "/m/tea/staff/invite"
LIST = "/m/tea/staff/invitations/"
FORM = {"role": "clerk", "note": "新店员", "hours": "24", "max_uses": "1"}


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


def make(tea: Merchant, owner: Person, **values: Any) -> NewInvitation:
    given: dict[str, Any] = {"role": Role.CLERK, "place": tea, "inviter": owner} | values
    return services.invite(actor=person_actor(owner), **given)


def signed_in(person: Person) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def audited(merchant: Merchant) -> list[str]:
    with tenancy.merchant_scope(merchant.pk):
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


@in_database
@U9
class TestMaking:
    def test_shows_link_and_code_once(self, client: Client, tea: Merchant, owner: Person) -> None:
        key = client.get(INVITE).context["key"]
        answer = client.post(INVITE, {**FORM, "idempotency_key": key})
        link = answer.context["link"]
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        assert link in text(answer)
        assert "data:image/svg+xml" in text(answer)
        invitation = Invitation.objects.get()
        assert invitation.expires_at - invitation.created_at == timedelta(hours=24)
        assert link.rpartition("/")[2] not in text(client.get(LIST))
        again = client.post(INVITE, {**FORM, "idempotency_key": key})
        assert again["Location"] == LIST
        assert "链接只显示一次" in text(client.get(LIST))
        assert Invitation.objects.count() == 1
        assert audited(tea) == ["accounts.invitation.created"]

    def test_an_owners_is_for_one_person(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        client.post(INVITE, {**FORM, "role": "owner", "max_uses": "5"})
        assert Invitation.objects.get().max_uses == 1

    @pytest.mark.usefixtures("owner")
    @pytest.mark.parametrize(
        "change",
        [
            {"role": "king"},
            {"role": "custom"},
            {"role": ""},
            {"hours": "9999"},
            {"max_uses": "0"},
            {"max_uses": "21"},
            {"note": "x" * 81},
        ],
        ids=["no-such-role", "no-own-role", "no-role", "hours", "none", "many", "long"],
    )
    def test_bad_input_makes_none(self, client: Client, change: dict[str, str]) -> None:
        assert client.post(INVITE, {**FORM, **change}).status_code == 422
        assert not Invitation.objects.exists()

    def test_nobody_invites_beyond_themselves(self, client: Client, tea: Merchant) -> None:
        boss = make_staff(tea, role=Role.OWNER)
        helper = make_staff(tea, "accounts.manage_staff", "accounts.view_stores")
        client.force_login(helper)
        for role in ("owner", "manager"):
            assert client.post(INVITE, {**FORM, "role": role}).status_code == 422
        with pytest.raises(OwnerOnly):
            make(tea, helper, role=Role.OWNER)
        with pytest.raises(MoreThanOwn):
            make(tea, helper, role=Role.MANAGER)
        with pytest.raises(NotAllowed):
            make(tea, make_staff(tea, role=Role.MANAGER))
        with pytest.raises(MoreThanOwn):
            services.revoke_invitation(
                invitation=make(tea, boss, role=Role.MANAGER).invitation,
                actor=person_actor(helper),
            )
        assert Invitation.objects.count() == 1

    def test_a_full_plan_invites_nobody(
        self, tea: Merchant, owner: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = make(tea, owner)
        full = Standing(plan="基础版", limits={"staff": 1})
        monkeypatch.setattr(standing, "_provider", [lambda _merchant: full])
        with pytest.raises(PlanLimit):
            make(tea, owner)
        person = make_person()
        with pytest.raises(PlanLimit):
            services.accept_invitation(token=made.token, person=person, actor=person_actor(person))
        assert Membership.objects.count() == 1
        assert Invitation.objects.get().uses == 0


@in_database
@U9
class TestAccepting:
    def test_the_page_says_what_by_whom_and_as_what(self, tea: Merchant, owner: Person) -> None:
        made = make(tea, owner)
        page = text(Client().get(f"/invite/{made.token}"))
        for word in ("花茶时光", "李老板", "店员", "登录并接受", "查看门店"):
            assert word in page
        assert "next=%2Finvite%2F" in page
        assert "/login" in page
        assert "register" in page

    def test_looking_joins_nobody(self, tea: Merchant, owner: Person) -> None:
        made = make(tea, owner)
        person = make_person("王晓梅")
        page = text(signed_in(person).get(f"/invite/{made.token}"))
        assert "以“王晓梅”的身份接受" in page
        assert person.phone[-11:] not in page
        assert not person.memberships.exists()

    def test_a_press_joins(self, tea: Merchant, owner: Person) -> None:
        made = make(tea, owner)
        person = make_person()
        browser = signed_in(person)
        answer = browser.post(f"/invite/{made.token}")
        assert answer["Location"] == "/m/tea/"
        member = membership_of(person, tea)
        assert (member.role, member.invitation) == (Role.CLERK, made.invitation)
        assert browser.get("/m/tea/").status_code == 200
        assert audited(tea)[-1] == "accounts.membership.added"

    def test_an_own_role_is_given(self, tea: Merchant, owner: Person) -> None:
        role = make_role(tea, "accounts.view_audit")
        made = make(tea, owner, role=Role.CUSTOM, role_set=role)
        person = make_person()
        signed_in(person).post(f"/invite/{made.token}")
        assert membership_of(person, tea).role_set == role

    def test_anonymous_signs_in_first(self, tea: Merchant, owner: Person) -> None:
        made = make(tea, owner)
        answer = Client().post(f"/invite/{made.token}")
        assert answer["Location"].endswith(f"?next=%2Finvite%2F{made.token}")
        assert Invitation.objects.get().uses == 0

    def test_a_forged_press_is_refused(self, tea: Merchant, owner: Person) -> None:
        made = make(tea, owner)
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(make_person())
        assert browser.post(f"/invite/{made.token}").status_code == 403
        assert Invitation.objects.get().uses == 0

    def test_whoever_is_there_keeps_the_role_and_the_link(
        self, tea: Merchant, owner: Person
    ) -> None:
        made = make(tea, owner, role=Role.MANAGER)
        clerk = make_staff(tea, role=Role.CLERK)
        browser = signed_in(clerk)
        for answer in (
            browser.get(f"/invite/{made.token}"),
            browser.post(f"/invite/{made.token}"),
        ):
            assert "您已经在这里了" in text(answer)
        assert membership_of(clerk, tea).role == Role.CLERK
        assert Invitation.objects.get().uses == 0

    def test_a_code_for_a_team_counts_each(self, tea: Merchant, owner: Person) -> None:
        made = make(tea, owner, max_uses=2)
        people = [make_person() for _ in range(3)]
        statuses = [signed_in(p).post(f"/invite/{made.token}").status_code for p in people]
        assert statuses == [302, 302, 410]
        assert Membership.objects.filter(merchant=tea, role=Role.CLERK).count() == 2


def expire(made: NewInvitation) -> None:
    now = clock.now()
    Invitation.objects.filter(pk=made.invitation.pk).update(
        created_at=now - timedelta(hours=25), expires_at=now - timedelta(hours=1)
    )


def use_up(made: NewInvitation) -> None:
    signed_in(make_person()).post(f"/invite/{made.token}")


def revoke(made: NewInvitation) -> None:
    services.revoke_invitation(invitation=made.invitation, actor=ACTOR)


def renew(made: NewInvitation) -> None:
    services.renew_invitation(
        invitation=made.invitation, inviter=made.invitation.invited_by, actor=ACTOR
    )


def remove_inviter(made: NewInvitation) -> None:
    make_staff(made.invitation.merchant, role=Role.OWNER)  # type: ignore[arg-type]
    member = made.invitation.invited_by.memberships.get()
    services.remove_membership(membership=member, actor=ACTOR)


def demote_inviter(made: NewInvitation) -> None:
    make_staff(made.invitation.merchant, role=Role.OWNER)  # type: ignore[arg-type]
    member = made.invitation.invited_by.memberships.get()
    services.change_role(membership=member, role=Role.MANAGER, actor=ACTOR)


def freeze(made: NewInvitation) -> None:
    assert made.invitation.merchant
    services.freeze_merchant(merchant=made.invitation.merchant, actor=ACTOR)


OVER: list[tuple[Callable[[NewInvitation], None], int, str]] = [
    (expire, 410, "已过期"),
    (use_up, 410, "已经用过了"),
    (revoke, 410, "已被收回"),
    (renew, 404, "没有找到这个邀请"),
    (remove_inviter, 410, "已不能邀请人"),
    (demote_inviter, 410, "已不能邀请人"),
    (freeze, 403, "冻结"),
]


@in_database
@U9
@pytest.mark.parametrize(
    ("happens", "status", "told"), OVER, ids=[happens.__name__ for happens, _s, _t in OVER]
)
def test_a_link_that_is_over_says_why(
    tea: Merchant,
    owner: Person,
    happens: Callable[[NewInvitation], None],
    status: int,
    told: str,
) -> None:
    made = make(tea, owner)
    happens(made)
    person = make_person()
    browser = signed_in(person)
    for answer in (browser.get(f"/invite/{made.token}"), browser.post(f"/invite/{made.token}")):
        assert answer.status_code == status
        assert told in text(answer)
    assert not person.memberships.exists()


@in_database
class TestGuessing:
    def test_an_unknown_link_leads_nowhere(self) -> None:
        answer = Client().get("/invite/abcdefgh")
        assert answer.status_code == 404
        assert "没有找到这个邀请" in text(answer)

    def test_is_locked_after_thirty(self, tea: Merchant, owner: Person) -> None:
        made = make(tea, owner)
        browser = Client()
        for number in range(30):
            assert browser.get(f"/invite/guess{number}").status_code == 404
        assert browser.get(f"/invite/{made.token}").status_code == 429


@in_database
class TestList:
    def test_tells_how_each_stands(self, client: Client, tea: Merchant, owner: Person) -> None:
        for happens in (expire, revoke, use_up):
            happens(make(tea, owner))
        make(tea, owner)
        make(make_merchant(), make_platform_staff(role=Role.OWNER))
        rows = client.get(LIST).context["rows"]
        assert [row["word"] for row in rows] == ["待接受", "已接受", "已收回", "已过期"]

    def test_renewing_shows_a_new_link(self, client: Client, tea: Merchant, owner: Person) -> None:
        made = make(tea, owner)
        expire(made)
        answer = client.post(f"{LIST}{made.invitation.pk}/renew")
        link = answer.context["link"]
        assert made.token not in link
        assert Client().get(f"/invite/{made.token}").status_code == 404
        assert Client().get(f"/invite/{link.rpartition('/')[2]}").status_code == 200
        assert audited(tea)[-1] == "accounts.invitation.renewed"

    def test_what_is_over_for_good_is_not_renewed(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        for happens in (revoke, use_up):
            made = make(tea, owner)
            happens(made)
            answer = client.post(f"{LIST}{made.invitation.pk}/renew")
            assert answer["Location"] == LIST

    def test_taking_back_twice_is_once(self, client: Client, tea: Merchant, owner: Person) -> None:
        made = make(tea, owner)
        for _ in range(2):
            client.post(f"{LIST}{made.invitation.pk}/revoke")
        assert audited(tea).count("accounts.invitation.revoked") == 1

    def test_one_of_another_shop_is_not_there(self, client: Client, owner: Person) -> None:
        coffee = make_merchant("coffee")
        made = make(coffee, make_staff(coffee, role=Role.OWNER))
        for step in ("renew", "revoke"):
            assert client.post(f"{LIST}{made.invitation.pk}/{step}").status_code == 404
        assert Invitation.objects.get().is_open


@in_database
class TestOtherTiers:
    def test_an_operator_invites(self, client: Client) -> None:
        operator = make_operator("jiangnan")
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        answer = client.post("/operator/jiangnan/staff/invite", FORM)
        token = answer.context["link"].rpartition("/")[2]
        person = make_person()
        assert (
            signed_in(person).post(f"/invite/{token}")["Location"] == "/operator/jiangnan/overview/"
        )
        member = person.memberships.get()
        assert (member.tier, member.operator, member.role) == (Tier.OPERATOR, operator, "clerk")

    def test_the_platform_invites(self, client: Client) -> None:
        client.force_login(make_platform_staff(role=Role.OWNER))
        answer = client.post("/platform/staff/invite", {**FORM, "role": "manager"})
        token = answer.context["link"].rpartition("/")[2]
        person = make_person()
        assert signed_in(person).post(f"/invite/{token}")["Location"] == "/platform/overview/"
        assert person.memberships.get().tier == Tier.PLATFORM


def test_two_who_press_at_once_share_one_place(race_db: str) -> None:
    tea = make_merchant()
    made = make(tea, make_staff(tea, role=Role.OWNER))
    people = [make_person(), make_person()]

    def accept(number: int) -> None:
        person = people[number]
        services.accept_invitation(token=made.token, person=person, actor=person_actor(person))

    answers = together(accept)
    assert sorted(type(answer).__name__ for answer in answers) == ["InvitationUsed", "NoneType"]
    assert Membership.objects.filter(merchant=tea, role=Role.CLERK).count() == 1
    assert InvitationUsed.status == 410


def test_one_who_presses_twice_joins_once(race_db: str) -> None:
    tea = make_merchant()
    made = make(tea, make_staff(tea, role=Role.OWNER), max_uses=5)
    person = make_person()

    def accept(_number: int) -> None:
        services.accept_invitation(token=made.token, person=person, actor=person_actor(person))

    answers = together(accept)
    assert [isinstance(answer, AlreadyMember) for answer in answers].count(True) == 1
    assert person.memberships.count() == 1
    assert Invitation.objects.get().uses == 1
