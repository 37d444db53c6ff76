"""Merging two customers, taking it back, splitting identities off, and the list of duplicates."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.contacts import fields, selectors, services
from zhanggui.contacts.models import (
    Customer,
    CustomerState,
    DuplicatePair,
    DuplicateSearch,
    IdentityLink,
    Likeness,
    Merge,
    PairState,
)
from zhanggui.contacts.permissions import MERGE_CUSTOMERS
from zhanggui.contacts.views.list import dress
from zhanggui.core import idempotency, tokens
from zhanggui.core.errors import DomainError
from zhanggui.files.following import follow
from zhanggui.ui.paging import keyset

MOST_FOUND = 20
GONE = (CustomerState.REPLACED, CustomerState.ERASED)


@merchant_view(MERGE_CUSTOMERS.name)
@require_safe
def choose(request: MerchantRequest, customer_id: int) -> HttpResponse:
    """Look for the other one: who is the same person as this customer?"""
    customer = get_object_or_404(Customer.objects.all(), pk=customer_id)
    search = request.GET.get("q", "").strip()
    found: list[Customer] = []
    if search:
        rows = selectors.found(selectors.Filters(search=search)).exclude(pk=customer.pk)
        found = list(rows.exclude(state__in=GONE)[:MOST_FOUND])
    dress(found, selectors.tags(), {})
    page = {
        "customer": customer,
        "search": search,
        "found": found,
        "pairs": _pairs_of(customer),
    }
    return render(request, "contacts/backoffice/merge_choose.html", page)


def _pairs_of(customer: Customer) -> list[tuple[DuplicatePair, Customer]]:
    pairs = DuplicatePair.objects.filter(state=PairState.OPEN).select_related("first", "second")
    mine = [*pairs.filter(first=customer)[:MOST_FOUND], *pairs.filter(second=customer)[:MOST_FOUND]]
    return [(p, p.second if p.first_id == customer.pk else p.first) for p in mine]


@merchant_view(MERGE_CUSTOMERS.name)
@require_http_methods(["GET", "POST"])
def merge(request: MerchantRequest, customer_id: int, other_id: int) -> HttpResponse:
    """Show what merging does, field by field; then do it."""
    survivor = get_object_or_404(Customer.objects.all(), pk=customer_id)
    replaced = get_object_or_404(Customer.objects.all(), pk=other_id)
    if request.method == "POST":
        names = {*fields.BY_NAME, fields.PHONE.name}
        taken = sorted(name for name in names if request.POST.get(f"take_{name}") == "other")
        idempotency.once(
            caller=request.actor.key,
            key=request.POST.get("idempotency_key", "")[:80],
            content={"door": "merge", "pair": [survivor.pk, replaced.pk], "taken": taken},
            write=lambda: {
                "merge": services.merge_customers(
                    survivor_id=survivor.pk,
                    replaced_id=replaced.pk,
                    taken=taken,
                    actor=request.actor,
                ).pk
            },
        )
        messages.success(request, _("The two are one customer now. You can take it back here."))
        return redirect("contacts:customer", request.merchant.slug, survivor.pk)
    page = {
        "preview": services.preview_merge(survivor=survivor, replaced=replaced),
        "key": tokens.new_token(),
    }
    return render(request, "contacts/backoffice/merge.html", page)


@merchant_view(MERGE_CUSTOMERS.name)
@require_POST
def undo(request: MerchantRequest, merge_id: int) -> HttpResponse:
    """Make two customers of one again."""
    merge = get_object_or_404(Merge.objects.all(), pk=merge_id)
    try:
        services.undo_merge(merge_id=merge.pk, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("They are two customers again, as before the merge."))
    return redirect("contacts:customer", request.merchant.slug, merge.survivor_id)


@merchant_view(MERGE_CUSTOMERS.name)
@require_POST
def split(request: MerchantRequest, link_id: int) -> HttpResponse:
    """Let one identity become a customer of its own."""
    link = get_object_or_404(IdentityLink.objects.all(), pk=link_id)
    try:
        new = services.split_link(link_id=link.pk, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("contacts:customer", request.merchant.slug, link.customer_id)
    messages.success(request, _("Split off. Cards and stamps stayed with the first customer."))
    return redirect("contacts:customer", request.merchant.slug, new.pk)


# -- duplicates


@merchant_view(MERGE_CUSTOMERS.name)
@require_safe
def duplicates(request: MerchantRequest) -> HttpResponse:
    """Pairs of customers who look like one person, newest first."""
    state = PairState.DISMISSED if request.GET.get("state") == "dismissed" else PairState.OPEN
    likeness = request.GET.get("likeness", "")
    pairs = selectors.pairs(state=state, likeness=likeness)
    page = keyset(pairs, order=("-id",), after=request.GET.get("after", ""))
    both = [one for pair in page.rows for one in (pair.first, pair.second)]
    dress(both, selectors.tags(), {})
    content = {
        "page": page,
        "state": state.value,
        "likeness": likeness,
        "likenesses": Likeness.choices,
        "waiting": DuplicatePair.objects.filter(state=PairState.OPEN)[:1001].count(),
        "search": DuplicateSearch.objects.first(),
    }
    return render(request, "contacts/backoffice/duplicates.html", content)


@merchant_view(MERGE_CUSTOMERS.name)
@require_POST
def search(request: MerchantRequest) -> HttpResponse:
    """Begin to compare all customers now."""
    task = services.begin_search(actor=request.actor)
    follow(request)
    return redirect("files:task", request.merchant.slug, task.pk)


@merchant_view(MERGE_CUSTOMERS.name)
@require_POST
def dismiss(request: MerchantRequest, pair_id: int) -> HttpResponse:
    """Two different people; or, from the other list, to be compared again."""
    pair = get_object_or_404(DuplicatePair.objects.all(), pk=pair_id)
    if request.POST.get("again") == "1":
        services.reopen_pair(pair_id=pair.pk, actor=request.actor)
        messages.success(request, _("The two are on the list again."))
    else:
        services.dismiss_pair(pair_id=pair.pk, actor=request.actor)
        messages.success(request, _("Noted: two different people."))
    return redirect("contacts:duplicates", request.merchant.slug)
