"""The fields of a customer that merging and importing fill: how they are read, joined and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Store
from zhanggui.contacts import birthdays, keys
from zhanggui.contacts.models import Customer, Gender, Tag
from zhanggui.ui import formats

Text = str | Promise
LONGEST_NOTE = 1000
ERASED_NAME = "已清除的顾客"
"""What stands where the name of an erased person stood."""
BETWEEN_NOTES = "\n"


def _raw_of(name: str) -> Callable[[Customer], Any]:
    return lambda customer: getattr(customer, name)


@dataclass(frozen=True)
class Field:
    """One field: ``join`` keeps both values, else the survivor's stays unless it is empty."""

    name: str
    label: Text
    raw: Callable[[Customer], Any]
    put: Callable[[Customer, Any], None]
    shown: Callable[[Customer], str]
    join: Callable[[Any, Any], Any] | None = None

    def is_empty(self, value: Any) -> bool:
        """Whether this value says nothing."""
        return value in {None, ""} if not isinstance(value, list) else not value


def _simple(name: str, label: Text, shown: Callable[[Customer], str]) -> Field:
    def put(customer: Customer, value: Any) -> None:
        setattr(customer, name, value)

    return Field(name, label, _raw_of(name), put, shown)


def _name(customer: Customer) -> str:
    return "" if customer.name == keys.NAMELESS else customer.name


def _put_name(customer: Customer, value: str) -> None:
    keys.put_name(customer, value)


def _birthday(customer: Customer) -> list[int | None] | None:
    return None if customer.birthday is None else [customer.birthday, customer.birth_year]


def _put_birthday(customer: Customer, value: Sequence[int | None] | None) -> None:
    customer.birthday, customer.birth_year = value or (None, None)


def birthday_shown(customer: Customer) -> str:
    """A birthday as pages show it; empty when none is known."""
    return birthdays.in_words(birthdays.of_columns(customer.birthday, customer.birth_year))


def _gender(customer: Customer) -> str:
    return str(Gender(customer.gender).label) if customer.gender else ""


def _joined_lists(ours: list[int], theirs: list[int]) -> list[int]:
    return sorted({*ours, *theirs})


def _joined_notes(ours: str, theirs: str) -> str:
    if not theirs or theirs in ours:
        return ours
    return (f"{ours}{BETWEEN_NOTES}{theirs}" if ours else theirs)[:LONGEST_NOTE]


def _tags(customer: Customer) -> str:
    return _names(Tag.objects.filter(pk__in=customer.tag_ids).values_list("name", flat=True))


def _stores(customer: Customer) -> str:
    return _names(Store.objects.filter(pk__in=customer.store_ids).values_list("name", flat=True))


def _names(names: Any) -> str:
    return "、".join(names.order_by("pk"))


def _moment(name: str, choose: Callable[[datetime, datetime], datetime]) -> Field:
    """A moment nobody types; kept as text, because it is noted in JSON for taking back."""

    def raw(customer: Customer) -> str:
        moment: datetime = getattr(customer, name)
        return moment.isoformat()

    def put(customer: Customer, value: str) -> None:
        setattr(customer, name, datetime.fromisoformat(value))

    def join(ours: str, theirs: str) -> str:
        return choose(datetime.fromisoformat(ours), datetime.fromisoformat(theirs)).isoformat()

    return Field(name, "", raw, put, lambda _customer: "", join)


def _list(name: str, label: Text, shown: Callable[[Customer], str]) -> Field:
    def raw(customer: Customer) -> list[int]:
        return list(getattr(customer, name))

    def put(customer: Customer, value: list[int]) -> None:
        setattr(customer, name, value)

    return Field(name, label, raw, put, shown, _joined_lists)


MERGED: Sequence[Field] = (
    Field("name", _("Name"), _name, _put_name, _name),
    Field("birthday", _("Birthday"), _birthday, _put_birthday, birthday_shown),
    _simple("gender", _("Gender"), _gender),
    _list("tag_ids", _("Tags"), _tags),
    _list("store_ids", _("Stores"), _stores),
    Field(
        "note",
        _("Note"),
        _raw_of("note"),
        lambda customer, value: setattr(customer, "note", value),
        lambda customer: customer.note,
        _joined_notes,
    ),
    _moment("created_at", min),
    _moment("last_seen_at", max),
)
"""What a merge can change of the survivor, besides the phone number."""
IMPORTED = tuple(field for field in MERGED if not field.name.endswith("_at"))
"""What an import can change."""
BY_NAME = {field.name: field for field in MERGED}
PHONE = Field(
    "phone",
    _("Phone"),
    lambda customer: bytes(customer.phone_hash or b""),
    lambda _customer, _value: None,
    lambda customer: formats.masked_phone(customer.phone) if customer.has_phone else "",
)

_PHONE_COLUMNS = ("phone_sealed", "phone_hash", "phone_tail_hash", "phone_verified_at")


def swap_phones(one: Customer, other: Customer) -> None:
    """Let two customers change their numbers; saved at once, as a number is held only once."""
    ours, theirs = _numbers_of(one), _numbers_of(other)
    Customer.objects.filter(pk=other.pk).update(**dict.fromkeys(_PHONE_COLUMNS))
    _put_numbers(one, theirs)
    _put_numbers(other, ours)


def _numbers_of(customer: Customer) -> dict[str, Any]:
    return {column: getattr(customer, column) for column in _PHONE_COLUMNS}


def _put_numbers(customer: Customer, values: dict[str, Any]) -> None:
    for column, value in values.items():
        setattr(customer, column, value)
    keys.put_search(customer)
    customer.save(update_fields=[*_PHONE_COLUMNS, "search"])


def save(customer: Customer) -> None:
    """Keep what merging may have changed, with what the customer is found by."""
    keys.put_name(customer, customer.name)
    customer.is_follower = customer.links.filter(follows=True).exists()
    customer.save(update_fields=[*SAVED, *keys.NAME_FIELDS])


SAVED = (
    *("birthday", "birth_year", "gender", "tag_ids", "store_ids", "note", "state"),
    *("created_at", "last_seen_at", "is_follower"),
)
