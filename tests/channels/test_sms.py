"""Text messages of both clouds against the sandbox, which checks signatures by its own reading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import stamina

from config.env import AliyunSms, TencentSms
from tests.channels.conftest import PRODUCT, SANDBOX, Stage
from zhanggui.channels.sms import client, errors, receipts, services
from zhanggui.channels.sms.errors import SmsRefused, SmsUnreachable
from zhanggui.channels.sms.models import OutgoingSms, SmsPurpose, SmsState
from zhanggui.channels.sms.providers import Message
from zhanggui.channels.sms.tests.test_client import MESSAGE
from zhanggui.channels.wechat.tests.factories import run_jobs

PHONE = "+8613800138000"
SIGN = "掌柜"
PLACES = {"tencent": "{1}", "aliyun": "${code}"}
HOSTS = {"tencent": "sms.tencentcloudapi.com", "aliyun": "dysmsapi.aliyuncs.com"}
EMPTY = {
    "tencent": "FailedOperation.InsufficientBalanceInSmsPackage",
    "aliyun": "isv.AMOUNT_NOT_ENOUGH",
}
LIMIT = {
    "tencent": "LimitExceeded.PhoneNumberThirtySecondLimit",
    "aliyun": "isv.BUSINESS_LIMIT_CONTROL",
}
OF_ONE_NUMBER = {
    "tencent": [
        ("FailedOperation.PhoneNumberInBlacklist", errors.SmsBlocked),
        ("FailedOperation.ContainSensitiveWord", errors.SmsBadText),
        ("FailedOperation.MarketingSendTimeConstraint", errors.SmsWrongTime),
        ("FailedOperation.SignatureIncorrectOrUnapproved", errors.SmsBadText),
        ("FailedOperation.TemplateIncorrectOrUnapproved", errors.SmsBadText),
        ("FailedOperation.TemplateParamSetNotMatchApprovedTemplate", errors.SmsBadText),
        ("InvalidParameterValue.IncorrectPhoneNumber", errors.SmsBadNumber),
        ("InvalidParameterValue.TemplateParameterFormatError", errors.SmsBadText),
        ("InvalidParameterValue.TemplateParameterLengthLimit", errors.SmsBadText),
        ("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", errors.SmsBadText),
        ("LimitExceeded.PhoneNumberOneHourLimit", errors.SmsOverLimit),
        ("LimitExceeded.PhoneNumberDailyLimit", errors.SmsOverLimit),
        ("LimitExceeded.PhoneNumberSameContentDailyLimit", errors.SmsOverLimit),
        ("LimitExceeded.AppDailyLimit", errors.SmsOverLimit),
        ("LimitExceeded.PhoneNumberCountLimit", errors.SmsOverLimit),
    ],
    "aliyun": [
        ("isv.MOBILE_NUMBER_ILLEGAL", errors.SmsBadNumber),
        ("isv.SMS_SIGNATURE_ILLEGAL", errors.SmsBadText),
        ("isv.SMS_TEMPLATE_ILLEGAL", errors.SmsBadText),
        ("isv.TEMPLATE_MISSING_PARAMETERS", errors.SmsBadText),
        ("isv.INVALID_PARAMETERS", errors.SmsBadText),
        ("isv.BLACK_KEY_CONTROL_LIMIT", errors.SmsBadText),
        ("isv.OUT_OF_SERVICE", errors.SmsNoBalance),
        ("isv.DAY_LIMIT_CONTROL", errors.SmsOverLimit),
    ],
}
"""Every code of the manuals that the sandbox does not refuse with by a rule of its own below."""
OF_THE_ACCOUNT = {
    "tencent": ["UnauthorizedOperation.SmsSdkAppIdVerifyFail", "AuthFailure.SignatureFailure"],
    "aliyun": ["SignatureDoesNotMatch", "isp.RAM_PERMISSION_DENY"],
}
BUSY = {"tencent": "InternalError", "aliyun": "isp.SYSTEM_ERROR"}


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture(params=["tencent", "aliyun"])
def cloud(request: pytest.FixtureRequest, stage: Stage, settings: Any) -> dict[str, Any]:
    """An account at a cloud with one template, and a person whose phone gets the messages."""
    name = request.param
    url = f"{SANDBOX}/{HOSTS[name]}"
    made: dict[str, Any] = stage.control(
        "POST",
        "senders",
        {
            "provider": name,
            "signs": [SIGN],
            "templates": [{"id": "77", "text": f"验证码{PLACES[name]}", "kind": "code"}],
            "receipt_url": f"{PRODUCT}/hooks/sms/{name}/{receipts.tokens_of(name)[0]}",
            "limits": False,
        },
    )
    settings.SMS_PROVIDER = name
    settings.SMS_TENCENT = TencentSms(
        secret_id=made["key_id"],
        secret_key=made["key_secret"],
        app_id=made["app_id"],
        sign_name=SIGN,
        region="ap-guangzhou",
        templates={"code": "77"},
        url=url,
    )
    settings.SMS_ALIYUN = AliyunSms(
        key_id=made["key_id"],
        key_secret=made["key_secret"],
        sign_name=SIGN,
        templates={"code": "77"},
        url=url,
    )
    stage.control("PUT", "people", [{"slug": "lin", "nickname": "林", "phone": PHONE}])
    return made


def refusal(message: Message = MESSAGE) -> SmsRefused:
    with pytest.raises(SmsRefused) as caught:
        client.send(message)
    return caught.value


def texts(stage: Stage) -> list[str]:
    return [one["text"] for one in stage.control("GET", "sms")]


def write() -> OutgoingSms:
    """One code, written down and handed over by its job."""
    made = services.send(
        phone=PHONE, text="验证码 048213", purpose=SmsPurpose.CODE, params={"code": "048213"}
    )
    run_jobs("sms")
    made.refresh_from_db()
    return made


def test_a_code_arrives_and_its_receipt_comes_back(stage: Stage, cloud: dict[str, Any]) -> None:
    made = write()
    assert (made.state, made.provider) == (SmsState.SENT, cloud["provider"])
    assert texts(stage) == [f"【{SIGN}】验证码048213"]
    stage.control("POST", "clock", {"advance_s": 10, "wait": True})
    made.refresh_from_db()
    assert made.state == SmsState.DELIVERED


def test_a_receipt_of_failure_is_shown(stage: Stage, cloud: dict[str, Any]) -> None:
    stage.control("PUT", f"numbers/{PHONE}", {"receipt_code": "MK:0001"})
    made = write()
    stage.control("POST", "clock", {"advance_s": 10, "wait": True})
    made.refresh_from_db()
    assert (made.state, made.error) == (SmsState.LOST, "MK:0001")


def test_every_refusal_of_the_manuals_is_understood(stage: Stage, cloud: dict[str, Any]) -> None:
    name = cloud["provider"]
    for code, kind in OF_ONE_NUMBER[name]:
        stage.control("PUT", f"numbers/{PHONE}", {"code": code})
        told = refusal()
        assert (type(told), told.code, told.provider) == (kind, code, name)
    stage.control("PUT", f"numbers/{PHONE}", {})

    for code in OF_THE_ACCOUNT[name]:
        stage.control("POST", "faults", {"path": f"/{HOSTS[name]}/", "code": code})
        told = refusal()
        assert (type(told), told.code) == (errors.SmsNotAllowed, code)

    stage.control("PUT", f"senders/{cloud['key_id']}", {"balance": 0})
    told = refusal()
    assert (type(told), told.code) == (errors.SmsNoBalance, EMPTY[name])
    stage.control("PUT", f"senders/{cloud['key_id']}", {"balance": None, "limits": True})
    client.send(MESSAGE)
    told = refusal(replace(MESSAGE, out_id="zg8"))
    assert (type(told), told.code) == (errors.SmsOverLimit, LIMIT[name])
    assert len(texts(stage)) == 1


def test_a_wrong_secret_is_refused(stage: Stage, cloud: dict[str, Any], settings: Any) -> None:
    settings.SMS_TENCENT = replace(settings.SMS_TENCENT, secret_key="x" * 32)
    settings.SMS_ALIYUN = replace(settings.SMS_ALIYUN, key_secret="x" * 30)
    assert type(refusal()) is errors.SmsNotAllowed
    assert texts(stage) == []


@pytest.mark.parametrize("fault", ["code", "http_status"])
def test_a_provider_that_is_down_doubles_nothing(
    stage: Stage, cloud: dict[str, Any], fault: str
) -> None:
    """Whether it has arrived is not known: shown as failed, and not sent again."""
    name = cloud["provider"]
    what = BUSY[name] if fault == "code" else 503
    stage.control("POST", "faults", {"path": f"/{HOSTS[name]}/", fault: what})
    with pytest.raises(SmsUnreachable) as caught:
        client.send(MESSAGE)
    assert caught.value.is_sent
    stage.control("POST", "faults", {"path": f"/{HOSTS[name]}/", fault: what})
    made = write()
    assert made.state == SmsState.FAILED
    assert made.advice
    assert texts(stage) == []
