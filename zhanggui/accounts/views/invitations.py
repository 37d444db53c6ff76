"""Invitations: made and shown once, listed, renewed, taken back; and the page they lead to."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import colleagues, devices, navigation, permissions, services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.errors import AlreadyMember, InvitationSent, InvitationUnknown
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import PlaceRequest, public_view
from zhanggui.accounts.models import Invitation, Person, Role
from zhanggui.accounts.services.authority import authority_of
from zhanggui.accounts.staff_forms import InvitationForm
from zhanggui.accounts.views import surfaces
from zhanggui.accounts.views.staff import frame
from zhanggui.accounts.views.surfaces import address
from zhanggui.core import clock, limits, tokens
from zhanggui.core.errors import DomainError
from zhanggui.core.limits import Limit
from zhanggui.ui import paging, qr

UNKNOWN_LIMIT = Limit("invitation-unknown", most=30, window_s=600, lock_s=600)


@never_cache
def staff_invite(request: PlaceRequest) -> HttpResponse:
    """Make an invitation; its link and QR code are shown in this answer only."""
    choices = colleagues.giveable(
        colleagues.roles_of(request.place), authority_of(request.actor, request.place)
    )
    form = InvitationForm(request.POST or None, choices=choices, initial={"role": Role.CLERK.value})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.cleaned_data
            try:
                made = services.invite(
                    place=request.place,
                    role=values["role"].role,
                    role_set=values["role"].role_set,
                    inviter=request.person,
                    actor=request.actor,
                    note=values["note"],
                    lasts=timedelta(hours=values["hours"]),
                    max_uses=values["max_uses"],
                    form_key=request.POST.get("idempotency_key", "")[:80],
                )
            except InvitationSent as refusal:
                messages.info(request, refusal.message)
                return redirect(address(request, "invitations"))
            except DomainError as refusal:
                status = put_refusal(form, refusal, "role")
            else:
                return _shown_once(request, made)
    key = request.POST.get("idempotency_key", "") or tokens.new_token()
    page = frame(request, "invitations") | {"form": form, "choices": choices, "key": key}
    return render(request, "accounts/staff_invite.html", page, status=status)


def _shown_once(request: PlaceRequest, made: services.NewInvitation) -> HttpResponse:
    # a redirect would have to keep the token somewhere
    link = f"{settings.BASE_URL}{reverse('accounts:invited', args=[made.token])}"
    left = made.invitation.expires_at - clock.now()
    page = frame(request, "invitations") | {
        "invitation": made.invitation,
        "link": link,
        "picture": qr.data_uri(link),
        "left": int(left.total_seconds()),
        "revoke_url": address(request, "invitation_revoke", made.invitation.pk),
    }
    return render(request, "accounts/invitation_made.html", page)


def invitations(request: PlaceRequest) -> HttpResponse:
    """Invitations of this place, open ones and those that are over, newest first."""
    found = colleagues.invitations(request.place)
    listed = paging.keyset(found, order=("-created_at", "-id"), after=request.GET.get("after", ""))
    rows = []
    for invitation in listed.rows:
        tone, word = colleagues.state_of(invitation)
        rows.append(
            {
                "invitation": invitation,
                "tone": tone,
                "word": word,
                "renew_url": address(request, "invitation_renew", invitation.pk),
                "revoke_url": address(request, "invitation_revoke", invitation.pk),
                "may_renew": invitation.revoked_at is None and not invitation.is_used_up,
            }
        )
    page = frame(request, "invitations") | {"page": listed, "rows": rows}
    return render(request, "accounts/invitations.html", page)


@never_cache
def invitation_renew(request: PlaceRequest, *, invite_id: int) -> HttpResponse:
    """Make a new link for an open or expired invitation; the old one stops working."""
    invitation = _invitation(request, invite_id)
    try:
        made = services.renew_invitation(
            invitation=invitation, inviter=request.person, actor=request.actor
        )
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect(address(request, "invitations"))
    return _shown_once(request, made)


def invitation_revoke(request: PlaceRequest, *, invite_id: int) -> HttpResponse:
    """Take an invitation back."""
    invitation = _invitation(request, invite_id)
    try:
        services.revoke_invitation(invitation=invitation, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Taken back. The link no longer works."))
    return redirect(address(request, "invitations"))


def _invitation(request: PlaceRequest, invite_id: int) -> Invitation:
    known = colleagues.invitations(request.place).select_related("merchant__operator", "operator")
    return get_object_or_404(known, pk=invite_id)


# -- where the link leads


@never_cache
@require_http_methods(["GET", "POST"])
@public_view
def invited(request: HttpRequest, *, token: str) -> HttpResponse:
    """What one is invited to, by whom, as what, until when; accepting is a button that posts."""
    ip = devices.ip_of(request) or "-"
    limits.check((UNKNOWN_LIMIT, ip))
    person = request.user if isinstance(request.user, Person) else None
    try:
        invitation = services.find_invitation(token)
    except InvitationUnknown as refusal:
        limits.count(UNKNOWN_LIMIT, ip)
        return _over(request, refusal, person)
    except DomainError as refusal:
        return _over(request, refusal, person)
    if request.method == "POST":
        return _accept(request, invitation, token, person)
    return _page(request, invitation, person)


def _accept(
    request: HttpRequest, invitation: Invitation, token: str, person: Person | None
) -> HttpResponse:
    if person is None:
        return redirect(f"{settings.LOGIN_URL}?{urlencode({'next': request.path})}")
    actor = person_actor(person, request)
    try:
        joined = services.accept_invitation(token=token, person=person, actor=actor)
    except AlreadyMember as refusal:
        return _page(request, invitation, person, status=refusal.status)
    except DomainError as refusal:
        return _over(request, refusal, person)
    messages.success(request, _("Welcome! You are in."))
    return redirect(navigation.address_of(joined))


def _page(
    request: HttpRequest, invitation: Invitation, person: Person | None, *, status: int = 200
) -> HttpResponse:
    present = permissions.membership_at(person, invitation.place) if person else None
    choices = colleagues.roles_of(invitation.place)
    given = f"{colleagues.OWN}{invitation.role_set_id}" if invitation.role_set_id else None
    choice = next((c for c in choices if c.value == (given or invitation.role)), None)
    page = {
        "invitation": invitation,
        "place": navigation.name_of(invitation),
        "tier": invitation.tier,
        "choice": choice,
        "left": int((invitation.expires_at - clock.now()).total_seconds()),
        "person": person,
        "present": present,
        "present_url": navigation.address_of(present) if present else "",
        "login_url": f"{settings.LOGIN_URL}?{urlencode({'next': request.path})}",
        "register_url": _register_url(request.path),
    }
    return render(request, "accounts/invited.html", page, status=status)


def _register_url(back: str) -> str:
    # the module above that makes accounts by phone and code; without it people can only sign in
    try:
        address_ = reverse("signin:register_person")
    except NoReverseMatch:
        return ""
    return f"{address_}?{urlencode({'next': back})}"


def _over(request: HttpRequest, refusal: DomainError, person: Person | None) -> HttpResponse:
    page = {"refusal": refusal, "person": person}
    return render(request, "accounts/invited_over.html", page, status=refusal.status)


addresses = [
    *surfaces.doors(
        "staff/invite",
        "staff_invite",
        staff_invite,
        right=surfaces.managing,
        methods=require_http_methods(["GET", "POST"]),
    ),
    *surfaces.doors(
        "staff/invitations/",
        "invitations",
        invitations,
        right=surfaces.managing,
        methods=require_GET,
    ),
    *surfaces.doors(
        "staff/invitations/<int:invite_id>/renew",
        "invitation_renew",
        invitation_renew,
        right=surfaces.managing,
        methods=require_POST,
    ),
    *surfaces.doors(
        "staff/invitations/<int:invite_id>/revoke",
        "invitation_revoke",
        invitation_revoke,
        right=surfaces.managing,
        methods=require_POST,
    ),
]
