"""Every step of a merchant's and an operator's life, through the pages of the tiers above."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import (
    AuditEntry,
    Membership,
    Merchant,
    Operator,
    PlatformAuditEntry,
    Role,
    Session,
    ShutBy,
    TierState,
)
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
    membership_of,
)
from zhanggui.core import tenancy

pytestmark = pytest.mark.django_db
NAME_200 = "茶" * 200
ODD = "<script>alert(1)</script> \u202e😀"


@pytest.fixture
def operator() -> Operator:
    return make_operator("jiangnan", name="江南")


@pytest.fixture
def tea(operator: Operator) -> Merchant:
    return make_merchant("tea", name="花茶", operator=operator)


@pytest.fixture
def base(request: pytest.FixtureRequest, client: Client, operator: Operator) -> str:
    """Somebody who manages is signed in; answers where their pages begin."""
    if request.param == "platform":
        client.force_login(make_platform_staff(role=Role.OWNER))
        return "/platform/"
    client.force_login(make_operator_staff(operator, role=Role.OWNER))
    return "/operator/jiangnan/"


both = pytest.mark.parametrize("base", ["platform", "operator"], indirect=True)
platform_only = pytest.mark.parametrize("base", ["platform"], indirect=True)
operator_only = pytest.mark.parametrize("base", ["operator"], indirect=True)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def log_of(merchant: Merchant) -> list[str]:
    with tenancy.merchant_scope(merchant.pk):
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def platform_log() -> list[str]:
    return list(PlatformAuditEntry.objects.order_by("pk").values_list("action", flat=True))


@both
class TestMerchant:
    def test_page_offers_what_its_state_allows(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        page = text(client.get(f"{base}merchants/tea/"))
        assert "tea/freeze" in page
        assert "tea/archive" in page
        assert ("tea/transfer" in page) == (base == "/platform/")

    def test_edit_changes_what_customers_see_only(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        Merchant.objects.update(registered_name="花茶有限公司")
        answer = client.post(f"{base}merchants/tea/edit", {"name": ODD, "trade": "茶"})
        assert answer["Location"] == f"{base}merchants/tea/"
        tea.refresh_from_db()
        assert (tea.name, tea.registered_name) == (ODD, "花茶有限公司")
        page = text(client.get(f"{base}merchants/tea/"))
        assert "<script>alert" not in page
        assert log_of(tea) == ["accounts.merchant.edited"]
        with tenancy.merchant_scope(tea.pk):
            entry = AuditEntry.objects.get()
        assert entry.before == {"name": "花茶", "trade": ""}
        assert entry.after == {"name": ODD, "trade": "茶"}

    def test_a_display_name_has_at_most_40_signs(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        assert client.post(f"{base}merchants/tea/edit", {"name": "茶" * 41}).status_code == 422
        assert client.post(f"{base}merchants/tea/edit", {"name": NAME_200}).status_code == 422
        assert client.post(f"{base}merchants/tea/edit", {"name": "茶" * 40}).status_code == 302

    def test_saving_without_a_change_writes_no_log(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        client.post(f"{base}merchants/tea/edit", {"name": "花茶", "trade": ""})
        assert log_of(tea) == []

    @pytest.mark.spec("repairs U-2")
    @pytest.mark.spec("repairs A6")
    def test_registered_name_changes_for_a_reason(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        address = f"{base}merchants/tea/registered-name"
        missing = client.post(address, {"registered_name": "新茶有限公司", "reason": " "})
        assert missing.status_code == 422
        assert log_of(tea) == []
        client.post(address, {"registered_name": "新茶有限公司", "reason": "换了执照"})
        tea.refresh_from_db()
        assert (tea.name, tea.registered_name) == ("花茶", "新茶有限公司")
        with tenancy.merchant_scope(tea.pk):
            entry = AuditEntry.objects.get()
        assert entry.action == "accounts.merchant.registered_name"
        assert entry.details == {"reason": "换了执照"}
        assert entry.after == {"registered_name": "新茶有限公司"}

    def test_freeze_asks_for_a_reason_and_unfreeze_undoes(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        owner = Client()
        owner.force_login(make_staff(tea, role=Role.OWNER))
        address = f"{base}merchants/tea/freeze"
        assert client.post(address, {"reason": ""}).status_code == 422
        assert owner.get("/m/tea/").status_code == 200
        assert client.post(address, {"reason": "欠费"})["Location"] == f"{base}merchants/tea/"
        tea.refresh_from_db()
        assert (tea.state, tea.shut_by, tea.state_reason) == ("frozen", "itself", "欠费")
        assert owner.get("/m/tea/")["Location"].startswith("/login")
        page = text(client.get(f"{base}merchants/tea/"))
        assert "欠费" in page
        assert "解冻" in page
        client.post(f"{base}merchants/tea/state", {"do": "unfreeze"})
        client.post(f"{base}merchants/tea/state", {"do": "unfreeze"})
        tea.refresh_from_db()
        assert (tea.state, tea.shut_by, tea.state_reason) == ("active", "", "")
        assert log_of(tea) == ["accounts.merchant.frozen", "accounts.merchant.unfrozen"]

    def test_delete_asks_for_the_name_and_restore_undoes(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        address = f"{base}merchants/tea/archive"
        wrong = client.post(address, {"reason": "停业", "typed": "花"})
        assert wrong.status_code == 422
        assert "没有删除" in text(wrong)
        assert Merchant.objects.get().state == TierState.ACTIVE
        client.post(address, {"reason": "停业", "typed": " 花茶 "})
        assert Merchant.objects.get().state == TierState.ARCHIVED
        assert not client.get(base).context["rows"]
        assert len(client.get(base, {"state": "archived"}).context["rows"]) == 1
        assert client.post(f"{base}merchants/tea/freeze", {"reason": "x"}).status_code == 409
        client.post(f"{base}merchants/tea/state", {"do": "restore"})
        assert Merchant.objects.get().state == TierState.ACTIVE
        assert log_of(tea) == ["accounts.merchant.archived", "accounts.merchant.restored"]

    @pytest.mark.parametrize("wanted", ["", "freeze", "x"])
    def test_state_does_only_what_undoes(
        self, client: Client, base: str, tea: Merchant, wanted: str
    ) -> None:
        answer = client.post(f"{base}merchants/tea/state", {"do": wanted})
        assert answer.status_code == 404
        assert log_of(tea) == []

    def test_gives_an_owner_a_new_password(self, client: Client, base: str, tea: Merchant) -> None:
        owner = make_staff(tea, role=Role.OWNER)
        member = membership_of(owner, tea)
        answer = client.post(f"{base}merchants/tea/reset", {"membership": member.pk})
        owner.refresh_from_db()
        assert owner.check_password(answer.context["initial_password"])
        assert "accounts.password.reset" in platform_log()


def test_nobody_opens_the_account_of_somebody_with_more_rights_at_the_platform(
    client: Client, tea: Merchant
) -> None:
    head = make_platform_staff(role=Role.OWNER)
    Membership.objects.create(person=head, tier="merchant", merchant=tea, role=Role.OWNER)
    member = head.memberships.get(merchant=tea)
    client.force_login(make_platform_staff(role=Role.MANAGER))
    before = head.password
    answer = client.post("/platform/merchants/tea/reset", {"membership": member.pk})
    head.refresh_from_db()
    assert (answer.status_code, head.password) == (403, before)
    client.force_login(make_platform_staff(role=Role.OWNER))
    answer = client.post("/platform/merchants/tea/reset", {"membership": member.pk})
    assert answer.status_code == 200


@operator_only
class TestOperatorsLimits:
    @pytest.mark.parametrize("elsewhere", ["merchant", "platform", "operator"])
    def test_gives_no_password_to_people_with_other_places(
        self, client: Client, base: str, tea: Merchant, operator: Operator, elsewhere: str
    ) -> None:
        owner = make_staff(tea, role=Role.OWNER)
        values: dict[str, Any] = {"tier": elsewhere, "role": Role.CLERK}
        if elsewhere == "merchant":
            values["merchant"] = make_merchant()
        if elsewhere == "operator":
            values["operator"] = operator
        Membership.objects.create(person=owner, **values)
        member = owner.memberships.get(merchant=tea)
        answer = client.post(f"{base}merchants/tea/reset", {"membership": member.pk})
        assert answer.status_code == 409
        before = owner.password
        owner.refresh_from_db()
        assert owner.password == before

    @pytest.mark.parametrize(
        "page",
        ["", "edit", "registered-name", "freeze", "archive", "state", "reset", "transfer"],
    )
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_another_operators_merchant_is_not_there(
        self, client: Client, base: str, page: str, method: str
    ) -> None:
        make_merchant("foreign", operator=make_operator())
        make_merchant("direct")
        form = {"do": "unfreeze", "reason": "x", "typed": "Foreign", "name": "X"}
        for slug in ("foreign", "direct"):
            answer = getattr(client, method)(f"{base}merchants/{slug}/{page}", form)
            assert answer.status_code in ({404, 405} if method == "get" or not page else {404})
        assert set(Merchant.objects.values_list("state", "name")) == {
            ("active", "Foreign"),
            ("active", "Direct"),
        }
        assert not PlatformAuditEntry.objects.exclude(action__startswith="accounts.sign").exists()


@platform_only
class TestTransfer:
    @pytest.mark.spec("platform P01")
    def test_to_another_operator_and_to_the_platform(
        self, client: Client, base: str, tea: Merchant, operator: Operator
    ) -> None:
        north = make_operator("jiangbei")
        for to, expected in ((str(north.pk), north.pk), ("", None)):
            client.post("/platform/merchants/tea/transfer", {"to": to})
            assert Merchant.objects.get().operator_id == expected
        assert log_of(tea) == ["accounts.merchant.transferred"] * 2
        with tenancy.merchant_scope(tea.pk):
            first = AuditEntry.objects.order_by("pk")[0]
        assert (first.before, first.after) == ({"operator": operator.pk}, {"operator": north.pk})

    def test_the_old_operator_loses_it_at_once(
        self, client: Client, base: str, tea: Merchant, operator: Operator
    ) -> None:
        agent = Client()
        agent.force_login(make_operator_staff(operator, role=Role.OWNER))
        assert agent.get("/operator/jiangnan/merchants/tea/").status_code == 200
        client.post("/platform/merchants/tea/transfer", {"to": ""})
        assert agent.get("/operator/jiangnan/merchants/tea/").status_code == 404

    def test_frees_a_merchant_that_was_frozen_with_its_operator(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        client.post("/platform/operators/jiangnan/freeze", {"reason": "欠费"})
        assert Merchant.objects.get().state == TierState.FROZEN
        client.post("/platform/merchants/tea/transfer", {"to": ""})
        assert Merchant.objects.get().state == TierState.ACTIVE

    def test_does_not_free_a_merchant_frozen_itself(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        client.post("/platform/merchants/tea/freeze", {"reason": "投诉"})
        client.post("/platform/merchants/tea/transfer", {"to": ""})
        assert Merchant.objects.get().state == TierState.FROZEN

    @pytest.mark.parametrize("state", [TierState.FROZEN, TierState.ARCHIVED])
    def test_not_to_an_operator_that_is_shut(
        self, client: Client, base: str, tea: Merchant, operator: Operator, state: str
    ) -> None:
        shut = make_operator(state=state)
        answer = client.post("/platform/merchants/tea/transfer", {"to": shut.pk})
        assert answer.status_code == 422
        assert Merchant.objects.get().operator == operator

    def test_not_from_the_archive(self, client: Client, base: str, tea: Merchant) -> None:
        Merchant.objects.update(state=TierState.ARCHIVED)
        answer = client.post("/platform/merchants/tea/transfer", {"to": ""})
        assert answer.status_code == 409


@platform_only
class TestOperator:
    def test_page_counts_and_names_its_heads(
        self, client: Client, base: str, tea: Merchant, operator: Operator
    ) -> None:
        make_merchant(operator=operator, state=TierState.FROZEN)
        make_operator_staff(operator, role=Role.OWNER, name="陈总")
        page = client.get("/platform/operators/jiangnan/")
        assert page.context["counts"] == {"active": 1, "frozen": 1, "archived": 0, "present": 2}
        assert "陈总" in text(page)
        assert "/join/jiangnan" in text(page)

    def test_lists_finds_and_counts(
        self, client: Client, base: str, tea: Merchant, operator: Operator
    ) -> None:
        make_merchant(operator=operator, state=TierState.ARCHIVED)
        make_operator("jiangbei", state=TierState.ARCHIVED)
        rows = client.get("/platform/operators/").context["rows"]
        assert [(row.slug, served) for row, served in rows] == [("jiangnan", 1)]
        found = client.get("/platform/operators/", {"q": "jiangb", "state": "archived"})
        assert [row.slug for row, _served in found.context["rows"]] == ["jiangbei"]

    def test_the_list_costs_the_same_for_many(
        self, client: Client, base: str, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(60):
            make_merchant(operator=make_operator())
        with django_assert_max_num_queries(12):
            assert len(client.get("/platform/operators/").context["rows"]) == 50

    def test_edit(self, client: Client, base: str, operator: Operator) -> None:
        make_operator("taken")
        address = "/platform/operators/jiangnan/edit"
        taken = client.post(address, {"name": "江南", "slug": "taken"})
        assert (taken.status_code, "短名已被使用" in text(taken)) == (409, True)
        answer = client.post(address, {"name": "江南二部", "slug": "jiangnan-2"})
        assert answer["Location"] == "/platform/operators/jiangnan-2/"
        operator.refresh_from_db()
        assert (operator.name, operator.slug) == ("江南二部", "jiangnan-2")
        assert platform_log().count("accounts.operator.edited") == 1

    def test_is_not_deleted_while_it_serves_somebody(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        form = {"reason": "不再合作", "typed": "江南"}
        answer = client.post("/platform/operators/jiangnan/archive", form)
        assert answer.status_code == 409
        assert "还服务着 1 个商家" in text(answer)
        client.post("/platform/merchants/tea/transfer", {"to": ""})
        client.post("/platform/operators/jiangnan/archive", form)
        assert Operator.objects.get().state == TierState.ARCHIVED
        client.post("/platform/operators/jiangnan/state", {"do": "restore"})
        assert Operator.objects.get().state == TierState.ACTIVE
        assert platform_log()[-2:] == ["accounts.operator.archived", "accounts.operator.restored"]

    def test_gives_a_head_a_new_password(
        self, client: Client, base: str, operator: Operator
    ) -> None:
        head = make_operator_staff(operator, role=Role.OWNER)
        clerk = make_operator_staff(operator, role=Role.CLERK)
        for person, status in ((head, 200), (clerk, 404)):
            member = person.memberships.get()
            answer = client.post("/platform/operators/jiangnan/reset", {"membership": member.pk})
            assert answer.status_code == status
        head.refresh_from_db()
        assert not Session.objects.filter(person_id=head.pk).exists()

    def test_invites_another_head(self, client: Client, base: str, operator: Operator) -> None:
        answer = client.post("/platform/operators/jiangnan/invite", {"idempotency_key": "k1"})
        assert answer.context["link"] in text(answer)
        invitation = operator.invitations.get()
        assert (invitation.role, invitation.max_uses) == (Role.OWNER, 1)
        again = client.post("/platform/operators/jiangnan/invite", {"idempotency_key": "k1"})
        assert again.status_code == 302
        assert operator.invitations.count() == 1

    @pytest.mark.parametrize("page", ["", "edit", "freeze", "archive", "state", "reset", "invite"])
    def test_an_unknown_one_is_not_there(self, client: Client, base: str, page: str) -> None:
        address = f"/platform/operators/nobody/{page}"
        answer = client.post(address) if page else client.get(address)
        assert answer.status_code == 404


@platform_only
class TestFreezingAnOperator:
    def test_freezes_its_merchants_and_unfreezing_opens_exactly_these(
        self, client: Client, base: str, tea: Merchant, operator: Operator
    ) -> None:
        before = make_merchant("before", operator=operator)
        during = make_merchant("during", operator=operator)
        gone = make_merchant("gone", operator=operator, state=TierState.ARCHIVED)
        other = make_merchant("other")
        client.post("/platform/merchants/before/freeze", {"reason": "投诉"})
        client.post("/platform/operators/jiangnan/freeze", {"reason": "欠费"})
        client.post("/platform/merchants/during/freeze", {"reason": "投诉"})
        states = dict(Merchant.objects.values_list("slug", "shut_by"))
        assert states == {
            "before": ShutBy.ITSELF,
            "tea": ShutBy.OPERATOR,
            "during": ShutBy.ITSELF,
            "gone": "",
            "other": "",
        }
        client.post("/platform/operators/jiangnan/state", {"do": "unfreeze"})
        for merchant in (tea, before, during, gone, other):
            merchant.refresh_from_db()
        assert [m.state for m in (tea, before, during, gone, other)] == [
            "active",
            "frozen",
            "frozen",
            "archived",
            "active",
        ]

    def test_a_merchant_cannot_be_opened_below_a_frozen_operator(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        client.post("/platform/operators/jiangnan/freeze", {"reason": "欠费"})
        answer = client.post("/platform/merchants/tea/state", {"do": "unfreeze"})
        assert answer.status_code == 409
        assert Merchant.objects.get().state == TierState.FROZEN
        client.post("/platform/merchants/tea/freeze", {"reason": "投诉"})
        client.post("/platform/merchants/tea/state", {"do": "unfreeze"})
        tea.refresh_from_db()
        assert (tea.state, tea.shut_by) == (TierState.FROZEN, ShutBy.OPERATOR)

    def test_restoring_below_a_frozen_operator_leaves_it_frozen(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        client.post("/platform/merchants/tea/archive", {"reason": "x", "typed": "花茶"})
        client.post("/platform/operators/jiangnan/freeze", {"reason": "欠费"})
        client.post("/platform/merchants/tea/state", {"do": "restore"})
        tea.refresh_from_db()
        assert (tea.state, tea.shut_by) == (TierState.FROZEN, ShutBy.OPERATOR)

    def test_is_in_every_log_with_its_reason(
        self, client: Client, base: str, tea: Merchant
    ) -> None:
        client.post("/platform/operators/jiangnan/freeze", {"reason": "欠费"})
        client.post("/platform/operators/jiangnan/freeze", {"reason": "欠费"})
        assert log_of(tea) == ["accounts.merchant.frozen"]
        entry = PlatformAuditEntry.objects.get(action="accounts.operator.frozen")
        assert entry.details == {"merchants": 1, "reason": "欠费"}
        assert "欠费" in text(client.get("/platform/audit/"))
