"""What holds on every page of a back office, however many rows there are.

At most a dozen statements; what it lists can be taken away; a merchant's has a title with the
shop's name, one heading, one main button.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from html import unescape
from http import HTTPStatus
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client

from tests.architecture.addresses import ROWS, of_kind
from tests.architecture.page_faults import faults_of
from zhanggui.accounts.models import Merchant, Operator, Person, Role, Tier
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)
from zhanggui.channels.pay.models import PayBill, Refund
from zhanggui.channels.pay.tests import factories as pay
from zhanggui.channels.wechat.models import AutoReply, Component, MenuVersion, TrackedCode
from zhanggui.channels.wechat.tests.factories import make_account, make_component
from zhanggui.core import tenancy
from zhanggui.core.tokens import new_token
from zhanggui.files import exports

pytestmark = pytest.mark.django_db

MOST = 12
MANY = 4
"""So many rows of each kind: a statement for each row would show."""
ALONE = {"delivery_id", "support_id"}
"""Rows of which a merchant has one at a time."""
TIERS = ("m/<slug:merchant>/", "operator/<slug:operator>/", "platform/")
CONDITIONAL = "channels/wechat/menu/conditional/"
MORE = {f"{tier}{CONDITIONAL}{name}": 4 for tier in TIERS for name in ("labels", "labels/")}
"""Labels are asked of WeChat, with the token, the quota and the call's own record; the tags of the
merchant stand beside them."""
LEAST_PAGES = 35
LEAST_TIER_PAGES = 15
EXPORT = re.compile(r'action="(/[^"]*exports/[^"]+)" data-download')
LISTS = "data-rows"
NO_LIST = {
    "m/<slug:merchant>/security/": "who has a second factor: the staff list is taken away",
    "m/<slug:merchant>/messages/rules/": "settings",
    "m/<slug:merchant>/customers/<int:customer_id>/merge/<int:other_id>": "two cards compared",
    "m/<slug:merchant>/channels/wechat/menu/": "the newest of a list on its own page",
    "m/<slug:merchant>/stamps/screens/": "the few tablets of a shop",
    "m/<slug:merchant>/pay/account/": "at most 20 notifications to work on again",
    "m/<slug:merchant>/stamps/figures/": "sums of the ledger, which is taken away",
    "m/<slug:merchant>/stamps/ledger/<int:record_id>/": "the two sides of one entry's bookings",
    "operator/<slug:operator>/channels/wechat/menu/": "the newest of a list on its own page",
    "operator/<slug:operator>/pay/account/": "at most 20 notifications to work on again",
    "operator/<slug:operator>/merchants/<slug:slug>/": "the owners of one shop",
    "operator/<slug:operator>/merchants/<slug:slug>/support": "the latest visits",
    "platform/merchants/<slug:slug>/": "the owners of one shop",
    "platform/merchants/<slug:slug>/support": "the latest visits",
    "platform/channels/wechat/menu/": "the newest of a list on its own page",
    "platform/pay/account/": "at most 20 notifications to work on again",
    **{f"{tier}{CONDITIONAL}<int:conditional_id>/": "the newest versions" for tier in TIERS},
    **{f"{tier}{CONDITIONAL}<int:conditional_id>/versions/": "of one menu" for tier in TIERS},
}
"""Pages with a table that is no list of its own, and why."""
NO_STATEMENTS = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


def _text_of(answer: HttpResponseBase) -> str:
    is_page = answer.get("Content-Type", "").startswith("text/html")
    return answer.content.decode() if is_page and isinstance(answer, HttpResponse) else ""


def _filled(merchant: Merchant) -> dict[str, int]:
    """Many rows of each kind; answers one of each."""
    numbers = {name: make(merchant) for name, make in ROWS.items()}
    for name, make in ROWS.items():
        for _ in range(0 if name in ALONE else MANY):
            make(merchant)
    return numbers


def _pages(person: Person, kind: str, **values: Any) -> Iterator[tuple[str, str, int]]:
    """Route, text and number of statements of each page behind a kind of guard."""
    client = Client()
    client.force_login(person)
    for address in of_kind(kind):
        with _counting() as asked:
            answer = client.get(address.path(**values))
        if answer.status_code == HTTPStatus.OK:
            yield address.route, _text_of(answer), len(asked)


@contextmanager
def _counting() -> Iterator[list[str]]:
    """The statements sent meanwhile. Django's own way writes each out with its values."""
    sent: list[str] = []

    def note(execute: Callable[..., Any], sql: Any, *given: Any) -> Any:
        text = str(sql)
        if not text.startswith(NO_STATEMENTS):
            sent.append(text)
        return execute(sql, *given)

    with connection.execute_wrapper(note):
        yield sent


@pytest.mark.spec("platform P37")
@pytest.mark.timeout(180)
def test_every_page_is_thrifty_and_in_order() -> None:
    """One test of all three tiers: filling a shop with rows of each kind takes seconds."""
    operator = make_operator("north")
    merchant = make_merchant("filled", operator=operator)
    owner = make_staff(merchant, role=Role.OWNER)
    numbers = _filled(merchant)
    for _ in range(MANY):
        make_merchant(operator=operator)

    with tenancy.merchant_scope(merchant.pk):
        paid = Refund.objects.get(pk=numbers["refund_id"]).payment_id
    _check_merchant(merchant, owner, numbers | {"payment_id": paid})
    places: dict[str, Any] = {
        "merchant": merchant.slug,
        "slug": merchant.slug,
        "name": "accounts.merchants",
        **numbers,
    }
    boss = make_operator_staff(operator, role=Role.OWNER)
    own = _own_accounts(merchant, operator)
    _check_tier("operator", boss, {**places, **own, "operator": operator.slug})
    admin = make_platform_staff(role=Role.OWNER)
    _check_tier("platform", admin, places | _own_accounts(merchant, None))


def _check_merchant(merchant: Merchant, owner: Person, numbers: dict[str, int]) -> None:
    counted: dict[str, int] = {}
    faults: dict[str, list[str]] = {}
    kept: list[str] = []
    offered: set[str] = set()
    for route, text, count in _pages(owner, "merchant", merchant=merchant.slug, **numbers):
        counted[route] = count
        if "<title>" in text:
            faults[route] = faults_of(text, merchant.name)
        kept += _kept(route, text, offered)

    beyond = {r: count for r, count in counted.items() if count > MOST + MORE.get(r, 0)}
    wrong = {route: found for route, found in faults.items() if found}
    assert (beyond, wrong, kept) == ({}, {}, [])
    assert len(counted) >= LEAST_PAGES
    known = {export.name for export in exports.known() if export.permission}
    assert _taken(owner, offered) == known


def _check_tier(kind: str, person: Person, places: dict[str, Any]) -> None:
    counted: dict[str, int] = {}
    kept: list[str] = []
    offered: set[str] = set()
    for route, text, count in _pages(person, kind, **places):
        counted[route] = count
        kept += _kept(route, text, offered)
    beyond = {r: count for r, count in counted.items() if count > MOST + MORE.get(r, 0)}
    assert (beyond, kept) == ({}, [])
    assert len(counted) >= LEAST_TIER_PAGES
    known = {export.name for export in exports.known() if Tier(kind) in export.tiers}
    assert _taken(person, offered) == known


def _own_accounts(merchant: Merchant, operator: Operator | None) -> dict[str, int]:
    """A tier's official account and its WeChat Pay account with something in each."""
    account = make_account(operator=operator)
    Component.objects.first() or make_component()
    AutoReply.objects.create(account=account, occasion="keyword", kind="text", text="x")
    MenuVersion.objects.create(account=account, number=1)
    token = new_token()
    code = TrackedCode.objects.create(account=account, token=token, name="x", url="http://x")
    till = pay.make_pay_account(operator=operator)
    refund = pay.make_refund(merchant, account=till)
    bill = PayBill.objects.create(account=till, day=date(2026, 3, 11))
    return {"code_id": code.pk, "payment_id": refund.payment_id, "bill_id": bill.pk}


def _kept(route: str, text: str, offered: set[str]) -> list[str]:
    """Note the exports a page offers; names it when it lists rows and offers none."""
    found = {unescape(address) for address in EXPORT.findall(text)}
    offered |= found
    return [route] if LISTS in text and not found and route not in NO_LIST else []


def _taken(person: Person, offered: set[str]) -> set[str]:
    """Take every list away that pages offer; answers the names."""
    client = Client()
    client.force_login(person)
    for address in offered:
        answer: Any = client.post(address, {"format": "csv"})
        assert answer.status_code == HTTPStatus.OK, address
        head = next(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
        export = exports.find(name_of(address))
        assert export is not None
        assert head == [str(column.label) for column in export.columns]
    return {name_of(address) for address in offered}


def name_of(address: str) -> str:
    """The list an address takes away."""
    return address.partition("?")[0].rpartition("/")[2]


PAGE = "<title>{title}</title><main>{head}<h1>x</h1>{body}</main>"
MAIN = '<a class="btn btn-primary">x</a>'
HEAD = f'<div class="zg-head">{MAIN}</div>'
POST = '<form method="post"><input name="x"></form>'
EMPTY = f'<div class="zg-empty"><input>{MAIN}</div>'


@pytest.mark.parametrize(
    ("title", "head", "body", "faults"),
    [
        ("Stores · Tea · Zhanggui", HEAD, "", 0),
        ("Stores · Tea · Zhanggui", HEAD, EMPTY, 0),
        ("Tea · Tea · Zhanggui", "", f"<dialog>{MAIN}</dialog>{MAIN}", 0),
        ("Stores · Zhanggui", "", "", 1),
        ("Stores · Tea · Tea · Zhanggui", "", "", 1),
        (" · Tea · Zhanggui", "", "", 1),
        ("Stores · Tea · Zhanggui", "", "<h1>y</h1>", 1),
        ("Stores · Tea · Zhanggui", HEAD, MAIN, 1),
        ("Stores · Tea · Zhanggui", HEAD, EMPTY + MAIN, 1),
        ("Stores · Tea · Zhanggui", HEAD, POST, 1),
        ("Stores · Tea · Zhanggui", HEAD, POST.replace("x", "csrfmiddlewaretoken"), 0),
    ],
)
def test_what_is_out_of_order(title: str, head: str, body: str, faults: int) -> None:
    assert len(faults_of(PAGE.format(title=title, head=head, body=body), "Tea")) == faults
