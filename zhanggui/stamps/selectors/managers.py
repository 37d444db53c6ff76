"""Who works at a store, who was invited and who waits for the office."""

from __future__ import annotations

from django.db.models import QuerySet

from zhanggui.accounts import standing
from zhanggui.accounts.models import Person, Store, StoreState
from zhanggui.core import clock, tenancy
from zhanggui.stamps.models import (
    InvitationState,
    ManagerBinding,
    ManagerInvitation,
    PendingManager,
    PendingState,
)
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.results import Desk


def desk_of(person_id: int) -> Desk | None:
    """Where this person works as a manager now; needs no scope."""
    binding = (
        ManagerBinding.objects.select_related("person")
        .filter(person_id=person_id, removed_at=None)
        .first()
    )
    if binding is None:
        return None
    with tenancy.merchant_scope(binding.merchant_id):
        store = Store.objects.select_related("merchant").get(pk=binding.store_id)
    merchant = store.merchant
    return Desk(
        binding_id=binding.pk,
        person_id=person_id,
        person_name=binding.person.name,
        merchant_id=merchant.pk,
        merchant_name=merchant.name,
        merchant_slug=merchant.slug,
        store_id=store.pk,
        store_name=store.name,
        zone=merchant.time_zone,
        is_open=store.state == StoreState.OPEN and standing.takes_business(merchant, FEATURE.name),
    )


def manages_a_store(person: Person) -> bool:
    """Whether somebody works at a store with their WeChat."""
    return ManagerBinding.objects.filter(person=person, removed_at=None).exists()


def managers_of(store_id: int) -> list[ManagerBinding]:
    """Active managers of a store of the merchant in scope, oldest first."""
    bindings = ManagerBinding.objects.select_related("person").filter(
        merchant_id=tenancy.current_merchant_id(), store_id=store_id, removed_at=None
    )
    return list(bindings.order_by("pk"))


def invitations_of(store_id: int) -> list[ManagerInvitation]:
    """QR codes of a store that still bind somebody, newest first."""
    open_now = ManagerInvitation.objects.filter(
        store_id=store_id, state=InvitationState.FRESH, expires_at__gt=clock.now()
    )
    return list(open_now.exclude(scene_code_id=0).order_by("-pk"))


def bound_by(invitation: ManagerInvitation) -> list[str]:
    """The names of those who became managers of its store with a QR code, the newest first."""
    bindings = ManagerBinding.objects.filter(
        merchant_id=invitation.merchant_id,
        store_id=invitation.store_id,
        created_at__gte=invitation.created_at,
        removed_at=None,
    )
    return list(bindings.order_by("-pk").values_list("name", flat=True)[: invitation.used_count])


def waiting_for_approval(store_id: int | None = None) -> QuerySet[PendingManager]:
    """People who scanned late and wait for the office, oldest first."""
    waiting = PendingManager.objects.select_related("store", "invitation").filter(
        state=PendingState.WAITING
    )
    if store_id is not None:
        waiting = waiting.filter(store_id=store_id)
    return waiting.order_by("pk")
