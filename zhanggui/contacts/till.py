"""Finding a customer at a till, by what the customer says or shows."""

from __future__ import annotations

from collections.abc import Callable

from zhanggui.accounts import phones
from zhanggui.api.guards import Caller
from zhanggui.api.schemas import Customer as CustomerOut
from zhanggui.api.schemas import In, Line
from zhanggui.contacts import selectors
from zhanggui.contacts.errors import CustomerUnknown, WhoIsMeant
from zhanggui.contacts.models import Customer, CustomerState
from zhanggui.contacts.services import masked_name
from zhanggui.core import limits
from zhanggui.core.limits import Limit

MISSES = Limit("api-find", most=30, window_s=600, lock_s=600)
"""Whoever has a token must not find out who is a customer by trying numbers."""


GONE = frozenset({CustomerState.REPLACED, CustomerState.ERASED})


class FindIn(In):
    """Who is meant; exactly one of them."""

    number: Line | None = None
    phone: Line | None = None


def find(caller: Caller, wanted: FindIn) -> Customer:
    """The customer with a member number or a whole phone number.

    Raises:
        WhoIsMeant: both or none of them (E_CUSTOMER_WHO, 422).
        PhoneFormat: no possible phone number (E_PHONE_FORMAT, 422).
        CustomerUnknown: nobody; the 31st in ten minutes is not looked for (404).
        TooMany: so many misses; carries the wait (E_TOO_MANY, 429).
    """
    if bool(wanted.number) == bool(wanted.phone):
        raise WhoIsMeant
    found = looked_up(caller, lambda: _customer(wanted))
    if found is None:
        raise CustomerUnknown
    return found


def _customer(wanted: FindIn) -> Customer | None:
    if wanted.phone:
        found = selectors.holder_of(phones.parse(wanted.phone))
    else:
        found = Customer.objects.filter(number=wanted.number).first()
    return None if found is None or found.state in GONE else found


def looked_up[Found](caller: Caller, find: Callable[[], Found | None]) -> Found | None:
    """Look something up for a till; what is not there counts as a miss, as with customers.

    Raises:
        TooMany: too many misses; carries the wait (E_TOO_MANY, 429).
    """
    subject = caller.actor.key
    limits.check((MISSES, subject))
    found = find()
    if found is None:
        limits.count(MISSES, subject)
    return found


def shown(customer: Customer) -> CustomerOut:
    """The customer as a till may see them."""
    return CustomerOut(number=customer.number, name=masked_name(customer.name))
