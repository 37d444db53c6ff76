"""Store managers on the store's page: the list, QR codes, people who wait for approval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.models import Store, StoreState
from zhanggui.channels.wechat.models import PersonIdentity, SceneCode
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.stamps import selectors, services
from zhanggui.stamps.errors import LastManager
from zhanggui.stamps.forms.desk import InvitationForm
from zhanggui.stamps.models import (
    InvitationState,
    ManagerBinding,
    ManagerInvitation,
    PendingManager,
)
from zhanggui.ui import qr

LIFE = timedelta(hours=24)
AT_ONCE = timedelta(minutes=30)
ENOUGH = 2
"""Fewer active managers than this are warned about (R06)."""


@dataclass(frozen=True, slots=True)
class Row:
    """A manager with the picture of the WeChat account."""

    binding: ManagerBinding
    name: str
    """As the person is called now; at the scan WeChat may not have told any name yet."""
    avatar_url: str


def panel(request: HttpRequest, store: Store) -> dict[str, Any]:
    """What the panel on the store's page shows."""
    permissions: frozenset[str] = getattr(request, "permissions", frozenset())
    managers = selectors.managers_of(store.pk)
    invitations = selectors.invitations_of(store.pk)
    waiting = list(selectors.waiting_for_approval(store.pk))
    people = {
        identity.person_id: identity
        for identity in PersonIdentity.objects.filter(
            person_id__in=[one.person_id for one in managers]
        ).select_related("person")
    }
    return {
        "store": store,
        "managers": [_row(one, people.get(one.person_id)) for one in managers],
        "invitations": [(one, *_left(one)) for one in invitations],
        "waiting": waiting,
        "too_few": len(managers) < ENOUGH,
        "may_manage": "stamps.manage_managers" in permissions,
        "is_open": store.state == StoreState.OPEN,
        "version": _version(managers, people.values(), invitations, waiting),
    }


def _row(binding: ManagerBinding, identity: PersonIdentity | None) -> Row:
    if identity is None:
        return Row(binding, binding.name, "")
    return Row(binding, identity.person.name, identity.avatar_url)


@merchant_view("stamps.view")
@require_GET
def managers(request: MerchantRequest, store_id: int) -> HttpResponse:
    """The panel again when something is new, else 204."""
    store = get_object_or_404(Store.objects.all(), pk=store_id)
    page = panel(request, store)
    if request.GET.get("v") == page["version"]:
        return HttpResponse(status=204)
    return render(request, "stamps/backoffice/_managers.html", page)


@merchant_view("stamps.manage_managers")
@require_POST
def invite(request: MerchantRequest, store_id: int) -> HttpResponse:
    """A QR code for one to five people; a fresh unused one of the same kind is shown again."""
    store = get_object_or_404(Store.objects.all(), pk=store_id)
    form = InvitationForm(request.POST)
    people = form.cleaned_data["people"] if form.is_valid() else 1
    found = _reusable(request, store, people)
    if found is None:
        try:
            invited = services.invite_manager(store=store, actor=request.actor, max_people=people)
        except DomainError as refusal:
            page = {"store": store, "refusal": refusal, "people": people}
            return render(
                request, "stamps/backoffice/_invitation.html", page, status=refusal.status
            )
        found = ManagerInvitation.objects.get(pk=invited.invitation_id)
    return render(request, "stamps/backoffice/_invitation.html", _shown(store, found))


@merchant_view("stamps.manage_managers")
@require_GET
def invitation(request: MerchantRequest, store_id: int, invitation_id: int) -> HttpResponse:
    """A QR code again; for the open dialog 204 until somebody has scanned it."""
    store = get_object_or_404(Store.objects.all(), pk=store_id)
    found = get_object_or_404(ManagerInvitation.objects.all(), pk=invitation_id, store=store)
    if request.GET.get("v") == _mark(found):
        return HttpResponse(status=204)
    return render(request, "stamps/backoffice/_invitation.html", _shown(store, found))


@merchant_view("stamps.manage_managers")
@require_GET
def invitation_picture(request: MerchantRequest, store_id: int, invitation_id: int) -> HttpResponse:
    """The QR code as a picture to send."""
    found = get_object_or_404(ManagerInvitation.objects.all(), pk=invitation_id, store_id=store_id)
    response = HttpResponse(qr.png(_url_of(found)), content_type="image/png")
    response["Content-Disposition"] = 'attachment; filename="manager-qr.png"'
    response["Cache-Control"] = "private, no-store"
    return response


@merchant_view("stamps.manage_managers")
@require_POST
def revoke(request: MerchantRequest, store_id: int, invitation_id: int) -> HttpResponse:
    """Withdraw a QR code."""
    found = get_object_or_404(ManagerInvitation.objects.all(), pk=invitation_id, store_id=store_id)
    return _done(
        request,
        store_id,
        lambda: services.revoke_invitation(invitation_id=found.pk, actor=request.actor),
    )


@merchant_view("stamps.manage_managers")
@require_POST
def decide(request: MerchantRequest, store_id: int, pending_id: int) -> HttpResponse:
    """Let somebody in who scanned late, or turn them down."""
    found = get_object_or_404(PendingManager.objects.all(), pk=pending_id, store_id=store_id)
    step = services.approve_pending if request.POST.get("ok") == "1" else services.reject_pending
    return _done(request, store_id, lambda: step(pending_id=found.pk, actor=request.actor))


@merchant_view("stamps.manage_managers")
@require_POST
def remove(request: MerchantRequest, store_id: int, binding_id: int) -> HttpResponse:
    """Take a manager's rights away."""
    found = get_object_or_404(
        ManagerBinding.objects.filter(merchant_id=request.merchant.pk, store_id=store_id),
        pk=binding_id,
    )

    def step() -> None:
        is_last = len(selectors.managers_of(store_id)) == 1
        if is_last and request.POST.get("last") != "1":
            raise LastManager
        services.remove_manager(binding_id=found.pk, actor=request.actor)

    return _done(request, store_id, step)


def _done(request: MerchantRequest, store_id: int, step: Any) -> HttpResponse:
    store = get_object_or_404(Store.objects.all(), pk=store_id)
    refusal, status = None, 200
    try:
        step()
    except DomainError as refused:
        refusal, status = refused, refused.status
    page = panel(request, store) | {"refusal": refusal}
    if request.headers.get("HX-Request") == "true":
        return render(request, "stamps/backoffice/_managers.html", page, status=status)
    return render(request, "stamps/backoffice/managers.html", page, status=status)


def _reusable(request: MerchantRequest, store: Store, people: int) -> ManagerInvitation | None:
    # a second press shows the same code: five open ones are the limit of a store
    return (
        ManagerInvitation.objects.filter(
            store=store,
            state=InvitationState.FRESH,
            used_count=0,
            max_people=people,
            created_by_id=request.person.pk,
            created_at__gt=clock.now() - AT_ONCE / 2,
        )
        .order_by("-id")
        .first()
    )


def _shown(store: Store, found: ManagerInvitation) -> dict[str, Any]:
    url = _url_of(found)
    seconds_left, life_s = _left(found)
    return {
        "store": store,
        "invitation": found,
        "people": found.max_people,
        "picture": qr.data_uri(url),
        "url": url,
        "seconds_left": seconds_left,
        "life_s": life_s,
        "mark": _mark(found),
        "bound": selectors.bound_by(found),
        "is_fresh": found.state == InvitationState.FRESH and seconds_left > 0,
        "at_once_s": max(0, int((found.created_at + AT_ONCE - clock.now()).total_seconds())),
        "counts": range(1, 6),
    }


def _url_of(found: ManagerInvitation) -> str:
    return get_object_or_404(SceneCode, pk=found.scene_code_id).url


def _left(found: ManagerInvitation) -> tuple[int, int]:
    left = found.expires_at - clock.now()
    return max(0, int(left.total_seconds())), int(LIFE.total_seconds())


def _mark(found: ManagerInvitation) -> str:
    return f"{found.state}-{found.used_count}"


def _version(*lists: Any) -> str:
    parts = [
        f"{type(one).__name__}:{one.pk}:{getattr(one, 'used_count', '')}"
        f":{getattr(one, 'nickname', '')}"
        for rows in lists
        for one in rows
    ]
    return sha256("|".join(parts).encode()).hexdigest()[:16]
