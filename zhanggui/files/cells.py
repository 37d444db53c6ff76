"""What stands in a spreadsheet's cell, read as the value a column wants.

Parsers for :class:`zhanggui.files.imports.Column`. Spreadsheets know numbers and dates of their
own: a phone number arrives as 1.3800138e10 and a date as a date, a text or a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import phones
from zhanggui.accounts.errors import PhoneFormat

Text = str | Promise
CHINA = ZoneInfo("Asia/Shanghai")
_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_HIDDEN = {"Cc", "Cf", "Co", "Cs"}
_KEPT_HIDDEN = {"\n", "\t", "\u200d"}  # joins the parts of one emoji


class BadCell(Exception):
    """This cell cannot be taken; ``text`` says why and what to write instead."""

    def __init__(self, text: Text, **places: Any) -> None:
        self.text = text
        self.places = places
        super().__init__(str(text))

    @property
    def message(self) -> str:
        """The text in the language of whoever reads it."""
        return str(self.text) % self.places if self.places else str(self.text)


def plain(value: Any) -> str:
    """A cell as people see it: 12 not 12.0, dates as 2026-11-22, no hidden signs."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004
        return str(int(value))
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S" if value.time() != time() else "%Y-%m-%d")
    if isinstance(value, date):
        return value.isoformat()
    return shown(str(value))


def shown(typed: str) -> str:
    """A text without signs that hide or turn others (zero bytes, direction overrides)."""
    folded = unicodedata.normalize("NFC", typed)
    if folded.isprintable():  # nothing hidden in it, which is true of nearly every cell
        return folded.strip()
    return "".join(
        sign for sign in folded if sign in _KEPT_HIDDEN or unicodedata.category(sign) not in _HIDDEN
    ).strip()


def text(most: int) -> Callable[[Any], str]:
    """Any text of at most so many signs."""

    def parse(value: Any) -> str:
        found = plain(value)
        if len(found) > most:
            raise BadCell(
                _("%(length)s signs are too many. Shorten it to %(most)s."),
                length=len(found),
                most=most,
            )
        return found

    return parse


def phone(value: Any) -> str:
    """A phone number as E.164; also one that the spreadsheet took for a number."""
    try:
        return phones.parse(plain(value))
    except PhoneFormat:
        raise BadCell(_("This is no mobile number. Write 11 digits, like 13800138000.")) from None


def whole(*, least: int = 0, most: int = 10**9) -> Callable[[Any], int]:
    """A whole number within limits."""

    def parse(value: Any) -> int:
        typed = unicodedata.normalize("NFKC", plain(value)).replace(",", "")
        if not re.fullmatch(r"-?\d{1,15}", typed):
            raise BadCell(_("This is no whole number. Write digits only, like 12."))
        number = int(typed)
        if not least <= number <= most:
            raise BadCell(_("Must be from %(least)s to %(most)s."), least=least, most=most)
        return number

    return parse


def choice(values: Mapping[str, Any]) -> Callable[[Any], Any]:
    """One of the named values; upper and lower case count the same."""
    folded = {name.casefold(): value for name, value in values.items()}

    def parse(value: Any) -> Any:
        typed = plain(value).casefold()
        if typed not in folded:
            raise BadCell(_("Not known here. Write one of: %(names)s."), names="、".join(values))
        return folded[typed]

    return parse


def day(value: Any) -> date:
    """A date: as the spreadsheet's own, or 2026-11-22, 2026/11/22, 2026年11月22日, 20261122."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    typed = unicodedata.normalize("NFKC", plain(value))
    found = _DATE.match(typed)
    parts = found.groups() if found else ()
    if not parts and re.fullmatch(r"\d{8}", typed):
        parts = (typed[:4], typed[4:6], typed[6:])
    try:
        return date(*(int(part) for part in parts))
    except (TypeError, ValueError):
        raise BadCell(_("This is no date. Write it like 2026-11-22.")) from None


def moment(value: Any) -> datetime:
    """A date with or without a time, as the shop's clock shows it; aware."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or CHINA)
    on = day(value)
    found = _TIME.search(unicodedata.normalize("NFKC", plain(value)))
    try:
        at = time.fromisoformat(_clock(found)) if found else time()
    except ValueError:
        raise BadCell(_("This is no time. Write it like 2026-11-22 14:30.")) from None
    return datetime.combine(on, at, tzinfo=CHINA)


def _clock(found: re.Match[str]) -> str:
    hour, minute, second = found.groups()
    return f"{int(hour):02d}:{minute}:{second or '00'}"
