"""Conditions that segments are made of; products add theirs, so that stamps or orders count, too.

A condition says what is asked, which value it takes and which customers fit (a ``Q`` over
``Customer``; subqueries name the merchant by their scoped manager).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store
from zhanggui.contacts.errors import ConditionWrong
from zhanggui.contacts.models import CustomerState, Gender, Segment, Source, Tag
from zhanggui.core import clock, numbers

Text = str | Promise
Options = Callable[[], Sequence[tuple[str, Text]]]
MOST_CONDITIONS = 10
LONGEST_PERIOD = 3650


@dataclass(frozen=True, slots=True)
class Condition:
    """One question about a customer: with options it takes one of them, without a number."""

    name: str
    label: Text
    fits: Callable[[str], Q]
    options: Options | None = None
    unit: Text = ""
    least: int = 1
    most: int = LONGEST_PERIOD
    group: Text = ""

    def check(self, value: str) -> str:
        """A value as it is kept.

        Raises:
            ConditionWrong: not one of the options, or no number within the bounds (422).
        """
        if self.options is not None:
            if value not in {str(one) for one, _label in self.options()}:
                raise ConditionWrong
            return value
        number = numbers.whole(value.strip())
        if number is None or not self.least <= number <= self.most:
            raise ConditionWrong
        return str(number)

    def in_words(self, value: str) -> str:
        """The condition with its value, as pages show it."""
        if self.options is not None:
            shown = next((str(t) for one, t in self.options() if str(one) == value), "?")
            return f"{self.label}: {shown}"
        return f"{self.label}: {value} {self.unit}".strip()


_known: dict[str, Condition] = {}


def register(*conditions: Condition) -> None:
    """Add conditions; modules do so in ``apps.py``. The same name again replaces it."""
    for condition in conditions:
        _known[condition.name] = condition


def known() -> list[Condition]:
    """All conditions, in the order they were registered."""
    return list(_known.values())


def find(name: str) -> Condition | None:
    """A condition by its name."""
    return _known.get(name)


def checked(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Typed names and values as a segment keeps them.

    Raises:
        ConditionWrong: unknown, a wrong value, none at all or more than ten (422).
    """
    kept: list[dict[str, str]] = []
    for name, value in pairs:
        condition = find(name)
        if condition is None:
            raise ConditionWrong
        kept.append({"kind": name, "value": condition.check(value)})
    if not 1 <= len(kept) <= MOST_CONDITIONS:
        raise ConditionWrong
    return kept


def fitting(kept: Sequence[Mapping[str, Any]]) -> Q:
    """Who fits all conditions; one whose tag, store or product is gone fits nobody."""
    found = Q()
    for one in kept:
        condition = find(str(one.get("kind")))
        try:
            if condition is None:
                return Q(pk__in=[])
            found &= condition.fits(condition.check(str(one.get("value"))))
        except ConditionWrong:
            return Q(pk__in=[])
    return found


def days_ago(days: str) -> Any:
    """The moment so many days ago."""
    return clock.now() - timedelta(days=int(days))


def _tags() -> list[tuple[str, Text]]:
    rows = Tag.objects.order_by("name_key").values_list("pk", "name")
    return [(str(pk), name) for pk, name in rows]


def _stores() -> list[tuple[str, Text]]:
    rows = Store.objects.order_by("name").values_list("pk", "name")
    return [(str(pk), name) for pk, name in rows]


def months() -> list[tuple[str, Text]]:
    """The twelve months."""
    return [(str(month), _("Month %(month)s") % {"month": month}) for month in range(1, 13)]


def _birthdays() -> list[tuple[str, Text]]:
    return [("today", _("Today")), ("week", _("In the next 7 days")), *months()]


def birthday_fits(value: str) -> Q:
    """Birthdays in a month, today or within a week; whoever was born on 29/2 is one of 1/3, too."""
    if value.isdecimal():
        month = int(value)
        # day by day: the planner takes the index for single values, not for a range
        return Q(birthday__in=[month * 100 + day for day in range(1, 32)])
    today = timezone.localdate(clock.now())
    days = [today + timedelta(days=n) for n in range(1 if value == "today" else 7)]
    keys = [day.month * 100 + day.day for day in days]
    if 301 in keys and 229 not in keys:  # noqa: PLR2004  the first of March
        keys.append(229)
    return Q(birthday__in=keys)


PHONES = (
    ("known", pgettext_lazy("phone", "Known")),
    ("proved", pgettext_lazy("phone", "Proved by the customer")),
    ("none", pgettext_lazy("phone", "Not known")),
)


def phone_fits(value: str) -> Q:
    """Whether a phone is known, proved or missing."""
    if value == "none":
        return Q(phone_hash__isnull=True)
    if value == "proved":
        return Q(phone_verified_at__isnull=False)
    return Q(phone_hash__isnull=False)


YES_NO = (("yes", pgettext_lazy("answer", "Yes")), ("no", pgettext_lazy("answer", "No")))


def register_own() -> None:
    """The conditions of this module."""
    days = _("days")
    register(
        Condition("contacts.tag", _("Carries the tag"), _has_tag, _tags),
        Condition("contacts.no_tag", _("Does not carry the tag"), lambda v: ~_has_tag(v), _tags),
        Condition(
            "contacts.store",
            _("Was seen at the store"),
            lambda v: Q(store_ids__contains=[int(v)]),
            _stores,
        ),
        Condition(
            "contacts.new",
            _("Customer for at most"),
            lambda v: Q(created_at__gte=days_ago(v)),
            unit=days,
        ),
        Condition(
            "contacts.old",
            _("Customer for at least"),
            lambda v: Q(created_at__lt=days_ago(v)),
            unit=days,
        ),
        Condition(
            "contacts.seen",
            _("Seen within the last"),
            lambda v: Q(last_seen_at__gte=days_ago(v)),
            unit=days,
        ),
        Condition(
            "contacts.quiet",
            _("Not seen for"),
            _was_quiet,
            unit=days,
        ),
        Condition("contacts.birthday", _("Has a birthday"), birthday_fits, _birthdays),
        Condition("contacts.phone", _("Phone"), phone_fits, lambda: PHONES),
        Condition(
            "contacts.follows",
            _("Follows the official account"),
            lambda v: Q(is_follower=v == "yes"),
            lambda: YES_NO,
        ),
        Condition(
            "contacts.source", _("Source"), lambda v: Q(source=v), lambda: list(Source.choices)
        ),
        Condition(
            "contacts.gender",
            _("Gender"),
            lambda v: Q(gender=v),
            lambda: [
                (Gender.FEMALE.value, Gender.FEMALE.label),
                (Gender.MALE.value, Gender.MALE.label),
            ],
        ),
        Condition(
            "contacts.state",
            _("State"),
            lambda v: Q(state=v),
            lambda: list(CustomerState.choices),
        ),
    )


def _was_quiet(days: str) -> Q:
    # nobody is seen before being known: that tells the order by newness where to begin
    since = days_ago(days)
    return Q(last_seen_at__lt=since, created_at__lt=since)


def _has_tag(value: str) -> Q:
    return Q(tag_ids__contains=[int(value)])


def words_of(segment: Segment) -> list[str]:
    """The conditions of a segment in words."""
    words: list[str] = []
    for one in segment.conditions:
        condition = find(str(one.get("kind")))
        if condition is None:
            words.append(str(_("A condition of a product that is switched off")))
        else:
            words.append(condition.in_words(str(one.get("value"))))
    return words
