"""A store that closes ends its managers' bindings, QR codes and requests (5.2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts import services as account_services
from zhanggui.accounts.models import AuditEntry, Person, Role, StoreState
from zhanggui.accounts.tests.factories import ACTOR, make_person, make_staff, make_store
from zhanggui.core import clock
from zhanggui.stamps import selectors, services
from zhanggui.stamps.errors import InvitationClosed, InvitationPending, InvitationRevoked
from zhanggui.stamps.models import ManagerBinding, PendingManager, PendingState
from zhanggui.stamps.tests.factories import Shop, make_invitation, make_manager


@pytest.fixture
def waiting(shop: Shop) -> PendingManager:
    """Somebody who scanned 31 minutes after the QR code was made."""
    with clock.at(clock.now() - timedelta(minutes=31)):
        invitation = make_invitation(shop.store)
    with pytest.raises(InvitationPending):
        services.accept_scan(invitation_id=invitation.pk, person=make_person("晚到", phone=None))
    return PendingManager.objects.get()


@pytest.mark.edge("binding ACTIVE>REMOVED by closing")
def test_its_managers_may_work_at_another_store_at_once(client: Client, shop: Shop) -> None:
    make_manager(shop.store, "赵小敏")
    elsewhere = make_manager(make_store(shop.merchant, "二店"), "周店员")
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))

    client.post(reverse("accounts:store_close", args=[shop.merchant.slug, shop.store.pk]))

    shop.store.refresh_from_db()
    assert shop.store.state == StoreState.CLOSED
    ended = ManagerBinding.objects.filter(store_id=shop.store.pk)
    assert {(one.removed_by, one.removed_at is None) for one in ended} == {("store_closed", False)}
    assert selectors.desk_of(shop.desk.person_id) is None
    assert selectors.desk_of(elsewhere.person_id) == elsewhere
    noted = AuditEntry.objects.filter(action="stamps.manager.removed")
    assert {entry.details["by"] for entry in noted} == {"store_closed"}
    assert noted.count() == 2

    invitation = make_invitation(make_store(shop.merchant, "三店"))
    who = Person.objects.get(pk=shop.desk.person_id)
    assert services.accept_scan(invitation_id=invitation.pk, person=who).is_new


@pytest.mark.edge("invitation FRESH>REVOKED by closing", "request WAITING>REJECTED")
def test_codes_and_requests_end_with_it(shop: Shop, waiting: PendingManager) -> None:
    open_code = make_invitation(shop.store)
    account_services.close_store(store=shop.store, actor=ACTOR)

    assert selectors.invitations_of(shop.store.pk) == []
    assert list(selectors.waiting_for_approval()) == []
    waiting.refresh_from_db()
    assert (waiting.state, waiting.decided_by_id) == (PendingState.REJECTED, ACTOR.id)
    with pytest.raises(InvitationClosed):
        services.approve_pending(pending_id=waiting.pk, actor=ACTOR)
    account_services.reopen_store(store=shop.store, actor=ACTOR)
    with pytest.raises(InvitationRevoked):
        services.accept_scan(invitation_id=open_code.pk, person=make_person("迟来", phone=None))


def test_open_again_it_needs_new_managers(shop: Shop) -> None:
    account_services.close_store(store=shop.store, actor=ACTOR)
    account_services.reopen_store(store=shop.store, actor=ACTOR)

    assert selectors.desk_of(shop.desk.person_id) is None
    who = Person.objects.get(pk=shop.desk.person_id)
    services.accept_scan(invitation_id=make_invitation(shop.store).pk, person=who)
    assert selectors.desk_of(who.pk) is not None
