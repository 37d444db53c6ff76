"""The ledger's page by both chains: the same page, and whoever lost a right is out at once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import DatabaseError, connection
from django.middleware.csrf import _does_token_match  # type: ignore[attr-defined]
from django.test import Client, RequestFactory
from django.urls import reverse

from config import hot
from config.hot import HotDoors
from zhanggui.accounts.models import Person
from zhanggui.channels.wechat.tests.factories import make_account, make_identity, sign_in_staff
from zhanggui.contacts.models import Customer
from zhanggui.stamps.tests.factories import Shop, cancel, make_shop, stamp
from zhanggui.stamps.tests.test_door import (
    Sent,
    _keep_the_connection,  # noqa: F401  a fixture
    ended_session,
    made_up_session,
    new_password,
    no_session,
    password_sign_in,
    platform_account_gone,
    session_of_somebody_else,
    strange_session,
    switched_off,
    tampered_session,
    unbound,
)

ADDRESS = "/staff/ledger"
HTTP_OK, HTTP_REDIRECT, HTTP_FORBIDDEN, HTTP_CONFLICT = 200, 302, 403, 409


@pytest.fixture
def sent(shop: Shop, client: Client) -> Sent:
    """A signed-in manager's browser."""
    account = make_account()
    identity = make_identity(account, person=Person.objects.get(pk=shop.desk.person_id))
    sign_in_staff(client, identity)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    return Sent(digits="", cookies={settings.SESSION_COOKIE_NAME: key})


def get(application: Any, sent: Sent, query: str = "") -> tuple[int, dict[str, str], str]:
    """Ask for the page."""
    cookies = {settings.CSRF_COOKIE_NAME: "c" * 32} | sent.cookies
    line = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = {"Cookie": line, "User-Agent": "MicroMessenger/8.0"} | sent.headers
    request = RequestFactory().get(f"{ADDRESS}?{query}", headers=headers)
    started: list[Any] = []
    body = b"".join(application(request.environ, lambda *what: started.append(what)))
    return int(started[0][0][:3]), dict(started[0][1]), body.decode()


def same(page: str) -> str:
    """A page without what differs each time: its token, the signatures of addresses."""
    page = re.sub(r'((?:csrf-token" content|csrfmiddlewaretoken" value)=")\w+', r"\1", page)
    return re.sub(r"%3A\w{6}%3A[\w-]{43}", "", page)


def fill(shop: Shop) -> None:
    """Entries of all sorts, more than a page."""
    for _ in range(3):
        stamp(shop.desk, shop.card)
    cancel(shop.desk, shop.card)
    Customer.objects.filter(pk=shop.card.customer_id).update(name="<b>改名</b> & Co")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "kind=cancel",
        "kind=accumulate",
        "q=小明",
        "q=%22%3E",
        "since=2020-01-01",
        "x=1",
        "after=!",
    ],
)
@pytest.mark.parametrize("language", ["", "en"])
def test_both_chains_answer_the_same(shop: Shop, sent: Sent, query: str, language: str) -> None:
    fill(shop)
    if language:
        sent.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    django = WSGIHandler()
    for _ in range(2):  # once with a fresh frame, once with the kept one
        status, headers, page = get(HotDoors(django), sent, query)
        status_2, headers_2, page_2 = get(django, sent, query)

        assert status == status_2 == HTTP_OK
        assert same(page) == same(page_2)
        assert set(headers) == set(headers_2)
        assert set(headers["Vary"].split(", ")) == set(headers_2["Vary"].split(", "))
        assert "<b>改名" not in page


def test_a_kept_frame_holds_nobody_else_s_token(shop: Shop, sent: Sent) -> None:
    doors = HotDoors(WSGIHandler())
    secrets = ("c" * 32, "d" * 32)
    pages = []
    for secret in secrets:
        sent.cookies[settings.CSRF_COOKIE_NAME] = secret
        pages.append(get(doors, sent)[2])
    for page, secret in zip(pages, secrets, strict=True):
        tokens = re.findall(r'(?:csrf-token" content|csrfmiddlewaretoken" value)="(\w+)', page)
        assert len(tokens) >= 2
        assert all(_does_token_match(token, secret) for token in tokens)


@pytest.mark.parametrize(
    "attack",
    [
        *(no_session, made_up_session, strange_session, ended_session, tampered_session),
        *(session_of_somebody_else, password_sign_in, platform_account_gone, new_password),
        *(switched_off, unbound),
    ],
)
def test_whoever_lost_the_right_is_out_at_once(shop: Shop, sent: Sent, attack: Any) -> None:
    django = WSGIHandler()
    doors = HotDoors(django)
    assert get(doors, sent)[0] == HTTP_OK
    attack(sent, shop)
    status, _headers, page = get(doors, sent)

    assert status in {HTTP_FORBIDDEN, HTTP_REDIRECT, HTTP_CONFLICT}  # 409: no account any more
    assert status == get(django, sent)[0]
    assert 'class="zg-cells"' not in page


def test_a_page_asks_three_things(shop: Shop, sent: Sent) -> None:
    stamp(shop.desk, shop.card)
    doors = HotDoors(WSGIHandler())
    asked: list[str] = []

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        get(doors, sent)

    assert len(asked) == 3  # who it is; the store and its rows in one trip


def test_a_foreign_host_is_refused(sent: Sent) -> None:
    sent.headers["Host"] = "evil.example"

    assert get(HotDoors(WSGIHandler()), sent)[0] == 400


def test_a_failing_database_is_answered_by_the_ordinary_chain(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_request: Any) -> bool:
        raise DatabaseError

    monkeypatch.setattr(hot, "is_manager", fail)

    assert get(HotDoors(WSGIHandler()), sent)[0] == HTTP_OK


def test_another_store_is_never_shown(shop: Shop, sent: Sent) -> None:
    rival = make_shop()
    with rival.scope:
        stamp(rival.desk, rival.card)

    assert 'class="zg-cells"' not in get(HotDoors(WSGIHandler()), sent)[2]
    assert reverse("stamps:staff_ledger") == ADDRESS
