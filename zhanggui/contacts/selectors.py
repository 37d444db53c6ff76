"""Reads of customers: the list with its search, one customer with identities."""

from __future__ import annotations

import re

from django.db.models import Q, QuerySet

from zhanggui.accounts import phones as phone_numbers
from zhanggui.accounts.errors import PhoneFormat
from zhanggui.contacts import hooks, phones
from zhanggui.contacts.models import Customer, CustomerState, IdentityLink, LinkState
from zhanggui.contacts.search import fold, of_hash, wanted
from zhanggui.core import tenancy

ORDER = ("-created_at", "-id")
LONGEST_SEARCH = 80
COUNT_UP_TO = 10_000
TAIL_LENGTH = 4


def customers(*, search: str = "", state: str = "") -> QuerySet[Customer]:
    """Customers of the merchant in scope, newest first.

    Args:
        search: part of the name, its pinyin or initials; a member number or its beginning; a
            whole phone number or its last four digits.
        state: one of ``CustomerState``; anything else shows all.
    """
    found = Customer.objects.all()
    if state in CustomerState.values:
        found = found.filter(state=state)
    typed = search[:LONGEST_SEARCH]
    if fold(typed):
        found = found.filter(_fits(typed))
    return found.order_by(*ORDER)


def _fits(typed: str) -> Q:
    """Name, pinyin, initials, number: by their words; digits may also be a phone or its tail."""
    asked = wanted(typed)
    found = Q(search__contains=asked.tokens) if asked.tokens else Q(pk__in=[])
    for text in asked.texts:
        found &= Q(name_key__contains=text)
    hashes = _phone_hashes(typed)
    return found | Q(search__overlap=[of_hash(digest) for digest in hashes]) if hashes else found


def _phone_hashes(typed: str) -> list[bytes]:
    digits = re.sub(r"[-+()]", "", fold(typed))
    if not (digits.isascii() and digits.isdigit()):
        return []
    merchant_id = tenancy.current_merchant_id()
    if len(digits) == TAIL_LENGTH:
        return phones.tail_hashes(digits, merchant_id=merchant_id)
    try:
        whole = phone_numbers.parse(typed)
    except PhoneFormat:
        return []
    return phones.hashes(whole, merchant_id=merchant_id)


def count_of(found: QuerySet[Customer]) -> int:
    """How many there are; counting stops where nobody compares numbers any more."""
    return found.order_by()[: COUNT_UP_TO + 1].count()


def identities_of(customer: Customer) -> list[tuple[IdentityLink, str]]:
    """The ways a customer is known, newest first, each with the name of its account."""
    sign_in = hooks.sign_in()
    links = IdentityLink.objects.filter(customer=customer).order_by("-created_at", "-id")
    return [(link, sign_in.account_name(link.account_id) if sign_in else "") for link in links]


def active_link(customer_id: int, *, account_id: int) -> IdentityLink | None:
    """How a customer can be reached through an account; None when it is not."""
    return IdentityLink.objects.filter(
        customer_id=customer_id, account_id=account_id, state=LinkState.ACTIVE
    ).first()
