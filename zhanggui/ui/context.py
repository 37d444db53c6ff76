"""What every page knows of its surroundings; worked out only where a template asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from django.conf import settings
from django.http import HttpRequest

from zhanggui.core import clock
from zhanggui.ui import errors, navigation, notices, search

THEMES = ("light", "dark")
THEME_COOKIE = "theme"
LONGEST_MENU = 16
"""So many entries are seen whole; the sections of a longer menu are folded."""


class Surroundings:
    """Menu, places, person, theme and support code of one request."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def surface(self) -> str:
        return navigation.surface_of(self._request)

    @cached_property
    def menu(self) -> list[navigation.Group]:
        return navigation.menu(self._request, self.surface)

    @cached_property
    def menu_is_long(self) -> bool:
        return sum(len(group.items) for group in self.menu) > LONGEST_MENU

    @cached_property
    def places(self) -> Sequence[navigation.Place]:
        return navigation.registry.places(self._request)

    @cached_property
    def place(self) -> navigation.Place | None:
        return next((place for place in self.places if place.is_current), None)

    @cached_property
    def shop(self) -> str:
        """Whose page this is, for its title: the merchant's or operator's name, or empty."""
        owner = getattr(self._request, "merchant", None) or getattr(self._request, "operator", None)
        return owner.name if owner is not None else ""

    @property
    def now(self) -> datetime:
        """When a page is printed."""
        return clock.now()

    @cached_property
    def search_url(self) -> str:
        return search.address(self._request)

    @cached_property
    def notices(self) -> Sequence[notices.Notice]:
        return notices.of(self._request)

    @cached_property
    def somebody(self) -> navigation.Somebody | None:
        return navigation.registry.somebody(self._request)

    @cached_property
    def theme(self) -> str:
        """``light`` or ``dark`` when the person chose one, else empty: as the device says."""
        chosen = self._request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else ""

    @cached_property
    def support_code(self) -> str:
        return getattr(self._request, "support_code", "")

    @cached_property
    def is_phone(self) -> bool:
        return errors.is_phone(self._request)

    @cached_property
    def login_url(self) -> str:
        return str(settings.LOGIN_URL)


def page(request: HttpRequest) -> dict[str, object]:
    """The context processor: one name, ``ui``, for all of it."""
    return {"ui": Surroundings(request)}
