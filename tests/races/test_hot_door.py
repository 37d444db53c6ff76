"""The hot door needs at most four trips to the database, and survives a lost connection."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import Client

from config.hot import HotDoors
from zhanggui.accounts.models import Person
from zhanggui.channels.wechat.tests.factories import make_account, make_identity, sign_in_staff
from zhanggui.coupons.tests.factories import counts, make_coupon, make_template
from zhanggui.coupons.tests.factories import take_code as take_coupon_code
from zhanggui.stamps import desks
from zhanggui.stamps.tests.factories import Shop, balance_of, take_code
from zhanggui.stamps.tests.pressing import T1, nonce_of, points_px, sent_text
from zhanggui.stamps.tests.test_door import Answer, Chain, Sent
from zhanggui.stamps.tests.test_press_door import Sent as Press


@pytest.fixture
def sent(shop: Shop) -> Sent:
    """A good request."""
    client = Client()
    person = Person.objects.get(pk=shop.desk.person_id)
    sign_in_staff(client, make_identity(make_account(), person=person))
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    return Sent(
        digits=take_code(shop.card).digits,
        cookies={settings.SESSION_COOKIE_NAME: key},
        fields={"key": "k" * 26},
    )


def trips(chain: Chain, sent: Sent) -> int:
    """How often the request waits for the database."""
    return counted(lambda: chain.send(sent))


def counted(send: Callable[[], Answer]) -> int:
    """The same, by the protocol's own log."""
    raw = connection.connection
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "trace"
        with log.open("wb") as file:
            raw.pgconn.trace(file.fileno())
            try:
                answer = send()
            finally:
                raw.pgconn.untrace()
                os.fsync(file.fileno())
        assert answer.status == 200, answer.body
        # what is sent in one go is followed by an answer ("B"): each change from F to B is a trip
        sides = re.findall(rb"\t([FB])\t", log.read_bytes())
        return sum(now == b"B" != before for before, now in pairwise([b"B", *sides]))


def test_at_most_four_trips(shop: Shop, sent: Sent) -> None:
    hot = Chain(HotDoors(WSGIHandler()))
    hot.send(sent)
    for _ in range(2):
        sent.digits = take_code(shop.card).digits
        sent.fields["key"] = sent.digits
        found = trips(hot, sent)

        assert found == 2  # the code and the card, by whom; the booking with COMMIT
    desks.forget()
    sent.digits = take_code(shop.card).digits
    sent.fields["key"] = sent.digits
    assert trips(hot, sent) == 3  # who is it, before these
    assert balance_of(shop.card) == 4


def test_a_redemption_takes_as_many(shop: Shop, sent: Sent) -> None:
    hot = Chain(HotDoors(WSGIHandler()))
    template = make_template()
    for address, expected in (("", 0), ("/staff/redeem", 2), ("/staff/redeem", 2), ("", 5)):
        coupon = make_coupon(template)
        sent.digits = sent.fields["key"] = take_coupon_code(coupon).digits
        sent.address = address or "/staff/confirm"
        found = trips(hot, sent)

        assert counts(coupon)[3] == 1
        # at the door of stamps: no card's code, whether it is another one, and back, before these
        assert found == expected or not expected


def test_a_press_takes_four(shop: Shop) -> None:
    press = Press(shop)
    hot: Any = HotDoors(WSGIHandler())
    for place, expected in enumerate((0, 4, 4)):
        press.fields |= {"nonce": nonce_of(press.card), "press": sent_text(points_px(T1))}
        press.fields["key"] = f"k{place}"
        found = counted(lambda: press.to(hot))

        # who and which card; the claim and the stamps; the card moves; the booking with COMMIT
        assert found == expected or not expected
    assert balance_of(press.card) == 3


def test_a_restart_of_the_database_costs_nobody_an_answer(shop: Shop, sent: Sent) -> None:
    hot = Chain(HotDoors(WSGIHandler()))
    hot.send(sent)
    sent.digits = take_code(shop.card).digits
    sent.fields["key"] = "another"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    import psycopg

    params = connection.get_connection_params()
    names = {"dbname", "user", "password", "host", "port"}
    with psycopg.connect(**{k: v for k, v in params.items() if k in names}) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    answer = hot.send(sent)

    assert answer.status == 200
    assert json.loads(answer.body)["after"] == 2
