"""Tags and filters of the kit; a builtin of every template, so nothing needs ``{% load %}``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from zhanggui.ui import charts, formats, icons, stampcard
from zhanggui.ui import panels as panel_registry

register = template.Library()


@register.simple_tag
def icon(name: str, size: int = 20, css: str = "", label: str = "") -> SafeString:
    """A Tabler icon inside the page: ``{% icon "building-store" %}``."""
    return icons.svg(name, int(size), css, str(label))


@register.simple_tag(takes_context=True)
def panels(context: Context, place: str, subject: object = None) -> SafeString:
    """Blocks other modules add here: ``{% panels "accounts.store" subject=store %}``."""
    return panel_registry.render(context["request"], place, subject)


@register.simple_tag(takes_context=True)
def is_current(context: Context, url: str) -> bool:
    """Whether an address is the page itself, its query aside; for tabs and links."""
    return bool(context["request"].path == url.partition("?")[0])


@register.simple_tag(takes_context=True)
def href_with(context: Context, **changes: Any) -> str:
    """The page's address with parameters changed; empty ones go: ``{% href_with after=x %}``."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else str(context["request"].path)


@register.simple_tag(takes_context=True)
def query_with(context: Context, *, param: str, value: object) -> str:
    """The page's query with one parameter changed whose name is only known at run time."""
    query = context["request"].GET.copy()
    query[param] = str(value)
    return str(query.urlencode())


@register.simple_tag
def pick(pk: int, name: str) -> SafeString:
    """The box that chooses a row for bulk actions: the row's first cell."""
    return format_html(
        '<td class="pick"><input class="form-check-input" type="checkbox" value="{}" data-pick'
        ' autocomplete="off" aria-label="{}"></td>',
        pk,
        _("Choose %(name)s") % {"name": name},
    )


@register.simple_tag
def seal(mark: str, wear: int, design: str = "") -> SafeString:
    """One seal of a stamp card, 56 units wide around 0/0."""
    return stampcard.seal(mark, wear, design)


@register.simple_tag
def stampcard_of(  # noqa: PLR0917  what the component is given
    size: int,
    filled: int,
    fresh: int = 0,
    seed: str = "",
    mark: str = "",
    gifts: Collection[int] = (),
    ways: Sequence[Mapping[str, Any]] = (),
    design: str = "",
) -> stampcard.Card:
    """Where each slot of a stamp card lies and what it shows."""
    return stampcard.layout(
        size=int(size),
        filled=int(filled),
        fresh=int(fresh),
        seed=str(seed),
        mark=str(mark),
        gifts=gifts or (),
        ways=ways or (),
        design=str(design),
    )


@register.simple_tag
def chart_json(chart: charts.Chart, element_id: str) -> SafeString:
    """The chart's numbers as a JSON script element that the chart script reads."""
    return charts.json_script(chart, element_id)


@register.filter
def money(fen: int | None) -> str:
    return formats.money(fen)


@register.filter
def masked_phone(number: str | None) -> str:
    return formats.masked_phone(number)


@register.filter
def count(number: int | None) -> str:
    return formats.count(number)


@register.filter
def percent(share: float | Decimal | None) -> str:
    return formats.percent(share)


@register.filter
def distance(metres: int | None) -> str:
    return formats.distance(metres)


@register.filter
def signed(number: int | None) -> str:
    """A change with its sign: +3, −2, 0."""
    if number is None:
        return formats.EMPTY
    return f"+{number:,}" if number > 0 else f"{number:,}".replace("-", "\N{MINUS SIGN}")


@register.filter
def dash(value: object) -> object:
    """— for what is empty."""
    return formats.EMPTY if value in (None, "") else value


@register.filter
def day(value: date | datetime | None) -> str:
    return formats.day(value)


@register.filter
def hhmm(value: datetime | None) -> str:
    return formats.EMPTY if value is None else f"{timezone.localtime(value):%H:%M}"


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """11月22日 周日 14:30 as a ``<time>`` element."""
    exact = formats.moment(value)
    return _time(value, exact, exact)


@register.filter
def ago(value: datetime | None) -> SafeString | str:
    """3 分钟前 under an hour, with the exact time on hover."""
    return _time(value, formats.ago(value), formats.moment(value))


@register.filter
def until(start: datetime | None, end: datetime | None) -> str:
    """A range: ``{{ start|until:end }}``."""
    return formats.span(start, end)


@register.filter
def groups_of_three(digits: str) -> list[str]:
    """A code in groups people can read out: 048 213."""
    return [digits[at : at + 3] for at in range(0, len(digits), 3)]


@register.filter
def ring_offset(left: float, total: float) -> str:
    """How far the countdown ring is open before the script takes over; 100 is the whole ring."""
    share = max(0.0, min(1.0, float(left) / float(total))) if float(total) else 0.0
    return f"{100 - share * 100:.1f}"


@register.filter
def clock_face(seconds: float) -> str:
    """Seconds as m:ss, from an hour on as h:mm:ss."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{whole % 60:02d}"
    return f"{minutes}:{whole % 60:02d}"


@register.filter
def initial(name: str) -> str:
    """What an avatar shows of a name: its first sign, which a masked name still has."""
    return str(name).strip()[:1].upper() or "?"


@register.filter
def tint(name: str) -> int:
    """A number from 1 to 6: the colour of an avatar, the same for a name whole and masked."""
    return ord(initial(name)) % 6 + 1


def _time(value: datetime | None, text: str, exact: str) -> SafeString | str:
    if value is None:
        return formats.EMPTY
    # all three parts are our own digits and words; format_html would cost a list page dearly
    return SafeString(f'<time datetime="{value.isoformat()}" title="{exact}">{text}</time>')
