from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from wechat_sandbox import Sandbox, create_app
from wechat_sandbox.accounts import Account
from wechat_sandbox.tests.factories import APPID, MAIN, SECRET, Shop


@pytest.fixture
def shop() -> Shop:
    """The product behind the sandbox: takes pushes, shows pages."""
    return Shop()


@pytest.fixture
def sandbox(shop: Shop) -> Iterator[Sandbox]:
    app = create_app(
        product="http://127.0.0.1:8000",
        callback_timeout_s=0.2,
        callback_retry_gap_s=0,
        product_transport=httpx2.ASGITransport(app=Starlette(routes=shop.routes())),
    )
    yield app
    app.world.store.close()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[TestClient]:
    """The sandbox's own host; phones are reached by absolute addresses."""
    with TestClient(sandbox, base_url=MAIN, follow_redirects=False) as started:
        yield started


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
