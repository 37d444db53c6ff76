"""Keeps what people choose for their lists: the answers ``zhanggui.ui.lists`` asks for."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from zhanggui.accounts.models import Merchant, Operator, Person, SavedView
from zhanggui.ui.lists import Kept
from zhanggui.ui.lists import SavedView as ViewTab

SHARE = "accounts.share_views"


def place_of(request: HttpRequest) -> str:
    """Where a request works, as saved views name it."""
    merchant = getattr(request, "merchant", None)
    if isinstance(merchant, Merchant):
        return f"merchant:{merchant.pk}"
    operator = getattr(request, "operator", None)
    return f"operator:{operator.pk}" if isinstance(operator, Operator) else "platform"


class ListKeeper:
    """Views and columns out of one table, one query a page."""

    def kept(self, request: HttpRequest, list_name: str) -> Kept:
        """The person's own views and the shared ones of the place, by age."""
        person = getattr(request, "person", None)
        if not isinstance(person, Person):
            return Kept()
        rows = SavedView.objects.filter(
            Q(person=person) | Q(is_shared=True), place=place_of(request), list_name=list_name
        ).order_by("pk")
        may_share = self.may_share(request)
        views: list[ViewTab] = []
        columns: list[str] | None = None
        for row in rows:
            if not row.name:
                columns = row.columns if row.person_id == person.pk else columns
                continue
            is_own = row.person_id == person.pk
            may_delete = is_own or (may_share and row.is_shared)
            views.append(ViewTab(row.pk, row.name, row.query, row.is_shared, may_delete))
        return Kept(views, columns)

    def address(self, request: HttpRequest, list_name: str) -> str:
        """Where the page posts what is to be kept."""
        merchant = getattr(request, "merchant", None)
        if isinstance(merchant, Merchant):
            return reverse("accounts:list", args=[merchant.slug, list_name])
        operator = getattr(request, "operator", None)
        if isinstance(operator, Operator):
            return reverse("accounts:operator_list", args=[operator.slug, list_name])
        return reverse("accounts:platform_list", args=[list_name])

    def may_share(self, request: HttpRequest) -> bool:
        """Whether views may be saved for everybody here."""
        return SHARE in getattr(request, "permissions", frozenset())
