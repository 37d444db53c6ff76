"""Every figure with a link leads to its rows, on the pages of messages, payments and codes, too.

Those of the overviews are in ``test_overviews``.
"""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_platform_staff, make_staff
from zhanggui.channels.pay.models import Refund, RefundState, TradeNumber
from zhanggui.channels.pay.tests.factories import make_payment, make_refund
from zhanggui.channels.sms.models import OutgoingSms, SmsPurpose, SmsState
from zhanggui.channels.wechat.models import CodeScan, TrackedCode
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.core import clock, tenancy
from zhanggui.core.tokens import new_token
from zhanggui.messaging.models import GONE_OUT, Message, State
from zhanggui.messaging.tests.factories import make_message

pytestmark = pytest.mark.django_db
FIGURE = re.compile(
    r'<a class="zg-figure" href="([^"]+)">.*?<span class="zg-figure-value">([^<]*)<', re.DOTALL
)
YESTERDAY = timedelta(hours=26)


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


def figures(client: Client, page: str) -> list[tuple[str, str]]:
    """Where each linked figure of a page leads, and what it says."""
    html = client.get(page).content.decode()
    found = [(unescape(url), value.strip()) for url, value in FIGURE.findall(html)]
    assert found
    return [(page + url if url.startswith("?") else url, value) for url, value in found]


def rows(client: Client, url: str) -> list[Any]:
    """The rows of the list a figure leads to."""
    context = client.get(url).context
    return list(context["list"].page.rows if "list" in context else context["page"].rows)


def money(fen: int) -> str:
    return f"¥{fen / 100:,.2f}"


def test_of_messages(owner: Client, tea: Merchant) -> None:
    with tenancy.merchant_scope(tea.pk):
        for state in State:
            made = [make_message(tea, state=state, route="sms", segments=2) for _ in range(2)]
            Message.objects.filter(pk=made[0].pk).update(created_at=clock.now() - YESTERDAY)
    out, waiting, trouble, segments = figures(owner, "/m/tea/messages/")
    for url, value in (out, waiting, trouble):
        assert len(rows(owner, url)) == int(value) > 0
    charged = {*GONE_OUT, State.LOST, State.UNSURE}
    spent = sum(row.segments for row in rows(owner, segments[0]) if row.state in charged)
    assert spent == int(segments[1]) > 0


def test_of_payments(owner: Client, tea: Merchant) -> None:
    old = make_refund(tea)
    new = make_refund(tea, amount_fen=300)
    make_payment(tea)
    with tenancy.merchant_scope(tea.pk):
        for refund, at in ((old, clock.now() - YESTERDAY), (new, clock.now())):
            numbers = [refund.number, refund.payment.number]
            TradeNumber.objects.filter(number__in=numbers).update(done_at=at)
            type(refund.payment).objects.filter(pk=refund.payment_id).update(paid_at=at)
            Refund.objects.filter(pk=refund.pk).update(state=RefundState.DONE, done_at=at)
    came_in, paid, given_back, _to_look_at = figures(owner, "/m/tea/pay/")
    assert [row.pk for row in rows(owner, paid[0])] == [new.payment_id]
    assert paid[1] == "1"
    assert came_in[1] == money(sum(row.amount_fen for row in rows(owner, came_in[0])))
    assert [row.pk for row in rows(owner, given_back[0])] == [new.payment_id]
    assert given_back[1] == money(300)


def test_of_a_code(owner: Client, tea: Merchant) -> None:
    code = TrackedCode.objects.create(
        account=make_account(merchant=tea),
        merchant=tea,
        token=new_token(),
        name="x",
        url="http://x",
    )
    for openid, is_new in (("a", True), ("a", False), ("b", False), ("", False)):
        CodeScan.objects.create(code=code, openid=openid, is_new_follower=is_new)
    page = f"/m/tea/channels/wechat/codes/{code.pk}/"
    shown = figures(owner, page)
    assert [value for _url, value in shown] == ["3", "2", "1", "1"]
    for url, value in shown:
        assert len(rows(owner, url.partition("#")[0])) == int(value)


def test_of_text_messages(client: Client) -> None:
    client.force_login(make_platform_staff(role=Role.OWNER))
    for state in SmsState:
        for days in (0, 2):
            OutgoingSms.objects.create(
                purpose=SmsPurpose.CODE,
                phone_sealed=b"x",
                phone_masked="138****8000",
                state=state,
                created_at=clock.now() - timedelta(days=days),
            )
    shown = figures(client, "/platform/sms/")
    assert len(shown) == 3
    for url, value in shown:
        assert len(rows(client, url)) == int(value) > 0
