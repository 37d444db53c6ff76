"""One customer in the merchant's back office: its page, its form, blocking, notes, tags."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.models import Store
from zhanggui.contacts import permissions as rights
from zhanggui.contacts import selectors, services, timeline
from zhanggui.contacts.errors import PhoneTaken
from zhanggui.contacts.forms import LONGEST_NOTE, BlockForm, CustomerForm
from zhanggui.contacts.models import Customer, CustomerState, Source, Tag
from zhanggui.contacts.permissions import (
    EDIT_CUSTOMERS,
    MANAGE_CUSTOMERS,
    REVEAL_PHONES,
    VIEW_CUSTOMERS,
)
from zhanggui.contacts.views.list import dress
from zhanggui.core import idempotency, numbers, tokens
from zhanggui.core.errors import DomainError


def _customer(customer_id: int) -> Customer:
    return get_object_or_404(Customer.objects.all(), pk=customer_id)


@merchant_view(VIEW_CUSTOMERS.name)
@require_safe
def customer(request: MerchantRequest, customer_id: int) -> HttpResponse:
    """One customer: who it is, how it is known, what happened, what other modules say."""
    rows = selectors.with_tags(selectors.with_life(Customer.objects.all()))
    found = get_object_or_404(rows, pk=customer_id)
    kept = services.survivor_of(found.pk) if found.state == CustomerState.REPLACED else None
    if kept is not None:
        messages.info(request, _("%(name)s was merged into this customer.") % {"name": found.name})
        return redirect("contacts:customer", request.merchant.slug, kept)
    tags = selectors.tags_with(found)
    stores = Store.objects.filter(pk__in=found.store_ids).values_list("pk", "name")
    dress([found], tags, dict(stores))
    identities = selectors.identities_of(found)
    shown: Any = found
    shown.identities = [link for link, _account in identities]  # the panels read them again
    page = {
        "customer": found,
        "identities": identities,
        "other_tags": [tag for tag in tags if tag.pk not in found.tag_ids],
        "story": timeline.page(
            found.pk, permissions=request.permissions, after=request.GET.get("before", "")
        ),
        "is_older": "before" in request.GET,
        "may_edit": EDIT_CUSTOMERS.name in request.permissions
        and found.state not in selectors.GONE,
        "may_manage": MANAGE_CUSTOMERS.name in request.permissions,
        "may_reveal": REVEAL_PHONES.name in request.permissions,
        "may_block": MANAGE_CUSTOMERS.name in request.permissions
        and found.state in services.BLOCKABLE,
        "note_length": LONGEST_NOTE,
    }
    return render(request, "contacts/backoffice/customer.html", page)


@require_http_methods(["GET", "POST"])
@merchant_view(EDIT_CUSTOMERS.name)
def customer_new(request: MerchantRequest) -> HttpResponse:
    """Add a customer by hand; a phone that is known leads to the customer who has it."""
    form = CustomerForm(request.POST or None)
    holder: Customer | None = None
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.values()
            try:
                answer = idempotency.once(
                    caller=request.actor.key,
                    key=request.POST.get("idempotency_key", "")[:80],
                    content={"door": "customer_new", "values": repr(values)},
                    write=lambda: {
                        "id": services.create_customer(
                            name=values.name,
                            phone=values.phone,
                            source=Source.HAND,
                            values=values,
                            actor=request.actor,
                        ).pk
                    },
                )
            except PhoneTaken as refusal:
                holder = selectors.holder_of(values.phone)
                status = put_refusal(form, refusal, "phone")
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                messages.success(request, _("The customer is in the list."))
                return redirect("contacts:customer", request.merchant.slug, answer["id"])
    key = request.POST.get("idempotency_key", "") or tokens.new_token()
    page = {"form": form, "key": key, "customer": None, "holder": holder}
    return render(request, "contacts/backoffice/customer_form.html", page, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
@merchant_view(EDIT_CUSTOMERS.name)
def customer_edit(request: MerchantRequest, customer_id: int) -> HttpResponse:
    """Change a customer; the number that is there is never shown whole, only replaced."""
    found = _customer(customer_id)
    form = CustomerForm(request.POST or None, customer=found)
    holder: Customer | None = None
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.values(kept_phone=found.phone)
            try:
                services.edit_customer(customer=found, values=values, actor=request.actor)
            except PhoneTaken as refusal:
                holder = selectors.holder_of(values.phone)
                status = put_refusal(form, refusal, "phone")
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                messages.success(request, _("The customer is saved."))
                return redirect("contacts:customer", request.merchant.slug, found.pk)
    page = {"form": form, "key": "", "customer": found, "holder": holder}
    return render(request, "contacts/backoffice/customer_form.html", page, status=status)


@require_POST
@merchant_view(rights.MANAGE_CUSTOMERS.name)
def customer_block(request: MerchantRequest, customer_id: int) -> HttpResponse:
    """Shut a customer out, with a reason."""
    found = _customer(customer_id)
    form = BlockForm(request.POST)
    if form.is_valid():
        services.block_customer(
            customer=found, reason=form.cleaned_data["reason"], actor=request.actor
        )
        messages.success(request, _("The customer is blocked. What they hold stays."))
    else:
        messages.error(request, _("Say why you block the customer, in at most 200 signs."))
    return redirect("contacts:customer", request.merchant.slug, found.pk)


@require_POST
@merchant_view(rights.MANAGE_CUSTOMERS.name)
def customer_unblock(request: MerchantRequest, customer_id: int) -> HttpResponse:
    """Let a blocked customer in again."""
    found = _customer(customer_id)
    services.unblock_customer(customer=found, actor=request.actor)
    messages.success(request, _("The customer takes part again."))
    return redirect("contacts:customer", request.merchant.slug, found.pk)


@require_POST
@merchant_view(EDIT_CUSTOMERS.name)
def customer_note(request: MerchantRequest, customer_id: int) -> HttpResponse:
    """Keep a note about a customer."""
    found = _customer(customer_id)
    note = request.POST.get("note", "").replace("\0", "")
    if len(note.strip()) > LONGEST_NOTE:
        messages.error(request, _("A note has at most 1,000 signs."))
    else:
        services.write_note(customer=found, note=note, actor=request.actor)
        messages.success(request, _("The note is saved."))
    return redirect("contacts:customer", request.merchant.slug, found.pk)


@require_POST
@merchant_view(EDIT_CUSTOMERS.name)
def customer_tag(request: MerchantRequest, customer_id: int) -> HttpResponse:
    """Put a tag on a customer or take it off; answers the tags when htmx asks."""
    found = _customer(customer_id)
    tag_id = numbers.whole(request.POST.get("tag", ""))
    tag = get_object_or_404(Tag.objects.all(), pk=tag_id)
    is_put = request.POST.get("off") != "1"
    change = services.tag_customer if is_put else services.untag_customer
    change(customer_id=found.pk, tag=tag, actor=request.actor)
    if request.headers.get("HX-Request") != "true":
        return redirect("contacts:customer", request.merchant.slug, found.pk)
    found.refresh_from_db(fields=["tag_ids"])
    tags = selectors.tags()
    dress([found], tags, {})
    page = {
        "customer": found,
        "other_tags": [one for one in tags if one.pk not in found.tag_ids],
        "may_edit": True,
    }
    return render(request, "contacts/backoffice/customer_tags.html", page)


@never_cache
@require_POST
@merchant_view(rights.REVEAL_PHONES.name)
def customer_phone(request: MerchantRequest, customer_id: int) -> HttpResponse:
    """The whole phone number; each look is logged."""
    found = _customer(customer_id)
    phone = services.reveal_phone(customer=found, actor=request.actor)
    page = {"phone": phone, "customer": found}
    template = "contacts/backoffice/customer_phone.html"
    if request.headers.get("HX-Request") != "true":
        template = "contacts/backoffice/customer_phone_page.html"
    return render(request, template, page)
