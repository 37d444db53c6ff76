"""The SMS gateway: what it takes, whose phone shows it, what nobody's number shows."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from wechat_sandbox import Sandbox
from wechat_sandbox.tests.factories import LIN

GATEWAY = "/sms.gateway/v1/messages"


def send(client: TestClient, to: str = "+8613800138555", **more: Any) -> Any:
    body = {"to": to, "text": "【掌柜】验证码 048213", "request_id": "zg1", **more}
    return client.post(GATEWAY, json=body)


def own_phone(client: TestClient, path: str) -> Any:
    return client.get(f"{LIN}/_phone/api/{path}").json()


class TestGateway:
    def test_takes_a_message_of_any_number(self, client: TestClient, sandbox: Sandbox) -> None:
        answer = send(client)
        assert answer.status_code == 200
        assert answer.json()["id"].startswith("sms")
        (kept,) = client.get("/_sandbox/api/sms").json()
        assert (kept["phone"], kept["text"], kept["person"]) == (
            "+8613800138555",
            "【掌柜】验证码 048213",
            "",
        )

    def test_knows_a_repeat_by_its_request_id(self, client: TestClient, sandbox: Sandbox) -> None:
        first, again = send(client).json(), send(client, text="another").json()
        assert first == again
        assert len(client.get("/_sandbox/api/sms").json()) == 1

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"to": "13800138000"}, "BAD_NUMBER"),
            ({"to": 5}, "BAD_NUMBER"),
            ({"text": ""}, "BAD_TEXT"),
            ({"text": "长" * 501}, "BAD_TEXT"),
            ({"request_id": ""}, "BAD_REQUEST_ID"),
        ],
    )
    def test_refuses_what_no_gateway_takes(
        self, client: TestClient, sandbox: Sandbox, wrong: dict[str, Any], code: str
    ) -> None:
        body = {"to": "+8613800138555", "text": "x", "request_id": "zg1", **wrong}
        answer = client.post(GATEWAY, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert client.get("/_sandbox/api/sms").json() == []

    def test_fails_when_asked_to(self, client: TestClient, sandbox: Sandbox) -> None:
        client.post("/_sandbox/api/faults", json={"path": GATEWAY, "http_status": 503})
        assert send(client).status_code == 503
        assert send(client).status_code == 200

    def test_stands_in_the_log(self, client: TestClient, sandbox: Sandbox) -> None:
        send(client)
        assert client.get("/_sandbox/api/calls").json()[0]["path"] == GATEWAY

    def test_is_found_by_number_and_emptied(self, client: TestClient, sandbox: Sandbox) -> None:
        send(client)
        send(client, to="+8613900139000", request_id="zg2")
        found = client.get("/_sandbox/api/sms", params={"find": "13900139000"}).json()
        assert [one["phone"] for one in found] == ["+8613900139000"]
        assert client.delete("/_sandbox/api/sms").json() == {"forgotten": 2}


class TestPhone:
    def test_everybody_has_a_number(self, client: TestClient, lin: str) -> None:
        numbers = {one["phone"] for one in client.get("/_sandbox/api/people").json()}
        assert len(numbers) == 2
        assert all(number.startswith("+86199") and len(number) == 14 for number in numbers)

    def test_a_number_can_be_given(self, client: TestClient, lin: str) -> None:
        client.put("/_sandbox/api/people", json=[{"slug": "lin", "phone": "138 0013 8555"}])
        assert own_phone(client, "state")["me"]["phone"] == "+8613800138555"
        wrong = client.put("/_sandbox/api/people", json=[{"slug": "lin", "phone": "12"}])
        assert wrong.status_code == 422

    def test_shows_its_own_messages_and_counts_new_ones(self, client: TestClient, lin: str) -> None:
        client.put("/_sandbox/api/people", json=[{"slug": "lin", "phone": "13800138555"}])
        before = own_phone(client, "state")
        send(client)
        send(client, to="+8613900139000", request_id="zg2")
        after = own_phone(client, "state")
        assert after["version"] > before["version"]
        assert (before["sms_unseen"], after["sms_unseen"]) == (0, 1)
        assert [one["text"] for one in own_phone(client, "sms")] == ["【掌柜】验证码 048213"]
        assert own_phone(client, "state")["sms_unseen"] == 0

    def test_is_no_way_into_the_gateway(self, client: TestClient, lin: str) -> None:
        body = {"to": "+8613800138555", "text": "x", "request_id": "zg1"}
        client.post(f"{LIN}{GATEWAY}", json=body)  # the phone's pages are the product's
        assert client.get("/_sandbox/api/sms").json() == []
