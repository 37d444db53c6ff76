"""What stands in the cells of a customers' spreadsheet, read as the shop means it."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import phones
from zhanggui.accounts.errors import PhoneFormat
from zhanggui.contacts import birthdays
from zhanggui.contacts.birthdays import Birthday
from zhanggui.contacts.models import Gender
from zhanggui.core import clock
from zhanggui.files.cells import CHINA, BadCell, plain

SERIAL_DAY_0 = date(1899, 12, 30)
FIRST_SERIAL = 3_654  # 1910; a smaller number is a month and a day, or nonsense
LAST_SERIAL = 73_050  # 2100
LONGEST_TAG = 20
MOST_TAGS = 10
MOST_STORES = 20
SPLIT = re.compile(r"[、,，;；|/\n]+")
NUMBER = re.compile(r"[A-Z0-9-]{3,20}")
MAINLAND = re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})")
PREFIX_LENGTH = 5
GENDERS = {
    "男": Gender.MALE,
    "男性": Gender.MALE,
    "先生": Gender.MALE,
    "m": Gender.MALE,
    "male": Gender.MALE,
    "女": Gender.FEMALE,
    "女性": Gender.FEMALE,
    "女士": Gender.FEMALE,
    "小姐": Gender.FEMALE,
    "f": Gender.FEMALE,
    "female": Gender.FEMALE,
    "未知": Gender.UNKNOWN,
    "保密": Gender.UNKNOWN,
}


def phone(value: Any) -> str:
    """A phone number as E.164, in any notation that people and spreadsheets use."""
    typed = plain(value).lstrip("'’`")
    folded = re.sub(r"[\s\-().·]", "", unicodedata.normalize("NFKC", typed))
    found = MAINLAND.fullmatch(folded)
    if found and _is_mobile(found[1][:PREFIX_LENGTH]):
        return f"+86{found[1]}"
    if re.fullmatch(r"\d(?:\.\d+)?[eE]\+?\d+", folded):
        raise BadCell(
            _("The spreadsheet has shortened this number. Format the column as text, type it anew.")
        )
    try:
        return phones.parse(typed)
    except PhoneFormat:
        raise BadCell(_("This is no phone number. Write 11 digits, like 13800138000.")) from None


@lru_cache(maxsize=4096)
def _is_mobile(prefix: str) -> bool:
    """Whether numbers that begin so exist; which ones do depends on the first digits only."""
    try:
        phones.parse(f"{prefix}000000")
    except PhoneFormat:
        return False
    return True


def birthday(value: Any) -> Birthday:
    """A birthday: a date cell, a spreadsheet's day number, or one of many texts."""
    today = clock.local_date(clock.now(), str(CHINA))
    found: Birthday | None = None
    try:
        if isinstance(value, datetime | date):
            found = birthdays.parse(value.strftime("%Y-%m-%d"), today=today)
        elif (day := _serial(value)) is not None:
            found = birthdays.parse(day.isoformat(), today=today)
        else:
            found = birthdays.parse(plain(value), today=today)
    except birthdays.InFuture:
        raise BadCell(_("This birthday lies in the future. Look at the year.")) from None
    except ValueError:
        found = None
    if found is None:
        raise BadCell(_("This is no birthday. Write it like 1990-05-17, or 05-17 without a year."))
    return found


def _serial(value: Any) -> date | None:
    """The day a number in a spreadsheet stands for; None when it is no such number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not FIRST_SERIAL <= value <= LAST_SERIAL or value != int(value):
        return None
    return SERIAL_DAY_0 + timedelta(days=int(value))


def gender(value: Any) -> str:
    """男 or 女 in the usual words."""
    found = GENDERS.get(plain(value).casefold())
    if found is None:
        raise BadCell(_("Write 男 or 女, or leave the cell empty."))
    return found.value


def tags(value: Any) -> list[str]:
    """Tags separated by commas."""
    names = _names(value)
    if len(names) > MOST_TAGS:
        raise BadCell(_("At most %(most)s tags for one customer."), most=MOST_TAGS)
    for name in names:
        if len(name) > LONGEST_TAG:
            raise BadCell(
                _("The tag %(name)s… is too long: at most %(most)s signs."),
                name=name[:LONGEST_TAG],
                most=LONGEST_TAG,
            )
    return names


def stores(value: Any) -> list[str]:
    """Names of stores separated by commas."""
    return _names(value)[:MOST_STORES]


def _names(value: Any) -> list[str]:
    parts = (part.strip() for part in SPLIT.split(plain(value)))
    return list(dict.fromkeys(part for part in parts if part))


def number(value: Any) -> str:
    """A member number of the shop's own: letters and digits."""
    typed = unicodedata.normalize("NFKC", plain(value)).upper()
    if not NUMBER.fullmatch(typed):
        raise BadCell(_("Write 3 to 20 letters and digits, like A1024."))
    return typed
