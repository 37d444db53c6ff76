"""The providers: each takes one message and answers its own number of it, or an error of the tree.

The sandbox's gateway of demo and tests, Tencent Cloud (SendSms 2021-01-11) and Alibaba Cloud
(SendSms 2017-05-25). Neither phones nor texts are logged or put into errors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import httpx2
from django.conf import settings

from zhanggui.channels.sms import acs3, signing
from zhanggui.channels.sms.errors import (
    SmsBadNumber,
    SmsBadText,
    SmsBlocked,
    SmsNoBalance,
    SmsNotAllowed,
    SmsOverLimit,
    SmsRefused,
    SmsUnreachable,
    SmsWrongTime,
)
from zhanggui.channels.sms.wire import post
from zhanggui.core import clock, tokens


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent: the words, and the parts of them a provider's template asks for."""

    phone: str
    """E.164."""
    text: str
    params: Mapping[str, str]
    """In the order of the template's places."""
    purpose: str
    """``code``, ``notice`` or ``marketing``: which template is taken when none is named."""
    out_id: str
    """Ours; the same for every try of one message, and what receipts are matched by."""
    template: str = ""
    """Name of the product's own template, for example ``stamps.stamped``."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message the provider took: its own number of it, and what it charges if it says so."""

    provider_id: str
    segments: int = 0


class Provider(Protocol):
    """Sends one message."""

    name: str
    knows_repeats: bool
    """A second call with the same ``out_id`` sends nothing again."""

    def send(self, message: Message) -> Accepted:
        """Hand the message over.

        Raises:
            SmsUnreachable: no answer; worth another try unless it may have arrived.
            SmsRefused: the provider said no.
        """

    def signature(self) -> str:
        """What the provider puts in front of every text, for example ``【掌柜】``."""


class SandboxProvider:
    """The gateway of the sandbox; its phones show what is sent."""

    name = "sandbox"
    knows_repeats = True

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def signature(self) -> str:
        """The sandbox shows texts as they come; ours stands in front of all but codes."""
        return "【掌柜】"

    def send(self, message: Message) -> Accepted:
        """Hand the message over; the gateway knows a repeat by its request id."""
        text = message.text
        if message.template:
            text = self.signature() + text
        content = json.dumps(
            {"to": message.phone, "text": text, "request_id": message.out_id},
            ensure_ascii=False,
        ).encode()
        try:
            answer = post(
                self._http,
                f"{settings.SMS_GATEWAY_URL}/v1/messages",
                content,
                dict,
                repeat=True,
            )
        except SmsRefused as refusal:
            raise (SmsBadNumber if refusal.code == "BAD_NUMBER" else SmsBadText)(
                refusal.code
            ) from None
        return Accepted(str(answer.get("id", "")))


class TencentProvider:
    """Tencent Cloud's SMS; the words come from a template that Tencent approved."""

    name = "tencent"
    knows_repeats = False
    host = "sms.tencentcloudapi.com"
    service = "sms"
    version = "2021-01-11"
    content_type = "application/json; charset=utf-8"

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def signature(self) -> str:
        """The approved one of the settings."""
        return f"【{settings.SMS_TENCENT.sign_name}】"

    def send(self, message: Message) -> Accepted:
        """Hand the message over; it is never repeated once it may have arrived."""
        body = {
            "PhoneNumberSet": [message.phone],
            "SmsSdkAppId": settings.SMS_TENCENT.app_id,
            "SignName": settings.SMS_TENCENT.sign_name,
            "TemplateId": _template_of(message, settings.SMS_TENCENT.templates),
            "TemplateParamSet": list(message.params.values()),
            "SessionContext": message.out_id,
        }
        payload = json.dumps(body, ensure_ascii=False).encode()
        answer = post(
            self._http,
            f"{settings.SMS_TENCENT.url}/",
            payload,
            lambda: self._headers(payload),
            repeat=False,
        )
        return _accepted_by_tencent(answer)

    def _headers(self, payload: bytes) -> dict[str, str]:
        options = settings.SMS_TENCENT
        timestamp = int(clock.now().timestamp())
        signed = {"content-type": self.content_type, "host": self.host}
        return {
            "Content-Type": self.content_type,
            "X-TC-Action": "SendSms",
            "X-TC-Version": self.version,
            "X-TC-Region": options.region,
            "X-TC-Timestamp": str(timestamp),
            "Authorization": signing.authorization(
                credential=signing.Credential(options.secret_id, options.secret_key),
                service=self.service,
                headers=signed,
                payload=payload,
                timestamp=timestamp,
            ),
        }


TENCENT_BUSY = frozenset({"InternalError", "RequestLimitExceeded", "InternalError.Timeout"})
TENCENT_ABOUT: dict[str, type[SmsRefused]] = {
    "FailedOperation.InsufficientBalanceInSmsPackage": SmsNoBalance,
    "FailedOperation.PhoneNumberInBlacklist": SmsBlocked,
    "FailedOperation.MarketingSendTimeConstraint": SmsWrongTime,
    "InvalidParameterValue.IncorrectPhoneNumber": SmsBadNumber,
}
TENCENT_KINDS: tuple[tuple[str, type[SmsRefused]], ...] = (
    ("LimitExceeded.", SmsOverLimit),
    ("UnauthorizedOperation.", SmsNotAllowed),
    ("AuthFailure.", SmsNotAllowed),
    ("FailedOperation.", SmsBadText),
    ("InvalidParameterValue.", SmsBadText),
)
"""Codes by their beginning, for those that ``TENCENT_ABOUT`` does not name."""


def _accepted_by_tencent(answer: Mapping[str, Any]) -> Accepted:
    """What an answer of SendSms says; its refusals come with status 200."""
    found = answer.get("Response")
    if not isinstance(found, dict):
        raise SmsUnreachable("no Response", is_sent=True)
    error = found.get("Error")
    if isinstance(error, dict):
        code = str(error.get("Code", "Error"))
        if code in TENCENT_BUSY:
            raise SmsUnreachable(code, is_sent=True)
        raise _tencent_refusal(code)
    statuses = found.get("SendStatusSet")
    status = statuses[0] if isinstance(statuses, list) and statuses else None
    if not isinstance(status, dict):
        raise SmsUnreachable("no SendStatusSet", is_sent=True)
    if status.get("Code") != "Ok":
        raise _tencent_refusal(str(status.get("Code", "Error")))
    fee = status.get("Fee")
    return Accepted(str(status.get("SerialNo", "")), fee if isinstance(fee, int) else 0)


def _tencent_refusal(code: str) -> SmsRefused:
    about = TENCENT_ABOUT.get(code)
    if about is None:
        about = next((kind for start, kind in TENCENT_KINDS if code.startswith(start)), SmsRefused)
    return about(code)


class AliyunProvider:
    """Alibaba Cloud's SMS; the words come from a template that Alibaba approved."""

    name = "aliyun"
    knows_repeats = False
    host = "dysmsapi.aliyuncs.com"
    version = "2017-05-25"

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def signature(self) -> str:
        """The approved one of the settings."""
        return f"【{settings.SMS_ALIYUN.sign_name}】"

    def send(self, message: Message) -> Accepted:
        """Hand the message over; it is never repeated once it may have arrived."""
        query = acs3.query_string(
            {
                "PhoneNumbers": _as_aliyun_dials(message.phone),
                "SignName": settings.SMS_ALIYUN.sign_name,
                "TemplateCode": _template_of(message, settings.SMS_ALIYUN.templates),
                "TemplateParam": json.dumps(dict(message.params), ensure_ascii=False),
                "OutId": message.out_id,
            }
        )
        answer = post(
            self._http,
            f"{settings.SMS_ALIYUN.url}/?{query}",
            b"",
            lambda: self._headers(query),
            repeat=False,
            is_error_read=True,
        )
        code = str(answer.get("Code", ""))
        if code in ALIYUN_BUSY or not code:
            raise SmsUnreachable(code or "no Code", is_sent=True)
        if code != "OK":
            raise _aliyun_refusal(code)
        return Accepted(str(answer.get("BizId", "")))

    def _headers(self, query: str) -> dict[str, str]:
        options = settings.SMS_ALIYUN
        signed = {
            "host": self.host,
            "x-acs-action": "SendSms",
            "x-acs-content-sha256": sha256(b"").hexdigest(),
            "x-acs-date": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": tokens.new_token(32),
            "x-acs-version": self.version,
        }
        authorization = acs3.authorization(
            key_id=options.key_id,
            key_secret=options.key_secret,
            query=query,
            headers=signed,
            payload=b"",
        )
        shown = {name: value for name, value in signed.items() if name != "host"}
        return {**shown, "Authorization": authorization}


ALIYUN_BUSY = frozenset(
    {"isp.SYSTEM_ERROR", "isp.RAM_PERMISSION_ERROR_RETRY", "Throttling", "ServiceUnavailable"}
)
ALIYUN_ABOUT: dict[str, type[SmsRefused]] = {
    "isv.BUSINESS_LIMIT_CONTROL": SmsOverLimit,
    "isv.DAY_LIMIT_CONTROL": SmsOverLimit,
    "isv.MONTH_LIMIT_CONTROL": SmsOverLimit,
    "isv.AMOUNT_NOT_ENOUGH": SmsNoBalance,
    "isv.OUT_OF_SERVICE": SmsNoBalance,
    "isv.ACCOUNT_NOT_EXISTS": SmsNotAllowed,
    "isv.ACCOUNT_ABNORMAL": SmsNotAllowed,
    "isv.PRODUCT_UN_SUBSCRIPT": SmsNotAllowed,
    "isp.RAM_PERMISSION_DENY": SmsNotAllowed,
    "SignatureDoesNotMatch": SmsNotAllowed,
    "SignatureNonceUsed": SmsNotAllowed,
    "InvalidAccessKeyId.NotFound": SmsNotAllowed,
    "isv.MOBILE_NUMBER_ILLEGAL": SmsBadNumber,
    "isv.MOBILE_COUNT_OVER_LIMIT": SmsBadNumber,
    "isv.BLACK_KEY_CONTROL_LIMIT": SmsBadText,
    "isv.SMS_SIGNATURE_ILLEGAL": SmsBadText,
    "isv.SMS_TEMPLATE_ILLEGAL": SmsBadText,
    "isv.TEMPLATE_MISSING_PARAMETERS": SmsBadText,
    "isv.INVALID_PARAMETERS": SmsBadText,
    "isv.INVALID_JSON_PARAM": SmsBadText,
    "isv.PARAM_LENGTH_LIMIT": SmsBadText,
}


def _aliyun_refusal(code: str) -> SmsRefused:
    return ALIYUN_ABOUT.get(code, SmsRefused)(code)


def _as_aliyun_dials(phone: str) -> str:
    """Domestic numbers without their country code, others without the plus sign."""
    return phone.removeprefix("+86") if phone.startswith("+86") else phone.removeprefix("+")


def _template_of(message: Message, templates: Mapping[str, str]) -> str:
    """The provider's number of the template: the message's own, else the one of its purpose.

    Raises:
        SmsBadText: the settings name none.
    """
    found = templates.get(message.template) or templates.get(message.purpose)
    if not found:
        raise SmsBadText("no template")
    return found


PROVIDERS: dict[str, Callable[[httpx2.Client], Provider]] = {
    SandboxProvider.name: SandboxProvider,
    TencentProvider.name: TencentProvider,
    AliyunProvider.name: AliyunProvider,
}
