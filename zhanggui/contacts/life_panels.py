"""What merging, splitting and erasing add to the customer's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.http import HttpRequest

from zhanggui.contacts import permissions as rights
from zhanggui.contacts import services
from zhanggui.contacts.models import (
    Customer,
    CustomerState,
    DuplicatePair,
    Erasure,
    ErasureState,
    IdentityLink,
    LinkState,
    Merge,
    PairState,
)
from zhanggui.ui import panels

MOST = 20
GONE = (CustomerState.REPLACED, CustomerState.ERASED)
WAITING_MOST = 3


def register_all() -> None:
    """Add the blocks to the customer's page."""
    for place, template, context, permission in (
        ("actions", "panel_life_actions", _actions, rights.VIEW_CUSTOMERS),
        ("notes", "panel_life_notes", _notes, rights.MERGE_CUSTOMERS),
        ("end", "panel_life", _life, rights.MERGE_CUSTOMERS),
    ):
        panels.register(
            place=f"contacts.customer.{place}",
            panel=panels.Panel(
                f"contacts/backoffice/{template}.html", context, permission.name, order=10
            ),
        )


def _actions(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    if customer.state in GONE:
        return None
    held: frozenset[str] = request.permissions  # type: ignore[attr-defined]  # the guard sets it
    return {
        "may_merge": rights.MERGE_CUSTOMERS.name in held,
        "may_privacy": rights.KEEP_PRIVACY.name in held,
    }


def _notes(_request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    pairs = DuplicatePair.objects.select_related("first", "second").filter(
        Q(first=customer) | Q(second=customer), state=PairState.OPEN
    )
    waiting = Erasure.objects.filter(customer=customer, state=ErasureState.WAITING)
    return {
        "waiting": waiting.first() if getattr(customer, "is_going", True) else None,
        "pairs": [
            (pair, pair.second if pair.first_id == customer.pk else pair.first)
            for pair in (pairs[:WAITING_MOST] if getattr(customer, "is_alike", True) else ())
        ],
    }


def _life(_request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    if customer.state in GONE:
        return None
    merges = Merge.objects.select_related("replaced", "survivor").filter(
        survivor=customer, undone_at=None
    )
    links = [link for link in _links(customer) if link.state == LinkState.ACTIVE][:MOST]
    may_split = len(links) > 1 or (links and customer.has_phone)
    newest = merges.order_by("-pk")[:MOST] if getattr(customer, "is_survivor", True) else ()
    found = [(merge, services.why_not_undo(merge)) for merge in newest]
    return {
        "merges": found,
        "links": links if may_split else [],
        "rows": [*found, *(links if may_split else ())],
    }


def _links(customer: Customer) -> list[IdentityLink]:
    read: list[IdentityLink] | None = getattr(customer, "identities", None)
    return list(IdentityLink.objects.filter(customer=customer)) if read is None else read[::-1]
