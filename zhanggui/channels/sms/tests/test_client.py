"""Calls to providers: the signature's published vector, what is retried, what is an error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx2
import pytest
import stamina

from config.env import AliyunSms, TencentSms, parse_templates
from zhanggui.channels.sms import acs3, client, errors, signing
from zhanggui.channels.sms.errors import SmsNotSetUp, SmsRefused, SmsUnreachable
from zhanggui.channels.sms.providers import Accepted, Message
from zhanggui.core import clock

MESSAGE = Message("+8613800138000", "【掌柜】验证码 048213", {"code": "048213"}, "code", "zg7")
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
            "SendStatusSet": [
                {"SerialNo": "5000:1045710669157053657849499619", "Fee": 2, "Code": status}
            ],
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


def send(*answers: Any) -> tuple[Accepted, Recorder]:
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
        assert number == Accepted("5000:1045710669157053657849499619", 2)
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
        assert number.provider_id
        assert len(recorder.requests) == 2

    def test_without_a_template_nothing_is_sent(self) -> None:
        recorder = Recorder(httpx2.Response(200, json=sent()))
        notice = replace(MESSAGE, purpose="notice")
        with client.using(httpx2.MockTransport(recorder)), pytest.raises(SmsRefused):
            client.current().send(notice)
        assert recorder.requests == []


ALIYUN = AliyunSms(
    key_id="testid",
    key_secret="testsecret",
    sign_name="掌柜",
    templates={"code": "SMS_154950909", "stamps.stamped": "SMS_7"},
)


class TestAliyunSigning:
    """The example of the provider's own page (RunInstances): every value is theirs."""

    def test_equals_the_published_one(self) -> None:
        query = acs3.query_string(
            {
                "RegionId": "cn-shanghai",
                "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
            }
        )
        headers = {
            "host": "ecs.cn-shanghai.aliyuncs.com",
            "x-acs-action": "RunInstances",
            "x-acs-content-sha256": (
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            ),
            "x-acs-date": "2023-10-26T10:22:32Z",
            "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
            "x-acs-version": "2014-05-26",
        }
        made = acs3.authorization(
            key_id="YourAccessKeyId",
            key_secret="YourAccessKeySecret",
            query=query,
            headers=headers,
            payload=b"",
        )
        assert made == (
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
            "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
            "x-acs-signature-nonce;x-acs-version,"
            "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        )

    def test_encodes_as_rfc_3986_wants(self) -> None:
        assert acs3.query_string({"b": "a b~*/", "a": "掌"}) == "a=%E6%8E%8C&b=a%20b~%2A%2F"


class TestAliyun:
    OK: ClassVar = {"Code": "OK", "Message": "OK", "BizId": "9006195^0", "RequestId": "F655A8D5"}

    @pytest.fixture(autouse=True)
    def aliyun(self, settings: Any) -> None:
        settings.SMS_PROVIDER = "aliyun"
        settings.SMS_ALIYUN = ALIYUN

    def test_sends_a_signed_template(self) -> None:
        with clock.at(datetime(2026, 3, 1, tzinfo=UTC)):
            sent, recorder = send(httpx2.Response(200, json=self.OK))
        assert sent == Accepted("9006195^0")
        (request,) = recorder.requests
        assert (request.method, request.url.host) == ("POST", "dysmsapi.aliyuncs.com")
        assert dict(request.url.params) == {
            "PhoneNumbers": "13800138000",
            "SignName": "掌柜",
            "TemplateCode": "SMS_154950909",
            "TemplateParam": '{"code": "048213"}',
            "OutId": "zg7",
        }
        headers = request.headers
        assert headers["x-acs-date"] == "2026-03-01T00:00:00Z"
        names = [name for name in headers if name.startswith("x-acs-")]
        wanted = acs3.authorization(
            key_id="testid",
            key_secret="testsecret",
            query=request.url.query.decode(),
            headers={"host": request.url.host, **{name: headers[name] for name in names}},
            payload=b"",
        )
        assert headers["Authorization"] == wanted

    def test_a_message_with_its_own_template(self) -> None:
        message = replace(MESSAGE, template="stamps.stamped", params={"left": "3", "shop": "茶"})
        recorder = Recorder(httpx2.Response(200, json=self.OK))
        with client.using(httpx2.MockTransport(recorder)):
            client.current().send(message)
        params = recorder.requests[0].url.params
        assert params["TemplateCode"] == "SMS_7"
        assert params["TemplateParam"] == '{"left": "3", "shop": "茶"}'

    def test_numbers_abroad_keep_their_country(self) -> None:
        recorder = Recorder(httpx2.Response(200, json=self.OK))
        with client.using(httpx2.MockTransport(recorder)):
            client.current().send(replace(MESSAGE, phone="+85251234567"))
        assert recorder.requests[0].url.params["PhoneNumbers"] == "85251234567"

    @pytest.mark.parametrize("code", ["isp.SYSTEM_ERROR", ""])
    def test_busy_may_have_arrived(self, code: str) -> None:
        recorder = Recorder(httpx2.Response(200, json={"Code": code}))
        with client.using(httpx2.MockTransport(recorder)), pytest.raises(SmsUnreachable) as error:
            client.current().send(MESSAGE)
        assert error.value.is_sent
        assert len(recorder.requests) == 1


REFUSALS = [
    ("tencent", "FailedOperation.InsufficientBalanceInSmsPackage", errors.SmsNoBalance),
    ("tencent", "FailedOperation.PhoneNumberInBlacklist", errors.SmsBlocked),
    ("tencent", "FailedOperation.MarketingSendTimeConstraint", errors.SmsWrongTime),
    ("tencent", "FailedOperation.TemplateIncorrectOrUnapproved", errors.SmsBadText),
    ("tencent", "LimitExceeded.PhoneNumberDailyLimit", errors.SmsOverLimit),
    ("tencent", "InvalidParameterValue.IncorrectPhoneNumber", errors.SmsBadNumber),
    ("tencent", "InvalidParameterValue.TemplateParameterLengthLimit", errors.SmsBadText),
    ("tencent", "AuthFailure.SignatureFailure", errors.SmsNotAllowed),
    ("tencent", "UnauthorizedOperation.SmsSdkAppIdVerifyFail", errors.SmsNotAllowed),
    ("tencent", "SomethingNew", errors.SmsRefused),
    ("aliyun", "isv.BUSINESS_LIMIT_CONTROL", errors.SmsOverLimit),
    ("aliyun", "isv.AMOUNT_NOT_ENOUGH", errors.SmsNoBalance),
    ("aliyun", "isv.MOBILE_NUMBER_ILLEGAL", errors.SmsBadNumber),
    ("aliyun", "isv.SMS_TEMPLATE_ILLEGAL", errors.SmsBadText),
    ("aliyun", "isv.OUT_OF_SERVICE", errors.SmsNoBalance),
    ("aliyun", "SignatureDoesNotMatch", errors.SmsNotAllowed),
    ("aliyun", "isv.SOMETHING_NEW", errors.SmsRefused),
]


class TestRefusals:
    @pytest.mark.parametrize(("provider", "code", "kind"), REFUSALS)
    def test_each_is_typed_and_has_an_advice(
        self, settings: Any, provider: str, code: str, kind: type[SmsRefused]
    ) -> None:
        settings.SMS_PROVIDER = provider
        settings.SMS_TENCENT, settings.SMS_ALIYUN = ACCOUNT, ALIYUN
        content = sent(code) if provider == "tencent" else {"Code": code}
        recorder = Recorder(httpx2.Response(200 if provider == "tencent" else 400, json=content))
        with client.using(httpx2.MockTransport(recorder)), pytest.raises(SmsRefused) as refusal:
            client.current().send(MESSAGE)
        assert type(refusal.value) is kind
        assert refusal.value.code == code
        assert errors.advice_of(kind.__name__)
        assert len(recorder.requests) == 1


@pytest.mark.django_db
class TestReserve:
    """The first provider's trouble is another one's work, unless it may have sent already."""

    @pytest.fixture(autouse=True)
    def two(self, settings: Any) -> None:
        settings.SMS_PROVIDER, settings.SMS_RESERVE = "tencent", "aliyun"
        settings.SMS_TENCENT, settings.SMS_ALIYUN = ACCOUNT, ALIYUN

    @staticmethod
    def by_host(first: Any) -> Callable[[httpx2.Request], httpx2.Response]:
        def answer_of(request: httpx2.Request) -> httpx2.Response:
            if request.url.host == "dysmsapi.aliyuncs.com":
                return httpx2.Response(200, json=TestAliyun.OK)
            if isinstance(first, Exception):
                raise first
            return first  # type: ignore[no-any-return]

        return answer_of

    @pytest.mark.parametrize(
        "first",
        [
            httpx2.ConnectError("down"),
            httpx2.Response(200, json=sent("FailedOperation.InsufficientBalanceInSmsPackage")),
        ],
        ids=["down", "account-empty"],
    )
    def test_takes_over(self, first: Any) -> None:
        with client.using(httpx2.MockTransport(self.by_host(first))):
            assert client.send(MESSAGE).provider == "aliyun"

    @pytest.mark.parametrize(
        ("first", "error"),
        [
            (httpx2.ReadTimeout("slow"), SmsUnreachable),
            (httpx2.Response(200, json=sent("LimitExceeded.PhoneNumberDailyLimit")), SmsRefused),
        ],
        ids=["may-have-sent", "the-number's-own-limit"],
    )
    def test_does_not(self, first: Any, error: type[Exception]) -> None:
        with client.using(httpx2.MockTransport(self.by_host(first))), pytest.raises(error):
            client.send(MESSAGE)

    def test_nobody_in_reserve(self, settings: Any) -> None:
        settings.SMS_RESERVE = ""
        down = self.by_host(httpx2.ConnectError("down"))
        with client.using(httpx2.MockTransport(down)), pytest.raises(SmsUnreachable):
            client.send(MESSAGE)


class TestTemplates:
    def test_are_read_from_one_setting(self) -> None:
        assert parse_templates(" code=SMS_1, stamps.stamped = SMS_2,") == {
            "code": "SMS_1",
            "stamps.stamped": "SMS_2",
        }

    @pytest.mark.parametrize("text", ["code", "code=", "=SMS_1"])
    def test_anything_else_stops_the_start(self, text: str) -> None:
        with pytest.raises(ValueError, match="templates must look like"):
            parse_templates(text)


class TestSandbox:
    def test_hands_the_text_over(self) -> None:
        number, recorder = send(httpx2.Response(200, json={"id": "sms5"}))
        assert number == Accepted("sms5")
        (request,) = recorder.requests
        assert request.url.path == "/sms.gateway/v1/messages"
        assert json.loads(request.content) == {
            "to": "+8613800138000",
            "text": "【掌柜】验证码 048213",
            "request_id": "zg7",
        }

    def test_may_be_repeated_because_it_knows_the_request(self) -> None:
        number, recorder = send(httpx2.Response(503), httpx2.Response(200, json={"id": "sms5"}))
        assert number == Accepted("sms5")
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
