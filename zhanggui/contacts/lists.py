"""What the list of customers offers: columns, filters, orders, bulk actions."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store
from zhanggui.contacts import conditions, selectors
from zhanggui.contacts.models import CustomerState, Segment, Source, Tag
from zhanggui.contacts.permissions import EDIT_CUSTOMERS, MANAGE_CUSTOMERS
from zhanggui.files.permissions import EXPORT
from zhanggui.ui.lists import Bulk, Choice, Choices, Column, ListPage, Period, Sort


def tags_of(request: HttpRequest) -> list[Tag]:
    """The merchant's tags, asked for once a request: filter, rows and dialogs need them."""
    if not hasattr(request, "customer_tags"):
        request.customer_tags = selectors.tags()  # type: ignore[attr-defined]
    tags: list[Tag] = request.customer_tags  # type: ignore[attr-defined]
    return tags


def _tags(request: HttpRequest) -> Choices:
    return [(str(tag.pk), tag.name) for tag in tags_of(request)]


def _stores(_request: HttpRequest) -> Choices:
    return [
        (str(pk), name) for pk, name in Store.objects.order_by("name").values_list("pk", "name")
    ]


def _segments(_request: HttpRequest) -> Choices:
    rows = Segment.objects.order_by("name").values_list("pk", "name")
    return [(str(pk), name) for pk, name in rows]


CUSTOMERS = ListPage(
    name="contacts.customers",
    search=_("Name, pinyin, member number or phone"),
    columns=(
        Column("name", _("Customer"), is_fixed=True, sort="name"),
        Column("number", _("Member number"), sort="number"),
        Column("phone", _("Phone")),
        Column("tags", _("Tags")),
        Column("state", _("State")),
        Column("stores", _("Seen at"), is_shown=False),
        Column("source", _("Source"), is_shown=False),
        Column("birthday", _("Birthday"), is_shown=False),
        Column("gender", _("Gender"), is_shown=False),
        Column("follows", _("Follows"), is_shown=False),
        Column("seen", _("Last seen"), sort="seen"),
        Column("since", _("Customer since"), sort="newest"),
    ),
    sorts=(
        Sort("newest", pgettext_lazy("order of a list", "Newest first"), ("-created_at", "-id")),
        Sort("oldest", pgettext_lazy("order of a list", "Oldest first"), ("created_at", "id")),
        Sort("seen", pgettext_lazy("order of a list", "Last seen"), ("-last_seen_at", "-id")),
        Sort("name", pgettext_lazy("order of a list", "By name"), ("sort_key", "id")),
        Sort("number", pgettext_lazy("order of a list", "By number"), ("number", "id")),
    ),
    filters=(
        Choice("tag", _("Tag"), _tags, every=_("All tags")),
        Choice("state", _("State"), CustomerState.choices, every=_("All states")),
        Choice("segment", _("Segment"), _segments, is_extra=True),
        Choice("store", _("Seen at"), _stores, is_extra=True),
        Choice("source", _("Source"), Source.choices, is_extra=True),
        Choice("phone", _("Phone"), conditions.PHONES, is_extra=True),
        Choice("followed", _("Follows the official account"), conditions.YES_NO, is_extra=True),
        Choice("birthday", _("Birthday"), lambda _r: conditions.months(), is_extra=True),
        Period("created", _("Customer since")),
    ),
    bulk=(
        Bulk("tag", _("Add a tag"), "tag-plus", EDIT_CUSTOMERS.name),
        Bulk("untag", _("Take a tag off"), "tag-minus", EDIT_CUSTOMERS.name),
        Bulk("export", _("Export"), "download", EXPORT.name),
        Bulk("block", _("Block"), "user-off", MANAGE_CUSTOMERS.name, is_danger=True),
    ),
)
