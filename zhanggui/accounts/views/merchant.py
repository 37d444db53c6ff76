"""A merchant's back office: overview, stores, staff, audit log."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import hours, rights, selectors, services
from zhanggui.accounts.forms import StoreForm, put_refusal, store_initial
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.lists import STORES
from zhanggui.accounts.models import Store, picture_url
from zhanggui.accounts.services import pictures
from zhanggui.accounts.tier_forms import PictureForm
from zhanggui.accounts.views.overview import merchant_figures
from zhanggui.accounts.views.pictures import take
from zhanggui.core import idempotency, tokens
from zhanggui.core.errors import DomainError
from zhanggui.core.uploads import takes_files

# -- the shop itself


@takes_files(most_bytes=pictures.BYTES_AT_MOST)
@require_http_methods(["GET", "POST"])
@merchant_view(rights.MANAGE_STORES.name)
def logo(request: MerchantRequest) -> HttpResponse:
    """The shop's logo: on printed QR codes and on what customers share."""
    merchant = request.merchant
    form, status = PictureForm(), 200
    if request.method == "POST":
        refused = take(request, partial(pictures.set_logo, merchant, actor=request.actor))
        if refused is None:
            return redirect(request.path)
        form, status = refused
    page = {"form": form, "url": picture_url(merchant.logo_token)}
    return render(request, "accounts/logo.html", page, status=status)


# -- stores


@require_GET
@merchant_view(rights.VIEW_STORES.name)
def stores(request: MerchantRequest) -> HttpResponse:
    """All stores, 50 a page."""
    shown = STORES.open(request)
    shown.fill(selectors.stores(search=shown.search, state=shown.values["state"]))
    page = {
        "list": shown,
        "page": shown.page,
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
        "hours": hours.said(found.hours),
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
                    content={"door": "store_new", **form.values()},
                    write=lambda: {
                        "store_id": services.create_store(actor=request.actor, **form.values()).pk
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
    form = StoreForm(request.POST or None, initial=store_initial(store))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.edit_store(store=store, actor=request.actor, **form.values())
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
