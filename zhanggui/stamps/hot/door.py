"""Hot doors of the manager's desk and of a customer's card: guards for the short chain.

``config.hot`` sends requests here.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, LiteralString

from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest, HttpResponse

from zhanggui.accounts.guards import mark
from zhanggui.contacts import hot as customers
from zhanggui.core import tenancy
from zhanggui.core.db import pipeline as read
from zhanggui.core.db.pipeline import Statement
from zhanggui.core.errors import SignedOut
from zhanggui.stamps import desks
from zhanggui.stamps.guards import ManagerRequest, enter, unbound_page
from zhanggui.stamps.models import Card
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.results import Check

if TYPE_CHECKING:
    from collections.abc import Callable

    from zhanggui.contacts.guards import CustomerRequest


type View = Callable[[ManagerRequest], HttpResponse]


def manager_door(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """As ``guards.manager_view``, for pieces of pages and JSON only; no session is loaded.

    The desk comes without the store's name, and whether store and shop are open is read by the
    service itself. It is assumed at first: the service checks it before it writes anything, and
    what was answered without that check is thrown away and asked again.

    Raises:
        SignedOut: no session, an ended one, or one that did not begin in WeChat (401).
    """

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        known = desks.assumed(request)
        if known is not None:
            who, check = known
            try:
                response = at_desk(request, who, check)
            except Exception:
                if check.is_passed:
                    raise
            else:
                if check.is_passed:
                    return response
        found = desks.who_of(request)
        if found is None:
            raise SignedOut
        if found.binding_id is None:
            return unbound_page(enter(request, found))
        return at_desk(request, found)

    def at_desk(request: HttpRequest, who: desks.Who, check: Check | None = None) -> HttpResponse:
        manager_request = enter(request, who)
        manager_request.desk = desks.desk(who, check=check)
        with tenancy.merchant_scope(who.merchant_id):
            return view(manager_request)

    return mark(guarded, "manager")


def is_manager(request: HttpRequest) -> bool:
    """Whether a page of a desk may go by the short chain; keeps who asks for ``manager_page``.

    Everybody else goes the long way, which knows what to answer.
    """
    who = desks.who_of(request)
    request.who = who  # type: ignore[attr-defined]
    return who is not None and who.binding_id is not None


def manager_page(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """As ``guards.manager_view``, behind ``is_manager``; the desk comes without the store."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        who: desks.Who = request.who  # type: ignore[attr-defined]
        manager_request = enter(request, who)
        manager_request.desk = desks.desk(who)
        with tenancy.merchant_scope(who.merchant_id):
            return view(manager_request)

    return mark(guarded, "manager")


CARD: LiteralString = """
SELECT id, programme_id, customer_id FROM stamps_card
WHERE merchant_id = %(merchant)s AND token = %(card)s
"""
CARD_KEYS = ("id", "merchant_id", "token", "programme_id", "customer_id")


def is_holder(request: HttpRequest, *, merchant: str, token: str) -> bool:
    """Whether a write on a card may go by the short chain; keeps who asks for ``card_door``.

    Everybody else goes the long way, which knows what to answer.
    """

    def about(merchant_id: int) -> Statement:
        return Statement(CARD, {"merchant": merchant_id, "card": token})

    found = customers.who_of(request, merchant, feature=FEATURE.name, about=about)
    if found is None or not found[1]:
        return False
    visitor, (row,) = found
    card_id, programme_id, customer_id = (read.number(field) for field in row)
    card = (card_id, visitor.merchant_id, token, programme_id, customer_id)
    request.holder = (visitor, card)  # type: ignore[attr-defined]
    return customer_id == visitor.customer_id


def card_door(
    view: Callable[[CustomerRequest, Card], HttpResponse],
) -> Callable[..., HttpResponse]:
    """As ``guards.card_view``, behind ``is_holder``; the card comes with its keys only."""

    @wraps(view)
    def guarded(request: HttpRequest, *, merchant: str, token: str) -> HttpResponse:
        visitor, keys = request.holder  # type: ignore[attr-defined]
        customer_request = customers.enter(request, visitor, merchant)
        # as a query would make it: what was not read is read when somebody asks for it
        card = Card.from_db(DEFAULT_DB_ALIAS, CARD_KEYS, keys)
        with tenancy.merchant_scope(visitor.merchant_id):
            return view(customer_request, card)

    return mark(guarded, "customer")
