"""The top bar says where one is and who one is."""

from __future__ import annotations

import pytest
from django.test import Client

from zhanggui.ui import navigation
from zhanggui.ui.navigation import Place, Registry, Somebody


@pytest.fixture(autouse=True)
def _somebody_at_two_places(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(navigation.registry.surfaces, navigation.registry.entries)
    registry.places = lambda _request: [
        Place("柠檬茶馆", "商家", "/m/tea/", is_current=True),
        Place("东方<运营", "运营者", "/operator/"),
    ]
    registry.somebody = lambda _request: Somebody(
        "王芳", "店主", "/logout", [("我的账号", "user", "/me")]
    )
    monkeypatch.setattr(navigation, "registry", registry)


def test_places_and_person() -> None:
    page = Client().get("/ui/").content.decode()

    assert '<a href="/m/tea/" aria-current="true">' in page
    assert "东方&lt;运营" in page
    assert '<form method="post" action="/logout">' in page
    assert "退出登录" in page
    assert '<a href="/me">' in page
    assert "<small>商家</small>" in page


def test_signed_out() -> None:
    navigation.registry.somebody = lambda _request: None
    navigation.registry.places = lambda _request: ()
    page = Client().get("/ui/").content.decode()

    assert "退出登录" not in page
    assert "柠檬茶馆" not in page
