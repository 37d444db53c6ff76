"""Pushes through the short chain: as safe as through the long one, and quicker."""

from __future__ import annotations

import io
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob

from config.hot import HotDoors
from zhanggui.channels.wechat import crypto, deliveries, receivers, services
from zhanggui.channels.wechat.crypto import MessageBox
from zhanggui.channels.wechat.models import CallbackDelivery, ChannelAccount
from zhanggui.channels.wechat.tests.factories import (
    AES_KEY,
    COMPONENT_KEY,
    COMPONENT_TOKEN,
    TOKEN,
    make_account,
    make_authorised,
    make_component,
)
from zhanggui.channels.wechat.tests.test_hooks import event, text

Answer = tuple[str, dict[str, str], bytes]
CHAINS: dict[str, Any] = {"short": HotDoors(WSGIHandler()), "long": WSGIHandler()}
chains = pytest.mark.parametrize("chain", ["short", "long"])


def push(
    chain: str,
    path: str,
    body: str,
    *,
    receiver: str,
    token: str = TOKEN,
    aes_key: str = AES_KEY,
    **changes: str,
) -> Answer:
    """Send a push as a web server would hand it over."""
    sealed = MessageBox(aes_key, receiver).encrypt(body)
    stamp = str(int(time.time()))
    query = {
        "timestamp": stamp,
        "nonce": "n1",
        "encrypt_type": "aes",
        "msg_signature": crypto.signature(token, stamp, "n1", sealed),
    }
    envelope = f"<xml><Encrypt>{sealed}</Encrypt></xml>".encode()
    return send(chain, path, urlencode(query | changes), envelope)


def send(chain: str, path: str, query: str, body: bytes, method: str = "POST") -> Answer:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "text/xml",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "HTTP_HOST": "127.0.0.1:8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }
    answered: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
        answered.extend([status, dict(headers)])

    pieces = CHAINS[chain](environ, start_response)
    content = b"".join(pieces)
    return answered[0], answered[1], content


@chains
class TestChains:
    def test_a_push_is_kept_with_its_job(self, race_db: str, chain: str) -> None:
        account = make_account()
        path = f"/hooks/wechat/{account.app_id}/"
        for _time in range(2):
            status, headers, content = push(chain, path, text("x"), receiver=account.app_id)
            assert (status, content) == ("200 OK", b"success")
            assert headers["X-Content-Type-Options"] == "nosniff"
        assert CallbackDelivery.objects.count() == 1
        assert ProcrastinateJob.objects.count() == 1

    def test_of_an_authorised_account(self, race_db: str, chain: str) -> None:
        component = make_component()
        account = make_authorised(component)
        path = f"/hooks/wechat/component/{component.app_id}/{account.app_id}/"
        keys = {"token": COMPONENT_TOKEN, "aes_key": COMPONENT_KEY}
        assert push(chain, path, text("x"), receiver=component.app_id, **keys)[2] == b"success"
        assert CallbackDelivery.objects.get().account == account

    def test_of_the_platform_itself(self, race_db: str, chain: str) -> None:
        component = make_component()
        body = (
            f"<xml><AppId>{component.app_id}</AppId><CreateTime>{int(time.time())}</CreateTime>"
            "<InfoType>component_verify_ticket</InfoType>"
            "<ComponentVerifyTicket>t2</ComponentVerifyTicket></xml>"
        )
        path = f"/hooks/wechat/component/{component.app_id}/"
        keys = {"token": COMPONENT_TOKEN, "aes_key": COMPONENT_KEY}
        assert push(chain, path, body, receiver=component.app_id, **keys)[2] == b"success"
        component.refresh_from_db()
        assert component.unseal("ticket") == "t2"

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/hooks/wechat/", "404 Not Found"),
            ("/hooks/wechat//", "404 Not Found"),
            ("/hooks/wechat/a/b/", "404 Not Found"),
            ("/hooks/wechat/component/a/b/c/", "404 Not Found"),
            ("/hooks/wechat/wx;drop/", "404 Not Found"),
            ("/hooks/wechat/nobody/", "404 Not Found"),
        ],
    )
    def test_addresses_that_are_none(
        self, race_db: str, chain: str, path: str, status: str
    ) -> None:
        assert push(chain, path, text("x"), receiver="wxsb1")[0] == status

    @pytest.mark.parametrize(
        "changes",
        [
            {"msg_signature": "0" * 40},
            {"timestamp": "1"},
            {"nonce": "n2"},
            {"nonce": "n\x00"},
            {"encrypt_type": "raw"},
        ],
    )
    def test_what_is_not_signed(self, race_db: str, chain: str, changes: dict[str, str]) -> None:
        account = make_account()
        path = f"/hooks/wechat/{account.app_id}/"
        answer = push(chain, path, text("x"), receiver=account.app_id, **changes)
        assert answer[0].startswith("403") or answer[0].startswith("400")
        assert not CallbackDelivery.objects.exists()

    def test_other_methods(self, race_db: str, chain: str) -> None:
        account = make_account()
        assert send(chain, f"/hooks/wechat/{account.app_id}/", "", b"", "PUT")[0].startswith("405")


class TestMemory:
    """Keys stay in memory for a moment, and never let in what they should not."""

    @pytest.fixture(autouse=True)
    def remembering(
        self, race_db: str, nothing_remembered: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receivers, "KNOWN_FOR_S", 60.0)

    def answer(self, account: ChannelAccount, number: int, **keys: str) -> str:
        path = f"/hooks/wechat/{account.app_id}/"
        body = text("x", message_id=number)
        return push("short", path, body, receiver=account.app_id, **keys)[0]

    def test_a_push_costs_one_statement(self) -> None:
        account = make_account()
        self.answer(account, 1)
        with CaptureQueriesContext(connection) as asked:
            self.answer(account, 2)
        assert [query["sql"].split()[0] for query in asked] in ([], ["WITH"])
        assert CallbackDelivery.objects.count() == 2

    def test_new_keys_work_at_once(self) -> None:
        account = make_account()
        self.answer(account, 1)
        services.keep_old_keys(account, "anothertoken", "k" * 43)
        account.seal("callback_token", "anothertoken")
        account.seal("aes_key", "k" * 43)
        account.save()
        keys = {"token": "anothertoken", "aes_key": "k" * 43}
        assert self.answer(account, 2, **keys) == "200 OK"

    def test_a_lost_connection_is_replaced(self) -> None:
        account = make_account()
        self.answer(account, 1)
        connection.connection.close()
        assert self.answer(account, 2) == "200 OK"

    def test_many_at_once_are_kept_once(self) -> None:
        account = make_account()
        barrier = threading.Barrier(8)

        def knock(_number: int) -> str:
            barrier.wait(timeout=10)
            try:
                path = f"/hooks/wechat/{account.app_id}/"
                return push("short", path, event("subscribe"), receiver=account.app_id)[0]
            finally:
                connections.close_all()

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(knock, range(48))) == {"200 OK"}
        assert CallbackDelivery.objects.count() == 1
        assert ProcrastinateJob.objects.count() == 1

    def test_those_that_came_together_share_jobs(self) -> None:
        """Each stands in exactly one job, in the order in which WeChat sent them."""
        account, many = make_account(), 64
        self.answer(account, 1000)
        began = int(time.time())
        barrier = threading.Barrier(16)

        def knock(number: int) -> str:
            barrier.wait(timeout=10)
            try:
                path = f"/hooks/wechat/{account.app_id}/"
                body = text("x", message_id=number, at=began - number)
                return push("short", path, body, receiver=account.app_id)[0]
            finally:
                connections.close_all()

        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(knock, range(many))) == {"200 OK"}
        sent_at = dict(CallbackDelivery.objects.values_list("pk", "sent_at"))
        jobs = ProcrastinateJob.objects.values_list("args", flat=True)
        loads = [job["delivery_ids"] for job in jobs]
        assert sorted(itertools.chain(*loads)) == sorted(sent_at)
        assert len(loads) < many
        for load in loads:
            assert len(load) <= deliveries.EACH_JOB
            assert load == sorted(load, key=sent_at.__getitem__)
