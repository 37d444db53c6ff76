from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from starlette.testclient import TestClient

from wechat_sandbox import crypto
from wechat_sandbox.accounts import Account
from wechat_sandbox.callbacks import OUT_OF_SERVICE
from wechat_sandbox.crypto import BadCipher
from wechat_sandbox.tests.factories import (
    APPID,
    Shop,
    chat,
    control,
    follow,
    openid,
    scene_code,
    sealed_reply,
)

pytestmark = pytest.mark.usefixtures("lin")


def say(client: TestClient, text: str = "在吗") -> dict[str, Any]:
    found: dict[str, Any] = control(
        client, "POST", "people/lin/messages", {"appid": APPID, "text": text}
    )["callback"]
    return found


def policy(client: TestClient, **what: Any) -> None:
    control(client, "POST", "callbacks/policy", {"appid": APPID, **what})


class TestEvents:
    def test_following(self, client: TestClient, tea: Account, shop: Shop) -> None:
        answer = follow(client)

        assert answer["callback"] == {"outcome": "accepted", "attempts": 1, "detail": ""}
        (push,) = shop.pushes
        assert push.query["encrypt_type"] == "aes"
        assert push.query["openid"] == openid(client)
        fields = push.opened(tea)
        assert fields.pop("CreateTime").isdigit()
        assert fields == {
            "ToUserName": tea.original_id,
            "FromUserName": openid(client),
            "MsgType": "event",
            "Event": "subscribe",
            "EventKey": "",
        }

    def test_following_twice_pushes_once(
        self, client: TestClient, tea: Account, shop: Shop
    ) -> None:
        follow(client)

        assert follow(client)["callback"] is None
        assert len(shop.pushes) == 1

    def test_a_silent_follow(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client, silent=True)

        assert shop.pushes == []
        assert [one["appid"] for one in control(client, "GET", "people/lin/chats")] == [APPID]

    def test_scanning_first_with_then_without_prefix(
        self, client: TestClient, tea: Account, shop: Shop
    ) -> None:
        made = scene_code(client)
        for _ in range(2):
            control(client, "POST", "people/lin/scan", {"content": made["url"]})

        found = [one.opened(tea) for one in shop.pushes]
        assert [(one["Event"], one["EventKey"]) for one in found] == [
            ("subscribe", "qrscene_bind-7"),
            ("SCAN", "bind-7"),
        ]
        assert {one["Ticket"] for one in found} == {made["ticket"]}

    def test_leaving_empties_the_chat(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client)
        say(client)
        control(client, "POST", "people/lin/unfollow", {"appid": APPID})

        assert shop.pushes[-1].opened(tea)["Event"] == "unsubscribe"
        assert chat(client) == []
        assert control(client, "GET", "people/lin/chats") == []

    def test_menu(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client)
        for path in ([0], [1, 0]):
            control(client, "POST", "people/lin/menu", {"appid": APPID, "path": path})

        view, click = (one.opened(tea) for one in shop.pushes[1:])
        assert (view["Event"], view["EventKey"]) == ("VIEW", "http://127.0.0.1:8000/card")
        assert (click["Event"], click["EventKey"]) == ("CLICK", "HELP")

    def test_text(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client)
        say(client, " 在吗 ]]> <b> ")

        fields = shop.pushes[-1].opened(tea)
        assert (fields["MsgType"], fields["Content"]) == ("text", "在吗 ]]> <b>")
        assert 2**53 < int(fields["MsgId"]) < 2**63

    @pytest.mark.parametrize("mode", ["plain", "compatible"])
    def test_other_modes(self, client: TestClient, tea: Account, shop: Shop, mode: str) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"encrypt_mode": mode})
        follow(client)

        (push,) = shop.pushes
        assert "<Event><![CDATA[subscribe]]></Event>" in push.body
        assert ("msg_signature" in push.query) is (mode == "compatible")
        if mode == "compatible":
            assert push.opened(tea)["Event"] == "subscribe"

    def test_check_of_the_address(self, client: TestClient, tea: Account) -> None:
        assert control(client, "POST", f"accounts/{APPID}/check") == {"ok": True, "problem": ""}
        control(client, "PUT", f"accounts/{APPID}", {"callback_url": "http://127.0.0.1:8000/no"})
        assert control(client, "POST", f"accounts/{APPID}/check")["ok"] is False


def text_reply(tea: Account, receiver: str, **changes: str | int) -> dict[str, str | int]:
    return {
        "ToUserName": receiver,
        "FromUserName": tea.original_id,
        "CreateTime": 1700000000,
        "MsgType": "text",
        "Content": "在的，九点打烊。",
        **changes,
    }


class TestReplies:
    def test_an_encrypted_reply_appears(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client)
        reply = sealed_reply(tea, text_reply(tea, openid(client)))
        shop.answer = lambda push: reply

        assert say(client)["outcome"] == "replied"
        assert [(one["from"], one["content"]) for one in chat(client)] == [
            ("person", "在吗"),
            ("account", "在的，九点打烊。"),
        ]

    def test_an_empty_answer_is_fine(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client)
        shop.answer = lambda push: ""

        assert say(client)["outcome"] == "accepted"
        assert len(chat(client)) == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"ToUserName": "oSomebodyElse"},
            {"FromUserName": "gh_else"},
            {"CreateTime": "soon"},
            {"Content": ""},
            {"Content": "长" * 683},
            {"MsgType": "gif"},
        ],
        ids=["receiver", "sender", "time", "empty", "long", "type"],
    )
    def test_a_wrong_reply_is_out_of_service(
        self, client: TestClient, tea: Account, shop: Shop, changes: dict[str, str | int]
    ) -> None:
        follow(client)
        reply = sealed_reply(tea, text_reply(tea, openid(client), **changes))
        shop.answer = lambda push: reply

        assert say(client)["outcome"] == "bad_answer"
        assert chat(client)[-1]["content"] == OUT_OF_SERVICE
        assert chat(client)[-1]["from"] == "system"

    @pytest.mark.parametrize(
        "answer", ['{"ok":1}', "<html></html>", "<xml>", "<xml></xml>", "SUCCESS"]
    )
    def test_anything_else_is_out_of_service(
        self, client: TestClient, tea: Account, shop: Shop, answer: str
    ) -> None:
        follow(client)
        shop.answer = lambda push: answer

        assert say(client)["outcome"] == "bad_answer"
        assert len(shop.pushes) == 2

    def test_a_reply_with_a_wrong_signature(
        self, client: TestClient, tea: Account, shop: Shop
    ) -> None:
        follow(client)
        reply = sealed_reply(tea, text_reply(tea, openid(client)), token="another")
        shop.answer = lambda push: reply

        assert say(client)["detail"] == "MsgSignature of the reply is wrong"


class TestRetries:
    def test_no_answer_in_time_is_tried_three_times_more(
        self, client: TestClient, tea: Account, shop: Shop
    ) -> None:
        follow(client, silent=True)
        shop.delays_s = [0.4] * 4

        assert say(client)["outcome"] == "timeout"
        assert len(shop.pushes) == 4
        messages = [one.opened(tea) for one in shop.pushes]
        assert all(one == messages[0] for one in messages)
        assert len({one.query["nonce"] for one in shop.pushes}) == 4
        assert chat(client)[-1]["content"] == OUT_OF_SERVICE

    def test_a_later_try_may_succeed(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client, silent=True)
        shop.delays_s = [0.4]

        assert say(client) == {"outcome": "accepted", "attempts": 2, "detail": ""}
        assert len(chat(client)) == 1

    def test_a_broken_server_is_tried_again_a_refusal_is_not(
        self, client: TestClient, tea: Account, shop: Shop
    ) -> None:
        follow(client, silent=True)
        shop.status = 500
        assert say(client)["attempts"] == 4
        shop.status = 403
        assert say(client) == {"outcome": "refused", "attempts": 1, "detail": "HTTP 403"}

    def test_nothing_is_shown_for_an_event_the_person_does_not_wait_for(
        self, client: TestClient, tea: Account, shop: Shop
    ) -> None:
        shop.status = 403
        follow(client)

        assert chat(client) == []


class TestFaults:
    def test_drop(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client, silent=True)
        policy(client, drop=1)

        assert [say(client)["outcome"] for _ in range(2)] == ["dropped", "accepted"]
        assert len(shop.pushes) == 1

    def test_duplicate(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client, silent=True)
        policy(client, duplicate=True)
        say(client)

        first, second = shop.pushes
        assert first.opened(tea) == second.opened(tea)
        assert first.query["msg_signature"] != second.query["msg_signature"]

    def test_wrong_signature(self, client: TestClient, tea: Account, shop: Shop) -> None:
        policy(client, wrong_signature=1)
        follow(client)

        with pytest.raises(AssertionError):
            shop.pushes[0].opened(tea)

    def test_replay(self, client: TestClient, tea: Account, shop: Shop) -> None:
        policy(client, replay=1)
        follow(client)

        first, second = shop.pushes
        assert (first.query, first.body) == (second.query, second.body)

    def test_meant_for_another(self, client: TestClient, tea: Account, shop: Shop) -> None:
        policy(client, wrong_receiver=1)
        follow(client)

        with pytest.raises(BadCipher, match="another receiver"):
            shop.pushes[0].opened(tea)

    def test_the_key_before(self, client: TestClient, tea: Account, shop: Shop) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"aes_key": "N" * 43})
        policy(client, old_key=1)
        follow(client)
        say(client)

        assert shop.pushes[0].opened(tea)["Event"] == "subscribe"
        now = replace(tea, aes_key="N" * 43)
        assert shop.pushes[1].opened(now)["MsgType"] == "text"

    def test_every_padding_comes_by_itself(
        self, client: TestClient, tea: Account, shop: Shop
    ) -> None:
        follow(client, silent=True)
        for length in range(1, 33):
            say(client, "x" * length)
        found = set()
        for push in shop.pushes:
            sealed = base64.b64decode(re.findall("<Encrypt><!.CDATA.(.+?)]]>", push.body)[0])
            key = base64.b64decode(tea.aes_key + "=")
            opener = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
            found.add((opener.update(sealed) + opener.finalize())[-1])

        assert found == set(range(1, 33))

    def test_delay(self, client: TestClient, tea: Account, shop: Shop) -> None:
        policy(client, delay_s=0.05)
        follow(client, wait=False)
        assert shop.pushes == []

    def test_wechat_leaves_a_failing_server_alone_for_a_minute(
        self, client: TestClient, tea: Account, shop: Shop
    ) -> None:
        follow(client, silent=True)
        policy(client, pause_after_failures=True)
        shop.status = 403
        outcomes = [say(client)["outcome"] for _ in range(6)]
        shop.status = 200
        control(client, "POST", "clock", {"advance_s": 61})

        assert outcomes == ["refused"] * 5 + ["paused"]
        assert say(client)["outcome"] == "accepted"

    def test_unknown_faults_are_refused(self, client: TestClient, tea: Account) -> None:
        body = {"appid": APPID, "explode": True}
        answer = client.post("/_sandbox/api/callbacks/policy", json=body)

        assert answer.status_code == 422


class TestJson:
    """A server that chose JSON gets and gives JSON."""

    def test_both_ways(self, client: TestClient, tea: Account, shop: Shop) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"push_format": "json"})
        follow(client, silent=True)
        reply = json.dumps({**text_reply(tea, openid(client))}, ensure_ascii=False)
        sealed = crypto.encrypt(reply, aes_key=tea.aes_key, receiver=tea.appid)
        answer = {
            "Encrypt": sealed,
            "MsgSignature": crypto.sign(tea.token, "1700000000", "n", sealed),
            "TimeStamp": 1700000000,
            "Nonce": "n",
        }
        shop.answer = lambda push: json.dumps(answer)

        assert say(client)["outcome"] == "replied"
        pushed = json.loads(shop.pushes[0].body)
        assert set(pushed) == {"ToUserName", "Encrypt"}
        text = crypto.decrypt(pushed["Encrypt"], aes_key=tea.aes_key, receiver=tea.appid)
        assert json.loads(text)["Content"] == "在吗"
        assert chat(client)[-1]["content"] == "在的，九点打烊。"

    def test_plain(self, client: TestClient, tea: Account, shop: Shop) -> None:
        mode = {"push_format": "json", "encrypt_mode": "plain"}
        control(client, "PUT", f"accounts/{APPID}", mode)
        follow(client)

        assert json.loads(shop.pushes[0].body)["Event"] == "subscribe"
        for wrong in ("[]", "{", json.dumps(text_reply(tea, "oSomebodyElse"))):
            shop.answer = lambda push, wrong=wrong: wrong  # type: ignore[misc]
            assert say(client)["outcome"] == "bad_answer"
