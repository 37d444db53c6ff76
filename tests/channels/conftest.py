"""The product and the sandbox in one process, each reaching the other without a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.from_thread
import httpx2
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.urls import get_resolver

from tests.plugins.database import DatabaseServer
from wechat_sandbox import create_app
from zhanggui.accounts.models import Merchant
from zhanggui.channels.pay import client as pay_client
from zhanggui.channels.sms import client as sms_client
from zhanggui.channels.wechat import client as wechat_client
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.tests.factories import AES_KEY, SECRET, TOKEN, make_account

PRODUCT = "http://127.0.0.1:8000"
SANDBOX = "http://127.0.0.1:8001"


class FromProduct(httpx2.BaseTransport):
    """Carries the product's calls into the sandbox's event loop."""

    def __init__(self, portal: anyio.from_thread.BlockingPortal, app: Any) -> None:
        self._portal = portal
        self._inner = httpx2.ASGITransport(app=app, client=("127.0.0.1", 50000))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Ask the sandbox and wait."""
        request.read()  # a file comes in pieces
        return self._portal.call(self._ask, request)

    async def _ask(self, request: httpx2.Request) -> httpx2.Response:
        copy = httpx2.Request(
            request.method, request.url, headers=request.headers, content=request.content
        )
        answer = await self._inner.handle_async_request(copy)
        body = await answer.aread()
        return httpx2.Response(answer.status_code, headers=answer.headers, content=body)


class ToProduct(httpx2.AsyncBaseTransport):
    """Carries pushes and the phones' requests to the product, in a thread of their own."""

    def __init__(self) -> None:
        self._inner = httpx2.WSGITransport(app=WSGIHandler())

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Ask the product without stopping the sandbox, which it may ask back."""
        body = await request.aread()
        return await anyio.to_thread.run_sync(self._ask, request, body)

    def _ask(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        copy = httpx2.Request(request.method, request.url, headers=request.headers, content=body)
        try:
            answer = self._inner.handle_request(copy)
            content = answer.read()
            return httpx2.Response(answer.status_code, headers=answer.headers, content=content)
        finally:
            connections.close_all()


@dataclass
class Stage:
    """Both programs with what a test does to them."""

    http: httpx2.Client
    phones: dict[str, httpx2.Client] = field(default_factory=dict)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """A call to the sandbox's control interface."""
        answer = self.http.request(method, f"{SANDBOX}/_sandbox/api/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def add_account(self, merchant: Merchant | None = None, **settings: Any) -> ChannelAccount:
        """An official account that both sides know."""
        account = make_account(merchant=merchant)
        values = {
            "name": account.name,
            "secret": SECRET,
            "original_id": account.original_id,
            "kind": "service",
            "token": TOKEN,
            "aes_key": AES_KEY,
            "encrypt_mode": "safe",
            "callback_url": f"{PRODUCT}/hooks/wechat/{account.app_id}/",
            "oauth_domains": ["127.0.0.1:8000"],
        }
        self.control("PUT", f"accounts/{account.app_id}", values | settings)
        return account

    def add_people(self, *slugs: str) -> None:
        """People with phones; their nicknames are their slugs in capitals."""
        people = [{"slug": slug, "nickname": slug.upper()} for slug in slugs]
        self.control("PUT", "people", people)

    def openid(self, account: ChannelAccount, slug: str) -> str:
        """What the account calls a person."""
        return str(self.control("GET", f"openids?appid={account.app_id}")[slug])

    def browse(self, slug: str, path: str, *, decision: str = "allow") -> httpx2.Response:
        """Open a page in a person's in-app browser and go where it leads.

        A question for consent is answered with ``decision``.
        """
        origin = f"http://{slug}.localhost:8001"
        answer = self.http.get(f"{origin}{path}", headers={"Accept": "text/html"})
        for _step in range(12):
            if answer.is_redirect:
                target = answer.url.join(answer.headers["Location"])
                answer = self.http.get(target, headers={"Accept": "text/html"})
            elif answer.url.path.endswith("/oauth2/authorize") and 'name="decision"' in answer.text:
                answer = self.http.post(answer.url, data={"decision": decision})
            else:
                break
        return answer


@pytest.fixture
def stage(race_db: str, database_server: DatabaseServer) -> Iterator[Stage]:
    """The product and a fresh sandbox, in a database in which commits are real."""
    assert get_resolver().url_patterns  # else the first push waits until all pages are loaded
    with ExitStack() as stack:
        portal = stack.enter_context(anyio.from_thread.start_blocking_portal())
        app = portal.call(_make)
        transport = FromProduct(portal, app)
        stack.enter_context(wechat_client.using(transport))
        stack.enter_context(pay_client.using(transport))
        stack.enter_context(sms_client.using(transport))
        http = stack.enter_context(httpx2.Client(transport=transport, follow_redirects=False))
        yield Stage(http)
        portal.call(app.world.pusher.close)
        portal.call(app.world.gateway.close)
        portal.call(app.world.store.close)


async def _make() -> Any:
    return create_app(
        product=PRODUCT,
        public=SANDBOX,
        callback_retry_gap_s=0,
        product_transport=ToProduct(),
    )
