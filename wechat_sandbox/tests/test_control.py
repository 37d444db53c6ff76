from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from wechat_sandbox import Sandbox, create_app
from wechat_sandbox.accounts import Account
from wechat_sandbox.config import UnsafeSandbox
from wechat_sandbox.serving import free_port, wait_for
from wechat_sandbox.store import Store
from wechat_sandbox.tests.factories import (
    APPID,
    LIN,
    MAIN,
    SECRET,
    api,
    control,
    follow,
    openid,
    scene_code,
    token,
)


class TestCallers:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 200),
            ({"Origin": MAIN}, 200),
            ({"Origin": "http://localhost:8001"}, 200),
            ({"Origin": LIN}, 403),
            ({"Origin": "http://127.0.0.1:8000"}, 403),
            ({"Origin": "null"}, 403),
            ({"Host": "rebound.example:8001"}, 403),
            ({"Host": "localhost:8001"}, 200),
        ],
        ids=["program", "own", "own-name", "phone", "product", "null", "other-name", "name"],
    )
    def test_only_the_sandbox_itself(
        self, client: TestClient, headers: dict[str, str], status: int
    ) -> None:
        answer = client.post("/_sandbox/api/reset", json={}, headers=headers)

        assert answer.status_code == status

    def test_only_this_machine(self, sandbox: Sandbox) -> None:
        far = TestClient(sandbox, base_url=MAIN, client=("192.168.1.7", 5000))
        near = TestClient(sandbox, base_url=MAIN, client=("127.0.0.1", 5000))

        assert far.get("/_sandbox/api/accounts").status_code == 403
        assert near.get("/_sandbox/api/accounts").status_code == 200
        assert far.get("/api.weixin.qq.com/cgi-bin/token").json()["errcode"] == 41002

    def test_a_phone_has_no_control(self, client: TestClient, lin: str) -> None:
        assert client.get(f"{LIN}/_sandbox/api/accounts").status_code == 404


class TestAccounts:
    def test_saving_again_changes_what_is_given(self, client: TestClient, tea: Account) -> None:
        api(
            client,
            "/cgi-bin/menu/create",
            {"button": [{"type": "click", "name": "帮助", "key": "K"}]},
            access_token=token(client),
        )
        control(client, "PUT", f"accounts/{APPID}", {"name": "拾光", "avatar": "茶"})
        (found,) = control(client, "GET", "accounts")

        assert (found["name"], found["avatar"], found["secret"]) == ("拾光", "茶", SECRET)
        assert found["menu"] == [{"type": "click", "name": "帮助", "key": "K"}]
        assert found["original_id"] == tea.original_id

    @pytest.mark.parametrize(
        ("appid", "body"),
        [
            ("wx1234567890abcdef", {}),
            ("wxsb", {}),
            ("wxsbUPPER", {}),
            (APPID, {"kind": "bank"}),
            (APPID, {"aes_key": "short"}),
            (APPID, {"encrypt_mode": "rot13"}),
            (APPID, {"callback_url": "ftp://x/"}),
            (APPID, {"oauth_domains": "127.0.0.1"}),
            (APPID, {"menu": [{"url": "http://x/"}]}),
            (APPID, {"colour": "red"}),
            (APPID, {"templates": [{"title": "x", "content": "no place"}]}),
        ],
    )
    def test_refusals_change_nothing(
        self, client: TestClient, tea: Account, sandbox: Sandbox, appid: str, body: Any
    ) -> None:
        answer = client.put(f"/_sandbox/api/accounts/{appid}", json=body)

        assert answer.status_code == 422
        assert answer.json()["error"]
        assert sandbox.world.account(APPID) == tea
        assert len(control(client, "GET", "accounts")) == 1

    def test_deleting(self, client: TestClient, tea: Account) -> None:
        assert control(client, "DELETE", f"accounts/{APPID}") == {"ok": True}
        assert client.get(f"/_sandbox/api/accounts/{APPID}").status_code == 404


class TestPeople:
    def test_hundreds_at_once(self, client: TestClient) -> None:
        many = [{"slug": f"p{number}", "nickname": f"顾客{number}"} for number in range(400)]
        saved = control(client, "PUT", "people", many)

        assert len(saved) == 400
        assert saved[7]["phone_url"] == "http://p7.localhost:8001/_phone/"
        assert [one["slug"] for one in control(client, "GET", "people")] == [
            one["slug"] for one in many
        ]

    def test_saving_again_keeps_the_rest(self, client: TestClient, lin: str) -> None:
        control(client, "PUT", "people", [{"slug": "lin", "nickname": "小满"}])

        found = control(client, "GET", "people")[0]
        assert (found["nickname"], found["platform"], found["tags"]) == ("小满", "ios", ["顾客"])

    @pytest.mark.parametrize(
        "wrong",
        [
            {"slug": "A B", "nickname": "x"},
            {"slug": "-a", "nickname": "x"},
            {"slug": "localhost", "nickname": "x"},
            {"slug": "new", "nickname": " "},
            {"slug": "new"},
            {"slug": "new", "nickname": "长" * 33},
            {"slug": "new", "nickname": "x", "platform": "fridge"},
        ],
    )
    def test_one_wrong_person_stops_all(self, client: TestClient, wrong: dict[str, str]) -> None:
        body = [{"slug": "good", "nickname": "好"}, wrong]

        assert client.put("/_sandbox/api/people", json=body).status_code == 422
        assert control(client, "GET", "people") == []

    def test_unknown_names(self, client: TestClient, tea: Account, lin: str) -> None:
        for path, body in (
            ("people/nobody/follow", {"appid": APPID}),
            ("people/lin/follow", {"appid": "wxsbnobody1"}),
            ("people/lin/follow", {"appid": APPID, "scene": "BY_MAGIC"}),
        ):
            answer = client.post(f"/_sandbox/api/{path}", json=body)
            assert answer.status_code in (404, 422)
        assert client.post("/_sandbox/api/clock", content=b"{").status_code == 422
        assert client.post("/_sandbox/api/clock", json=[]).status_code == 422

    def test_deleting(self, client: TestClient, tea: Account, lin: str) -> None:
        follow(client, silent=True)
        name = openid(client)
        control(client, "DELETE", "people/lin")

        found = api(client, "/cgi-bin/user/info", openid=name, access_token=token(client))
        assert found["errcode"] == 40003

    def test_openids_follow_the_people(self, client: TestClient, tea: Account, lin: str) -> None:
        assert "errcode" not in api(
            client, "/cgi-bin/user/info", openid=openid(client), access_token=token(client)
        )
        control(client, "DELETE", "people/chen")
        control(client, "PUT", "people", [{"slug": "wang", "nickname": "王秀英"}])

        found = api(
            client, "/cgi-bin/user/info", openid=openid(client, "wang"), access_token=token(client)
        )
        assert found["subscribe"] == 0


class TestLog:
    def test_secrets_are_shown_in_part(self, client: TestClient, tea: Account) -> None:
        value = token(client)
        api(client, "/cgi-bin/getcallbackip", access_token=value)
        text = client.get("/_sandbox/api/calls").text

        assert value not in text
        assert SECRET not in text
        assert f"{value[:4]}…{value[-4:]}" in text

    def test_filters(self, client: TestClient, tea: Account, lin: str) -> None:
        follow(client)
        scene_code(client)

        assert [one["kind"] for one in control(client, "GET", "calls?kind=callback")] == [
            "callback"
        ]
        (found,) = control(client, "GET", "calls?find=bind-7")
        assert (found["path"], found["status"], found["errcode"]) == (
            "/cgi-bin/qrcode/create",
            200,
            None,
        )
        assert found["answer"]["url"].startswith("http://weixin.qq.com/q/")
        assert len(control(client, "GET", "calls?limit=1")) == 1
        last = control(client, "GET", "calls")[-1]["id"]
        assert control(client, "GET", f"calls?before={last}") == []
        assert client.get("/_sandbox/api/calls?limit=x").status_code == 422
        control(client, "DELETE", "calls")
        assert control(client, "GET", "calls") == []

    def test_pages_and_refused_calls_are_logged(self, client: TestClient, lin: str) -> None:
        client.get("/api.weixin.qq.com/cgi-bin/nothing")
        client.get(f"{LIN}/open.weixin.qq.com/connect/oauth2/authorize?appid=x&scope=y")

        page, call = control(client, "GET", "calls")
        assert (page["kind"], page["errcode"]) == ("page", 10011)
        assert call["status"] == 404


class TestReset:
    def test_everything(self, client: TestClient, tea: Account, lin: str) -> None:
        control(client, "POST", "clock", {"advance_s": 500})
        control(client, "POST", "reset")

        assert control(client, "GET", "accounts") == control(client, "GET", "people") == []
        assert control(client, "GET", "clock")["offset_s"] == 0

    def test_only_what_happened(self, client: TestClient, tea: Account, lin: str) -> None:
        follow(client)
        control(client, "POST", "reset", {"keep": "setup"})

        assert len(control(client, "GET", "accounts")) == 1
        assert control(client, "GET", "people/lin/chats") == []


class TestStart:
    def test_not_in_production(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ZHANGGUI_MODE", "production")

        with pytest.raises(UnsafeSandbox):
            create_app()

    def test_the_program_says_so(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "wechat_sandbox", "--data", str(tmp_path / "x"), "--port", "0"],
            env={**os.environ, "ZHANGGUI_MODE": "production"},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

        assert done.returncode == 1
        assert "production" in done.stderr
        assert not (tmp_path / "x").exists()

    def test_state_outlives_the_process(self, tmp_path: Path) -> None:
        found = []
        for _ in range(2):
            app = create_app(str(tmp_path / "sandbox.sqlite3"))
            client = TestClient(app, base_url=MAIN)
            before = len(control(client, "GET", "accounts"))
            control(client, "PUT", f"accounts/{APPID}", {"name": "茶"})
            control(client, "POST", "clock", {"advance_s": 10})
            found.append((control(client, "GET", "clock")["offset_s"], before))
            app.world.store.close()

        assert found == [(10, 0), (20, 1)]

    def test_nothing_answered_is_lost_when_it_is_killed(self, tmp_path: Path) -> None:
        port, data = free_port(), str(tmp_path / "sandbox.sqlite3")
        program = [sys.executable, "-m", "wechat_sandbox", "--port", str(port), "--data", data]
        url = f"http://127.0.0.1:{port}/_sandbox/api/people"
        known: list[dict[str, Any]] = []
        for start in range(2):
            with subprocess.Popen(program, stdout=subprocess.DEVNULL) as running:
                try:
                    wait_for(f"http://127.0.0.1:{port}")
                    known = httpx2.get(url, trust_env=False).json()
                    body = [{"slug": f"p{start}", "nickname": "顾客"}]
                    assert httpx2.put(url, json=body, trust_env=False).status_code == 200
                finally:
                    running.kill()

        assert [one["slug"] for one in known] == ["p0"]

    def test_a_file_of_another_version_is_emptied(self, tmp_path: Path) -> None:
        path = tmp_path / "sandbox.sqlite3"
        old = sqlite3.connect(path)
        old.executescript("CREATE TABLE accounts (x); PRAGMA user_version = 99;")
        old.close()

        store = Store(str(path))
        assert store.rows("SELECT * FROM accounts WHERE appid = 'x'") == []
        store.close()

    def test_a_failed_group_of_statements_leaves_nothing(self) -> None:
        store = Store(":memory:")

        def fail() -> None:
            with store.transaction():
                store.insert("settings", key="a", value="1")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert store.setting("a", "unset") == "unset"
        store.close()
