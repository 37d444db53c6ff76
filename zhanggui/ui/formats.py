"""How values are written: phones, money, counts, dates; one place for pages, exports, messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext

from zhanggui.core import clock

EMPTY = "—"
SHOWN_OF_PHONE = 7
HOUR_MIN = 60
KILOMETRE_M = 1000
ROUGH_KM = 10
WEEKDAYS_ZH = "一二三四五六日"
WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS_EN = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def money(fen: int | None) -> str:
    """Fen as yuan: 123450 is ¥1,234.50."""
    if fen is None:
        return EMPTY
    sign = "-" if fen < 0 else ""
    yuan, rest = divmod(abs(fen), 100)
    return f"{sign}¥{yuan:,}.{rest:02d}"


def masked_phone(number: str | None) -> str:
    """A phone number with its middle hidden: 138****5678."""
    if not number:
        return EMPTY
    digits = number.removeprefix("+86").replace(" ", "")
    if len(digits) <= SHOWN_OF_PHONE:
        return "*" * len(digits)
    return f"{digits[:3]}{'*' * (len(digits) - SHOWN_OF_PHONE)}{digits[-4:]}"


def count(number: int | None) -> str:
    """A whole number with separators: 12,345."""
    return EMPTY if number is None else f"{number:,}"


def percent(share: float | Decimal | None) -> str:
    """A share of one with one decimal: 0.1234 is 12.3%."""
    return EMPTY if share is None else f"{share * 100:.1f}%"


def distance(metres: int | None) -> str:
    """Metres as people say them: 350 m, 1.2 km, 12 km."""
    if metres is None:
        return EMPTY
    if metres < KILOMETRE_M:
        return gettext("%(n)s m") % {"n": metres}
    kilometres = metres / KILOMETRE_M
    digits = 0 if kilometres >= ROUGH_KM else 1
    return gettext("%(n)s km") % {"n": f"{kilometres:,.{digits}f}"}


def day(value: date | datetime | None) -> str:
    """11月22日 周日; with the year when it is not this one."""
    if value is None:
        return EMPTY
    return _day(_local(value), is_chinese=_chinese())


def moment(value: datetime | None) -> str:
    """11月22日 周日 14:30."""
    if value is None:
        return EMPTY
    local, is_chinese = _local(value), _chinese()
    joint = " " if is_chinese else ", "
    return f"{_day(local, is_chinese=is_chinese)}{joint}{local.hour:02d}:{local.minute:02d}"


def moments(values: Iterable[datetime]) -> list[str]:
    """Many moments as ``moment`` writes them; zone, language and year are looked up once."""
    zone, is_chinese = timezone.get_current_timezone(), _chinese()
    joint = " " if is_chinese else ", "
    this_year = clock.now().astimezone(zone).year
    days: dict[date, str] = {}
    written = []
    for value in values:
        local = value.astimezone(zone)
        day_ = local.date()
        if day_ not in days:
            days[day_] = _written_day(local, this_year, is_chinese=is_chinese)
        written.append(f"{days[day_]}{joint}{local.hour:02d}:{local.minute:02d}")
    return written


def span(start: date | datetime | None, end: date | datetime | None) -> str:
    """A range that does not repeat what both ends share: 11月22日 周日 14:30–16:00."""
    if start is None or end is None:
        return EMPTY
    if isinstance(start, datetime) and isinstance(end, datetime):
        if _local(start).date() == _local(end).date():
            return f"{moment(start)}–{_local(end):%H:%M}"
        return f"{moment(start)} – {moment(end)}"
    return day(start) if start == end else f"{day(start)} – {day(end)}"


def ago(value: datetime | None) -> str:
    """3 分钟前 within the hour, otherwise the moment itself."""
    if value is None:
        return EMPTY
    gap = clock.now() - value
    minutes = int(abs(gap) / timedelta(minutes=1))
    if minutes >= HOUR_MIN:
        return moment(value)
    if minutes == 0:
        return gettext("just now") if gap >= timedelta(0) else gettext("in a moment")
    if gap > timedelta(0):
        return ngettext("%(n)s minute ago", "%(n)s minutes ago", minutes) % {"n": minutes}
    return ngettext("in %(n)s minute", "in %(n)s minutes", minutes) % {"n": minutes}


def _day(local: datetime, *, is_chinese: bool) -> str:
    # lists write hundreds of these, hence no strftime and no second conversion
    now = clock.now()
    this_year = now.astimezone(local.tzinfo).year if local.tzinfo else now.year
    return _written_day(local, this_year, is_chinese=is_chinese)


def _written_day(local: datetime, this_year: int, *, is_chinese: bool) -> str:
    if is_chinese:
        year = "" if local.year == this_year else f"{local.year}年"
        return f"{year}{local.month}月{local.day}日 周{WEEKDAYS_ZH[local.weekday()]}"
    year = "" if local.year == this_year else f" {local.year}"
    return f"{WEEKDAYS_EN[local.weekday()]} {local.day} {MONTHS_EN[local.month - 1]}{year}"


def _local(value: date | datetime) -> datetime:
    if isinstance(value, datetime):
        return timezone.localtime(value) if timezone.is_aware(value) else value
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a date has no zone


def _chinese() -> bool:
    return (get_language() or "zh").startswith("zh")
