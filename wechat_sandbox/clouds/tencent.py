"""Tencent Cloud SMS: ``POST /sms.tencentcloudapi.com/`` with TC3-HMAC-SHA256 (digest 9.1)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from wechat_sandbox import calllog, control
from wechat_sandbox.clouds import receipts, senders, sending
from wechat_sandbox.clouds.faults import take_fault
from wechat_sandbox.clouds.senders import TEMPLATE_PLACE, Sender, Template
from wechat_sandbox.world import World

HOST = "sms.tencentcloudapi.com"
PATH = f"/{HOST}/"
VERSION = "2021-01-11"
REGIONS = ("ap-guangzhou", "ap-beijing", "ap-nanjing")
SCHEME = "TC3-HMAC-SHA256"
SKEW_S = 300
MOST_NUMBERS, LONGEST_CONTEXT, LONGEST_PART = 200, 512, 64
MOST_PULLED = 100
HEADER = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/]+)/(\d{4}-\d\d-\d\d)/(\w+)/tc3_request,\s*"
    r"SignedHeaders=([\w;-]+),\s*Signature=([0-9a-f]{64})"
)


class CloudError(Exception):
    """A request that is refused as a whole."""

    def __init__(self, code: str, message: str) -> None:
        """Answer this code with HTTP 200."""
        super().__init__(code)
        self.code = code
        self.message = message


def signature(*, secret: str, date: str, service: str, stamp: str, canonical: str) -> str:
    """The TC3 signature of a canonical request."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{SCHEME}\n{stamp}\n{date}/{service}/tc3_request\n{digest}"
    key = f"TC3{secret}".encode()
    for part in (date, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


async def answer(request: Request) -> Response:
    """Answer one request, always with HTTP 200."""
    started, world, raw = time.monotonic(), control.world_of(request), await request.body()
    action = request.headers.get("x-tc-action", "")
    number = sending.request_id()
    fault = take_fault(world, PATH, action)
    if fault.get("http_status"):
        body: dict[str, Any] = {}
        status = int(fault["http_status"])
    else:
        status = 200
        try:
            if fault:
                raise CloudError(str(fault["code"]), str(fault.get("message") or "沙箱设置的错误"))
            found = _work(world, request, raw, action)
            body = {"Response": {**found, "RequestId": number}}
        except CloudError as error:
            told = {"Code": error.code, "Message": error.message}
            body = {"Response": {"Error": told, "RequestId": number}}
    calllog.record(
        world,
        kind="api",
        method=request.method,
        path=PATH,
        appid=None,
        status=status,
        errcode=None,
        note=f"{action} {body.get('Response', {}).get('Error', {}).get('Code', '')}".strip(),
        request={"headers": dict(request.headers), "body": raw[:4000].decode(errors="replace")},
        answer=body,
        took_s=time.monotonic() - started,
        again=calllog.again_of(request, raw),
    )
    return JSONResponse(body, status_code=status)


def _work(world: World, request: Request, raw: bytes, action: str) -> dict[str, Any]:
    sender = _caller(world, request, raw)
    if request.headers.get("x-tc-version") != VERSION:
        raise CloudError("NoSuchVersion", "The specified version is invalid.")
    if request.headers.get("x-tc-region", REGIONS[0]) not in REGIONS:
        raise CloudError("UnsupportedRegion", "The specified region is not supported.")
    try:
        given = json.loads(raw)
    except ValueError as error:
        raise CloudError("InvalidRequest", "The request body is not JSON.") from error
    if not isinstance(given, dict):
        raise CloudError("InvalidRequest", "The request body is not a JSON object.")
    if action == "SendSms":
        return {"SendStatusSet": _send(world, sender, given)}
    if action == "PullSmsSendStatus":
        return {"PullSmsSendStatusSet": _pull(world, sender, given)}
    raise CloudError("InvalidAction", "The specified action is invalid.")


def _caller(world: World, request: Request, raw: bytes) -> Sender:
    """Whose signature it is; checked in the order in which the cloud does."""
    match = HEADER.fullmatch(request.headers.get("authorization", ""))
    stamp = request.headers.get("x-tc-timestamp", "")
    if match is None or not stamp.isdigit():
        raise CloudError("AuthFailure.InvalidAuthorization", "The Authorization header is invalid.")
    key_id, date, service, names, given = match.groups()
    if abs(world.clock.now() - int(stamp)) > SKEW_S:
        raise CloudError(
            "AuthFailure.SignatureExpire",
            "The request has expired: X-TC-Timestamp differs from server time by over 5 minutes.",
        )
    is_day = f"{datetime.fromtimestamp(int(stamp), UTC):%Y-%m-%d}" == date
    if not is_day or service != "sms":
        raise CloudError("AuthFailure.SignatureFailure", "The credential scope is wrong.")
    sender = senders.find(world, "tencent", key_id)
    if sender is None:
        raise CloudError("AuthFailure.SecretIdNotFound", "The SecretId is not found.")
    if not {"content-type", "host"} <= set(names.split(";")):
        raise CloudError("AuthFailure.SignatureFailure", "content-type and host must be signed.")
    for host in (HOST, request.headers.get("host", "")):
        for path in ("/", PATH):
            canonical = _canonical(request, raw, names, host=host, path=path)
            made = signature(
                secret=sender.key_secret, date=date, service=service, stamp=stamp,
                canonical=canonical,
            )  # fmt: skip
            if hmac.compare_digest(made, given):
                return sender
    raise CloudError(
        "AuthFailure.SignatureFailure",
        "The provided credentials could not be validated. Please check your signature is correct.",
    )


def _canonical(request: Request, raw: bytes, names: str, *, host: str, path: str) -> str:
    lines = []
    for name in names.split(";"):
        value = host if name == "host" else request.headers.get(name, "").strip()
        # Its own kits write the action in lower case into what they sign.
        lines.append(f"{name}:{value.lower() if name == 'x-tc-action' else value}\n")
    digest = hashlib.sha256(raw).hexdigest()
    query = request.url.query
    return f"{request.method}\n{path}\n{query}\n{''.join(lines)}\n{names}\n{digest}"


@dataclass(frozen=True)
class _Wish:
    template: Template | None
    parts: list[str]
    sign: str
    context: str


def _send(world: World, sender: Sender, given: dict[str, Any]) -> list[dict[str, Any]]:
    numbers = given.get("PhoneNumberSet")
    if not isinstance(numbers, list) or not numbers:
        raise CloudError("MissingParameter", "PhoneNumberSet is missing.")
    if len(numbers) > MOST_NUMBERS:
        raise CloudError("LimitExceeded.PhoneNumberCountLimit", "Over 200 numbers in one request.")
    if given.get("SmsSdkAppId") != sender.app_id:
        raise CloudError(
            "UnauthorizedOperation.SmsSdkAppIdVerifyFail", "SmsSdkAppId is not of this account."
        )
    parts = given.get("TemplateParamSet") or []
    if not isinstance(parts, list) or not all(isinstance(one, str) for one in parts):
        raise CloudError("InvalidParameter", "TemplateParamSet must be a list of strings.")
    context = given.get("SessionContext") or ""
    if not isinstance(context, str) or len(context.encode()) >= LONGEST_CONTEXT:
        raise CloudError("InvalidParameterValue.SessionContext", "SessionContext is too long.")
    wish = _Wish(
        sender.template(given.get("TemplateId")), parts, str(given.get("SignName") or ""), context
    )
    refused = _refusal(world, sender, wish)
    return [_status(world, sender, wish, str(one), refused) for one in numbers]


def _refusal(world: World, sender: Sender, wish: _Wish) -> str:
    """Why no number gets this message; empty when all may."""
    template = wish.template
    if wish.sign not in sender.signs:
        return "FailedOperation.SignatureIncorrectOrUnapproved"
    if template is None:
        return "FailedOperation.TemplateIncorrectOrUnapproved"
    places = set(TEMPLATE_PLACE["tencent"].findall(template.text))
    is_code, parts = template.kind == "code", wish.parts
    wrong = {
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": len(places) != len(parts),
        "InvalidParameterValue.TemplateParameterFormatError": is_code
        and not re.fullmatch(r"\d{0,6}", "".join(parts[:1])),
        "InvalidParameterValue.TemplateParameterLengthLimit": any(
            len(one) > LONGEST_PART for one in parts
        ),
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter": any(
            re.search(r"https?://|www\.", one) for one in parts
        ),
        "FailedOperation.ContainSensitiveWord": any(
            word in one for word in sender.sensitive for one in parts
        ),
        "FailedOperation.MarketingSendTimeConstraint": template.kind == "marketing"
        and not sending.is_marketing_time(world),
    }
    return next((code for code, is_wrong in wrong.items() if is_wrong), "")


LIMITED = {
    "minute": "LimitExceeded.PhoneNumberThirtySecondLimit",
    "hour": "LimitExceeded.PhoneNumberOneHourLimit",
    "day": "LimitExceeded.PhoneNumberDailyLimit",
}


def _status(world: World, sender: Sender, wish: _Wish, given: str, refused: str) -> dict[str, Any]:
    """Send to one number; its own result stands in Code."""
    phone = given if given.startswith("+") else f"+86{given.removeprefix('0086')}"
    serial = f"2433:{secrets.randbelow(10**12):012d}{int(world.clock.now())}"
    if not re.fullmatch(r"\+861[3-9]\d{9}|\+(?!86)[1-9]\d{6,14}", phone):
        refused = refused or "InvalidParameterValue.IncorrectPhoneNumber"
    refused = refused or senders.rule_of(world, phone).code
    text, segments = "", 0
    if not refused and wish.template:
        text = f"【{wish.sign}】{_filled(wish)}"
        if wish.template.kind == "code" and (hit := sending.limit_hit(world, sender, phone)):
            refused = LIMITED[hit]
        elif not senders.spend(world, sender, sending.segments_of(text)):
            refused = "FailedOperation.InsufficientBalanceInSmsPackage"
    if not refused and wish.template:
        sent = sending.hand_over(
            world, sender, wish.template, phone=phone, text=text, serial=serial,
            context=wish.context,
        )  # fmt: skip
        segments = sent.segments
    return {
        "SerialNo": "" if refused else serial,
        "PhoneNumber": phone,
        "Fee": segments,
        "SessionContext": wish.context,
        "Code": refused or "Ok",
        "Message": "the message was refused" if refused else "send success",
        "IsoCode": "CN" if phone.startswith("+86") else "",
    }


def _filled(wish: _Wish) -> str:
    assert wish.template is not None  # noqa: S101
    return TEMPLATE_PLACE["tencent"].sub(
        lambda match: wish.parts[int(match[1]) - 1], wish.template.text
    )


def _pull(world: World, sender: Sender, given: dict[str, Any]) -> list[dict[str, Any]]:
    if given.get("SmsSdkAppId") != sender.app_id:
        raise CloudError(
            "UnauthorizedOperation.SmsSdkAppIdVerifyFail", "SmsSdkAppId is not of this account."
        )
    limit = given.get("Limit")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_PULLED:
        raise CloudError("InvalidParameter", "Limit must be 1 to 100.")
    return receipts.pull(world, sender, limit)
