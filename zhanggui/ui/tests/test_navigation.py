"""The menu shows what a person may see; panels come where their place is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from zhanggui.ui import navigation, panels
from zhanggui.ui.navigation import Entry, Registry, Section


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    own = Registry(surfaces=dict(navigation.registry.surfaces))
    monkeypatch.setattr(navigation, "registry", own)
    return own  # type: ignore[return-value]


def request(path: str) -> HttpRequest:
    return RequestFactory().get(path)


def kit(name: str, **changes: object) -> Entry:
    entry = Entry(name, name, "table", "ui:kit-page", arguments=(name,))
    return replace(entry, **changes)  # type: ignore[arg-type]


def labels(groups: list[navigation.Group]) -> list[tuple[str, list[str]]]:
    return [
        (str(g.section.label) if g.section else "", [str(item.entry.label) for item in g.items])
        for g in groups
    ]


LATE = Section("late", "Late", "table", 20)
EARLY = Section("early", "Early", "table", 10)


@pytest.mark.usefixtures("registry")
class TestMenu:
    def test_sorted_by_order_and_divided_into_sections(self) -> None:
        navigation.register(surface="kit", entry=kit("form", order=0, section=LATE))
        navigation.register(surface="kit", entry=kit("states", order=9, section=EARLY))
        navigation.register(surface="kit", entry=kit("list", order=1))
        navigation.register(surface="kit", entry=kit("detail", order=2))

        assert labels(navigation.menu(request("/ui/"), "kit")) == [
            ("", ["list", "detail"]),
            ("Early", ["states"]),
            ("Late", ["form"]),
        ]

    @pytest.mark.parametrize(
        ("path", "unfolded"),
        [("/ui/form/", ["late"]), ("/ui/states/7/", ["early"]), ("/ui/elsewhere/", ["early"])],
        ids=["the-open-page's", "a-page-below", "no-page-of-the-menu"],
    )
    def test_one_section_is_unfolded(self, path: str, unfolded: list[str]) -> None:
        navigation.register(surface="kit", entry=kit("list"))
        navigation.register(surface="kit", entry=kit("form", section=LATE))
        navigation.register(surface="kit", entry=kit("states", section=EARLY))

        groups = navigation.menu(request(path), "kit")

        assert [g.section.name for g in groups if g.section and g.is_open] == unfolded

    def test_a_folded_section_tells_what_waits_in_it(self) -> None:
        for name, waiting in (("list", 3), ("form", None), ("states", 4)):
            entry = kit(name, section=LATE, badge=lambda _request, waiting=waiting: waiting)
            navigation.register(surface="kit", entry=entry)

        assert navigation.menu(request("/ui/"), "kit")[0].badge == 7

    def test_the_longest_fitting_address_is_active(self) -> None:
        navigation.register(
            surface="kit", entry=Entry("all", "all", "home", "ui:kit", covers=("figures/",))
        )
        navigation.register(surface="kit", entry=kit("list", covers=("../imports/",)))

        for path, active in (
            ("/ui/list/", "list"),
            ("/ui/list/7/", "list"),
            ("/ui/imports/7/", "list"),
            ("/ui/", "all"),
            ("/ui/figures/7/", "all"),
            ("/ui/other/", ""),
            ("/m/tea/", ""),
        ):
            items = [i for g in navigation.menu(request(path), "kit") for i in g.items]
            assert [i.entry.name for i in items if i.is_active] == ([active] if active else [])

    def test_hides_what_needs_a_right(self) -> None:
        navigation.register(surface="kit", entry=kit("list", permission="stamps.read"))
        assert navigation.menu(request("/ui/"), "kit") == []

        navigation.provide(may=lambda _request, permission: permission == "stamps.read")
        assert labels(navigation.menu(request("/ui/"), "kit")) == [("", ["list"])]

    def test_hides_a_merchants_pages_outside_a_merchant(self) -> None:
        navigation.register(surface="merchant", entry=kit("list"))
        inside = request("/m/tea/")
        inside.merchant = SimpleNamespace(slug="list")  # type: ignore[attr-defined]

        assert navigation.menu(inside, "merchant") == []  # two arguments where one fits
        navigation.register(surface="merchant", entry=kit("own", arguments=()))
        assert labels(navigation.menu(inside, "merchant")) == [("", ["own"])]
        assert labels(navigation.menu(request("/m/tea/"), "merchant")) == [("", ["list"])]

    def test_a_number_at_the_entry(self) -> None:
        navigation.register(surface="kit", entry=kit("list", badge=lambda _request: 3))
        assert navigation.menu(request("/ui/"), "kit")[0].items[0].badge == 3

    def test_a_name_stands_for_one_entry(self) -> None:
        navigation.register(surface="kit", entry=kit("list"))
        navigation.register(surface="kit", entry=kit("list"))
        with pytest.raises(ValueError, match=r"kit\.list"):
            navigation.register(surface="kit", entry=kit("list", order=7))
        assert list(navigation.entries_of("kit")) == ["list"]

    @pytest.mark.parametrize(
        ("path", "surface"),
        [("/m/tea/stores/", "merchant"), ("/operator/", "operator"), ("/w/tea/", "")],
    )
    def test_the_path_names_the_surface(self, path: str, surface: str) -> None:
        assert navigation.surface_of(request(path)) == surface


class TestPanels:
    @pytest.fixture(autouse=True)
    def _own_panels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(panels, "_panels", {})

    def panel(self, text: str, **changes: object) -> panels.Panel:
        made = panels.Panel("ui/tests/panel.html", lambda _request, subject: {"text": text})
        return replace(made, **changes)  # type: ignore[arg-type]

    def test_in_order_once_and_with_the_subject(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[dict[str, object]] = []

        def render(_template: str, page: dict[str, object], request: HttpRequest) -> str:
            seen.append(page)
            return "<p>"

        monkeypatch.setattr(panels, "render_to_string", render)
        second = self.panel("second", order=2)
        panels.register(place="accounts.store", panel=second)
        panels.register(place="accounts.store", panel=second)
        panels.register(place="accounts.store", panel=self.panel("first", order=1))
        hidden = self.panel("hidden", context=lambda _request, _subject: None)
        panels.register(place="accounts.store", panel=hidden)

        assert panels.render(request("/"), "accounts.store", "tea") == "<p><p>"
        assert [page["text"] for page in seen] == ["first", "second"]
        assert {page["subject"] for page in seen} == {"tea"}
        assert panels.render(request("/"), "elsewhere", "tea") == ""

    @pytest.mark.usefixtures("registry")
    def test_a_panel_may_need_a_right(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(panels, "render_to_string", lambda *_args, **_kwargs: "<p>")
        panels.register(place="p", panel=self.panel("x", permission="stamps.managers"))

        assert panels.render(request("/"), "p", None) == ""
        navigation.provide(may=lambda _request, _permission: True)
        assert panels.render(request("/"), "p", None) == "<p>"
