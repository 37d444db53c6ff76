"""The list of customers and what is done to many of them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.models import Store
from zhanggui.contacts import selectors, services
from zhanggui.contacts.birthdays import in_words, of_columns
from zhanggui.contacts.errors import NothingChosen
from zhanggui.contacts.lists import CUSTOMERS, tags_of
from zhanggui.contacts.models import BulkChange, Customer, CustomerState, Tag
from zhanggui.contacts.permissions import EDIT_CUSTOMERS, MANAGE_CUSTOMERS, VIEW_CUSTOMERS
from zhanggui.contacts.services.bulk import BLOCK, MOST_AT_ONCE, TAG, UNTAG
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError, NotAllowed
from zhanggui.files.following import follow
from zhanggui.files.models import Task
from zhanggui.ui import lists

TONES = {
    CustomerState.ACTIVE: "success",
    CustomerState.BLOCKED: "danger",
    CustomerState.DISPUTED: "waiting",
}


@merchant_view(VIEW_CUSTOMERS.name)
@require_safe
def customers(request: MerchantRequest) -> HttpResponse:
    """The list of customers; search by name, pinyin, number or phone."""
    shown = CUSTOMERS.open(request)
    values = {**shown.values, "q": shown.search}
    filters = selectors.Filters.of(values, zone=request.merchant.time_zone)
    shown.fill(selectors.found(filters), is_large=True)
    dress(shown.rows, tags_of(request), _stores(shown))
    done = _done(request)
    page = {
        "list": shown,
        "may_edit": EDIT_CUSTOMERS.name in request.permissions,
        "may_manage": MANAGE_CUSTOMERS.name in request.permissions,
        "tags": tags_of(request),
        "done": done,
        "done_count": services.changed_by(done) if done else 0,
    }
    return render(request, "contacts/backoffice/customers.html", page)


def _stores(shown: lists.Shown) -> dict[int, str]:
    if not shown.has.get("stores"):
        return {}
    ids = {store_id for row in shown.rows for store_id in row.store_ids}
    return dict(Store.objects.filter(pk__in=ids).values_list("pk", "name"))


def dress(rows: list[Customer], tags: list[Tag], stores: dict[int, str]) -> None:
    """Put on the rows what the list shows of them beside their columns."""
    by_id = {tag.pk: tag for tag in tags}
    for row in rows:
        shown: Any = row
        shown.tone = TONES.get(CustomerState(row.state), "muted")
        shown.tags = [by_id[pk] for pk in row.tag_ids if pk in by_id]
        shown.stores = [stores[pk] for pk in row.store_ids if pk in stores]
        shown.birthday_words = in_words(of_columns(row.birthday, row.birth_year))


def _done(request: MerchantRequest) -> BulkChange | None:
    """The bulk change this page has just made, while it can be undone."""
    change_id = numbers.whole(request.GET.get("done", ""))
    if change_id is None:
        return None
    own = BulkChange.objects.filter(person_id=request.person.pk, undone_at__isnull=True)
    return own.filter(pk=change_id).first()


@require_POST
@merchant_view(EDIT_CUSTOMERS.name)
def bulk(request: MerchantRequest, *, action: str) -> HttpResponse:
    """Tag, untag or block everybody who is chosen."""
    if action not in {TAG, UNTAG, BLOCK}:
        raise Http404
    chosen = lists.chosen(request.POST)
    here = reverse("contacts:customers", args=[request.merchant.slug])
    query = chosen.query.urlencode()
    if action == BLOCK and MANAGE_CUSTOMERS.name not in request.permissions:
        raise NotAllowed
    try:
        change = _change(request, action, chosen)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect(f"{here}?{query}")
    if isinstance(change, Task):
        follow(request)
        return redirect("files:task", request.merchant.slug, change.pk)
    messages.success(request, _told(change))
    return redirect(f"{here}?{query}&done={change.pk}" if query else f"{here}?done={change.pk}")


def _change(request: MerchantRequest, action: str, chosen: lists.Chosen) -> BulkChange | Task:
    """Change those who are chosen at once, or begin a task where they are many."""
    reason = request.POST.get("reason", "").strip()[:200]
    filters = _filters(request, chosen)
    fitting = selectors.Filters.of(filters, zone=request.merchant.time_zone)
    found = selectors.found(fitting).order_by().values_list("pk", flat=True)
    ids = list(found[: MOST_AT_ONCE + 1]) if chosen.is_all else chosen.ids
    if not ids:
        raise NothingChosen
    tag_id = _tag(request, action)
    if len(ids) > MOST_AT_ONCE:
        return services.begin_change(
            action=action,
            filters=filters,
            tag_id=tag_id,
            reason=reason,
            count=found.count(),
            actor=request.actor,
        )
    return services.change_many(
        action=action, customer_ids=ids, tag_id=tag_id, reason=reason, actor=request.actor
    )


def _filters(request: MerchantRequest, chosen: lists.Chosen) -> dict[str, str]:
    """What "all that fit" means, in texts a task can keep."""
    shown = CUSTOMERS.read(request, chosen.query)
    values = {**shown.values, "q": shown.search}
    return {name: str(value) for name, value in values.items() if value}


def _tag(request: MerchantRequest, action: str) -> int | None:
    """The chosen tag, or a new one that was typed."""
    name = request.POST.get("new_tag", "").strip()[:20]
    if action == TAG and name and MANAGE_CUSTOMERS.name in request.permissions:
        return services.create_tag(name=name, actor=request.actor).pk
    return numbers.whole(request.POST.get("tag", ""))


def _told(change: BulkChange) -> str:
    many = len(change.customer_ids)
    if change.action == TAG:
        text = ngettext("%(n)s customer got the tag.", "%(n)s customers got the tag.", many)
    elif change.action == UNTAG:
        text = ngettext("%(n)s customer lost the tag.", "%(n)s customers lost the tag.", many)
    else:
        text = ngettext("%(n)s customer is blocked.", "%(n)s customers are blocked.", many)
    return text % {"n": f"{many:,}"}


@require_POST
@merchant_view(EDIT_CUSTOMERS.name)
def undo(request: MerchantRequest, *, change_id: int) -> HttpResponse:
    """Take a bulk change back."""
    here = reverse("contacts:customers", args=[request.merchant.slug])
    changes = BulkChange.objects.all()
    if MANAGE_CUSTOMERS.name not in request.permissions:  # others' changes are no concern of theirs
        changes = changes.filter(person_id=request.person.pk)
    change = get_object_or_404(changes, pk=change_id)
    if change.task_id is not None:
        task = services.begin_undo(change=change, actor=request.actor)
        follow(request)
        return redirect("files:task", request.merchant.slug, task.pk)
    try:
        many = services.undo_bulk(change_id=change_id, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        text = ngettext("Undone for %(n)s customer.", "Undone for %(n)s customers.", many)
        messages.success(request, text % {"n": f"{many:,}"})
    return redirect(here)
