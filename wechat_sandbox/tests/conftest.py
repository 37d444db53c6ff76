from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from wechat_sandbox import Sandbox, create_app
from wechat_sandbox.accounts import Account
from wechat_sandbox.tests.factories import APPID, MAIN, SECRET, PayHook, ReceiptHook, Shop
from wechat_sandbox.tests.sellers import Seller


@pytest.fixture
def shop() -> Iterator[Shop]:
    """The product behind the sandbox: takes pushes, shows pages."""
    made = Shop()
    Shop.current = made
    yield made
    Shop.current = None


@pytest.fixture
def hook() -> Iterator[PayHook]:
    """The product's address for notifications of payments."""
    made = PayHook()
    PayHook.current = made
    yield made
    PayHook.current = None


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[Sandbox, TestClient]]:
    """One sandbox for all tests: starting one takes longer than most of them."""
    app = create_app(
        product="http://127.0.0.1:8000",
        callback_timeout_s=0.2,
        callback_retry_gap_s=0,
        product_transport=httpx2.ASGITransport(
            app=Starlette(routes=[*PayHook.routes(), *ReceiptHook.routes(), *Shop.routes()])
        ),
    )
    with TestClient(app, base_url=MAIN, follow_redirects=False) as started:
        yield app, started
    app.world.store.close()


@pytest.fixture
def sandbox(served: tuple[Sandbox, TestClient], shop: Shop) -> Iterator[Sandbox]:
    """The sandbox with nothing in it."""
    app, started = served
    yield app
    # What a test left under way must not push into the next one.
    assert started.portal
    started.portal.call(app.world.pusher.close)
    app.world.store.forget()
    app.world.people_changed()
    app.world.clock.set_offset(0)


@pytest.fixture
def client(served: tuple[Sandbox, TestClient], sandbox: Sandbox) -> TestClient:
    """The sandbox's own host; phones are reached by absolute addresses."""
    started = served[1]
    started.cookies.clear()
    return started


@pytest.fixture
def tea(client: TestClient, sandbox: Sandbox) -> Account:
    """A service account in safe mode whose pushes go to the shop."""
    made = client.put(
        f"/_sandbox/api/accounts/{APPID}",
        json={
            "name": "拾光茶饮",
            "secret": SECRET,
            "callback_url": "http://127.0.0.1:8000/hooks/wechat",
            "oauth_domains": ["127.0.0.1:8000"],
            "open_account": "group",
            "menu": [
                {"name": "集章卡", "url": "http://127.0.0.1:8000/card"},
                {"name": "更多", "sub_button": [{"name": "帮助", "key": "HELP"}]},
            ],
        },
    )
    assert made.status_code == 200, made.text
    return sandbox.world.account(APPID)


@pytest.fixture
def lin(client: TestClient) -> str:
    """A person on an iPhone."""
    people: list[dict[str, Any]] = [
        {"slug": "lin", "nickname": "林小满", "platform": "ios", "tags": ["顾客"]},
        {"slug": "chen", "nickname": "陈思远", "platform": "android"},
    ]
    assert client.put("/_sandbox/api/people", json=people).status_code == 200
    return "lin"


@pytest.fixture
def seller(client: TestClient, sandbox: Sandbox, tea: Account, lin: str, hook: PayHook) -> Seller:
    """A merchant of WeChat Pay."""
    return Seller(client, sandbox)
