"""The navigation of the back office: modules register entries, pages show what a person may see.

A module calls :func:`register` in its ``apps.py``. The accounts module fills the three providers
(who may what, where one can go, who one is), because this module knows neither people nor tiers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise

Text = str | Promise
Arguments = Callable[[HttpRequest], Sequence[Any]]


@dataclass(frozen=True)
class Section:
    """A heading of a menu with the entries below it; those of the back office: ``ui.sections``."""

    name: str
    label: Text
    icon: str
    order: int


@dataclass(frozen=True)
class Entry:
    """One line of a menu.

    ``permission`` empty means everybody on that surface. ``order`` sorts within the section;
    entries without one stand on top. ``badge`` answers a number to show, or nothing.
    """

    name: str
    label: Text
    icon: str
    url_name: str
    permission: str = ""
    order: int = 100
    section: Section | None = None
    badge: Callable[[HttpRequest], int | None] | None = None
    arguments: tuple[Any, ...] = ()
    """What the address needs beyond the surface's own arguments."""
    covers: tuple[str, ...] = ()
    """Where else the entry is the active one, as seen from its address: ``../figures/``."""


@dataclass(frozen=True)
class Item:
    """An entry as one request sees it."""

    entry: Entry
    url: str
    is_active: bool
    badge: int | None


@dataclass
class Group:
    """The entries of one section that a person sees; those without a section stand on top."""

    section: Section | None
    items: list[Item] = field(default_factory=list)
    is_open: bool = False
    """Whether its entries are seen at once, where a long menu is folded."""

    @property
    def badge(self) -> int:
        """What waits in the entries together, for the heading of a folded group."""
        return sum(item.badge or 0 for item in self.items)


@dataclass(frozen=True)
class Place:
    """Somewhere a person works: the platform, an operator, a merchant, a store."""

    name: Text
    kind: Text
    url: str
    is_current: bool = False


@dataclass(frozen=True)
class Somebody:
    """The person who is signed in, as the top bar shows them."""

    name: str
    detail: Text = ""
    sign_out_url: str = ""
    links: Sequence[tuple[Text, str, str]] = ()
    """Label, icon and address of the person's own pages."""


@dataclass(frozen=True)
class Surface:
    """A part of the site with its own menu; ``arguments`` fill the addresses of its entries."""

    name: str
    label: Text
    prefix: str
    arguments: Arguments
    search: str = ""
    """The name of the address that searches this part; empty where there is no search."""


def _merchant_arguments(request: HttpRequest) -> Sequence[Any]:
    merchant = getattr(request, "merchant", None)
    return [merchant.slug] if merchant is not None else []


def _no_arguments(request: HttpRequest) -> Sequence[Any]:
    return []


def _nobody(request: HttpRequest) -> Somebody | None:
    return None


def _nowhere(request: HttpRequest) -> Sequence[Place]:
    return ()


def _anybody(request: HttpRequest, permission: str) -> bool:
    may = getattr(request, "may", None)
    return bool(may(permission)) if callable(may) else False


@dataclass
class Registry:
    """All that was registered; one for the process, others only in tests."""

    surfaces: dict[str, Surface] = field(default_factory=dict)
    entries: dict[str, dict[str, Entry]] = field(default_factory=dict)
    may: Callable[[HttpRequest, str], bool] = _anybody
    places: Callable[[HttpRequest], Sequence[Place]] = _nowhere
    somebody: Callable[[HttpRequest], Somebody | None] = _nobody


registry = Registry()


def add_surface(
    name: str, *, label: Text, prefix: str, arguments: Arguments = _no_arguments, search: str = ""
) -> None:
    """Name a part of the site by the path it begins with."""
    registry.surfaces[name] = Surface(name, label, prefix, arguments, search)


def register(*, surface: str, entry: Entry) -> None:
    """Add an entry to the menu of a surface (``merchant``, ``operator``, ``platform``).

    Raises:
        ValueError: the surface has another entry of that name.
    """
    entries = registry.entries.setdefault(surface, {})
    if entries.get(entry.name, entry) != entry:
        message = f"two navigation entries are called {surface}.{entry.name}"
        raise ValueError(message)
    entries[entry.name] = entry


def provide(
    *,
    may: Callable[[HttpRequest, str], bool] | None = None,
    places: Callable[[HttpRequest], Sequence[Place]] | None = None,
    somebody: Callable[[HttpRequest], Somebody | None] | None = None,
) -> None:
    """Say who may what, where a person can go and who it is (accounts does)."""
    registry.may = may or registry.may
    registry.places = places or registry.places
    registry.somebody = somebody or registry.somebody


def surface_of(request: HttpRequest) -> str:
    """The surface whose path the request's path begins with, the longest one; or nothing."""
    known = [s for s in registry.surfaces.values() if request.path.startswith(s.prefix)]
    return max(known, key=lambda s: len(s.prefix)).name if known else ""


def menu(request: HttpRequest, surface: str) -> list[Group]:
    """What this person sees in the menu; the entry with the longest fitting address is active."""
    leading = registry.surfaces[surface].arguments(request) if surface in registry.surfaces else ()
    shown: list[tuple[Entry, str]] = []
    for entry in sorted(registry.entries.get(surface, {}).values(), key=lambda e: e.order):
        if entry.permission and not registry.may(request, entry.permission):
            continue
        try:
            url = reverse(entry.url_name, args=[*leading, *entry.arguments])
        except NoReverseMatch:  # a page outside the merchant shows no merchant's menu
            continue
        shown.append((entry, url))
    active = _active(request.path, shown)
    groups: dict[Section | None, Group] = {}
    for entry, url in shown:
        group = groups.setdefault(entry.section, Group(entry.section))
        badge = entry.badge(request) if entry.badge else None
        group.items.append(Item(entry, url, url == active, badge))
    ordered = sorted(groups.values(), key=lambda g: g.section.order if g.section else 0)
    _open(ordered)
    return ordered


def _open(groups: list[Group]) -> None:
    """Unfold the group of the page that is open; elsewhere the first one shows how it works."""
    titled = [group for group in groups if group.section]
    here = [group for group in titled if any(item.is_active for item in group.items)]
    for group in here or titled[:1]:
        group.is_open = True


def _active(path: str, shown: list[tuple[Entry, str]]) -> str:
    # an address that begins all others, such as the overview's, stands for its own page only
    urls = [url for _, url in shown]
    fitting: list[tuple[int, str]] = []
    for entry, url in shown:
        is_root = all(other.startswith(url) for other in urls)
        if path == url or (not is_root and path.startswith(url)):
            fitting.append((len(url), url))
        covered = [urljoin(url, part) for part in entry.covers]
        fitting += [(len(place), url) for place in covered if path.startswith(place)]
    return max(fitting, default=(0, ""))[1]


def entries_of(surface: str) -> Mapping[str, Entry]:
    """What is registered, for the tests that walk it."""
    return registry.entries.get(surface, {})


add_surface(
    "merchant", label="", prefix="/m/", arguments=_merchant_arguments, search="accounts:find"
)
add_surface("operator", label="", prefix="/operator/", search="accounts:operator_find")
add_surface("platform", label="", prefix="/platform/", search="accounts:platform_find")
