"""Text messages over the protocols of Tencent Cloud and Alibaba Cloud."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from wechat_sandbox import Sandbox
from wechat_sandbox.clouds import aliyun, tencent
from wechat_sandbox.tests.factories import LIN, ReceiptHook, control

VECTORS = Path(__file__).parent / "payloads" / "cloud_signatures.json"
RECEIPT_URL = "http://127.0.0.1:8000/hooks/receipts"
LIN_PHONE, CHEN_PHONE = "+8613800138555", "+8613900139000"


def vector(name: str) -> dict[str, Any]:
    found = json.loads(VECTORS.read_text())["vectors"]
    return next(one for one in found if one["id"] == name)


def test_published_vectors() -> None:
    one = vector("tc3-hmac-sha256")
    made = tencent.signature(
        secret=one["secret_key"],
        date=one["date"],
        service=one["service"],
        stamp=str(one["timestamp"]),
        canonical=one["canonical_request"],
    )
    assert made == one["signature"]
    one = vector("acs3-hmac-sha256")
    made = aliyun.signature(secret=one["access_key_secret"], canonical=one["canonical_request"])
    assert made == one["signature"]


@pytest.fixture
def receipts() -> Iterator[ReceiptHook]:
    made = ReceiptHook()
    ReceiptHook.current = made
    yield made
    ReceiptHook.current = None


class Account:
    """A cloud account and its own way to sign, written beside the sandbox's."""

    provider = ""

    def __init__(self, client: TestClient, sandbox: Sandbox, **more: Any) -> None:
        self.client, self.clock = client, sandbox.world.clock
        body = {
            "provider": self.provider,
            "signs": ["拾光茶饮"],
            "receipt_url": RECEIPT_URL,
            "templates": self.templates(),
            **more,
        }
        self.made = control(client, "POST", "senders", body)
        people = [
            {"slug": "lin", "nickname": "林小满", "phone": LIN_PHONE},
            {"slug": "chen", "nickname": "陈思远", "phone": CHEN_PHONE},
        ]
        control(client, "PUT", "people", people)

    def templates(self) -> list[dict[str, str]]:
        raise NotImplementedError

    def change(self, **settings: Any) -> None:
        control(self.client, "PUT", f"senders/{self.made['key_id']}", settings)

    def advance(self, seconds: float) -> None:
        control(self.client, "POST", "clock", {"advance_s": seconds, "wait": True})

    def texts(self) -> list[str]:
        return [one["text"] for one in control(self.client, "GET", "sms")]


class Tencent(Account):
    provider = "tencent"

    def templates(self) -> list[dict[str, str]]:
        return [
            {"id": "1001", "text": "验证码{1}，{2}分钟内有效", "kind": "code"},
            {"id": "1002", "text": "您的{1}已做好", "kind": "notice"},
            {"id": "1003", "text": "{1}特惠，回T退订", "kind": "marketing"},
        ]

    def send(
        self, body: Any, *, action: str = "SendSms", host: str = "sms.tencentcloudapi.com",
        **changed: str,
    ) -> Any:  # fmt: skip
        raw = json.dumps(body, ensure_ascii=False).encode()
        stamp = int(self.clock.now())
        date = f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d}"
        kind = "application/json; charset=utf-8"
        canonical = (
            f"POST\n/\n\ncontent-type:{kind}\nhost:{host}\n\ncontent-type;host\n"
            f"{hashlib.sha256(raw).hexdigest()}"
        )
        scope = f"{date}/sms/tc3_request"
        text = (
            f"TC3-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        )
        key = f"TC3{self.made['key_secret']}".encode()
        for part in (date, "sms", "tc3_request", text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        headers = {
            "Authorization": (
                f"TC3-HMAC-SHA256 Credential={self.made['key_id']}/{scope}, "
                f"SignedHeaders=content-type;host, Signature={key.hex()}"
            ),
            "Content-Type": kind,
            "X-TC-Action": action,
            "X-TC-Version": "2021-01-11",
            "X-TC-Region": "ap-guangzhou",
            "X-TC-Timestamp": str(stamp),
            **changed,
        }
        answer = self.client.post("/sms.tencentcloudapi.com/", content=raw, headers=headers)
        assert answer.status_code == 200
        return answer.json()["Response"]

    def message(self, template: str = "1002", *parts: str, **more: Any) -> dict[str, Any]:
        return {
            "PhoneNumberSet": [LIN_PHONE],
            "SmsSdkAppId": self.made["app_id"],
            "SignName": "拾光茶饮",
            "TemplateId": template,
            "TemplateParamSet": list(parts) or ["龙井"],
            **more,
        }

    def codes(self, *given: Any, **more: Any) -> list[str]:
        found = self.send(self.message(*given, **more))
        return [one["Code"] for one in found["SendStatusSet"]]


@pytest.fixture
def tencents(client: TestClient, sandbox: Sandbox, receipts: ReceiptHook) -> Tencent:
    return Tencent(client, sandbox)


class TestTencent:
    def test_a_message_arrives_and_its_receipt_comes(
        self, tencents: Tencent, receipts: ReceiptHook
    ) -> None:
        body = tencents.message(PhoneNumberSet=[LIN_PHONE, CHEN_PHONE], SessionContext="m7")
        found = tencents.send(body)["SendStatusSet"]
        assert [(one["Code"], one["Fee"], one["SessionContext"]) for one in found] == [
            ("Ok", 1, "m7"),
            ("Ok", 1, "m7"),
        ]
        (own,) = tencents.client.get(f"{LIN}/_phone/api/sms").json()
        assert own["text"] == "【拾光茶饮】您的龙井已做好"

        tencents.advance(4)
        ((batch,),) = [receipts.taken]
        assert [(one["sid"], one["mobile"], one["report_status"]) for one in batch] == [
            (found[0]["SerialNo"], "13800138555", "SUCCESS"),
            (found[1]["SerialNo"], "13900139000", "SUCCESS"),
        ]

    def test_long_texts_cost_more(self, tencents: Tencent) -> None:
        tencents.change(templates=[{"id": "9", "text": "长" * 64 + "{1}"}])
        fees = [
            tencents.send(tencents.message("9", "x" * size))["SendStatusSet"][0]["Fee"]
            for size in (0, 1, 64)
        ]  # the signature counts: 6 characters
        assert fees == [1, 2, 2]

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"Authorization": "Bearer x"}, "AuthFailure.InvalidAuthorization"),
            ({"X-TC-Timestamp": "1551113065"}, "AuthFailure.SignatureExpire"),
            ({"Content-Type": "application/json"}, "AuthFailure.SignatureFailure"),
            ({"X-TC-Version": "2019-07-11"}, "NoSuchVersion"),
            ({"X-TC-Region": "moon"}, "UnsupportedRegion"),
        ],
    )
    def test_requests_that_are_refused(
        self, tencents: Tencent, changed: dict[str, str], code: str
    ) -> None:
        found = tencents.send(tencents.message(), **changed)
        assert found["Error"]["Code"] == code

    def test_keys_and_hosts(self, tencents: Tencent) -> None:
        assert tencents.send(tencents.message(), host="127.0.0.1:8001")["SendStatusSet"]
        found = tencents.send(tencents.message(), host="cvm.tencentcloudapi.com")
        assert found["Error"]["Code"] == "AuthFailure.SignatureFailure"
        tencents.made["key_secret"] = "0" * 32
        found = tencents.send(tencents.message())
        assert found["Error"]["Code"] == "AuthFailure.SignatureFailure"
        tencents.made["key_id"] = "AKIDnobody"
        found = tencents.send(tencents.message())
        assert found["Error"]["Code"] == "AuthFailure.SecretIdNotFound"

    @pytest.mark.parametrize(
        ("more", "code"),
        [
            ({"PhoneNumberSet": []}, "MissingParameter"),
            ({"PhoneNumberSet": [LIN_PHONE] * 201}, "LimitExceeded.PhoneNumberCountLimit"),
            ({"SmsSdkAppId": "1400000000"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
            ({"TemplateParamSet": [5]}, "InvalidParameter"),
            ({"SessionContext": "长" * 171}, "InvalidParameterValue.SessionContext"),
        ],
    )
    def test_bodies_that_are_refused(
        self, tencents: Tencent, more: dict[str, Any], code: str
    ) -> None:
        assert tencents.send(tencents.message(**more))["Error"]["Code"] == code

    @pytest.mark.parametrize(
        ("given", "more", "code"),
        [
            (("1002", "茶"), {"SignName": "别家"}, "SignatureIncorrectOrUnapproved"),
            (("9999", "茶"), {}, "TemplateIncorrectOrUnapproved"),
            (("1002", "茶", "多"), {}, "TemplateParamSetNotMatchApprovedTemplate"),
            (("1001", "12ab", "5"), {}, "TemplateParameterFormatError"),
            (("1002", "长" * 65), {}, "TemplateParameterLengthLimit"),
            (("1002", "https://x.cn"), {}, "ProhibitedUseUrlInTemplateParameter"),
            (("1002", "赌博"), {}, "ContainSensitiveWord"),
        ],
    )
    def test_messages_that_are_refused(
        self, tencents: Tencent, given: tuple[str, ...], more: dict[str, Any], code: str
    ) -> None:
        tencents.change(sensitive=["赌博"])
        assert tencents.codes(*given, **more)[0].endswith(code)
        assert tencents.texts() == []

    def test_each_number_has_its_own_result(self, tencents: Tencent) -> None:
        code = "FailedOperation.PhoneNumberInBlacklist"
        control(tencents.client, "PUT", f"numbers/{CHEN_PHONE}", {"code": code})
        found = tencents.codes(PhoneNumberSet=[LIN_PHONE, CHEN_PHONE, "+8612"])
        assert found == ["Ok", code, "InvalidParameterValue.IncorrectPhoneNumber"]
        assert len(tencents.texts()) == 1
        control(tencents.client, "PUT", f"numbers/{CHEN_PHONE}", {})
        assert tencents.codes(PhoneNumberSet=[CHEN_PHONE]) == ["Ok"]

    def test_codes_to_a_number_are_limited(self, tencents: Tencent) -> None:
        def code() -> str:
            return tencents.codes("1001", "123456", "5")[0]

        assert code() == "Ok"
        assert code() == "LimitExceeded.PhoneNumberThirtySecondLimit"
        for _ in range(4):
            tencents.advance(31)
            assert code() == "Ok"
        tencents.advance(31)
        assert code() == "LimitExceeded.PhoneNumberOneHourLimit"
        for _ in range(5):
            tencents.advance(3601)
            assert code() == "Ok"
        assert tencents.codes() == ["Ok"]  # notices are not limited
        tencents.advance(3601)
        assert code() == "LimitExceeded.PhoneNumberDailyLimit"
        tencents.change(limits=False)
        assert code() == "Ok"

    def test_the_package_runs_empty(self, tencents: Tencent) -> None:
        tencents.change(balance=1)
        assert tencents.codes() == ["Ok"]
        assert tencents.codes() == ["FailedOperation.InsufficientBalanceInSmsPackage"]

    def test_advertising_by_day_only(self, tencents: Tencent) -> None:
        now = tencents.clock.now()
        tencents.advance(-((now + 8 * 3600) % 86400) + 7 * 3600)  # 7 o'clock in Beijing
        assert tencents.codes("1003", "龙井") == ["FailedOperation.MarketingSendTimeConstraint"]
        tencents.advance(2 * 3600)
        assert tencents.codes("1003", "龙井") == ["Ok"]

    def test_receipts_late_twice_or_never(self, tencents: Tencent, receipts: ReceiptHook) -> None:
        control(tencents.client, "PUT", f"numbers/{LIN_PHONE}", {"receipt": "never"})
        rule = {"receipt": "twice", "receipt_code": "MI:0011", "receipt_after_s": 3600}
        control(tencents.client, "PUT", f"numbers/{CHEN_PHONE}", rule)
        tencents.codes(PhoneNumberSet=[LIN_PHONE, CHEN_PHONE])
        tencents.advance(3500)
        assert receipts.taken == []
        tencents.advance(200)
        (batch,) = receipts.taken
        assert [(one["report_status"], one["errmsg"]) for one in batch] == [
            ("FAIL", "MI:0011"),
            ("FAIL", "MI:0011"),
        ]

    def test_receipts_can_be_pulled(self, tencents: Tencent) -> None:
        tencents.change(receipt_url="")
        serial = tencents.send(tencents.message())["SendStatusSet"][0]["SerialNo"]
        ask = {"SmsSdkAppId": tencents.made["app_id"], "Limit": 10}

        def pulled() -> list[str]:
            found = tencents.send(ask, action="PullSmsSendStatus")["PullSmsSendStatusSet"]
            return [one["SerialNo"] for one in found]

        assert pulled() == []
        tencents.advance(4)
        assert pulled() == [serial]
        assert pulled() == []
        wrong = tencents.send({**ask, "Limit": 101}, action="PullSmsSendStatus")
        assert wrong["Error"]["Code"] == "InvalidParameter"
        assert tencents.send({}, action="Dance")["Error"]["Code"] == "InvalidAction"

    def test_faults(self, tencents: Tencent) -> None:
        path = "/sms.tencentcloudapi.com/#SendSms"
        control(tencents.client, "POST", "faults", {"path": path, "code": "InternalError"})
        assert tencents.send(tencents.message())["Error"]["Code"] == "InternalError"
        assert tencents.codes() == ["Ok"]


class Aliyun(Account):
    provider = "aliyun"

    def templates(self) -> list[dict[str, str]]:
        return [
            {"id": "SMS_1", "text": "验证码${code}，五分钟内有效", "kind": "code"},
            {"id": "SMS_2", "text": "您的${drink}已做好", "kind": "notice"},
        ]

    def send(
        self, given: dict[str, str], *, is_form: bool = False, action: str = "SendSms",
        host: str = "dysmsapi.aliyuncs.com", **changed: str,
    ) -> Response:  # fmt: skip
        query = "" if is_form else "&".join(
            f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(given.items())
        )  # fmt: skip
        raw = urlencode(given).encode() if is_form else b""
        at = datetime.fromtimestamp(self.clock.now(), UTC)
        headers = {
            "host": host,
            "x-acs-action": action,
            "x-acs-content-sha256": hashlib.sha256(raw).hexdigest(),
            "x-acs-date": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-version": "2017-05-25",
            **changed,
        }
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = f"POST\n/\n{query}\n{lines}\n{names}\n{hashlib.sha256(raw).hexdigest()}"
        text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        secret = self.made["key_secret"].encode()
        signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
        del headers["host"]
        headers["Authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={self.made['key_id']},SignedHeaders={names},"
            f"Signature={signature}"
        )
        if is_form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = f"/dysmsapi.aliyuncs.com/?{query}" if query else "/dysmsapi.aliyuncs.com/"
        return self.client.post(url, content=raw, headers=headers)

    def message(self, **more: str) -> dict[str, str]:
        return {
            "PhoneNumbers": "13800138555",
            "SignName": "拾光茶饮",
            "TemplateCode": "SMS_2",
            "TemplateParam": '{"drink":"龙井 绿茶"}',
            **more,
        }

    def code(self, **more: str) -> str:
        answer = self.send(self.message(**more))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["Code"])


@pytest.fixture
def aliyuns(client: TestClient, sandbox: Sandbox, receipts: ReceiptHook) -> Aliyun:
    return Aliyun(client, sandbox)


class TestAliyun:
    @pytest.mark.parametrize("is_form", [False, True])
    def test_a_message_arrives_and_its_receipts_come_together(
        self, aliyuns: Aliyun, receipts: ReceiptHook, is_form: bool
    ) -> None:
        body = aliyuns.message(PhoneNumbers="13800138555,13900139000", OutId="m7")
        found = aliyuns.send(body, is_form=is_form).json()
        assert (found["Code"], found["BizId"].endswith("^0")) == ("OK", True)
        assert aliyuns.texts() == ["【拾光茶饮】您的龙井 绿茶已做好"] * 2
        aliyuns.advance(4)
        (batch,) = receipts.taken
        told = [
            (one["phone_number"], one["biz_id"], one["out_id"], one["success"]) for one in batch
        ]
        assert told == [
            ("13800138555", found["BizId"], "m7", True),
            ("13900139000", found["BizId"], "m7", True),
        ]
        assert batch[0]["sms_size"] == "1"

    @pytest.mark.parametrize(
        ("changed", "status", "code"),
        [
            ({"x-acs-date": "2020-01-01T00:00:00Z"}, 400, "InvalidTimeStamp.Expired"),
            ({"x-acs-date": "today"}, 400, "InvalidTimeStamp.Format"),
            ({"x-acs-content-sha256": "0" * 64}, 400, "SignatureDoesNotMatch"),
            ({"x-acs-version": "2014-05-26"}, 400, "InvalidVersion"),
            ({"action": "Dance"}, 404, "InvalidAction.NotFound"),
            ({"host": "ecs.cn-shanghai.aliyuncs.com"}, 400, "SignatureDoesNotMatch"),
        ],
    )
    def test_requests_that_are_refused(
        self, aliyuns: Aliyun, changed: dict[str, Any], status: int, code: str
    ) -> None:
        answer = aliyuns.send(aliyuns.message(), **changed)
        assert (answer.status_code, answer.json()["Code"]) == (status, code)

    def test_keys_and_repeats(self, aliyuns: Aliyun) -> None:
        nonce: dict[str, Any] = {"x-acs-signature-nonce": "once"}
        assert aliyuns.send(aliyuns.message(), **nonce).json()["Code"] == "OK"
        assert aliyuns.send(aliyuns.message(), **nonce).json()["Code"] == "SignatureNonceUsed"
        aliyuns.made["key_secret"] = "0" * 32
        assert aliyuns.send(aliyuns.message()).json()["Code"] == "SignatureDoesNotMatch"
        aliyuns.made["key_id"] = "LTAInobody"
        answer = aliyuns.send(aliyuns.message())
        assert (answer.status_code, answer.json()["Code"]) == (404, "InvalidAccessKeyId.NotFound")

    @pytest.mark.parametrize(
        ("more", "code"),
        [
            ({"PhoneNumbers": "+8613800138555"}, "isv.MOBILE_NUMBER_ILLEGAL"),
            ({"PhoneNumbers": ",".join(["13800138555"] * 1001)}, "isv.MOBILE_COUNT_OVER_LIMIT"),
            ({"SignName": "别家"}, "isv.SMS_SIGNATURE_ILLEGAL"),
            ({"TemplateCode": "SMS_9"}, "isv.SMS_TEMPLATE_ILLEGAL"),
            ({"TemplateParam": "{}"}, "isv.TEMPLATE_MISSING_PARAMETERS"),
            ({"TemplateParam": "[]"}, "isv.INVALID_JSON_PARAM"),
            ({"TemplateParam": "{"}, "isv.INVALID_JSON_PARAM"),
            ({"TemplateParam": '{"drink":"赌博"}'}, "isv.BLACK_KEY_CONTROL_LIMIT"),
        ],
    )
    def test_messages_that_are_refused(
        self, aliyuns: Aliyun, more: dict[str, str], code: str
    ) -> None:
        aliyuns.change(sensitive=["赌博"])
        assert aliyuns.code(**more) == code
        assert aliyuns.texts() == []

    def test_limits_money_and_numbers(self, aliyuns: Aliyun) -> None:
        code = {"TemplateCode": "SMS_1", "TemplateParam": '{"code":"1234"}'}
        assert aliyuns.code(**code) == "OK"
        assert aliyuns.code(**code) == "isv.BUSINESS_LIMIT_CONTROL"
        aliyuns.change(balance=0)
        assert aliyuns.code() == "isv.AMOUNT_NOT_ENOUGH"
        rule = {"code": "isv.OUT_OF_SERVICE"}
        control(aliyuns.client, "PUT", f"numbers/{LIN_PHONE}", rule)
        assert aliyuns.code() == "isv.OUT_OF_SERVICE"
        missing = aliyuns.send(aliyuns.message(SignName=""))
        assert (missing.status_code, missing.json()["Code"]) == (400, "MissingSignName")

    def test_receipts_are_pushed_again_until_taken(
        self, aliyuns: Aliyun, receipts: ReceiptHook
    ) -> None:
        receipts.answers = [{"code": "0"}, {"code": 1}, {"code": 0}]
        aliyuns.code()
        aliyuns.advance(4)
        assert len(receipts.taken) == 1
        aliyuns.advance(61)
        aliyuns.advance(301)
        assert len(receipts.taken) == 3
        aliyuns.advance(3600)
        assert len(receipts.taken) == 3
        key_id = aliyuns.made["key_id"]
        (row,) = control(aliyuns.client, "GET", f"senders/{key_id}/receipts")
        assert (row["state"], row["attempts"]) == ("done", 3)

    def test_faults(self, aliyuns: Aliyun) -> None:
        path = "/dysmsapi.aliyuncs.com/"
        control(aliyuns.client, "POST", "faults", {"path": path, "http_status": 503})
        assert aliyuns.send(aliyuns.message()).status_code == 503
        control(aliyuns.client, "POST", "faults", {"path": path, "code": "isp.SYSTEM_ERROR"})
        assert aliyuns.code() == "isp.SYSTEM_ERROR"
        assert aliyuns.code() == "OK"


class TestControl:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"provider": "pigeon"},
            {"signs": "拾光"},
            {"signs": [5]},
            {"templates": {}},
            {"templates": [{"id": "1"}]},
            {"templates": [{"id": "1", "text": "x", "kind": "poem"}]},
            {"templates": [{"id": "1", "text": "x", "colour": "red"}]},
            {"balance": -1},
            {"receipts": "maybe"},
            {"receipt_after_s": "soon"},
            {"receipt_url": "ftp://x"},
            {"limits": 1},
            {"key_id": "a b"},
            {"colour": "red"},
        ],
    )
    def test_wrong_accounts(self, client: TestClient, wrong: dict[str, Any]) -> None:
        answer = client.post("/_sandbox/api/senders", json={"provider": "tencent", **wrong})
        assert answer.status_code == 422
        assert control(client, "GET", "senders") == []

    def test_changing_and_deleting(self, client: TestClient) -> None:
        made = control(client, "POST", "senders", {"provider": "aliyun", "key_id": "LTAItea1"})
        again = client.post(
            "/_sandbox/api/senders", json={"provider": "aliyun", "key_id": "LTAItea1"}
        )
        assert again.status_code == 422
        path = f"senders/{made['key_id']}"
        assert client.put(f"/_sandbox/api/{path}", json={"app_id": "1400"}).status_code == 422
        assert control(client, "PUT", path, {"balance": 5})["balance"] == 5
        assert control(client, "DELETE", path) == {"ok": True}
        assert client.delete(f"/_sandbox/api/{path}").status_code == 404

    @pytest.mark.parametrize(
        ("phone", "rule"),
        [
            ("13800138000", {"code": "x"}),
            (LIN_PHONE, {"colour": "red"}),
            (LIN_PHONE, {"receipt": "maybe"}),
            (LIN_PHONE, {"receipt_after_s": "soon"}),
        ],
    )
    def test_wrong_rules(self, client: TestClient, phone: str, rule: dict[str, Any]) -> None:
        assert client.put(f"/_sandbox/api/numbers/{phone}", json=rule).status_code == 422
