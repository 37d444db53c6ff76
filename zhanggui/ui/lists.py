"""Lists that people shape themselves: search, filters, sort, columns, saved views, bulk actions.

A module declares its list once (``ListPage``), the view opens it with the request, filters its
queryset by ``shown.values`` and fills it; ``<c-ui.list :list="list">`` draws everything around the
rows. Which columns somebody chose and which views are saved is kept by the accounts module, which
fills ``keeper``, because this module knows no people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from zhanggui.core import numbers
from zhanggui.ui import navigation, paging

Text = str | Promise
Choices = Sequence[tuple[str, Text]]
LONGEST_SEARCH = 80
LONGEST_QUERY = 1000
MOST_IDS = 500
NOT_FILTERS = frozenset({"after", "sort", "view", "done"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list; ``is_fixed`` ones are always there, others can be put away."""

    name: str
    label: Text
    is_fixed: bool = False
    is_shown: bool = True
    css: str = ""
    """``num`` for numbers at the right."""
    sort: str = ""
    """The sort order a press on the head chooses."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter with one value out of a few; ``options`` may ask the request."""

    name: str
    label: Text
    options: Choices | Callable[[HttpRequest], Choices]
    every: Text = ""
    """What the empty choice is called, for example "All states"."""
    is_extra: bool = False
    """Stands in the drawer behind "More filters"."""
    kind: str = "choice"


@dataclass(frozen=True, slots=True)
class Period:
    """A filter by two days, both included; gives ``name_from`` and ``name_to``."""

    name: str
    label: Text
    is_extra: bool = True
    kind: str = "period"


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of the rows; ``order`` must be unique together, never null, and have an index."""

    name: str
    label: Text
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bulk:
    """Something that can be done to all chosen rows: opens the dialog ``bulk-<name>``."""

    name: str
    label: Text
    icon: str
    permission: str = ""
    is_danger: bool = False


@dataclass(frozen=True, slots=True)
class SavedView:
    """A saved set of filters as a tab."""

    pk: int
    name: str
    query: str
    is_shared: bool
    may_delete: bool
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """What somebody keeps of a list; ``columns`` is None while the defaults hold."""

    views: Sequence[SavedView] = ()
    columns: Sequence[str] | None = None


class Keeper(Protocol):
    """Who keeps views and columns of people."""

    def kept(self, request: HttpRequest, list_name: str) -> Kept:
        """What this person keeps of a list at the place of the request."""

    def address(self, request: HttpRequest, list_name: str) -> str:
        """Where views and columns of a list are posted to; empty when nothing can be kept here."""

    def may_share(self, request: HttpRequest) -> bool:
        """Whether this person may save views for everybody."""


class _Nobody:
    def kept(self, request: HttpRequest, list_name: str) -> Kept:
        return Kept()

    def address(self, request: HttpRequest, list_name: str) -> str:
        return ""

    def may_share(self, request: HttpRequest) -> bool:
        return False


@dataclass
class _Registry:
    keeper: Keeper = field(default_factory=_Nobody)
    lists: dict[str, ListPage] = field(default_factory=dict)


registry = _Registry()


def provide(keeper: Keeper) -> None:
    """Say who keeps views and columns; the accounts module does."""
    registry.keeper = keeper


def known(name: str) -> ListPage | None:
    """A list by its name."""
    return registry.lists.get(name)


@dataclass(frozen=True)
class ListPage:
    """What a list offers; declared once, beside its view."""

    name: str
    columns: Sequence[Column]
    sorts: Sequence[Sort]
    filters: Sequence[Choice | Period] = ()
    search: Text = ""
    """What the search box says; empty without search."""
    bulk: Sequence[Bulk] = ()

    def __post_init__(self) -> None:
        registry.lists[self.name] = self

    def open(self, request: HttpRequest) -> Shown:
        """The list as this request asks for it, with what this person keeps."""
        shown = self.read(request, request.GET)
        kept = registry.keeper.kept(request, self.name)
        shown.keep(request, kept)
        return shown

    def read(self, request: HttpRequest, query: QueryDict) -> Shown:
        """Search, filters and sort out of a query string, each cleaned; nothing else is asked."""
        sort = next((s for s in self.sorts if s.name == query.get("sort")), self.sorts[0])
        shown = Shown(self, sort, after=query.get("after", ""))
        shown.search = query.get("q", "").strip()[:LONGEST_SEARCH] if self.search else ""
        for filter_ in self.filters:
            shown.controls.append(_control(filter_, request, query))
        for control in shown.controls:
            shown.values.update(control.values)
        return shown


@dataclass
class Control:
    """One filter as a request fills it."""

    filter: Choice | Period
    values: dict[str, Any]
    options: list[tuple[str, str, bool]] = field(default_factory=list)
    """Value, label, whether it is chosen."""
    typed: dict[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def is_set(self) -> bool:
        """Whether it narrows the list."""
        return any(value not in {"", None} for value in self.values.values())


def _control(filter_: Choice | Period, request: HttpRequest, query: QueryDict) -> Control:
    if isinstance(filter_, Period):
        return _period(filter_, query)
    options = filter_.options(request) if callable(filter_.options) else filter_.options
    typed = query.get(filter_.name, "")
    value = typed if any(typed == str(one) for one, _label in options) else ""
    shown = [(str(one), str(label), str(one) == value) for one, label in options]
    return Control(filter_, {filter_.name: value}, shown)


def _period(filter_: Period, query: QueryDict) -> Control:
    control = Control(filter_, {})
    for end in ("from", "to"):
        name = f"{filter_.name}_{end}"
        typed = query.get(name, "").strip()[:10]
        control.typed[end] = typed
        control.values[name] = None
        if typed:
            try:
                control.values[name] = date.fromisoformat(typed)
            except ValueError:
                control.error = _("There is no such day.")
    begin, finish = control.values.values()
    if begin and finish and finish < begin:
        control.error = _("The period ends before it begins.")
    return control


@dataclass(frozen=True, slots=True)
class Chip:
    """A set filter, with the address of the list without it."""

    label: str
    href: str


class Shown:
    """A list as one request sees it: the template's ``list``."""

    def __init__(self, page: ListPage, sort: Sort, *, after: str) -> None:
        self.definition = page
        self.sort = sort
        self.after = after
        self.search = ""
        self.values: dict[str, Any] = {}
        self.controls: list[Control] = []
        self.columns: list[Column] = [c for c in page.columns if c.is_shown or c.is_fixed]
        self.views: Sequence[SavedView] = ()
        self.query = ""
        self.address = ""
        self.may_share = False
        self.bulk: list[Bulk] = []
        self.rows: list[Any] = []
        self.page: paging.Page[Any] | None = None
        self.chips: list[Chip] = []

    # -- filled in the order of the page

    def keep(self, request: HttpRequest, kept: Kept) -> None:
        """Take over what the person keeps and what the page's address says."""
        if kept.columns is not None:
            chosen = set(kept.columns)
            self.columns = [c for c in self.definition.columns if c.is_fixed or c.name in chosen]
        self.query = _without(request.GET, NOT_FILTERS - {"sort"})
        self.views = [_as_current(view, self.query) for view in kept.views]
        self.address = registry.keeper.address(request, self.definition.name)
        self.may_share = registry.keeper.may_share(request)
        may = navigation.registry.may
        self.bulk = [
            b for b in self.definition.bulk if not b.permission or may(request, b.permission)
        ]
        self.chips = list(self._chips(request.GET))

    def fill[Row: Model](
        self,
        found: QuerySet[Row],
        *,
        size: int = paging.SIZE,
        is_large: bool = False,
    ) -> Shown:
        """Ask for one page of rows in the chosen order.

        What is found in a large table (``is_large``) is found before it is put in order:
        ``paging.found_first``.
        """
        turn = paging.found_first if is_large and self.is_filtered else paging.keyset
        self.page = turn(found, order=self.sort.order, after=self.after, size=size)
        self.rows = self.page.rows
        return self

    @property
    def count(self) -> int:
        """How many rows fit, see ``is_more``."""
        return (self.page and self.page.count) or 0

    @property
    def is_more(self) -> bool:
        """Whether more rows fit than ``count``."""
        return bool(self.page and self.page.is_more)

    def _chips(self, query: QueryDict) -> Iterator[Chip]:
        if self.search:
            yield Chip(f"“{self.search}”", _href(query, {"q"}))
        for control in self.controls:
            label = _chip_label(control)
            if label:
                yield Chip(label, _href(query, set(control.values)))

    # -- what templates ask

    @property
    def name(self) -> str:
        """The name of the list."""
        return self.definition.name

    @property
    def has(self) -> dict[str, bool]:
        """Which columns are shown: ``{% if list.has.phone %}``."""
        return {column.name: True for column in self.columns}

    @property
    def is_filtered(self) -> bool:
        """Whether something narrows the list."""
        return bool(self.search) or any(control.is_set for control in self.controls)

    @property
    def has_wrong_filter(self) -> bool:
        """Whether a filter cannot be understood; the list then shows nothing by it."""
        return any(control.error for control in self.controls)

    @property
    def visible(self) -> list[Control]:
        """The filters beside the search box."""
        return [c for c in self.controls if not c.filter.is_extra]

    @property
    def extra(self) -> list[Control]:
        """The filters in the drawer."""
        return [c for c in self.controls if c.filter.is_extra]

    @property
    def extra_set(self) -> int:
        """How many filters of the drawer are set."""
        return sum(1 for c in self.extra if c.is_set)

    @property
    def optional(self) -> list[tuple[Column, bool]]:
        """The columns that can be put away, and whether they are shown."""
        shown = {column.name for column in self.columns}
        return [(c, c.name in shown) for c in self.definition.columns if not c.is_fixed]

    @property
    def is_own_query(self) -> bool:
        """Whether the filters can be saved as a new view."""
        return self.is_filtered and not any(view.is_current for view in self.views)

    @property
    def current_view(self) -> SavedView | None:
        """The saved view this page shows."""
        return next((view for view in self.views if view.is_current), None)


def _chip_label(control: Control) -> str:
    if isinstance(control.filter, Period):
        begin, finish = control.values.values()
        if not (begin or finish):
            return ""
        return f"{control.filter.label}: {begin or ''}–{finish or ''}"
    chosen = next((label for _value, label, is_chosen in control.options if is_chosen), "")
    return f"{control.filter.label}: {chosen}" if chosen and control.is_set else ""


def _as_current(view: SavedView, query: str) -> SavedView:
    return SavedView(
        view.pk,
        view.name,
        view.query,
        view.is_shared,
        view.may_delete,
        is_current=bool(query) and _sorted(view.query) == _sorted(query),
    )


def _sorted(query: str) -> list[tuple[str, str]]:
    values = QueryDict(query)
    return sorted((name, value) for name in values for value in values.getlist(name) if value)


def _without(query: QueryDict, names: set[str] | frozenset[str]) -> str:
    kept = [
        (name, value)
        for name in query
        if name not in names
        for value in query.getlist(name)
        if value
    ]
    return urlencode(kept)[:LONGEST_QUERY]


def _href(query: QueryDict, names: set[str]) -> str:
    rest = _without(query, names | NOT_FILTERS - {"sort"})
    return f"?{rest}"


def clean_query(page: ListPage, query: str) -> str:
    """A query string as it may be saved: only what the list knows."""
    known_names = {"q", "sort"}
    for filter_ in page.filters:
        ends = ("_from", "_to") if isinstance(filter_, Period) else ("",)
        known_names |= {f"{filter_.name}{end}" for end in ends}
    values = QueryDict(query[:LONGEST_QUERY])
    return _without(values, {name for name in values if name not in known_names})


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a bulk action is about: some rows, or everything that fits a query."""

    ids: list[int]
    is_all: bool
    query: QueryDict


def chosen(post: Mapping[str, str]) -> Chosen:
    """Read what the bulk bar sends; what is no number is left out."""
    typed = post.get("ids", "").split(",")[:MOST_IDS]
    ids = [number for number in map(numbers.whole, typed) if number is not None]
    query = QueryDict(post.get("query", "")[:LONGEST_QUERY].removeprefix("?"))
    return Chosen(list(dict.fromkeys(ids)), post.get("all") == "1", query)
