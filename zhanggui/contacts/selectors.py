"""Reads of customers: the list with its search, one customer with identities."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, LiteralString

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from zhanggui.accounts import phones as phone_numbers
from zhanggui.accounts.errors import PhoneFormat
from zhanggui.contacts import conditions, hooks, phones
from zhanggui.contacts.models import (
    Customer,
    CustomerState,
    DuplicatePair,
    Erasure,
    ErasureState,
    IdentityLink,
    Likeness,
    LinkState,
    Merge,
    PairState,
    Segment,
    Source,
    Tag,
)
from zhanggui.contacts.search import fold, of_hash, wanted
from zhanggui.core import clock, numbers, tenancy
from zhanggui.ui import paging

GONE = (CustomerState.REPLACED, CustomerState.ERASED)
"""Nobody looks for these: merged into another customer, or erased."""
ORDER = ("-created_at", "-id")
LONGEST_SEARCH = 80
TAIL_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows the list of customers; empty values narrow nothing."""

    search: str = ""
    state: str = ""
    source: str = ""
    store: int | None = None
    tag: int | None = None
    segment: int | None = None
    birthday: str = ""
    phone: str = ""
    followed: str = ""
    created_from: date | None = None
    created_to: date | None = None
    ids: tuple[int, ...] = ()
    zone: str = "Asia/Shanghai"
    """Whose days ``created_from`` and ``created_to`` are."""

    @classmethod
    def of(cls, values: Mapping[str, Any], *, zone: str) -> Filters:
        """Filters out of the list's values or out of the parameters of its address.

        Args:
            values: by the names of the address.
            zone: the merchant's, whose days count.
        """
        return cls(
            zone=zone,
            search=str(values.get("q", "")),
            state=_one_of(values.get("state"), set(CustomerState.values)),
            source=_one_of(values.get("source"), set(Source.values)),
            store=_number(values.get("store")),
            tag=_number(values.get("tag")),
            segment=_number(values.get("segment")),
            birthday=_one_of(values.get("birthday"), {str(month) for month in range(1, 13)}),
            phone=_one_of(values.get("phone"), {"known", "proved", "none"}),
            followed=_one_of(values.get("followed"), {"yes", "no"}),
            created_from=_day(values.get("created_from")),
            created_to=_day(values.get("created_to")),
            ids=tuple(n for n in map(_number, str(values.get("ids", "")).split(",")) if n),
        )


def _one_of(value: object, known: Collection[str]) -> str:
    return str(value) if value in known else ""


def _number(value: object) -> int | None:
    return numbers.whole(str(value)) if value else None


def _day(value: object) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def customers(*, search: str = "", state: str = "") -> QuerySet[Customer]:
    """Customers of the merchant in scope, newest first, by the two commonest filters."""
    return found(Filters(search=search, state=state if state in CustomerState.values else ""))


def found(filters: Filters) -> QuerySet[Customer]:
    """Customers that fit, newest first; merged ones only when asked for by their state.

    The search finds part of the name, its pinyin or initials; a member number or its beginning; a
    whole phone number or its last four digits.
    """
    rows = Customer.objects.filter(_state(filters.state))
    typed = filters.search[:LONGEST_SEARCH]
    if fold(typed):
        rows = rows.filter(_fits(typed))
    for condition in _conditions(filters):
        rows = rows.filter(condition)
    return rows.order_by(*ORDER)


def _state(state: str) -> Q:
    return Q(state=state) if state else ~Q(state__in=GONE)


def _conditions(filters: Filters) -> Iterator[Q]:
    if filters.ids:
        yield Q(pk__in=filters.ids)
    if filters.source:
        yield Q(source=filters.source)
    if filters.store:
        yield Q(store_ids__contains=[filters.store])
    if filters.tag:
        yield Q(tag_ids__contains=[filters.tag])
    if filters.segment:
        segment = Segment.objects.filter(pk=filters.segment).first()
        yield conditions.fitting(segment.conditions) if segment else Q(pk__in=[])
    yield from _more_conditions(filters)


def _more_conditions(filters: Filters) -> Iterator[Q]:
    if filters.birthday:
        yield conditions.birthday_fits(filters.birthday)
    if filters.phone:
        yield conditions.phone_fits(filters.phone)
    if filters.followed:
        yield Q(is_follower=filters.followed == "yes")
    if filters.created_from:
        yield Q(created_at__gte=clock.start_of(filters.created_from, filters.zone))
    if filters.created_to and filters.created_to < date.max:
        after = filters.created_to + timedelta(days=1)
        yield Q(created_at__lt=clock.start_of(after, filters.zone))


def pairs(*, state: str = "", likeness: str = "") -> QuerySet[DuplicatePair]:
    """Pairs of customers who look alike: those to be decided, or ``dismissed`` ones; unordered."""
    is_away = state == PairState.DISMISSED
    found = DuplicatePair.objects.select_related("first", "second").filter(
        state=PairState.DISMISSED if is_away else PairState.OPEN
    )
    return found.filter(likeness=likeness) if likeness in Likeness.values else found


def find_customers(text: str, limit: int) -> list[Customer]:
    """The first customers that fit a text, for the search over everything."""
    if not fold(text):
        return []
    return newest(found(Filters(search=text)), limit).rows


def newest(rows: QuerySet[Customer], limit: int) -> paging.Page[Customer]:
    """The newest customers of those that fit, and how many fit."""
    return paging.found_first(rows, order=ORDER, size=limit)


def holder_of(phone: str) -> Customer | None:
    """The customer of this merchant who has a phone number (E.164)."""
    hashes = phones.hashes(phone, merchant_id=tenancy.current_merchant_id())
    return Customer.objects.filter(phone_hash__in=hashes).first()


def tags() -> list[Tag]:
    """All tags of the merchant, by name."""
    return list(Tag.objects.order_by("name_key"))


def with_tags(customers: QuerySet[Customer]) -> QuerySet[Customer]:
    """Customers that bring all tags of the merchant along; ``tags_with`` reads them."""
    row = JSONObject(id="pk", name="name", colour="colour")
    every = Tag.objects.order_by("name_key").values(row=row)
    return customers.annotate(tag_rows=ArraySubquery(every))


def tags_with(customer: Any) -> list[Tag]:
    """The tags a customer of ``with_tags`` brought along, by name."""
    return [Tag(**row) for row in customer.tag_rows]


_USE: LiteralString = """
(SELECT %s::bigint, count(*) FROM (
  SELECT FROM contacts_customer WHERE merchant_id = %s AND tag_ids @> ARRAY[%s]::bigint[]
  LIMIT 1001) few)
"""


def use_of_tags(tags: Sequence[Tag]) -> dict[int, int]:
    """How many customers carry each tag; counting stops at 1,001.

    Each tag stands in the statement by its number, so that the planner knows how common it is: one
    on every second customer is counted in the table, one on a few of them in the index.
    """
    if not tags:
        return {}
    merchant = tenancy.current_merchant_id()
    values = [value for tag in tags for value in (tag.pk, merchant, tag.pk)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([_USE] * len(tags)), values)
        return dict(cursor.fetchall())


def _fits(typed: str) -> Q:
    """Name, pinyin, initials, number: by their words; digits may also be a phone or its tail."""
    asked = wanted(typed)
    hashes = [of_hash(digest) for digest in _phone_hashes(typed)]
    if hashes and len(asked.tokens) == 1 and not asked.texts:
        # one scan of the index: an OR of two would make the planner walk the whole list
        return Q(search__overlap=[*asked.tokens, *hashes])
    if hashes:
        return Q(search__overlap=[fold(typed), *hashes])  # long member numbers stand whole, too
    found = Q(search__contains=asked.tokens) if asked.tokens else Q(pk__in=[])
    for text in asked.texts:
        found &= Q(name_key__contains=text) | Q(number__istartswith=text)
    return found


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


def with_life(customers: QuerySet[Customer]) -> QuerySet[Customer]:
    """Customers that know whether anything waits or was merged, so that few ask for it."""
    me = OuterRef("pk")
    pairs = DuplicatePair.objects.filter(state=PairState.OPEN)
    return customers.annotate(
        is_survivor=Exists(Merge.objects.filter(survivor_id=me, undone_at=None)),
        is_alike=Exists(pairs.filter(Q(first_id=me) | Q(second_id=me))),
        is_going=Exists(Erasure.objects.filter(customer_id=me, state=ErasureState.WAITING)),
    )


def identities_of(customer: Customer) -> list[tuple[IdentityLink, str]]:
    """The ways a customer is known, newest first, each with the name of its account."""
    sign_in = hooks.sign_in()
    links = list(IdentityLink.objects.filter(customer=customer).order_by("-created_at", "-id"))
    accounts = {link.account_id for link in links}
    names = {pk: sign_in.account_name(pk) for pk in accounts} if sign_in else {}
    return [(link, names.get(link.account_id, "")) for link in links]


def active_link(customer_id: int, *, account_id: int) -> IdentityLink | None:
    """How a customer can be reached through an account; None when it is not."""
    return IdentityLink.objects.filter(
        customer_id=customer_id, account_id=account_id, state=LinkState.ACTIVE
    ).first()
