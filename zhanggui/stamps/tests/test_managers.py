"""Managers: invited, bound by a scan, approved when late, removed, bound again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zhanggui.accounts import hooks
from zhanggui.accounts.models import AuditEntry, Person, Role, Store, StoreState
from zhanggui.accounts.tests.factories import ACTOR, make_person, make_staff, make_store
from zhanggui.channels.wechat import services as wechat
from zhanggui.channels.wechat.errors import WechatUnreachable
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import NotFound
from zhanggui.stamps import retention, selectors, services, tasks
from zhanggui.stamps.errors import (
    BoundElsewhere,
    InvitationClosed,
    InvitationExpired,
    InvitationLimit,
    InvitationPending,
    InvitationRevoked,
    InvitationUsed,
    ManagerLimit,
    NoStaffAccount,
    NotManager,
)
from zhanggui.stamps.models import (
    InvitationState,
    ManagerBinding,
    ManagerInvitation,
    PendingManager,
)
from zhanggui.stamps.results import Scanned
from zhanggui.stamps.tests.factories import (
    Shop,
    make_invitation,
    make_manager,
    make_shop,
    manager_of,
    stamp,
)

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


def person(name: str = "赵小敏") -> Person:
    """Somebody with WeChat."""
    return make_person(name, phone=None)


def scan(invitation: ManagerInvitation, who: Person) -> Scanned:
    """Scan the QR code."""
    return services.accept_scan(invitation_id=invitation.pk, person=who)


def state(invitation: ManagerInvitation) -> str:
    """The state of the QR code now."""
    return ManagerInvitation.objects.get(pk=invitation.pk).state


def managers(store: Store) -> list[str]:
    """Names of the active managers."""
    return [binding.name for binding in selectors.managers_of(store.pk)]


@pytest.fixture
def invitation(shop: Shop) -> ManagerInvitation:
    """A fresh QR code of the shop's store, made at T0."""
    with clock.at(T0):
        return make_invitation(shop.store)


class TestScan:
    @pytest.mark.spec("stamps R04")
    def test_binds_who_scans(self, shop: Shop, invitation: ManagerInvitation) -> None:
        who = person()
        with clock.at(T0):
            scanned = scan(invitation, who)

        assert (scanned.store_name, scanned.is_new) == (shop.store.name, True)
        assert managers(shop.store) == ["李店长", "赵小敏"]
        assert state(invitation) == InvitationState.USED
        desk = selectors.desk_of(who.pk)
        assert desk is not None
        assert desk.store_id == shop.store.pk
        (entry,) = AuditEntry.objects.filter(action="stamps.manager.bound")
        assert entry.details == {"invitation": invitation.pk, "person": who.pk}

    @pytest.mark.spec("stamps R03")
    def test_needs_nobody_signed_in(self, shop: Shop, invitation: ManagerInvitation) -> None:
        # the service knows the QR code and who scanned, nothing else
        with clock.at(T0 + timedelta(minutes=29)):
            assert scan(invitation, person()).is_new

    @pytest.mark.spec("stamps R02")
    def test_is_valid_for_24_hours(self, shop: Shop, invitation: ManagerInvitation) -> None:
        early, late = person("早"), person("晚")
        last = T0 + timedelta(hours=23, minutes=59, seconds=59)
        with clock.at(last), pytest.raises(InvitationPending):
            scan(invitation, early)
        with clock.at(T0 + timedelta(hours=24)), pytest.raises(InvitationExpired):
            scan(invitation, late)

        assert [waiting.name for waiting in selectors.waiting_for_approval()] == ["早"]

    @pytest.mark.edge("invitation FRESH>USED", "invitation USED stays")
    @pytest.mark.spec("stamps D02")
    def test_single_use(self, shop: Shop, invitation: ManagerInvitation) -> None:
        with clock.at(T0):
            scan(invitation, person())
            with pytest.raises(InvitationUsed):
                scan(invitation, person("钱小二"))

        assert managers(shop.store) == ["李店长", "赵小敏"]

    @pytest.mark.edge("invitation FRESH>FRESH", "invitation FRESH>USED")
    @pytest.mark.spec("stamps D02")
    def test_for_several_people(self, shop: Shop) -> None:
        invitation = make_invitation(shop.store, max_people=2)
        scan(invitation, person("甲"))
        assert state(invitation) == InvitationState.FRESH
        scan(invitation, person("乙"))
        assert state(invitation) == InvitationState.USED
        with pytest.raises(InvitationUsed):
            scan(invitation, person("丙"))

    @pytest.mark.spec("stamps D06")
    def test_again_by_the_same_person_changes_nothing(
        self, shop: Shop, invitation: ManagerInvitation
    ) -> None:
        who = person()
        with clock.at(T0):
            first = scan(invitation, who)
            again = [scan(invitation, who) for _ in range(2)]

        assert first.is_new
        assert [scanned.is_new for scanned in again] == [False, False]
        assert ManagerBinding.objects.filter(person=who).count() == 1

    @pytest.mark.edge("invitation for a bound person")
    @pytest.mark.spec("stamps D06")
    def test_by_a_manager_of_the_store_keeps_the_code(self, shop: Shop) -> None:
        invitation = make_invitation(shop.store)
        scanned = scan(invitation, Person.objects.get(pk=shop.desk.person_id))

        assert not scanned.is_new
        assert state(invitation) == InvitationState.FRESH

    @pytest.mark.edge("invitation for a bound person")
    @pytest.mark.spec("stamps R05", "stamps D05")
    def test_of_a_manager_elsewhere_names_the_own_store(self, shop: Shop) -> None:
        other = make_store(shop.merchant, "二号店")
        who = Person.objects.get(pk=make_manager(other).person_id)
        invitation = make_invitation(shop.store)
        with pytest.raises(BoundElsewhere) as refusal:
            scan(invitation, who)

        assert refusal.value.details["store"] == "二号店"
        assert state(invitation) == InvitationState.FRESH

    @pytest.mark.spec("stamps D05")
    def test_never_names_a_store_of_another_merchant(self, shop: Shop) -> None:
        rival = make_shop()
        rival.scope.close()
        who = Person.objects.get(pk=rival.desk.person_id)
        with tenancy.merchant_scope(shop.merchant.pk), pytest.raises(BoundElsewhere) as refusal:
            scan(make_invitation(shop.store), who)

        assert rival.store.name not in refusal.value.message
        assert rival.merchant.name not in refusal.value.message

    @pytest.mark.edge("invitation for a full store")
    @pytest.mark.spec("stamps D01")
    def test_a_sixth_manager_is_refused_and_the_code_kept(self, shop: Shop) -> None:
        for number in range(4):
            make_manager(shop.store, f"店员{number}")
        invitation = make_invitation(shop.store)
        with pytest.raises(ManagerLimit):
            scan(invitation, person())

        assert state(invitation) == InvitationState.FRESH
        assert len(managers(shop.store)) == 5

    def test_of_a_closed_store_is_refused(self, shop: Shop) -> None:
        invitation = make_invitation(shop.store)
        Store.objects.filter(pk=shop.store.pk).update(state=StoreState.CLOSED)
        with pytest.raises(InvitationRevoked):
            scan(invitation, person())

    def test_of_another_merchant_is_not_found(self, shop: Shop) -> None:
        invitation = make_invitation(shop.store)
        rival = make_shop()
        with rival.scope, pytest.raises(NotFound):
            scan(invitation, person())


class TestRunOut:
    @pytest.mark.edge("invitation FRESH>EXPIRED", "invitation EXPIRED stays")
    def test_after_24_hours_the_night_marks_it(
        self, shop: Shop, invitation: ManagerInvitation
    ) -> None:
        with clock.at(invitation.expires_at - timedelta(seconds=1)):
            assert retention.close_invitations() == 0
        with clock.at(invitation.expires_at):
            with pytest.raises(InvitationExpired):
                scan(invitation, person())
            assert state(invitation) == InvitationState.FRESH
            tasks.forget(timestamp=0)
            assert state(invitation) == InvitationState.EXPIRED
            with pytest.raises(InvitationExpired):
                scan(invitation, person())
            services.revoke_invitation(invitation_id=invitation.pk, actor=ACTOR)
            assert state(invitation) == InvitationState.EXPIRED
        with pytest.raises(InvitationExpired):  # scanned in time, told after it was marked
            services.accept_scan(invitation_id=invitation.pk, person=person(), scanned_at=T0)
        assert ManagerBinding.objects.filter(removed_at=None).count() == 1

    @pytest.mark.edge("invitation FRESH>EXPIRED", "request WAITING>APPROVED")
    def test_not_while_somebody_waits_for_the_office(
        self, shop: Shop, invitation: ManagerInvitation
    ) -> None:
        who = person()
        with clock.at(T0 + timedelta(minutes=31)), pytest.raises(InvitationPending):
            scan(invitation, who)
        with clock.at(invitation.expires_at + timedelta(hours=1)):
            assert retention.close_invitations() == 0
            (waiting,) = selectors.waiting_for_approval(shop.store.pk)
            services.approve_pending(pending_id=waiting.pk, actor=ACTOR)
        assert selectors.desk_of(who.pk) is not None
        assert state(invitation) == InvitationState.USED


class TestRevoke:
    @pytest.mark.edge("invitation REVOKED stays")
    @pytest.mark.spec("stamps D04")
    def test_later_scans_are_refused(self, shop: Shop) -> None:
        invitation = make_invitation(shop.store)
        services.revoke_invitation(invitation_id=invitation.pk, actor=ACTOR)
        with pytest.raises(InvitationRevoked):
            scan(invitation, person())

        assert selectors.invitations_of(shop.store.pk) == []

    @pytest.mark.edge("invitation USED stays")
    def test_a_used_one_stays_used(self, shop: Shop) -> None:
        invitation = make_invitation(shop.store)
        scan(invitation, person())
        services.revoke_invitation(invitation_id=invitation.pk, actor=ACTOR)

        assert state(invitation) == InvitationState.USED


class TestLateScan:
    @pytest.mark.spec("stamps D03")
    def test_within_30_minutes_binds_at_once(
        self, shop: Shop, invitation: ManagerInvitation
    ) -> None:
        with clock.at(T0 + timedelta(minutes=30)):
            assert scan(invitation, person()).is_new

    @pytest.mark.spec("stamps D03")
    def test_later_waits_for_the_office(self, shop: Shop, invitation: ManagerInvitation) -> None:
        who = person()
        for _ in range(2):
            with clock.at(T0 + timedelta(minutes=31)), pytest.raises(InvitationPending):
                scan(invitation, who)
        assert selectors.desk_of(who.pk) is None
        (waiting,) = selectors.waiting_for_approval(shop.store.pk)
        assert AuditEntry.objects.filter(action="stamps.manager.pending").count() == 1

        services.approve_pending(pending_id=waiting.pk, actor=ACTOR)

        assert selectors.desk_of(who.pk) is not None
        assert state(invitation) == InvitationState.USED
        assert list(selectors.waiting_for_approval()) == []

    @pytest.mark.edge("request WAITING>REJECTED")
    @pytest.mark.spec("stamps D03")
    def test_rejected_stays_out(self, shop: Shop, invitation: ManagerInvitation) -> None:
        who = person()
        with clock.at(T0 + timedelta(minutes=31)):
            with pytest.raises(InvitationPending):
                scan(invitation, who)
            services.reject_pending(pending_id=PendingManager.objects.get().pk, actor=ACTOR)
            with pytest.raises(InvitationRevoked):
                scan(invitation, who)

        assert selectors.desk_of(who.pk) is None

    def test_is_decided_once(self, shop: Shop, invitation: ManagerInvitation) -> None:
        with clock.at(T0 + timedelta(minutes=31)), pytest.raises(InvitationPending):
            scan(invitation, person())
        pending_id = PendingManager.objects.get().pk
        services.reject_pending(pending_id=pending_id, actor=ACTOR)
        with pytest.raises(InvitationClosed):
            services.approve_pending(pending_id=pending_id, actor=ACTOR)

    def test_of_two_late_people_the_first_approved_gets_the_single_place(
        self, shop: Shop, invitation: ManagerInvitation
    ) -> None:
        for name in ("甲", "乙"):
            with clock.at(T0 + timedelta(minutes=31)), pytest.raises(InvitationPending):
                scan(invitation, person(name))
        first, second = selectors.waiting_for_approval()
        services.approve_pending(pending_id=first.pk, actor=ACTOR)
        with pytest.raises(InvitationUsed):
            services.approve_pending(pending_id=second.pk, actor=ACTOR)

        assert [waiting.name for waiting in selectors.waiting_for_approval()] == ["乙"]


class TestOwnersAreTold:
    """Whoever comes in by a QR code, which may have been sent on, is told to the owners (D03)."""

    @pytest.fixture
    def told(self, shop: Shop) -> Iterator[list[tuple[str, str]]]:
        """Who is told, and what."""
        make_staff(shop.merchant, role=Role.OWNER)
        make_staff(shop.merchant, role=Role.MANAGER)
        found: list[tuple[str, str]] = []
        before = list(hooks._notifiers)
        hooks._notifiers[:] = [lambda who, text: found.append((who.name, str(text)))]
        yield found
        hooks._notifiers[:] = before

    @pytest.mark.edge("threat leaked invitation")
    @pytest.mark.spec("stamps D03")
    def test_of_one_who_is_bound_at_once(
        self, shop: Shop, invitation: ManagerInvitation, told: list[tuple[str, str]]
    ) -> None:
        who = person("http://evil.example")
        with clock.at(T0):
            scan(invitation, who)
            scan(invitation, who)

        ((_name, text),) = told
        assert shop.store.name in text
        assert "刚刚扫码成为" in text
        assert "evil" not in text

    @pytest.mark.spec("stamps D03")
    def test_of_one_who_waits(
        self, shop: Shop, invitation: ManagerInvitation, told: list[tuple[str, str]]
    ) -> None:
        for _ in range(2):
            with clock.at(T0 + timedelta(minutes=31)), pytest.raises(InvitationPending):
                scan(invitation, person("晚到"))

        assert len(told) == 2  # two people
        assert "等您" in told[0][1]


class TestRemove:
    @pytest.mark.spec("stamps R07")
    @pytest.mark.edge("binding REMOVED stays")
    def test_and_bind_again(self, shop: Shop) -> None:
        who = Person.objects.get(pk=shop.desk.person_id)
        services.remove_manager(binding_id=shop.desk.binding_id, actor=ACTOR)
        assert selectors.desk_of(who.pk) is None
        scan(make_invitation(shop.store), who)
        desk = selectors.desk_of(who.pk)

        assert desk is not None
        assert desk.binding_id != shop.desk.binding_id
        assert stamp(desk, shop.card).after == 1
        ended = ManagerBinding.objects.get(pk=shop.desk.binding_id)
        assert (ended.removed_by, ended.removed_at is None) == ("admin", False)
        with pytest.raises(NotManager):
            stamp(shop.desk, shop.card)

    @pytest.mark.spec("stamps D09")
    def test_the_last_one_may_go(self, shop: Shop) -> None:
        services.remove_manager(binding_id=shop.desk.binding_id, actor=ACTOR)

        assert managers(shop.store) == []

    def test_twice_is_noted_once(self, shop: Shop) -> None:
        for _ in range(2):
            services.remove_manager(binding_id=shop.desk.binding_id, actor=ACTOR)

        assert AuditEntry.objects.filter(action="stamps.manager.removed").count() == 1

    def test_of_another_merchant_is_not_found(self, shop: Shop) -> None:
        rival = make_shop()
        with rival.scope, pytest.raises(NotFound):
            services.remove_manager(binding_id=shop.desk.binding_id, actor=ACTOR)


class TestLeave:
    @pytest.mark.spec("stamps D11")
    def test_ends_the_own_binding(self, shop: Shop) -> None:
        services.leave(desk=shop.desk, actor=manager_of(shop.desk))

        assert selectors.desk_of(shop.desk.person_id) is None
        assert ManagerBinding.objects.get(pk=shop.desk.binding_id).removed_by == "self"
        with pytest.raises(NotManager):
            services.leave(desk=shop.desk, actor=manager_of(shop.desk))


class TestInvite:
    def test_without_a_platform_account(self, shop: Shop) -> None:
        with pytest.raises(NoStaffAccount):
            services.invite_manager(store=shop.store, actor=ACTOR)

        assert not ManagerInvitation.objects.exists()

    @pytest.mark.spec("stamps R01", "stamps R02")
    def test_asks_wechat_for_a_code(self, shop: Shop, wechat_answers: dict[str, Any]) -> None:
        with clock.at(T0):
            invited = services.invite_manager(store=shop.store, actor=ACTOR, max_people=3)

        assert invited.url == "http://weixin.qq.com/q/abc"
        assert invited.expires_at == T0 + timedelta(hours=24)
        assert invited.binds_at_once_until == T0 + timedelta(minutes=30)
        assert wechat_answers["asked"]["expires_in_s"] == 86_400
        assert wechat_answers["asked"]["subject_id"] == invited.invitation_id
        assert ManagerInvitation.objects.get().max_people == 3

    @pytest.mark.spec("stamps D04")
    def test_at_most_five_are_open(self, shop: Shop, wechat_answers: dict[str, Any]) -> None:
        made = [services.invite_manager(store=shop.store, actor=ACTOR) for _ in range(5)]
        with pytest.raises(InvitationLimit):
            services.invite_manager(store=shop.store, actor=ACTOR)
        assert len(selectors.invitations_of(shop.store.pk)) == 5
        services.revoke_invitation(invitation_id=made[0].invitation_id, actor=ACTOR)

        assert services.invite_manager(store=shop.store, actor=ACTOR).url

    def test_when_wechat_is_away_nothing_stays_open(
        self, shop: Shop, wechat_answers: dict[str, Any]
    ) -> None:
        wechat_answers["error"] = WechatUnreachable()
        with pytest.raises(WechatUnreachable):
            services.invite_manager(store=shop.store, actor=ACTOR)

        assert selectors.invitations_of(shop.store.pk) == []


@pytest.fixture
def wechat_answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """WeChat's edge: what it was asked, and what it shall answer."""
    told: dict[str, Any] = {}

    class Code:
        pk = 77
        url = "http://weixin.qq.com/q/abc"

    def create(**asked: Any) -> Code:
        told["asked"] = asked
        if "error" in told:
            raise told["error"]
        return Code()

    monkeypatch.setattr(wechat, "platform_account", object)
    monkeypatch.setattr(wechat, "create_scene_code", create)
    return told
