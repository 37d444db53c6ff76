"""Alibaba Cloud SMS: ``/dysmsapi.aliyuncs.com/`` with ACS3-HMAC-SHA256 (digest 9.2)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from wechat_sandbox import calllog, control
from wechat_sandbox.clouds import senders, sending
from wechat_sandbox.clouds.faults import take_fault
from wechat_sandbox.clouds.senders import TEMPLATE_PLACE, Sender, Template
from wechat_sandbox.store import add_tables
from wechat_sandbox.world import World

add_tables("CREATE TABLE sms_nonces (nonce TEXT PRIMARY KEY, at REAL NOT NULL);\n")

HOST = "dysmsapi.aliyuncs.com"
PATH = f"/{HOST}/"
VERSION = "2017-05-25"
SCHEME = "ACS3-HMAC-SHA256"
SKEW_S = 15 * 60
MOST_NUMBERS = 1000
HEADER = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([\w;-]+),\s*Signature=([0-9a-f]{64})"
)
MUST_SIGN = {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-version"}


class AcsError(Exception):
    """A request the gateway refuses before the SMS service sees it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Answer this HTTP status and code."""
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


class Refused(Exception):
    """A message the SMS service refuses, with HTTP 200."""

    def __init__(self, code: str, message: str) -> None:
        """Answer this isv or isp code."""
        super().__init__(code)
        self.code = code
        self.message = message


def signature(*, secret: str, canonical: str) -> str:
    """The ACS3 signature of a canonical request."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return hmac.new(secret.encode(), f"{SCHEME}\n{digest}".encode(), hashlib.sha256).hexdigest()


async def answer(request: Request) -> Response:
    """Answer one request: refused signatures with HTTP 4xx, refused messages with 200."""
    started, world, raw = time.monotonic(), control.world_of(request), await request.body()
    status, body = _answer(world, request, raw)
    body["RequestId"] = sending.request_id().upper()
    calllog.record(
        world,
        kind="api",
        method=request.method,
        path=PATH,
        appid=None,
        status=status,
        errcode=None,
        note=f"{request.headers.get('x-acs-action', '')} {body.get('Code', '')}".strip(),
        request={
            "query": dict(request.query_params),
            "headers": dict(request.headers),
            "body": raw[:4000].decode(errors="replace"),
        },
        answer=body,
        took_s=time.monotonic() - started,
        again=calllog.again_of(request, raw),
    )
    return JSONResponse(body, status_code=status)


def _answer(world: World, request: Request, raw: bytes) -> tuple[int, dict[str, Any]]:
    fault = take_fault(world, PATH, request.headers.get("x-acs-action", ""))
    if fault and "code" not in fault:
        return int(fault["http_status"]), {
            "Code": "ServiceUnavailable",
            "Message": "沙箱设置的错误",
        }
    try:
        if fault:
            raise Refused(str(fault["code"]), str(fault.get("message") or "沙箱设置的错误"))
        sender = _caller(world, request, raw)
        if request.headers.get("x-acs-version") != VERSION:
            raise AcsError(400, "InvalidVersion", "Specified parameter Version is not valid.")
        if request.headers.get("x-acs-action") != "SendSms":
            raise AcsError(404, "InvalidAction.NotFound", "Specified api is not found.")
        return 200, _send(world, sender, _parameters(request, raw))
    except AcsError as error:
        return error.status, {"Code": error.code, "Message": error.message, "HostId": HOST}
    except Refused as refused:
        return 200, {"Code": refused.code, "Message": refused.message}


def _caller(world: World, request: Request, raw: bytes) -> Sender:
    match = HEADER.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        raise AcsError(400, "MissingAuthorization", "The Authorization header is missing or wrong.")
    key_id, names, given = match.groups()
    sender = senders.find(world, "aliyun", key_id)
    if sender is None:
        raise AcsError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    _check_moment(world, request)
    if not set(names.split(";")) >= MUST_SIGN:
        raise AcsError(400, "SignatureDoesNotMatch", "Some headers that must be signed are not.")
    if request.headers.get("x-acs-content-sha256") != hashlib.sha256(raw).hexdigest():
        raise AcsError(400, "SignatureDoesNotMatch", "x-acs-content-sha256 is not of this body.")
    tried = ""
    for host in (HOST, request.headers.get("host", "")):
        for path in ("/", PATH):
            tried = _canonical(request, raw, names, host=host, path=path)
            if hmac.compare_digest(signature(secret=sender.key_secret, canonical=tried), given):
                _check_nonce(world, request)
                return sender
    told = tried.replace("\n", "\\n")
    raise AcsError(
        400, "SignatureDoesNotMatch", f"Specified signature does not match; server string: {told}"
    )


def _check_moment(world: World, request: Request) -> None:
    text = request.headers.get("x-acs-date", "")
    try:
        at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise AcsError(400, "InvalidTimeStamp.Format", "x-acs-date has a wrong form.") from error
    if abs(world.clock.now() - at.timestamp()) > SKEW_S:
        raise AcsError(400, "InvalidTimeStamp.Expired", "x-acs-date is expired.")


def _check_nonce(world: World, request: Request) -> None:
    """The same request again within fifteen minutes is somebody else's."""
    nonce = request.headers.get("x-acs-signature-nonce", "")
    now = world.clock.now()
    world.store.write("DELETE FROM sms_nonces WHERE at < ?", now - SKEW_S)
    done = world.store.write(
        "INSERT INTO sms_nonces (nonce, at) VALUES (?, ?) ON CONFLICT DO NOTHING", nonce, now
    )
    if not nonce or not done:
        raise AcsError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")


def _canonical(request: Request, raw: bytes, names: str, *, host: str, path: str) -> str:
    pairs = sorted(parse_qsl(request.url.query, keep_blank_values=True))
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs
    )
    lines = "".join(
        f"{name}:{host if name == 'host' else request.headers.get(name, '').strip()}\n"
        for name in names.split(";")
    )
    digest = hashlib.sha256(raw).hexdigest()
    return f"{request.method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"


def _parameters(request: Request, raw: bytes) -> dict[str, str]:
    """Parameters stand in the query, in a form, or in both."""
    found = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        found |= dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))
    return found


def _send(world: World, sender: Sender, given: dict[str, str]) -> dict[str, Any]:
    for name in ("PhoneNumbers", "SignName", "TemplateCode"):
        if not given.get(name):
            raise AcsError(400, f"Missing{name}", f"{name} is mandatory for this action.")
    numbers = given["PhoneNumbers"].split(",")
    if len(numbers) > MOST_NUMBERS:
        raise Refused("isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制")
    phones = [_phone(one) for one in numbers]
    if given["SignName"] not in sender.signs:
        raise Refused("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法")
    template = sender.template(given["TemplateCode"])
    if template is None:
        raise Refused("isv.SMS_TEMPLATE_ILLEGAL", "短信模板不合法")
    text = f"【{given['SignName']}】{_filled(template, given.get('TemplateParam', ''))}"
    if any(word in text for word in sender.sensitive):
        raise Refused("isv.BLACK_KEY_CONTROL_LIMIT", "模板变量中存在黑名单关键字")
    for phone in phones:
        _check_number(world, sender, template, phone)
    if not senders.spend(world, sender, sending.segments_of(text) * len(phones)):
        raise Refused("isv.AMOUNT_NOT_ENOUGH", "账户余额不足")
    serial = f"{secrets.randbelow(10**12):012d}{int(world.clock.now())}^0"
    for phone in phones:
        sending.hand_over(
            world, sender, template, phone=phone, text=text, serial=serial,
            context=given.get("OutId", ""),
        )  # fmt: skip
    return {"Code": "OK", "Message": "OK", "BizId": serial}


def _phone(given: str) -> str:
    number = given.strip()
    if re.fullmatch(r"1[3-9]\d{9}", number):
        return f"+86{number}"
    raise Refused("isv.MOBILE_NUMBER_ILLEGAL", f"{number}invalid mobile number")


def _check_number(world: World, sender: Sender, template: Template, phone: str) -> None:
    if code := senders.rule_of(world, phone).code:
        raise Refused(code, "沙箱为这个号码设置的错误")
    if template.kind == "code" and (hit := sending.limit_hit(world, sender, phone)):
        word = {"minute": "分钟", "hour": "小时级", "day": "天级"}[hit]
        raise Refused("isv.BUSINESS_LIMIT_CONTROL", f"触发{word}流控")


def _filled(template: Template, given: str) -> str:
    try:
        values = json.loads(given or "{}")
    except ValueError as error:
        raise Refused("isv.INVALID_JSON_PARAM", "JSON参数不合法，只接受字符串值") from error
    if not isinstance(values, dict):
        raise Refused("isv.INVALID_JSON_PARAM", "JSON参数不合法，只接受字符串值")
    missing = [
        name for name in TEMPLATE_PLACE["aliyun"].findall(template.text) if name not in values
    ]
    if missing:
        raise Refused("isv.TEMPLATE_MISSING_PARAMETERS", f"模板缺少变量：{missing[0]}")
    return TEMPLATE_PLACE["aliyun"].sub(lambda match: str(values[match[1]]), template.text)
