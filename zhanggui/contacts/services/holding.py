"""Locks on customers: keep one as it is until the transaction ends, or take both of a pair.

Whoever adds a row to a customer holds the customer (a shared lock that nobody else notices);
whoever merges, splits or erases takes it. Links are locked before customers, customers in the
order of their ids, cards and the like after them: one order for all, so that nobody deadlocks.
The lock of ``take`` leaves room for foreign keys (NO KEY UPDATE): confirming a stamp does not wait.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

from zhanggui.contacts.errors import CustomerGone
from zhanggui.contacts.models import Customer, CustomerState, IdentityLink, Merge
from zhanggui.core import tenancy
from zhanggui.core.errors import NotFound

_HOLD = "SELECT state FROM contacts_customer WHERE merchant_id = %s AND id = %s FOR SHARE"
_SURVIVOR = """
WITH RECURSIVE way AS (
  SELECT survivor_id, 1 AS steps FROM contacts_merge
  WHERE merchant_id = %(merchant)s AND replaced_id = %(customer)s AND undone_at IS NULL
  UNION ALL
  SELECT m.survivor_id, w.steps + 1
  FROM contacts_merge m JOIN way w ON m.replaced_id = w.survivor_id
  WHERE m.merchant_id = %(merchant)s AND m.undone_at IS NULL AND w.steps < %(most)s
)
SELECT survivor_id FROM way ORDER BY steps DESC LIMIT 1
"""
MOST_STEPS = 1000
"""A chain cannot close, as only customers who are nobody's part merge; this stops a damaged one."""
TRIES = 5


def survivor_of(customer_id: int) -> int | None:
    """Into whom a customer was merged, at the end of all merges; None when it was not."""
    asked = {
        "merchant": tenancy.current_merchant_id(),
        "customer": customer_id,
        "most": MOST_STEPS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SURVIVOR, asked)
        row = cursor.fetchone()
    return int(row[0]) if row else None


def hold(customer_id: int) -> int:
    """The customer that this one is now; it stays so until the transaction ends.

    Raises:
        NotFound: no such customer (404).
        CustomerGone: the person was erased (410).
    """
    for _try in range(TRIES):
        with connection.cursor() as cursor:
            cursor.execute(_HOLD, [tenancy.current_merchant_id(), customer_id])
            row = cursor.fetchone()
        if row is None:
            raise NotFound
        if row[0] == CustomerState.ERASED:
            raise CustomerGone
        if row[0] != CustomerState.REPLACED:
            return customer_id
        customer_id = survivor_of(customer_id) or customer_id
    raise CustomerGone


def take(customer_ids: Collection[int]) -> dict[int, Customer]:
    """Lock customers with their links against other merges, splits and erasures.

    Raises:
        NotFound: one of them does not exist (404).
    """
    links = IdentityLink.objects.select_for_update(no_key=True).filter(customer_id__in=customer_ids)
    list(links.order_by("pk").values_list("pk", flat=True))
    customers = Customer.objects.select_for_update(no_key=True).filter(pk__in=customer_ids)
    found = {customer.pk: customer for customer in customers.order_by("pk")}
    if len(found) != len(set(customer_ids)):
        raise NotFound
    return found


def merges_into(customer_id: int) -> list[int]:
    """All customers that this one swallowed, whatever the number of steps; never undone ones."""
    found: list[int] = []
    layer = [customer_id]
    while layer:
        rows = Merge.objects.filter(survivor_id__in=layer, undone_at=None)
        layer = [one for one in rows.values_list("replaced_id", flat=True) if one not in found]
        found += layer
    return found
