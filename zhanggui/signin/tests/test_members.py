"""Customers without WeChat sign in on a shop's phone pages with their number."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, TierState
from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.channels.wechat.tests.factories import PHONE_AGENT, make_account
from zhanggui.contacts.models import CustomerSession, IdentityLink, LinkKind
from zhanggui.contacts.tests.factories import make_customer
from zhanggui.core import tenancy
from zhanggui.signin.tests.inbox import Inbox, answer_of

pytestmark = [pytest.mark.django_db]
HERE = "/w/tea/enter"
PHONE = "13800138000"
CARDS = "/w/tea/wishes/"


@pytest.fixture
def tea() -> Merchant:
    merchant = make_merchant("tea", name="青岚茶舍")
    make_account(merchant=merchant)
    return merchant


def asked(browser: Client, **more: str) -> Any:
    """Ask for a code by SMS."""
    page = browser.get(HERE, {"next": CARDS}).content.decode()
    found = re.search(r'name="picture_token" value="([^"]+)"', page)
    assert found is not None
    body = {"phone": PHONE, "picture": answer_of(found[1]), "picture_token": found[1]}
    return browser.post(HERE, body | {"do": "ask", "next": CARDS} | more)


def entered(browser: Client, **more: str) -> Any:
    """Type the newest code in."""
    code = Inbox().code(f"+86{PHONE}")
    return browser.post(HERE, {"phone": PHONE, "code": code, "next": CARDS} | more)


def links(tea: Merchant) -> list[IdentityLink]:
    with tenancy.merchant_scope(tea.pk):
        return list(IdentityLink.objects.filter(kind=LinkKind.PHONE))


def test_the_page_for_other_browsers_leads_here(client: Client, tea: Merchant) -> None:
    page = client.get(f"{CARDS}?a=1").content.decode()
    assert f'href="{HERE}?next=%2Fw%2Ftea%2Fwishes%2F%3Fa%3D1"' in page


def test_a_new_customer_comes_in(client: Client, tea: Merchant) -> None:
    assert asked(client).status_code == 200
    done = entered(client)
    assert (done.status_code, done["Location"]) == (302, CARDS)
    assert client.get(CARDS).status_code == 200
    (link,) = links(tea)
    assert link.proof == "phone"
    assert client.cookies["zhanggui_customer"]["path"] == "/w/tea/"


def test_a_known_number_is_its_customer(client: Client, tea: Merchant) -> None:
    known = make_customer(tea, "王小明", phone=f"+86{PHONE}")
    asked(client)
    entered(client)
    assert links(tea)[0].customer_id == known.pk


def test_a_wrong_code_lets_nobody_in(client: Client, tea: Merchant) -> None:
    asked(client)
    assert entered(client, code="000000").status_code == 422
    assert links(tea) == []
    with tenancy.merchant_scope(tea.pk):
        assert not CustomerSession.objects.exists()


def test_a_code_is_good_at_its_shop_only(client: Client, tea: Merchant) -> None:
    make_account(merchant=make_merchant("coffee"))
    asked(client)
    code = Inbox().code(f"+86{PHONE}")
    answer = client.post("/w/coffee/enter", {"phone": PHONE, "code": code})
    assert answer.status_code == 422
    assert entered(client).status_code == 302


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/m/tea/", "/w/coffee/", "x" * 2000, ""]
)
def test_goes_on_to_pages_of_the_shop_only(client: Client, tea: Merchant, wanted: str) -> None:
    asked(client)
    assert entered(client, next=wanted)["Location"] == "/w/tea/"


def test_inside_wechat_its_own_sign_in_is_taken(client: Client, tea: Merchant) -> None:
    answer = client.get(HERE, {"next": CARDS}, headers={"User-Agent": PHONE_AGENT})
    assert (answer.status_code, answer["Location"]) == (302, CARDS)


def test_a_frozen_shop_sends_nothing(client: Client, tea: Merchant) -> None:
    page = client.get(HERE).content.decode()
    assert "用手机号登录" in page
    Merchant.objects.filter(pk=tea.pk).update(state=TierState.FROZEN)
    answer = client.post(HERE, {"phone": PHONE, "do": "ask", "picture": "x"})
    assert answer.status_code == 403
    assert Inbox().texts(f"+86{PHONE}") == []


def test_without_text_messages_there_is_no_such_page(
    client: Client, tea: Merchant, settings: Any
) -> None:
    settings.SMS_PROVIDER = ""
    assert client.get(HERE).status_code == 404
    assert HERE not in client.get(CARDS).content.decode()
    assert client.get("/w/nobody/enter").status_code == 404
