"""Roles of a place: presets explained, own ones made, copied, changed, deleted."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import colleagues, permissions, services
from zhanggui.accounts.errors import MoreThanOwn, RoleEmpty, RoleNameTaken
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import PlaceRequest
from zhanggui.accounts.models import RoleSet
from zhanggui.accounts.services.authority import authority_of
from zhanggui.accounts.staff_forms import OwnRoleForm
from zhanggui.accounts.views import surfaces
from zhanggui.accounts.views.staff import frame
from zhanggui.accounts.views.surfaces import address, surface_of
from zhanggui.core.errors import DomainError


def roles(request: PlaceRequest) -> HttpResponse:
    """All roles with what they carry and how many have them."""
    found = colleagues.roles_of(request.place)
    page = frame(request, "roles") | {
        "presets": [choice for choice in found if not choice.is_own],
        "own": [
            {
                "choice": choice,
                "edit_url": address(request, "role_edit", choice.role_set.pk),
                "delete_url": address(request, "role_delete", choice.role_set.pk),
            }
            for choice in found
            if choice.role_set is not None
        ],
        "new_url": address(request, "role_new"),
    }
    return render(request, "accounts/roles.html", page)


def role_new(request: PlaceRequest) -> HttpResponse:
    """Make an own role, empty or as a copy of another one (``?from=``)."""
    source = _source(request)
    start = {"rights": sorted(source.rights), "explanation": ""} if source else {}
    form = OwnRoleForm(request.POST or None, tier=surface_of(request).tier, initial=start)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.create_role(place=request.place, actor=request.actor, **form.cleaned_data)
            except DomainError as refusal:
                status = put_refusal(form, refusal, _field_of(refusal))
            else:
                messages.success(request, _("The role is there. Give it to people now."))
                return redirect(address(request, "roles"))
    return _form_page(request, form, None, source, status)


def role_edit(request: PlaceRequest, *, role_id: int) -> HttpResponse:
    """Change an own role; it holds at once for everybody who has it."""
    role = _role(request, role_id)
    present = {"name": role.name, "explanation": role.explanation, "rights": role.rights}
    form = OwnRoleForm(request.POST or None, tier=surface_of(request).tier, initial=present)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.edit_role(role=role, actor=request.actor, **form.cleaned_data)
            except DomainError as refusal:
                status = put_refusal(form, refusal, _field_of(refusal))
            else:
                messages.success(request, _("The role is changed for everybody who has it."))
                return redirect(address(request, "roles"))
    return _form_page(request, form, role, None, status)


def role_delete(request: PlaceRequest, *, role_id: int) -> HttpResponse:
    """Delete an own role nobody has."""
    role = _role(request, role_id)
    try:
        services.delete_role(role=role, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The role is deleted."))
    return redirect(address(request, "roles"))


def _form_page(
    request: PlaceRequest,
    form: OwnRoleForm,
    role: RoleSet | None,
    source: colleagues.RoleChoice | None,
    status: int,
) -> HttpResponse:
    authority = authority_of(request.actor, request.place)
    ticked = set(form["rights"].value() or ())
    areas = [
        {
            "area": area,
            "rights": [
                {
                    "right": right,
                    "is_ticked": right.name in ticked,
                    "is_held": authority.is_owner or right.name in authority.rights,
                }
                for right in known
            ],
        }
        for area, known in permissions.areas(surface_of(request).tier)
    ]
    page = frame(request, "roles") | {
        "form": form,
        "role": role,
        "source": source,
        "areas": areas,
        "people": role.memberships.count() if role else 0,
    }
    return render(request, "accounts/role_form.html", page, status=status)


def _source(request: PlaceRequest) -> colleagues.RoleChoice | None:
    wanted = request.GET.get("from", "")
    if not wanted:
        return None
    return next((c for c in colleagues.roles_of(request.place) if c.value == wanted), None)


def _role(request: PlaceRequest, role_id: int) -> RoleSet:
    own = RoleSet.objects.filter(**permissions.of_place(request.place))
    return get_object_or_404(own.select_related("merchant", "operator"), pk=role_id)


def _field_of(refusal: DomainError) -> str | None:
    if isinstance(refusal, RoleNameTaken):
        return "name"
    return "rights" if isinstance(refusal, RoleEmpty | MoreThanOwn) else None


addresses = [
    *surfaces.doors("staff/roles/", "roles", roles, right=surfaces.viewing, methods=require_GET),
    *surfaces.doors(
        "staff/roles/new",
        "role_new",
        role_new,
        right=surfaces.shaping,
        methods=require_http_methods(["GET", "POST"]),
    ),
    *surfaces.doors(
        "staff/roles/<int:role_id>/",
        "role_edit",
        role_edit,
        right=surfaces.shaping,
        methods=require_http_methods(["GET", "POST"]),
    ),
    *surfaces.doors(
        "staff/roles/<int:role_id>/delete",
        "role_delete",
        role_delete,
        right=surfaces.shaping,
        methods=require_POST,
    ),
]
