"""Birthdays: month and day, the year where the customer told it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

LEAP_YEAR = 2000
OLDEST = 1900
_TYPED = re.compile(r"(?:(\d{4})[-/.年])?(\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d{2})(\d{2})")


@dataclass(frozen=True, slots=True)
class Birthday:
    """A day of the year; ``year`` is None when it was not told."""

    month: int
    day: int
    year: int | None = None

    @property
    def key(self) -> int:
        """Month and day as one number, as the column keeps it: 517."""
        return self.month * 100 + self.day

    def __str__(self) -> str:
        head = f"{self.year:04d}-" if self.year else ""
        return f"{head}{self.month:02d}-{self.day:02d}"


class InFuture(ValueError):
    """A day that has not come yet."""


def of_columns(key: int | None, year: int | None) -> Birthday | None:
    """The birthday of a row."""
    return Birthday(key // 100, key % 100, year) if key else None


def parse(typed: str, *, today: date) -> Birthday | None:
    """A typed birthday: 1990-05-17, 19900517, 5-17, 5月17日; None when empty.

    Raises:
        InFuture: after today.
        ValueError: no such day, or before 1900.
    """
    text = "".join(unicodedata.normalize("NFKC", typed).split())
    if not text:
        return None
    found = _TYPED.fullmatch(text)
    if found is None:
        raise ValueError(typed)
    year, month, day = (part and int(part) for part in _groups(found))
    date(year or LEAP_YEAR, month or 0, day or 0)  # raises ValueError for the 30th of February
    if year and date(year, month or 0, day or 0) > today:
        raise InFuture(typed)
    if year and year < OLDEST:
        raise ValueError(typed)
    return Birthday(month or 0, day or 0, year or None)


def _groups(found: re.Match[str]) -> tuple[str | None, str | None, str | None]:
    year, month, day, year2, month2, day2 = found.groups()
    return (year, month, day) if month else (year2, month2, day2)


def in_words(birthday: Birthday | None) -> str:
    """A birthday as pages show it."""
    if birthday is None:
        return ""
    places = {"year": birthday.year, "month": birthday.month, "day": birthday.day}
    if birthday.year:
        return _("%(month)s/%(day)s/%(year)s") % places
    return _("%(month)s/%(day)s") % places
