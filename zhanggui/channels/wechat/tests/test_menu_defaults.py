"""The default menu: the pages of what is switched on, gathered where they are too many."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from zhanggui.accounts import standing
from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.standing import Standing
from zhanggui.accounts.tests.factories import make_merchant, make_operator, make_staff
from zhanggui.channels.wechat.menus import builtin, defaults
from zhanggui.channels.wechat.menus.builtin import BuiltinPage
from zhanggui.channels.wechat.models import MenuDraft
from zhanggui.channels.wechat.tests.factories import make_account

pytestmark = [pytest.mark.django_db, pytest.mark.spec("platform P19")]


def page(name: str, product: str, *, is_default: bool = True) -> BuiltinPage:
    return BuiltinPage(
        f"{product}.{name}",
        name,
        name,
        lambda shop: f"/w/{shop.slug if shop else ''}/{name}",
        feature=product,
        product=product,
        is_default=is_default,
    )


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, BuiltinPage]]:
    """Only the pages a test offers, all of them switched on."""
    pages: dict[str, BuiltinPage] = {}
    monkeypatch.setattr(builtin, "_pages", pages)
    kept = list(standing._provider)
    yield pages
    standing._provider[:] = kept


def offer(pages: dict[str, BuiltinPage], *more: BuiltinPage) -> None:
    pages.update({one.name: one for one in more})


def shape(merchant: Merchant) -> list[object]:
    """Names of buttons, each with those of its entries."""
    found = defaults.menu_of(make_account(merchant=merchant))
    return [
        (one.name, [entry.name for entry in one.entries]) if one.entries else one.name
        for one in found
    ]


def test_up_to_three_pages_are_a_button_each(offered: dict[str, BuiltinPage]) -> None:
    offer(offered, page("cards", "stamps"), page("coupons", "coupons"), page("report", "repairs"))
    offer(offered, page("wishes", "messages", is_default=False))
    assert shape(make_merchant()) == ["coupons", "report", "cards"]


def test_a_product_that_is_off_has_none(offered: dict[str, BuiltinPage]) -> None:
    offer(offered, page("cards", "stamps"), page("report", "repairs"))
    standing.provide(lambda _merchant: Standing(features=frozenset({"stamps"})))
    assert shape(make_merchant()) == ["cards"]


def test_more_gather_by_product_and_the_rest_under_one_button(
    offered: dict[str, BuiltinPage],
) -> None:
    offer(offered, page("a", "one"), page("b", "one"), page("c", "two"), page("d", "three"))
    assert shape(make_merchant()) == [("one", ["a", "b"]), "d", "c"]
    offer(offered, page("e", "zz"))
    assert shape(make_merchant()) == [("one", ["a", "b"]), "d", ("更多", ["c", "e"])]


def test_an_account_lent_to_several_shops_opens_nobodys_page(
    offered: dict[str, BuiltinPage],
) -> None:
    offer(offered, page("cards", "stamps"))
    operator = make_operator("grow")
    account = make_account(operator=operator)
    make_merchant("tea", operator=operator)
    assert [one.value for one in defaults.menu_of(account)] != []
    make_merchant("coffee", operator=operator)
    assert defaults.menu_of(account) == ()


def test_the_editor_takes_it_and_says_what_is_missing(
    client: Client, offered: dict[str, BuiltinPage]
) -> None:
    tea = make_merchant("tea")
    make_account(merchant=tea)
    client.force_login(make_staff(tea, role=Role.OWNER))
    here = "/m/tea/channels/wechat/menu/"
    client.post(f"{here}defaults")
    assert not MenuDraft.objects.exists()  # nothing is offered

    offer(offered, page("cards", "stamps"))
    assert client.post(f"{here}defaults")["Location"] == here
    [button] = MenuDraft.objects.get().content
    assert (button["kind"], button["value"]) == ("builtin", "stamps.cards")

    offer(offered, page("report", "repairs"))
    shown = client.get(here)
    assert shown.context["missing"] == ["report"]
    assert "还没放进菜单的页面" in shown.content.decode()
