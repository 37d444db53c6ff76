"""Workers that share one queue, and workers that are killed: nothing lost, nothing sent twice."""

from __future__ import annotations

import json
import os
import signal
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from django.db import connections

from tests.races.racing import race
from zhanggui.accounts.models import Merchant
from zhanggui.billing.tests.factories import make_subscriber
from zhanggui.channels.wechat import client as wechat_client
from zhanggui.channels.wechat.tests.factories import TEMPLATE_PATH, make_account
from zhanggui.core import clock, tenancy
from zhanggui.ledger import checks
from zhanggui.messaging import sending, wallet
from zhanggui.messaging.models import Message, Purse, State
from zhanggui.messaging.tests.factories import (
    bind,
    fake_sms,
    fill_purse,
    make_reader,
    register_probes,
    send,
)

MESSAGES = 24


@pytest.fixture
def tea(race_db: str) -> Iterator[Merchant]:
    """A merchant in a database of its own; its scope is open."""
    register_probes()
    merchant = make_subscriber()
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


class Wechat:
    """Notes the number of every message it is given; kills its process at the n-th."""

    def __init__(self, notes: Path, kill_at: int = 0) -> None:
        self.notes, self.kill_at = notes, kill_at
        self.lock, self.taken = threading.Lock(), 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith(TEMPLATE_PATH):
            return httpx2.Response(200, json={"access_token": "t", "expires_in": 7200})
        number = json.loads(request.content)["client_msg_id"]
        with self.lock:
            with self.notes.open("a") as file:
                file.write(f"{number}\n")
            self.taken += 1
            if self.taken == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return httpx2.Response(200, json={"errcode": 0, "errmsg": "ok", "msgid": self.taken})


def work_in_a_process(merchant: Merchant, wechat: Wechat) -> int:
    """Let a worker of its own work until it is killed; answers by which signal it ended."""
    connections.close_all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child uses no lock of a thread
        child = os.fork()
    if child == 0:
        with wechat_client.using(httpx2.MockTransport(wechat)):
            sending.drain(merchant_id=merchant.pk)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_two_killed_workers_lose_and_double_nothing(tea: Merchant, tmp_path: Path) -> None:
    account = make_account(merchant=tea)
    bind(account)
    for n in range(MESSAGES):
        send(tea, make_reader(tea, account), f"record:{n}")
    notes = tmp_path / "notes"
    began = clock.now()
    for run in (0, 1):
        with clock.at(began + timedelta(seconds=121 * run)):
            assert work_in_a_process(tea, Wechat(notes, kill_at=9)) == -signal.SIGKILL
    assert Message.objects.filter(state=State.SENDING).count() == MESSAGES

    with (
        clock.at(began + timedelta(seconds=121 * 2)),
        wechat_client.using(httpx2.MockTransport(Wechat(notes))),
    ):
        assert sending.drain(merchant_id=tea.pk) == MESSAGES

    assert set(Message.objects.values_list("state", flat=True)) == {State.SENT}
    given = Counter(notes.read_text().split())
    # WeChat knows a number for ten minutes and delivers it once, however often it is given
    assert set(given) == {f"zm{tea.pk}.{pk}" for pk in Message.objects.values_list("pk", flat=True)}
    assert given.total() == 2 * 9 + MESSAGES


def test_workers_share_a_queue_and_the_wallet(tea: Merchant) -> None:
    fill_purse(tea, MESSAGES)
    for n in range(MESSAGES):
        send(tea, make_reader(tea, phone=f"+861380013{n:04d}"), f"record:{n}")
    with fake_sms() as gateway:
        done = race(tea.pk, [lambda: sending.drain(merchant_id=tea.pk)] * 4)
    assert sum(done) == MESSAGES
    assert Counter(one["request_id"] for one in gateway.texts).most_common(1)[0][1] == 1
    assert len(gateway.texts) == MESSAGES
    assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (0, 0)
    assert checks.findings() == []
