"""A merchant's back office: overview, stores, staff, audit log."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import audit, rights, selectors, services
from zhanggui.accounts.forms import RoleForm, StaffForm, StoreForm, put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.models import Membership, Role, Store, StoreState
from zhanggui.accounts.views.overview import merchant_figures
from zhanggui.core import idempotency, numbers, tokens
from zhanggui.core.errors import DomainError
from zhanggui.ui import paging

# -- stores


@require_GET
@merchant_view(rights.VIEW_STORES.name)
def stores(request: MerchantRequest) -> HttpResponse:
    """All stores, 50 a page."""
    search = request.GET.get("q", "").strip()[:80]
    state = request.GET.get("state", "")
    found = selectors.stores(search=search, state=state)
    page = {
        "page": paging.keyset(found, order=("-state", "pk"), after=request.GET.get("after", "")),
        "count": found.count(),
        "search": search,
        "state": state,
        "states": StoreState.choices,
        "is_filtered": bool(search or state),
        "may_manage": rights.MANAGE_STORES.name in request.permissions,
    }
    return render(request, "accounts/stores.html", page)


@require_GET
@merchant_view(rights.VIEW_STORES.name)
def store(request: MerchantRequest, *, store_id: int) -> HttpResponse:
    """One store with the blocks of the products."""
    found = get_object_or_404(Store.objects.all(), pk=store_id)
    page = {
        "store": found,
        "may_manage": rights.MANAGE_STORES.name in request.permissions,
    } | merchant_figures(request, found)
    return render(request, "accounts/store.html", page)


@require_http_methods(["GET", "POST"])
@merchant_view(rights.MANAGE_STORES.name)
def store_new(request: MerchantRequest) -> HttpResponse:
    """Open a store."""
    form = StoreForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                answer = idempotency.once(
                    caller=request.actor.key,
                    key=request.POST.get("idempotency_key", "")[:80],
                    content={"door": "store_new", **form.cleaned_data},
                    write=lambda: {
                        "store_id": services.create_store(
                            actor=request.actor, **form.cleaned_data
                        ).pk
                    },
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "name")
            else:
                messages.success(request, _("The store is open."))
                return redirect("accounts:store", request.merchant.slug, answer["store_id"])
    key = request.POST.get("idempotency_key", "") or tokens.new_token()
    page = {"form": form, "key": key, "store": None}
    return render(request, "accounts/store_form.html", page, status=status)


@require_http_methods(["GET", "POST"])
@merchant_view(rights.MANAGE_STORES.name)
def store_edit(request: MerchantRequest, *, store_id: int) -> HttpResponse:
    """Change a store."""
    store = get_object_or_404(Store.objects.all(), pk=store_id)
    present = {"name": store.name, "address": store.address, "phone": store.phone}
    form = StoreForm(request.POST or None, initial=present)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.edit_store(store=store, actor=request.actor, **form.cleaned_data)
            except DomainError as refusal:
                status = put_refusal(form, refusal, "name")
            else:
                messages.success(request, _("The store is saved."))
                return redirect("accounts:store", request.merchant.slug, store.pk)
    page = {"form": form, "store": store, "key": ""}
    return render(request, "accounts/store_form.html", page, status=status)


@require_POST
@merchant_view(rights.MANAGE_STORES.name)
def store_close(request: MerchantRequest, *, store_id: int) -> HttpResponse:
    """Take a store out of business."""
    store = get_object_or_404(Store.objects.all(), pk=store_id)
    services.close_store(store=store, actor=request.actor)
    messages.success(request, _("The store is closed. Its customers keep what they hold."))
    return redirect("accounts:store", request.merchant.slug, store.pk)


@require_POST
@merchant_view(rights.MANAGE_STORES.name)
def store_reopen(request: MerchantRequest, *, store_id: int) -> HttpResponse:
    """Put a closed store back into business."""
    store = get_object_or_404(Store.objects.all(), pk=store_id)
    services.reopen_store(store=store, actor=request.actor)
    messages.success(request, _("The store is open again."))
    return redirect("accounts:store", request.merchant.slug, store.pk)


# -- staff


@require_GET
@merchant_view(rights.VIEW_STAFF.name)
def staff(request: MerchantRequest) -> HttpResponse:
    """Everybody who works here with their role."""
    page = {
        "members": selectors.staff_of(request.merchant),
        "may_manage": rights.MANAGE_STAFF.name in request.permissions,
        "roles": selectors.rights_of_roles(),
    }
    return render(request, "accounts/staff.html", page)


@never_cache
@require_http_methods(["GET", "POST"])
@merchant_view(rights.MANAGE_STAFF.name)
def staff_new(request: MerchantRequest) -> HttpResponse:
    """Add somebody by phone; a new person's initial password is shown in this answer only."""
    form = StaffForm(request.POST or None, initial={"role": Role.CLERK})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.cleaned_data
            try:
                added = services.add_staff(
                    place=request.merchant,
                    name=values["name"],
                    phone=values["phone"],
                    role=Role(values["role"]),
                    rights=values["rights"],
                    actor=request.actor,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "phone")
            else:
                return _added(request, added)
    return render(request, "accounts/staff_form.html", {"form": form}, status=status)


def _added(request: MerchantRequest, added: services.NewStaff) -> HttpResponse:
    if not added.initial_password:
        messages.success(request, _("Added. They sign in with the password they have."))
        return redirect("accounts:staff", request.merchant.slug)
    # a redirect would have to keep the password somewhere
    page = {"member": added.membership, "initial_password": added.initial_password}
    return render(request, "accounts/staff_added.html", page)


@require_http_methods(["GET", "POST"])
@merchant_view(rights.MANAGE_STAFF.name)
def staff_edit(request: MerchantRequest, *, membership_id: int) -> HttpResponse:
    """Give somebody another role."""
    member = _member(request, membership_id)
    form = RoleForm(request.POST or None, initial={"role": member.role, "rights": member.rights})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.change_role(
                    membership=member,
                    role=Role(form.cleaned_data["role"]),
                    rights=form.cleaned_data["rights"],
                    actor=request.actor,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "role")
            else:
                messages.success(request, _("The role is changed; it holds from now on."))
                return redirect("accounts:staff", request.merchant.slug)
    page = {"form": form, "member": member}
    return render(request, "accounts/staff_form.html", page, status=status)


@require_POST
@merchant_view(rights.MANAGE_STAFF.name)
def staff_remove(request: MerchantRequest, *, membership_id: int) -> HttpResponse:
    """Take somebody off the list; they are signed out at once."""
    member = _member(request, membership_id)
    try:
        services.remove_membership(membership=member, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Removed and signed out."))
    if member.person_id == request.person.pk:
        return redirect("accounts:choose")
    return redirect("accounts:staff", request.merchant.slug)


def _member(request: MerchantRequest, membership_id: int) -> Membership:
    members = Membership.objects.filter(merchant=request.merchant).select_related("person")
    return get_object_or_404(members, pk=membership_id)


# -- audit log


@require_GET
@merchant_view(rights.VIEW_AUDIT.name)
def audit_log(request: MerchantRequest) -> HttpResponse:
    """Who did what, newest first, 50 a page."""
    action = request.GET.get("action", "")
    person = request.GET.get("person", "")
    person_id = numbers.whole(person)
    if person and person_id is None:
        raise BadRequest
    found = selectors.audit_entries(action=action, person_id=person_id)
    entries = paging.keyset(found, order=("-at", "-id"), after=request.GET.get("after", ""))
    page = {
        "page": entries,
        "lines": selectors.audit_lines(entries.rows),
        "action": action,
        "person": person,
        "actions": sorted(audit.actions().items(), key=lambda pair: pair[0]),
        "people": [(str(m.person_id), m.person.name) for m in selectors.staff_of(request.merchant)],
        "is_filtered": bool(action or person),
    }
    return render(request, "accounts/audit.html", page)
