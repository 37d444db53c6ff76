"""Snapshots of everything, and calls made once more."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from wechat_sandbox import Sandbox, create_app
from wechat_sandbox.accounts import Account
from wechat_sandbox.tests.factories import (
    APPID,
    MAIN,
    PayHook,
    Shop,
    chat,
    control,
    follow,
    openid,
    scene_code,
)
from wechat_sandbox.tests.sellers import NATIVE, Seller


@pytest.fixture(autouse=True)
def empty_shelf(sandbox: Sandbox) -> None:
    for one in sandbox.world.shelf.every():
        sandbox.world.shelf.remove(one["name"])


class TestSnapshots:
    def test_everything_comes_back_after_a_reset(
        self, client: TestClient, tea: Account, lin: str, shop: Shop
    ) -> None:
        follow(client)
        control(client, "POST", "people/lin/messages", {"appid": APPID, "text": "在吗"})
        control(client, "POST", "clock", {"advance_s": 3600})
        before = chat(client)
        control(client, "POST", "snapshots", {"name": "开业 第一天"})
        control(client, "POST", "reset")
        assert control(client, "GET", "people") == []

        control(client, "POST", "snapshots/开业 第一天/restore")
        assert chat(client) == before
        assert control(client, "GET", "clock")["offset_s"] == 3600
        assert openid(client)
        control(client, "POST", "people/lin/messages", {"appid": APPID, "text": "又来了"})
        assert [one["content"] for one in chat(client)][-1] == "又来了"

    def test_listing_and_deleting(self, client: TestClient, lin: str) -> None:
        made = control(client, "POST", "snapshots", {})
        control(client, "POST", "snapshots", {"name": "b"})
        control(client, "POST", "snapshots", {"name": "b"})
        names = [one["name"] for one in control(client, "GET", "snapshots")]
        assert set(names) == {"b", made["name"]}
        control(client, "DELETE", "snapshots/b")
        assert client.get("/_sandbox/api/snapshots/b").status_code == 404
        assert client.delete("/_sandbox/api/snapshots/b").status_code == 404
        answer = client.post("/_sandbox/api/snapshots", json={"name": "../etc"})
        assert answer.status_code == 422

    def test_carried_elsewhere(self, client: TestClient, tea: Account, lin: str) -> None:
        control(client, "POST", "snapshots", {"name": "a"})
        raw = client.get("/_sandbox/api/snapshots/a")
        assert raw.headers["content-disposition"].startswith("attachment")
        elsewhere = create_app()
        other = TestClient(elsewhere, base_url=MAIN)
        assert other.put("/_sandbox/api/snapshots/brought", content=raw.content).status_code == 200
        control(other, "POST", "snapshots/brought/restore")
        assert [one["slug"] for one in control(other, "GET", "people")] == ["lin", "chen"]
        elsewhere.world.store.close()

    @pytest.mark.parametrize("wrong", ["noise", "other-version", "torn", "other-tables"])
    def test_what_cannot_be_used_changes_nothing(
        self, client: TestClient, sandbox: Sandbox, lin: str, wrong: str
    ) -> None:
        control(client, "POST", "snapshots", {"name": "a"})
        raw = sandbox.world.shelf.get("a")
        body: dict[str, Any] = json.loads(gzip.decompress(raw))
        bad = {
            "noise": b"no snapshot",
            "torn": raw[: len(raw) // 2],
            "other-version": gzip.compress(json.dumps(body | {"wechat_sandbox": 1}).encode()),
            "other-tables": gzip.compress(json.dumps(body | {"tables": {}}).encode()),
        }[wrong]
        assert client.put("/_sandbox/api/snapshots/bad", content=bad).status_code == 422
        assert len(control(client, "GET", "people")) == 2

    def test_they_outlive_the_process(self, tmp_path: Path) -> None:
        data = str(tmp_path / "sandbox.sqlite3")
        for start in range(2):
            app = create_app(data)
            other = TestClient(app, base_url=MAIN)
            if start == 0:
                control(other, "PUT", "people", [{"slug": "lin", "nickname": "林小满"}])
                control(other, "POST", "snapshots", {"name": "早上"})
                control(other, "POST", "reset")
            else:
                control(other, "POST", "snapshots/早上/restore")
                assert len(control(other, "GET", "people")) == 1
            app.world.store.close()


class TestReplay:
    def test_a_push_comes_again_byte_for_byte(
        self, client: TestClient, tea: Account, lin: str, shop: Shop
    ) -> None:
        follow(client)
        (call,) = control(client, "GET", "calls?kind=callback")
        answer = control(client, "POST", f"calls/{call['id']}/replay")
        assert answer["status"] == 200
        assert shop.pushes[0] == shop.pushes[1]
        assert "重放" in control(client, "GET", "calls?kind=callback")[0]["note"]

    def test_a_call_of_the_product_is_made_again(
        self, client: TestClient, tea: Account, lin: str
    ) -> None:
        scene_code(client)
        call = control(client, "GET", "calls?find=qrcode/create")[0]
        answer = control(client, "POST", f"calls/{call['id']}/replay")
        assert json.loads(answer["body"])["ticket"]
        assert len(control(client, "GET", "codes")) == 2
        assert "access_token=" not in json.dumps(control(client, "GET", "calls"))

    def test_an_old_signature_is_refused(
        self, client: TestClient, sandbox: Sandbox, tea: Account, lin: str, hook: PayHook
    ) -> None:
        seller = Seller(client, sandbox)
        seller.call("POST", NATIVE, seller.order())
        call = control(client, "GET", "calls?kind=pay&find=tea-000001")[0]
        assert control(client, "POST", f"calls/{call['id']}/replay")["status"] == 200
        seller.advance(301)
        assert control(client, "POST", f"calls/{call['id']}/replay")["status"] == 401

    def test_what_was_never_sent(self, client: TestClient, tea: Account, lin: str) -> None:
        control(client, "POST", "callbacks/policy", {"appid": APPID, "drop": True})
        follow(client)
        (call,) = control(client, "GET", "calls?kind=callback")
        assert call["can_repeat"] is False
        url = "/_sandbox/api/calls/{}/replay"
        assert client.post(url.format(call["id"])).status_code == 422
        assert client.post(url.format(10**9)).status_code == 404
        assert client.post(url.format("x")).status_code == 404
