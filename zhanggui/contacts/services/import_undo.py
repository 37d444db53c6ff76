"""Taking a whole import back: who was made by it goes, who was changed gets the old values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from django.db import connection, transaction
from django.db.models import Q

from zhanggui.contacts import fields, holders, keys
from zhanggui.contacts.models import (
    Customer,
    CustomerState,
    DuplicatePair,
    Erasure,
    IdentityLink,
    ImportedCustomer,
    LinkMove,
    Merge,
)
from zhanggui.contacts.services.importing import mark_of, update_columns
from zhanggui.core import tenancy
from zhanggui.files.imports import Progress, Undone
from zhanggui.files.models import ImportBatch

STEP = 500
_DELETE: LiteralString = "DELETE FROM contacts_customer WHERE merchant_id = %s AND id = ANY(%s)"
UNTOUCHED = {CustomerState.ACTIVE, CustomerState.DORMANT}


def undo(batch: ImportBatch, progress: Progress) -> Undone:
    """Take a batch back in small transactions; running it again goes on where it stopped.

    Customers who were used since (a card, a WeChat identity, a change by hand, a merge) stay, and
    fields that were changed again keep the later value.
    """
    todo = ImportedCustomer.objects.filter(batch_id=batch.pk)
    total = todo.count()
    removed = kept = 0
    last = 0
    while rows := list(todo.filter(pk__gt=last).order_by("pk")[:STEP]):
        last = rows[-1].pk
        with transaction.atomic():
            gone = _remove([row.customer_id for row in rows if row.was_created], rows)
            restored = _restore([row for row in rows if not row.was_created])
            done = gone | restored
            ImportedCustomer.objects.filter(
                pk__in=[row.pk for row in rows if row.customer_id in done]
            ).delete()
        removed += len(done)
        kept += len(rows) - len(done)
        progress(removed + kept, total)
    return Undone(removed=removed, kept=kept)


def _remove(customer_ids: Sequence[int], rows: Sequence[ImportedCustomer]) -> set[int]:
    marks = {row.customer_id: (row.before or {}).get("mark") for row in rows if row.was_created}
    customers = Customer.objects.select_for_update().filter(pk__in=customer_ids).order_by("pk")
    untouched = {c.pk for c in customers if c.state in UNTOUCHED and mark_of(c) == marks[c.pk]}
    free = untouched - _in_use(untouched)
    ImportedCustomer.objects.filter(customer_id__in=free).delete()
    _delete(free)
    missing = set(customer_ids) - set(
        Customer.objects.filter(pk__in=customer_ids).values_list("pk", flat=True)
    )
    return free | missing


def _delete(ids: set[int]) -> None:
    pairs = DuplicatePair.objects.filter(Q(first_id__in=ids) | Q(second_id__in=ids))
    pairs.delete()
    with connection.cursor() as cursor:  # nothing hangs on them: no collector has to look
        cursor.execute(_DELETE, [tenancy.current_merchant_id(), list(ids)])


def _in_use(ids: set[int]) -> set[int]:
    found: set[int] = set()
    for rows, names in (
        (IdentityLink, ("customer_id",)),
        (LinkMove, ("from_customer_id", "to_customer_id")),
        (Merge, ("survivor_id", "replaced_id")),
        (Erasure, ("customer_id",)),
    ):
        for name in names:
            found |= set(rows.objects.filter(**{f"{name}__in": ids}).values_list(name, flat=True))
    for holder in holders.known():
        found |= holder.in_use(ids)
    return found


def _restore(rows: Sequence[ImportedCustomer]) -> set[int]:
    before: Mapping[int, Mapping[str, Any]] = {row.customer_id: row.before or {} for row in rows}
    found = Customer.objects.select_for_update(no_key=True).filter(pk__in=before)
    customers = [c for c in found.order_by("pk") if c.state != CustomerState.ERASED]
    for customer in customers:
        for name, (old, new) in before[customer.pk].items():
            each = fields.BY_NAME[name]
            if each.raw(customer) == new:
                each.put(customer, old)
        keys.put_name(customer, customer.name)
    if customers:
        update_columns(customers)
    return {customer.pk for customer in customers}
