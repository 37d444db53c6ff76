"""Who asks at a customer's hot door: shop, session, identity and customer in one statement.

It admits whom ``guards.customer_view`` lets write on a product's page. Whoever is not admitted goes
the ordinary way, which knows what to answer; one table of attacks runs over both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import LiteralString, NamedTuple, cast

from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest

from zhanggui.accounts.actors import customer_actor
from zhanggui.accounts.models import Merchant
from zhanggui.accounts.standing import AT_WORK
from zhanggui.contacts import hooks
from zhanggui.contacts.guards import COOKIE, CustomerRequest
from zhanggui.core import clock, tokens
from zhanggui.core.db import pipeline as read
from zhanggui.core.db.pipeline import Line, Statement, ask_first, fetch_first

MERCHANT = ("id", "name", "slug", "time_zone")
MOST_REMEMBERED = 4096

_ID: LiteralString = "SELECT id FROM accounts_merchant WHERE slug = %(slug)s"

_ids: dict[str, int] = {}
"""Merchants by their part of the address; each answer is checked by the statement it is used in."""


class Visitor(NamedTuple):
    """A signed-in customer of a shop that is at work."""

    merchant_id: int
    merchant_name: str
    zone: str
    customer_id: int
    customer_name: str


@lru_cache(maxsize=4)
def _who(account: LiteralString) -> LiteralString:
    return f"""
SELECT m.id, m.name, m.time_zone, k.id, k.name
FROM accounts_merchant m
JOIN contacts_customersession s
  ON s.merchant_id = %(merchant)s AND s.token_digest = %(token)s AND s.expires_at > %(now)s
JOIN contacts_identitylink l
  ON l.merchant_id = %(merchant)s AND l.id = s.link_id AND l.state = 'active'
JOIN contacts_customer k
  ON k.merchant_id = %(merchant)s AND k.id = l.customer_id AND k.state = 'active'
WHERE m.id = %(merchant)s AND m.slug = %(slug)s AND {AT_WORK}
  AND CASE WHEN l.kind = 'phone' THEN NOT %(is_inside)s::boolean
           ELSE l.account_id = {account} END
"""  # noqa: S608  constants only


def who_of(
    request: HttpRequest, slug: str, *, feature: str, about: Callable[[int], Statement]
) -> tuple[Visitor, list[Line]] | None:
    """Who asks, and what the door wants to know first; one trip for a shop that is known.

    Args:
        request: with the customer's cookie.
        slug: the merchant's part of the address.
        feature: the product whose page it is.
        about: the door's own statement; gets the merchant's id.
    """
    token, sign_in = request.COOKIES.get(COOKIE, ""), hooks.sign_in()
    merchant_id = _id_of(slug) if token and sign_in else None
    if merchant_id is None or sign_in is None:
        return None
    who = Statement(
        _who(sign_in.account_sql),
        {
            "merchant": merchant_id,
            "slug": slug,
            "token": tokens.digest(token),
            "now": clock.now(),
            "feature": feature,
            "is_inside": sign_in.is_inside(request.META.get("HTTP_USER_AGENT", "")),
        },
    )
    found, more = ask_first([who, about(merchant_id)])
    if not found:
        _ids.pop(slug, None)
        return None
    row = found[0]
    visitor = Visitor(
        merchant_id=read.number(row[0]),
        merchant_name=read.text(row[1]),
        zone=read.text(row[2]),
        customer_id=read.number(row[3]),
        customer_name=read.text(row[4]),
    )
    return visitor, more


def _id_of(slug: str) -> int | None:
    known = _ids.get(slug)
    if known is not None:
        return known
    row = fetch_first(Statement(_ID, {"slug": slug}))
    if row is None:
        return None
    if len(_ids) >= MOST_REMEMBERED:
        _ids.clear()
    _ids[slug] = read.number(row[0])
    return _ids[slug]


def enter(request: HttpRequest, visitor: Visitor, slug: str) -> CustomerRequest:
    """Put merchant and actor on the request, as far as a door needs them."""
    customer_request = cast("CustomerRequest", request)
    # as a query would make it: what was not read is read when somebody asks for it
    known = (visitor.merchant_id, visitor.merchant_name, slug, visitor.zone)
    customer_request.merchant = Merchant.from_db(DEFAULT_DB_ALIAS, MERCHANT, known)
    customer_request.actor = customer_actor(visitor.customer_id, visitor.customer_name, request)
    customer_request.is_paused = False
    return customer_request
