"""Calls to providers: the signature's published vector, what is retried, what is an error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
import stamina

from config.env import TencentSms
from zhanggui.channels.sms import client, signing
from zhanggui.channels.sms.errors import SmsNotSetUp, SmsRefused, SmsUnreachable
from zhanggui.core import clock

MESSAGE = client.Message("+8613800138000", "【掌柜】验证码 048213", ("048213",), "code", "zg7")
ACCOUNT = TencentSms(
    secret_id="AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******",
    secret_key="Gu5t9xGARNpq86cd98joQYCN3*******",
    app_id="1400006666",
    sign_name="掌柜",
    region="ap-guangzhou",
    templates={"code": "449739", "notice": ""},
)


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def tencent(settings: Any) -> None:
    settings.SMS_PROVIDER = "tencent"
    settings.SMS_TENCENT = ACCOUNT


def answer(content: Any, status: int = 200) -> Callable[[httpx2.Request], httpx2.Response]:
    return lambda request: httpx2.Response(status, json=content)


def sent(status: str = "Ok") -> dict[str, Any]:
    return {
        "Response": {
            "SendStatusSet": [{"SerialNo": "5000:1045710669157053657849499619", "Code": status}],
            "RequestId": "a0aabda6",
        }
    }


class Recorder:
    """Answers in order, the last one again and again; keeps what was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, Exception):
            raise given
        return given  # type: ignore[no-any-return]


def send(*answers: Any) -> tuple[str, Recorder]:
    recorder = Recorder(*answers)
    with client.using(httpx2.MockTransport(recorder)):
        return client.current().send(MESSAGE), recorder


class TestSigning:
    """The example of the provider's own page (Signature v3): keys, body and result are theirs."""

    BODY = (
        rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    )
    TYPE = "application/json; charset=utf-8"
    HOST = "cvm.tencentcloudapi.com"

    @pytest.mark.parametrize(
        ("headers", "signature"),
        [
            (
                {"content-type": TYPE, "host": HOST},
                "2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c",
            ),
            (
                {"content-type": TYPE, "host": HOST, "x-tc-action": "DescribeInstances"},
                "be4f67d323c78ab9acb7395e43c0dbcf822a9cfac32fea2449a7bc7726b770a3",
            ),
        ],
    )
    def test_equals_the_published_one(self, headers: dict[str, str], signature: str) -> None:
        made = signing.authorization(
            credential=signing.Credential(ACCOUNT.secret_id, ACCOUNT.secret_key),
            service="cvm",
            headers=headers,
            payload=self.BODY,
            timestamp=1551113065,
        )
        assert made == (
            f"TC3-HMAC-SHA256 Credential={ACCOUNT.secret_id}/2019-02-25/cvm/tc3_request, "
            f"SignedHeaders={';'.join(sorted(headers))}, Signature={signature}"
        )


@pytest.mark.usefixtures("tencent")
class TestTencent:
    def test_sends_a_signed_template(self) -> None:
        with clock.at(datetime(2026, 3, 1, tzinfo=UTC)):
            number, recorder = send(httpx2.Response(200, json=sent()))
        assert number == "5000:1045710669157053657849499619"
        (request,) = recorder.requests
        assert str(request.url) == "https://sms.tencentcloudapi.com/"
        assert json.loads(request.content) == {
            "PhoneNumberSet": ["+8613800138000"],
            "SmsSdkAppId": "1400006666",
            "SignName": "掌柜",
            "TemplateId": "449739",
            "TemplateParamSet": ["048213"],
            "SessionContext": "zg7",
        }
        assert request.headers["X-TC-Action"] == "SendSms"
        assert request.headers["X-TC-Version"] == "2021-01-11"
        assert request.headers["X-TC-Timestamp"] == "1772323200"
        wanted = signing.authorization(
            credential=signing.Credential(ACCOUNT.secret_id, ACCOUNT.secret_key),
            service="sms",
            headers={
                "content-type": "application/json; charset=utf-8",
                "host": "sms.tencentcloudapi.com",
            },
            payload=request.content,
            timestamp=1772323200,
        )
        assert request.headers["Authorization"] == wanted

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (sent("LimitExceeded.PhoneNumberDailyLimit"), "LimitExceeded.PhoneNumberDailyLimit"),
            (
                {"Response": {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "x"}}},
                "AuthFailure.SignatureFailure",
            ),
        ],
    )
    def test_a_refusal_is_not_repeated(self, content: Any, code: str) -> None:
        recorder = Recorder(httpx2.Response(200, json=content))
        with client.using(httpx2.MockTransport(recorder)), pytest.raises(SmsRefused) as refusal:
            client.current().send(MESSAGE)
        assert refusal.value.code == code
        assert len(recorder.requests) == 1

    @pytest.mark.parametrize(
        "broken",
        [
            httpx2.ReadTimeout("slow"),
            httpx2.Response(502),
            httpx2.Response(200, content=b"<html>"),
            httpx2.Response(200, json=[]),
            httpx2.Response(200, json={"Response": {"SendStatusSet": []}}),
            httpx2.Response(200, json={"Response": {"Error": {"Code": "InternalError"}}}),
        ],
        ids=["time-out", "502", "html", "list", "empty", "busy"],
    )
    def test_what_may_have_arrived_is_not_sent_twice(self, broken: Any) -> None:
        recorder = Recorder(broken)
        with client.using(httpx2.MockTransport(recorder)), pytest.raises(SmsUnreachable) as error:
            client.current().send(MESSAGE)
        assert error.value.is_sent
        assert len(recorder.requests) == 1

    def test_no_connection_is_tried_again(self) -> None:
        number, recorder = send(httpx2.ConnectError("no"), httpx2.Response(200, json=sent()))
        assert number
        assert len(recorder.requests) == 2

    def test_without_a_template_nothing_is_sent(self) -> None:
        recorder = Recorder(httpx2.Response(200, json=sent()))
        notice = replace(MESSAGE, purpose="notice")
        with client.using(httpx2.MockTransport(recorder)), pytest.raises(SmsRefused):
            client.current().send(notice)
        assert recorder.requests == []


class TestSandbox:
    def test_hands_the_text_over(self) -> None:
        number, recorder = send(httpx2.Response(200, json={"id": "sms5"}))
        assert number == "sms5"
        (request,) = recorder.requests
        assert request.url.path == "/sms.gateway/v1/messages"
        assert json.loads(request.content) == {
            "to": "+8613800138000",
            "text": "【掌柜】验证码 048213",
            "request_id": "zg7",
        }

    def test_may_be_repeated_because_it_knows_the_request(self) -> None:
        number, recorder = send(httpx2.Response(503), httpx2.Response(200, json={"id": "sms5"}))
        assert number == "sms5"
        assert len(recorder.requests) == 2

    def test_a_refusal_has_its_code(self) -> None:
        with pytest.raises(SmsRefused) as refusal:
            send(httpx2.Response(422, json={"code": "BAD_NUMBER"}))
        assert refusal.value.code == "BAD_NUMBER"


def test_without_a_provider_nothing_is_set_up(settings: Any) -> None:
    settings.SMS_PROVIDER = ""
    assert not client.is_set_up()
    with pytest.raises(SmsNotSetUp):
        client.current()


def test_the_secret_key_is_in_no_text_of_the_settings() -> None:
    assert ACCOUNT.secret_key not in repr(ACCOUNT)
