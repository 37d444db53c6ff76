"""The common way of every call to api.mch.weixin.qq.com: checks, faults, signed answers."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from wechat_sandbox import calllog, control
from wechat_sandbox.pay import errors, keys, merchants, notices
from wechat_sandbox.pay.errors import PayRefusal
from wechat_sandbox.pay.merchants import Merchant
from wechat_sandbox.store import pack, unpack
from wechat_sandbox.world import World

HOST = "/api.mch.weixin.qq.com"
SKEW_S = 300
NONCE_LENGTH = 32
PART = re.compile(r'(\w+)="([^"]*)"')
NEEDED = ("mchid", "nonce_str", "signature", "timestamp", "serial_no")


@dataclass
class PayCall:
    """One call on its way."""

    world: World
    request: Request
    raw: bytes
    path: str
    places: dict[str, str] = field(default_factory=dict)
    merchant: Merchant | None = None

    @property
    def caller(self) -> Merchant:
        """The merchant who signed."""
        assert self.merchant is not None  # noqa: S101
        return self.merchant

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object that was posted."""
        try:
            value = json.loads(self.raw.decode())
        except ValueError as error:
            raise PayRefusal("PARAM_ERROR", "请求体不是合法的JSON") from error
        if not isinstance(value, dict):
            raise PayRefusal("PARAM_ERROR", "请求体不是合法的JSON")
        return value

    def query(self, name: str) -> str:
        """One value of the query string, empty when missing."""
        return self.request.query_params.get(name, "")


@dataclass(frozen=True)
class Plain:
    """An answer that is no signed JSON: a downloaded file."""

    content: bytes
    kind: str


Answer = dict[str, Any] | Plain | None
Handler = Callable[[PayCall], Awaitable[Answer]]


@dataclass(frozen=True)
class PayEndpoint:
    """One path; ``is_strict`` paths want User-Agent and Accept (digest 8.2)."""

    handler: Handler
    method: str
    template: str
    pattern: re.Pattern[str]
    is_strict: bool


ENDPOINTS: list[PayEndpoint] = []


def pay_endpoint(
    method: str, template: str, *, is_strict: bool = False
) -> Callable[[Handler], Handler]:
    """Register a handler for a path such as ``/v3/pay/transactions/id/{transaction_id}``."""
    pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template)))

    def register(handler: Handler) -> Handler:
        ENDPOINTS.append(PayEndpoint(handler, method, template, pattern, is_strict))
        return handler

    return register


async def answer_pay(request: Request) -> Response:
    """Answer any call to api.mch.weixin.qq.com."""
    started = time.monotonic()
    world = control.world_of(request)
    call = PayCall(world, request, await request.body(), "/" + request.path_params["path"])
    response, note = await _answer(call)
    text = bytes(response.body).decode(errors="replace")
    calllog.record(
        world,
        kind="pay",
        method=request.method,
        path=f"{HOST}{call.path}",
        appid=None,
        status=response.status_code,
        errcode=None,
        note=note,
        request={"query": dict(request.query_params), "headers": _headers(request),
                 "body": _read(call.raw.decode(errors="replace"))},
        answer=_read(text),
        took_s=time.monotonic() - started,
        again=calllog.again_of(request, call.raw),
    )  # fmt: skip
    return response


def _headers(request: Request) -> dict[str, str]:
    names = ("authorization", "wechatpay-serial", "user-agent", "accept", "content-type")
    return {name: value for name in names if (value := request.headers.get(name))}


def _read(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text[:2000]


async def _answer(call: PayCall) -> tuple[Response, str]:
    on_path = [one for one in ENDPOINTS if one.pattern.fullmatch(call.path)]
    found = next((one for one in on_path if one.method == call.request.method), None)
    if found is None:
        return Response(status_code=405 if on_path else 404), ""
    match = found.pattern.fullmatch(call.path)
    call.places = match.groupdict() if match else {}
    fault = _take_fault(call.world, call.path, found.template)
    try:
        if delay_s := fault.get("timeout"):
            await asyncio.sleep(delay_s)
        if fault and not fault.get("after"):
            _fail(fault)
        _check_headers(call, found)
        _check_signature(call, found)
        answer = await found.handler(call)
        if fault:
            _fail(fault)
    except PayRefusal as refusal:
        return _refused(call, found, refusal), f"{refusal.code} {refusal.message}"
    return _signed(call, answer, fault), _note(call)


def _note(call: PayCall) -> str:
    return f"商户 {call.caller.mchid}"


def _fail(fault: dict[str, Any]) -> None:
    """Refuse as the fault wants: a code of WeChat Pay, an HTTP status, or both."""
    if "code" in fault:
        raise PayRefusal(str(fault["code"]), fault.get("message"), status=fault.get("http_status"))
    status = int(fault.get("http_status", 0))
    if status:
        code = "SYSTEM_ERROR" if status == HTTPStatus.INTERNAL_SERVER_ERROR else (
            "FREQUENCY_LIMITED" if status == HTTPStatus.TOO_MANY_REQUESTS else "SERVICE_UNAVAILABLE"
        )  # fmt: skip
        raise PayRefusal(code, status=status)


def _take_fault(world: World, path: str, template: str) -> dict[str, Any]:
    names = (path, template, HOST + path, HOST + template, f"{HOST}/*")
    row = world.store.row(
        "SELECT * FROM faults WHERE remaining > 0 AND path IN (?, ?, ?, ?, ?) ORDER BY id LIMIT 1",
        *names,
    )
    if row is None:
        return {}
    world.store.write("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", row["id"])
    found: dict[str, Any] = unpack(row["what"])
    return found


def _check_headers(call: PayCall, found: PayEndpoint) -> None:
    headers = call.request.headers
    if found.is_strict and not (headers.get("user-agent") and headers.get("accept")):
        raise PayRefusal("INVALID_REQUEST", "Http头缺少Accept或User-Agent")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.raw and kind != "application/json":
        raise PayRefusal("INVALID_REQUEST", "Http头Content-Type必须为application/json")


def _check_signature(call: PayCall, found: PayEndpoint) -> None:
    scheme, _, rest = call.request.headers.get("authorization", "").partition(" ")
    given = dict(PART.findall(rest))
    if scheme != keys.SCHEME or not all(given.get(name) for name in NEEDED):
        text = errors.SIGN_FORMAT if found.is_strict else errors.SIGN_MISSING
        raise PayRefusal("SIGN_ERROR", text)
    stamp, nonce = given["timestamp"], given["nonce_str"]
    if not re.fullmatch(r"\d{10}", stamp) or len(nonce) > NONCE_LENGTH:
        raise PayRefusal("SIGN_ERROR", errors.SIGN_FORMAT)
    if abs(call.world.clock.now() - int(stamp)) > SKEW_S:
        raise PayRefusal("SIGN_ERROR", errors.SIGN_OLD)
    merchant = merchants.find(call.world, given["mchid"])
    if merchant is None or given["serial_no"] != merchant.serial:
        raise PayRefusal("SIGN_ERROR", errors.SERIAL_WRONG)
    texts = [_text_to_sign(call, prefix, stamp, nonce) for prefix in ("", HOST)]
    private = merchant.private_key_pem
    if not any(keys.is_signed(text, given["signature"], private_pem=private) for text in texts):
        raise PayRefusal("SIGN_ERROR", detail=_sign_detail(call, texts[0]))
    call.merchant = merchant
    _check_serial(call)


def _text_to_sign(call: PayCall, prefix: str, stamp: str, nonce: str) -> str:
    """What was signed; the host that stands first in the path here may be left out or not."""
    raw_path = call.request.scope.get("raw_path") or call.request.url.path.encode()
    wire = raw_path.decode("latin-1").partition("?")[0]
    path = prefix + wire[wire.index("/", 1) :]
    if call.request.url.query:
        path += f"?{call.request.scope['query_string'].decode('latin-1')}"
    body = call.raw.decode(errors="replace")
    return f"{call.request.method}\n{path}\n{stamp}\n{nonce}\n{body}\n"


def _sign_detail(call: PayCall, text: str) -> dict[str, Any]:
    """What WeChat tells about a signature that does not fit: the text it expected to be signed."""
    return {
        "field": "signature",
        "issue": "sign not match",
        "location": "authorization",
        "sign_information": {
            "method": call.request.method,
            "url": text.split("\n")[1],
            "truncated_sign_message": text[:200],
            "sign_message_length": len(text.encode()),
        },
    }


def _check_serial(call: PayCall) -> None:
    """``Wechatpay-Serial`` says which of WeChat's keys the caller knows."""
    platform = merchants.platform(call.world)
    wish = call.request.headers.get("wechatpay-serial", "")
    only_public = call.caller.settings.verify_with == "public_key"
    if wish and wish not in (platform.public_key_id, platform.serial):
        raise PayRefusal("PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误")
    if only_public and wish == platform.serial:
        raise PayRefusal("PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误")
    notices.remember_mode(
        call.world, call.caller.mchid, by_public_key=only_public or wish == platform.public_key_id
    )


def _refused(call: PayCall, found: PayEndpoint, refusal: PayRefusal) -> Response:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if refusal.status != HTTPStatus.UNAUTHORIZED or found.is_strict:
        headers["Request-ID"] = _request_id()
    return Response(pack(refusal.body()), refusal.status, headers=headers)


def _request_id() -> str:
    return f"08{secrets.token_hex(12).upper()}-0"


def _signed(call: PayCall, answer: Answer, fault: dict[str, Any]) -> Response:
    if isinstance(answer, Plain):
        return Response(answer.content, media_type=answer.kind)
    text = "" if answer is None else pack(answer)
    platform, settings = merchants.platform(call.world), call.caller.settings
    wish = call.request.headers.get("wechatpay-serial", "")
    by_public_key = settings.verify_with == "public_key" or wish == platform.public_key_id
    wanted = fault.get("signature", "")
    headers = notices.signed_headers(
        call.world, call.caller, text, by_public_key=by_public_key, forged=wanted == "forged"
    )
    if wanted == "signtest":
        headers["Wechatpay-Signature"] = notices.SIGNTEST + headers["Wechatpay-Signature"][19:]
    if wanted == "old":
        headers["Wechatpay-Timestamp"] = str(int(call.world.clock.now()) - SKEW_S - 60)
    if wanted == "missing":
        headers = {}
    headers["Request-ID"] = _request_id()
    if answer is None:
        return Response(status_code=204, headers=headers)
    headers["Content-Type"] = "application/json; charset=utf-8"
    return Response(text, headers=headers)
