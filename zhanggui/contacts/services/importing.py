"""Customers from a spreadsheet: checked in chunks, written by COPY, taken back as a batch.

A row belongs to the customer with its phone number, else to the one with its member number; such a
customer is updated or left alone, as was chosen. Cells that are empty never take anything away.
Source: specification P17, P36.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, LiteralString

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from zhanggui.accounts.models import Store
from zhanggui.contacts import fields, keys, phones
from zhanggui.contacts.errors import ImportCollided
from zhanggui.contacts.models import Customer, CustomerState, Source, Tag
from zhanggui.contacts.search import fold
from zhanggui.contacts.services.customers import NUMBER_DIGITS
from zhanggui.contacts.services.holding import survivor_of
from zhanggui.contacts.services.tags import MOST_TAGS
from zhanggui.core import clock, tenancy
from zhanggui.core.db import turns
from zhanggui.files.imports import CellError, CostLine, Row, Run, Written

EXISTING = "existing"
UPDATE, SKIP = "update", "skip"
TRIES = 3

_COLUMNS: LiteralString = (
    "merchant_id, id, number, name, name_key, sort_key, search, phone_sealed, phone_hash,"
    " phone_tail_hash, gender, birthday, birth_year, note, source, store_ids, tag_ids, state,"
    " blocked_reason, is_follower, created_at, last_seen_at"
)
_COPY: LiteralString = f"COPY contacts_customer ({_COLUMNS}) FROM STDIN"
_COPY_NOTES: LiteralString = (
    "COPY contacts_importedcustomer (merchant_id, batch_id, customer_id, was_created, before)"
    " FROM STDIN"
)
_IDS: LiteralString = "SELECT nextval('contacts_customer_id_seq') FROM generate_series(1, %s)"
_BY_PHONE: LiteralString = (
    "SELECT * FROM contacts_customer"
    " WHERE merchant_id = %(merchant)s AND phone_hash = ANY(%(values)s)"
)
_BY_NUMBER: LiteralString = (
    "SELECT * FROM contacts_customer WHERE merchant_id = %(merchant)s AND number = ANY(%(values)s)"
)
_LOCKED: LiteralString = "ORDER BY id FOR NO KEY UPDATE"
_TAKEN: LiteralString = (
    "SELECT number FROM contacts_customer WHERE merchant_id = %s AND number = ANY(%s)"
)
_UPDATE: LiteralString = """
UPDATE contacts_customer c
SET name = v.name, name_key = v.name_key, sort_key = v.sort_key, search = v.search::varchar[],
    gender = v.gender, birthday = v.birthday, birth_year = v.birth_year, note = v.note,
    store_ids = v.store_ids::bigint[], tag_ids = v.tag_ids::bigint[]
FROM unnest(%(ids)s::bigint[], %(name)s::text[], %(name_key)s::text[], %(sort_key)s::text[],
            %(search)s::text[], %(gender)s::text[], %(birthday)s::int[],
            %(birth_year)s::smallint[], %(note)s::text[], %(store_ids)s::text[],
            %(tag_ids)s::text[])
     AS v(id, name, name_key, sort_key, search, gender, birthday, birth_year, note, store_ids,
          tag_ids)
WHERE c.merchant_id = %(merchant)s AND c.id = v.id
"""
_UPDATED = (
    *("name", "name_key", "sort_key", "search", "gender", "birthday", "birth_year", "note"),
    *("store_ids", "tag_ids"),
)


@dataclass(slots=True)
class Notes:
    """What one pass over a sheet remembers from chunk to chunk."""

    stores: dict[str, int]
    tags: dict[str, int]
    phones: dict[str, int] = field(default_factory=dict)
    """Number to the row where it stood first; likewise member numbers."""
    numbers: dict[str, int] = field(default_factory=dict)
    new_tags: set[str] = field(default_factory=set)
    new: int = 0
    known: int = 0


def _notes(run: Run) -> Notes:
    notes = run.memory.get("notes")
    if not isinstance(notes, Notes):
        stores = {fold(name): pk for pk, name in Store.objects.values_list("pk", "name")}
        tags = {key: pk for pk, key in Tag.objects.values_list("pk", "name_key")}
        notes = run.memory["notes"] = Notes(stores, tags)
    return notes


# -- checking


def check_rows(rows: Sequence[Row], run: Run) -> Iterator[CellError]:
    """What the cells alone cannot say: repeated numbers, unknown stores, numbers taken."""
    notes = _notes(run)
    known = _Known(rows)
    for row in rows:
        errors = [*_repeated(row, notes), *_unknown(row, notes), *known.errors(row)]
        yield from errors
        if not errors:
            is_known = known.customer_of(row) is not None
            notes.known += is_known
            notes.new += not is_known


def _repeated(row: Row, notes: Notes) -> Iterator[CellError]:
    for column, seen in (("phone", notes.phones), ("number", notes.numbers)):
        value = row.values.get(column)
        if not value:
            continue
        first = seen.setdefault(value, row.number)
        if first != row.number:
            yield CellError(
                row.number,
                column,
                _("Row %(row)s has the same. Leave one of the two out.") % {"row": first},
            )


def _unknown(row: Row, notes: Notes) -> Iterator[CellError]:
    for name in row.values.get("stores") or ():
        if fold(name) not in notes.stores:
            yield CellError(
                row.number,
                "stores",
                _("There is no store “%(name)s”. Open it first, or correct the name.")
                % {"name": name[:40]},
            )
    for name in row.values.get("tags") or ():
        key = fold(name)
        if key in notes.tags or key in notes.new_tags:
            continue
        if len(notes.tags) + len(notes.new_tags) >= MOST_TAGS:
            yield CellError(
                row.number,
                "tags",
                _("“%(name)s” would be the %(count)sth tag; a shop can have %(most)s.")
                % {"name": name, "count": MOST_TAGS + 1, "most": MOST_TAGS},
            )
        else:
            notes.new_tags.add(key)


def cost(run: Run) -> Iterator[CostLine]:
    """How many will be new, how many are known, which tags will be made."""
    notes = _notes(run)
    yield CostLine(_("New customers"), f"{notes.new:,}")
    updates = run.option(EXISTING) != SKIP
    label = _("Known customers, to be updated") if updates else _("Known customers, left alone")
    yield CostLine(label, f"{notes.known:,}")
    if notes.new_tags:
        yield CostLine(_("New tags"), f"{len(notes.new_tags):,}")


def _found(sql: LiteralString, values: Sequence[object], *, is_locked: bool) -> list[Customer]:
    # one array instead of 2,000 parameters: the statement is read in no time
    if not values:
        return []
    asked = {"merchant": tenancy.current_merchant_id(), "values": values}
    return list(Customer.objects.raw(f"{sql} {_LOCKED}" if is_locked else sql, asked))


class _Known:
    """The customers that the rows of a chunk belong to; two queries."""

    def __init__(self, rows: Sequence[Row], *, is_locked: bool = False) -> None:
        merchant_id = tenancy.current_merchant_id()
        self._hashes = {
            row.values["phone"]: phones.hashes(row.values["phone"], merchant_id=merchant_id)
            for row in rows
            if row.values.get("phone")
        }
        wanted = [digest for hashes in self._hashes.values() for digest in hashes]
        numbers = [row.values["number"] for row in rows if row.values.get("number")]
        self._by_phone = {
            bytes(customer.phone_hash or b""): customer
            for customer in _found(_BY_PHONE, wanted, is_locked=is_locked)
        }
        self._by_number = {
            customer.number: customer
            for customer in _found(_BY_NUMBER, numbers, is_locked=is_locked)
        }

    def by_phone(self, row: Row) -> Customer | None:
        """Who has the row's phone number."""
        hashes = self._hashes.get(row.values.get("phone") or "", ())
        return next((self._by_phone[h] for h in hashes if h in self._by_phone), None)

    def customer_of(self, row: Row) -> Customer | None:
        """To whom the row belongs; None when it is somebody new."""
        return self.by_phone(row) or self._by_number.get(row.values.get("number") or "")

    def errors(self, row: Row) -> Iterator[CellError]:
        """Member numbers that belong to somebody else."""
        holder = self._by_number.get(row.values.get("number") or "")
        if holder is None:
            return
        phone = row.values.get("phone")
        owner = self.by_phone(row)
        is_other = owner is not None and owner.pk != holder.pk
        is_gone = holder.state in {CustomerState.ERASED, CustomerState.REPLACED}
        if is_gone or is_other or (phone and owner is None and holder.has_phone):
            text = _("This member number belongs to another customer.")
            yield CellError(row.number, "number", text)


# -- writing


def write_rows(rows: Sequence[Row], run: Run) -> Written:
    """Write a chunk of good rows, in the caller's transaction.

    Raises:
        ImportCollided: the same customers were added elsewhere at this very moment (409).
    """
    turns.take("contacts.import", tenancy.current_merchant_id())
    _make_tags(rows, run)
    for _try in range(TRIES):
        try:
            with transaction.atomic():
                return _write(rows, run)
        except IntegrityError as error:
            # a number or phone was taken between looking and writing: look again
            if "customer_phone_once" not in str(error) and "customer_number_once" not in str(error):
                raise
    raise ImportCollided


def _make_tags(rows: Sequence[Row], run: Run) -> None:
    notes = _notes(run)
    names = {fold(name): name for row in rows for name in row.values.get("tags") or ()}
    missing = [key for key in names if key not in notes.tags]
    if not missing:
        return
    merchant_id = tenancy.current_merchant_id()
    Tag.objects.bulk_create(
        [Tag(merchant_id=merchant_id, name=names[key], name_key=key) for key in missing],
        ignore_conflicts=True,
    )
    found = Tag.objects.filter(name_key__in=missing).values_list("name_key", "pk")
    notes.tags.update(found)


def _write(rows: Sequence[Row], run: Run) -> Written:
    notes = _notes(run)
    known = _Known(rows, is_locked=True)
    updates = run.option(EXISTING) != SKIP
    new: list[Customer] = []
    changed: list[tuple[Customer, dict[str, Any]]] = []
    numbers = _numbers(sum(1 for row in rows if not row.values.get("number")))
    for row in rows:
        customer = known.customer_of(row)
        if customer is None:
            new.append(_new(row, notes, row.values.get("number") or next(numbers)))
        elif updates:
            customer = _survivor(customer)
            before = _change(customer, row, notes)
            if before:
                changed.append((customer, before))
    _copy(new, run)
    _update(changed, run)
    return Written(created=len(new), changed=len(changed))


def _survivor(customer: Customer) -> Customer:
    if customer.state != CustomerState.REPLACED:
        return customer
    kept = Customer.objects.select_for_update(no_key=True)
    return kept.get(pk=survivor_of(customer.pk) or customer.pk)


def _new(row: Row, notes: Notes, number: str) -> Customer:
    now = clock.now()
    customer = Customer(
        merchant_id=tenancy.current_merchant_id(),
        number=number,
        source=row.values.get("source") or Source.IMPORT,
        created_at=now,
        last_seen_at=now,
    )
    if row.values.get("phone"):
        phones.put(customer, row.values["phone"])
    _put(customer, row, notes)
    keys.put_name(customer, row.values.get("name") or "")
    return customer


def _drawn() -> str:
    return str(secrets.randbelow(9 * 10 ** (NUMBER_DIGITS - 1)) + 10_000_000)


def _put(customer: Customer, row: Row, notes: Notes) -> None:
    values = row.values
    if values.get("birthday"):
        customer.birthday, customer.birth_year = values["birthday"].key, values["birthday"].year
    customer.gender = values.get("gender") or customer.gender
    customer.note = values.get("note") or customer.note
    tag_ids = {notes.tags[fold(name)] for name in values.get("tags") or ()}
    store_ids = {notes.stores[fold(name)] for name in values.get("stores") or ()}
    customer.tag_ids = sorted(tag_ids.union(customer.tag_ids))
    customer.store_ids = sorted(store_ids.union(customer.store_ids))


def _change(customer: Customer, row: Row, notes: Notes) -> dict[str, Any]:
    """Put the cells on a customer who exists; answers what it was before, field by field."""
    before = {each.name: each.raw(customer) for each in fields.IMPORTED}
    _put(customer, row, notes)
    name = row.values.get("name")
    if name and keys.clean_name(name) != customer.name:
        keys.put_name(customer, name)
    after = {each.name: each.raw(customer) for each in fields.IMPORTED}
    return {key: [old, after[key]] for key, old in before.items() if old != after[key]}


def mark_of(customer: Customer) -> str:
    """A short sign of what an import wrote, to see later whether somebody changed it since."""
    facts = [each.raw(customer) for each in fields.IMPORTED]
    text = json.dumps([*facts, bytes(customer.phone_hash or b"").hex()])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _copy(customers: Sequence[Customer], run: Run) -> None:
    if not customers:
        return
    # what COPY runs into is told in psycopg's words, unless Django is asked to say it
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute(_IDS, [len(customers)])
        for customer, (pk,) in zip(customers, cursor.fetchall(), strict=True):
            customer.pk = pk
        with cursor.copy(_COPY) as copy:
            for customer in customers:
                copy.write_row(_line(customer))
    _note(((c, True, {"mark": mark_of(c)}) for c in customers), run)


def _numbers(count: int) -> Iterator[str]:
    """Draw member numbers nobody has; among 100,000 some would be drawn twice."""
    free: set[str] = set()
    while len(free) < count:
        drawn = {_drawn() for _ in range(count - len(free))}
        with connection.cursor() as cursor:
            cursor.execute(_TAKEN, [tenancy.current_merchant_id(), list(drawn)])
            free |= drawn.difference(number for (number,) in cursor.fetchall())
    return iter(free)


def _line(customer: Customer) -> tuple[Any, ...]:
    c = customer
    return (
        *(c.merchant_id, c.pk, c.number, c.name, c.name_key, c.sort_key, _texts(c.search)),
        *(c.phone_sealed, c.phone_hash, c.phone_tail_hash),
        *(str(c.gender), c.birthday, c.birth_year, c.note, str(c.source)),
        *(_ids(c.store_ids), _ids(c.tag_ids), CustomerState.ACTIVE.value, "", False),
        *(c.created_at, c.last_seen_at),
    )


def _ids(ids: Iterable[int]) -> str:
    return "{" + ",".join(map(str, ids)) + "}"


def _note(rows: Iterable[tuple[Customer, bool, dict[str, Any]]], run: Run) -> None:
    from psycopg.types.json import Jsonb  # noqa: PLC0415  only a running import needs it

    with connection.cursor() as cursor, cursor.copy(_COPY_NOTES) as copy:
        for customer, was_created, before in rows:
            copy.write_row(
                (customer.merchant_id, run.batch.pk, customer.pk, was_created, Jsonb(before))
            )


def _update(changed: Sequence[tuple[Customer, dict[str, Any]]], run: Run) -> None:
    if not changed:
        return
    update_columns([customer for customer, _before in changed])
    _note(((customer, False, before) for customer, before in changed), run)


def update_columns(customers: Sequence[Customer]) -> None:
    """Save what an import may change, of many customers in one statement."""
    values: dict[str, Any] = {
        "merchant": tenancy.current_merchant_id(),
        "ids": [customer.pk for customer in customers],
    }
    for column in _UPDATED:
        values[column] = [getattr(customer, column) for customer in customers]
    values["gender"] = [str(gender) for gender in values["gender"]]
    for column in ("store_ids", "tag_ids"):
        values[column] = [_ids(ids) for ids in values[column]]
    values["search"] = [_texts(words) for words in values["search"]]
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE, values)


def _texts(words: Iterable[str]) -> str:
    quoted = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    return "{" + ",".join(f'"{word}"' for word in quoted) + "}"
