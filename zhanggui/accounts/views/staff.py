"""People of a place: the list, one's role, removal, hand-over, leaving."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import colleagues, permissions, services
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import PlaceRequest, SignedInRequest, signed_in_view
from zhanggui.accounts.models import Membership, Role
from zhanggui.accounts.services.authority import authority_of
from zhanggui.accounts.services.roles import open_now
from zhanggui.accounts.staff_forms import HandOverForm, RoleForm
from zhanggui.accounts.views import surfaces
from zhanggui.accounts.views.surfaces import address, surface_of
from zhanggui.core.errors import DomainError
from zhanggui.ui import paging


def staff(request: PlaceRequest) -> HttpResponse:
    """Everybody who works here: search, filters, owners first."""
    search = request.GET.get("q", "").strip()[:80]
    state = request.GET.get("state", "")
    role = request.GET.get("role", "")
    found = colleagues.staff(request.place, search=search, state=state, role=role)
    page = frame(request, "staff") | {
        "page": paging.keyset(found, order=("rank", "pk"), after=request.GET.get("after", "")),
        "count": found.count(),
        "search": search,
        "state": state,
        "states": colleagues.STATES.items(),
        "role": role,
        "roles": colleagues.roles_of(request.place),
        "is_filtered": bool(search or state or role),
    }
    return render(request, "accounts/staff.html", page)


def frame(request: PlaceRequest, tab: str) -> dict[str, object]:
    """What the pages around people share: their tabs and who may do what."""
    surface = surface_of(request)
    held = request.permissions
    may_manage = surface.manage_staff in held
    may_shape = surface.manage_roles in held
    return {
        "tab": tab,
        "may_manage": may_manage,
        "may_shape": may_shape,
        "staff_url": address(request, "staff"),
        "invite_url": address(request, "staff_invite"),
        "invitations_url": address(request, "invitations") if may_manage else "",
        "roles_url": address(request, "roles"),
        "open_invitations": (
            colleagues.invitations(request.place).filter(open_now()).count() if may_manage else 0
        ),
    }


def staff_edit(request: PlaceRequest, *, membership_id: int) -> HttpResponse:
    """One colleague: facts, role, what ends it."""
    member = _member(request, membership_id)
    choices = colleagues.giveable(
        colleagues.roles_of(request.place), authority_of(request.actor, request.place)
    )
    present = f"{colleagues.OWN}{member.role_set_id}" if member.role_set_id else member.role
    form = RoleForm(request.POST or None, choices=choices, initial={"role": present})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            choice = form.cleaned_data["role"]
            try:
                services.change_role(
                    membership=member,
                    role=choice.role,
                    role_set=choice.role_set,
                    actor=request.actor,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "role")
            else:
                messages.success(request, _("The role is changed; it holds from now on."))
                return redirect(address(request, "staff"))
    page = frame(request, "staff") | {
        "form": form,
        "choices": choices,
        "member": member,
        "is_self": member.person_id == request.person.pk,
        "hand_over": _hand_over_form(request, member),
        "remove_url": address(request, "staff_remove", member.pk),
        "hand_over_url": address(request, "staff_hand_over", member.pk),
    }
    return render(request, "accounts/staff_member.html", page, status=status)


def _hand_over_form(request: PlaceRequest, member: Membership) -> HandOverForm | None:
    is_owner = request.membership.role == Role.OWNER
    if not is_owner or member.person_id == request.person.pk:
        return None
    return HandOverForm(tier=surface_of(request).tier)


def staff_remove(request: PlaceRequest, *, membership_id: int) -> HttpResponse:
    """Take somebody off the list; they are signed out at once, on all devices."""
    member = _member(request, membership_id)
    try:
        services.remove_membership(membership=member, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Removed and signed out."))
    if member.person_id == request.person.pk:
        return redirect("accounts:choose")
    return redirect(address(request, "staff"))


def staff_hand_over(request: PlaceRequest, *, membership_id: int) -> HttpResponse:
    """Make a colleague the owner and step back."""
    member = _member(request, membership_id)
    form = HandOverForm(request.POST, tier=surface_of(request).tier)
    if not form.is_valid():
        messages.error(request, _("Choose what you become."))
        return redirect(address(request, "staff_edit", member.pk))
    try:
        services.hand_over_ownership(
            membership=member, own_role=form.cleaned_data["own_role"], actor=request.actor
        )
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect(address(request, "staff_edit", member.pk))
    messages.success(request, _("Handed over to %(name)s.") % {"name": member.person.name})
    own = permissions.membership_at(request.person, request.place)
    may_stay = own and surface_of(request).view_staff in permissions.of_membership(own)
    return redirect(address(request, "staff") if may_stay else "accounts:choose")


@require_POST
@signed_in_view
def leave(request: SignedInRequest, *, membership_id: int) -> HttpResponse:
    """Give up one's own place; every session of the person ends."""
    own = Membership.objects.select_related("merchant", "operator").filter(person=request.person)
    member = get_object_or_404(own, pk=membership_id)
    try:
        services.remove_membership(membership=member, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("accounts:profile")
    return redirect(settings.LOGIN_URL)


def _member(request: PlaceRequest, membership_id: int) -> Membership:
    members = permissions.members_of(request.place)
    known = members.select_related("person", "role_set", "invitation__invited_by")
    return get_object_or_404(known, pk=membership_id)


addresses = [
    *surfaces.doors("staff/", "staff", staff, right=surfaces.viewing, methods=require_GET),
    *surfaces.doors(
        "staff/<int:membership_id>/",
        "staff_edit",
        staff_edit,
        right=surfaces.managing,
        methods=require_http_methods(["GET", "POST"]),
    ),
    *surfaces.doors(
        "staff/<int:membership_id>/remove",
        "staff_remove",
        staff_remove,
        right=surfaces.managing,
        methods=require_POST,
    ),
    *surfaces.doors(
        "staff/<int:membership_id>/hand-over",
        "staff_hand_over",
        staff_hand_over,
        right=surfaces.managing,
        methods=require_POST,
    ),
]
