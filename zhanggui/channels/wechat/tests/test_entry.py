"""The two doors of the first page: signing up, and authorising an official account."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from django.test import Client

from zhanggui.accounts import services
from zhanggui.accounts.models import Merchant, Role, TierState
from zhanggui.accounts.services import add_membership
from zhanggui.accounts.tests.factories import (
    ACTOR,
    PASSWORD,
    make_merchant,
    make_person,
    make_platform_staff,
    make_staff,
)

pytestmark = pytest.mark.django_db
PHONE = "+8613800138000"


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.mark.spec("repairs A1")
def test_the_first_page_has_both_and_each_leads_there(client: Client, tea: Merchant) -> None:
    services.edit_registration(
        place=None, is_open=True, needs_approval=False, title="", actor=ACTOR
    )
    owner = make_person(phone=PHONE)
    add_membership(person=owner, place=tea, role=Role.OWNER, actor=ACTOR)
    page = client.get("/").content.decode()
    assert 'href="/join"' in page
    assert "商家入驻" in page
    assert 'href="/official-account"' in page
    assert "微信公众号授权" in page
    assert client.get("/join").status_code == 200
    login = client.get("/official-account")["Location"]
    assert unquote(login) == "/login?next=/official-account"
    answer = client.post(login, {"phone": "13800138000", "password": PASSWORD})
    assert answer["Location"] == "/official-account"
    there = client.get("/official-account", follow=True)
    assert there.request["PATH_INFO"] == "/m/tea/channels/wechat/"
    assert there.status_code == 200


def test_of_several_shops_one_chooses(client: Client, tea: Merchant) -> None:
    owner = make_staff(tea, role=Role.OWNER)
    coffee = make_merchant("coffee", name="咖啡")
    frozen = make_merchant("closed", name="关门", state=TierState.FROZEN)
    for place in (coffee, frozen):
        add_membership(person=owner, place=place, role=Role.OWNER, actor=ACTOR)
    client.force_login(owner)
    cards = client.get("/official-account").context["cards"]
    assert [card["name"] for card in cards] == ["茶舍", "咖啡"]


@pytest.mark.parametrize("who", ["clerk", "platform"])
def test_whoever_may_not_goes_to_their_places(client: Client, tea: Merchant, who: str) -> None:
    person = make_staff(tea, role=Role.CLERK) if who == "clerk" else make_platform_staff()
    client.force_login(person)
    assert client.get("/official-account")["Location"] == "/choose"
