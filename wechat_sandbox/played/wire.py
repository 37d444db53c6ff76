"""The common way of every call to api.weixin.qq.com: faults, checks in WeChat's order, the log."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from wechat_sandbox import accounts, calllog
from wechat_sandbox.accounts import Account
from wechat_sandbox.components import Component
from wechat_sandbox.played import tokens
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.errors import rid as new_rid
from wechat_sandbox.played.tokens import Caller
from wechat_sandbox.store import add_tables, pack, unpack
from wechat_sandbox.world import World

BODY_LIMIT = 1_000_000
FORM_LIMIT = 12_000_000
KEPT_RIDS = 1000

add_tables(
    """
CREATE TABLE rids (
    rid TEXT PRIMARY KEY, appid TEXT NOT NULL, at INTEGER NOT NULL, path TEXT NOT NULL,
    body TEXT NOT NULL, answer TEXT NOT NULL, ip TEXT NOT NULL
);
"""
)
NOT_FOUND = (
    "<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>"
)


@dataclass
class Call:
    """One call on its way."""

    world: World
    request: Request
    raw: bytes
    caller: Caller | None = None
    platform: Component | None = None
    rid: str = field(default_factory=new_rid)
    _body: dict[str, Any] | None = None

    @property
    def account(self) -> Account:
        """The account whose token was presented."""
        if self.caller is None:
            raise Refusal(41001)
        return self.caller.account

    @property
    def component(self) -> Component:
        """The platform whose own token was presented."""
        if self.platform is None:
            raise Refusal(41001)
        return self.platform

    @property
    def ip(self) -> str:
        """From where the call comes."""
        return self.request.client.host if self.request.client else "127.0.0.1"

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object that was posted."""
        if self._body is None:
            self._body = self._read()
        return self._body

    def _read(self) -> dict[str, Any]:
        if not self.raw.strip():
            raise Refusal(44002)
        try:
            value = json.loads(self.raw.decode())
        except ValueError as error:
            raise Refusal(47001) from error
        if not isinstance(value, dict):
            raise Refusal(47001)
        return value

    def query(self, name: str) -> str:
        """One value of the query string, empty when missing."""
        return self.request.query_params.get(name, "")

    def refuse_escapes(self) -> None:
        r"""Menus and messages must hold real characters, not ``\u4e2d``."""
        if re.search(rb"\\u[0-9a-fA-F]{4}", self.raw):
            raise Refusal(40033)

    def receiver(self, openid: object) -> str:
        """Whose openid of this account it is; 40003 when nobody's."""
        slug = self.world.slug_of(self.account.appid, openid) if isinstance(openid, str) else None
        if slug is None:
            raise Refusal(40003)
        return slug

    def answered(self, **more: Any) -> Answer:
        """Success, with the code some calls spell out."""
        return {"errcode": 0, "errmsg": "ok", **more}


Answer = dict[str, Any]
type Answered = Answer | Response
Handler = Callable[[Call], Answered | Awaitable[Answered]]
"""A plain function where nothing is waited for: all that such a call writes is one transaction."""


@dataclass(frozen=True)
class Endpoint:
    """One path of api.weixin.qq.com.

    ``of_component``: the call takes a platform's own token. ``is_form``: the body is no JSON.
    """

    handler: Handler
    methods: tuple[str, ...]
    needs_token: bool
    capability: str | None
    daily: int | None
    of_component: bool
    is_form: bool


ENDPOINTS: dict[str, Endpoint] = {}


def endpoint(
    path: str,
    *,
    method: str | tuple[str, ...] = "POST",
    needs_token: bool = True,
    capability: str | None = None,
    daily: int | None = None,
    of_component: bool = False,
    is_form: bool = False,
) -> Callable[[Handler], Handler]:
    """Register a handler; ``daily`` is the account's quota a day."""
    methods = (method,) if isinstance(method, str) else method

    def register(handler: Handler) -> Handler:
        ENDPOINTS[path] = Endpoint(
            handler, methods, needs_token, capability, daily, of_component, is_form
        )
        return handler

    return register


async def answer_api(world: World, request: Request) -> Response:
    """Answer any call to api.weixin.qq.com."""
    started = time.monotonic()
    path = "/" + request.path_params["path"]
    call = Call(world, request, await request.body())
    found = ENDPOINTS.get(path)
    fault = take_fault(world, path) if found else None
    if fault and (delay_s := fault.get("timeout")):
        await asyncio.sleep(delay_s)
    status = 404 if found is None else (fault or {}).get("http_status", 200)
    with world.store.transaction():
        answer = _answer(call, path, found, fault)
        if not isinstance(answer, Awaitable):
            return _told(call, path, status, answer, started)
    try:
        answer = await answer
    except Refusal as refusal:
        answer = refusal.body(call.rid)
    return _told(call, path, status, answer, started)


def _told(call: Call, path: str, status: int, answer: Answered | None, started: float) -> Response:
    """What the caller gets, after it was written into the log."""
    if status != HTTPStatus.OK:
        answer = None
    is_file = isinstance(answer, Response)
    errcode = None if is_file or not answer else answer.get("errcode")  # type: ignore[union-attr]
    calllog.record(
        call.world,
        kind="api",
        method=call.request.method,
        path=path,
        appid=_appid_of(call),
        status=status,
        errcode=errcode,
        note="",
        request={"query": dict(call.request.query_params), "body": _shown(call)},
        answer=f"{answer.media_type}" if isinstance(answer, Response) else answer,
        took_s=time.monotonic() - started,
        again=calllog.again_of(call.request, call.raw),
    )
    if errcode:
        _keep_rid(call, path, errcode, str(answer))
    if status == HTTPStatus.NOT_FOUND:
        return HTMLResponse(NOT_FOUND, status_code=404)
    if answer is None:
        return Response(status_code=status)
    if isinstance(answer, Response):
        return answer
    kind = "text/plain" if path.startswith("/sns/") else "application/json; encoding=utf-8"
    return Response(pack(answer), headers={"Content-Type": kind})


def _keep_rid(call: Call, path: str, errcode: int, answer: str) -> None:
    """Remember a failed call for ``/cgi-bin/openapi/rid/get``."""
    if call.caller is None:
        return
    number = call.world.store.insert(
        "rids",
        rid=call.rid,
        appid=call.account.appid,
        at=int(call.world.clock.now()),
        path=calllog.masked_query(path, call.request.url.query),
        body=call.raw[:2000].decode(errors="replace"),
        answer=answer,
        ip=call.ip,
    )
    if number % 100 == 0:
        call.world.store.write("DELETE FROM rids WHERE rowid <= ?", number - KEPT_RIDS)


def _answer(
    call: Call, path: str, found: Endpoint | None, fault: dict[str, Any] | None
) -> Answered | Awaitable[Answered] | None:
    fault = fault or {}
    is_lost = "http_status" in fault and not fault.get("after")
    if found is None or is_lost:
        return None
    try:
        if "errcode" in fault:
            raise Refusal(fault["errcode"], fault.get("errmsg"))
        return _checked(call, path, found)
    except Refusal as refusal:
        return refusal.body(call.rid)


def _checked(call: Call, path: str, found: Endpoint) -> Answered | Awaitable[Answered]:
    """The checks every call goes through, in WeChat's order (digest 10.3)."""
    if len(call.raw) > (FORM_LIMIT if found.is_form else BODY_LIMIT):
        raise Refusal(40006 if found.is_form else 45002)
    if call.request.method not in found.methods:
        raise Refusal(43001 if found.methods[0] == "GET" else 43002)
    if found.of_component:
        _check_component(call)
    elif found.needs_token:
        call.caller = tokens.caller_of(call.world, call.query("access_token"))
        _check_permission(call, found.capability)
    if call.request.method == "POST" and not found.is_form and (call.caller or call.platform):
        _ = call.body
    if found.of_component and call.body.get("component_appid") != call.component.appid:
        raise Refusal(61011)
    if call.caller or call.platform:
        owner = call.component.appid if found.of_component else call.account.appid
        _count_call(call.world, owner, path, found.daily)
    return found.handler(call)


def _check_component(call: Call) -> None:
    # Classic pages say component_access_token, new ones access_token; WeChat takes both.
    given = call.query("component_access_token") or call.query("access_token")
    call.platform = tokens.component_of(call.world, given)
    check_component_ip(call, call.platform)


def check_component_ip(call: Call, component: Component) -> None:
    """A platform calls from its listed addresses only."""
    if component.allow_ips is not None and call.ip not in component.allow_ips:
        raise Refusal(61004, f"access clientip is not registered requestIP: {call.ip}")


def _check_permission(call: Call, capability: str | None) -> None:
    if capability is None:
        return
    if not call.account.may(capability):
        raise Refusal(48001)
    given = call.caller.authorisation if call.caller else None
    if given is not None and not given.allows(capability):
        raise Refusal(61007)


def _count_call(world: World, appid: str, path: str, daily: int | None) -> None:
    """Count one call of today and of this minute against what was set for the account."""
    minute = f"{path}#minute"
    rows = world.store.rows(
        "SELECT path, daily FROM quota_limits WHERE appid = ? AND path IN (?, ?)",
        appid,
        path,
        minute,
    )
    limits = {row["path"]: row["daily"] for row in rows}
    _count_day(world, appid, path, limits.get(path, daily))
    _count_minute(world, appid, path, limits.get(minute))


def count_minute(world: World, appid: str, path: str, default: int | None = None) -> None:
    """Count one call of this minute; 45011 above the limit, where one is set."""
    _count_minute(world, appid, path, daily_limit(world, appid, f"{path}#minute", default))


def count_use(world: World, appid: str, path: str, default: int | None) -> None:
    """Count one call of today; 45009 above the daily quota."""
    _count_day(world, appid, path, daily_limit(world, appid, path, default))


def _count_minute(world: World, appid: str, path: str, limit: int | None) -> None:
    minute = str(int(world.clock.now() // 60))
    if limit is not None and not _count(world, appid, f"{path}#minute", minute, limit):
        raise Refusal(45011)


def _count_day(world: World, appid: str, path: str, limit: int | None) -> None:
    if limit is not None and not _count(world, appid, path, world.clock.day(), limit):
        raise Refusal(45009)


def _count(world: World, appid: str, path: str, period: str, limit: int) -> bool:
    return bool(
        world.store.write(
            "INSERT INTO quota_used (appid, path, day, used) SELECT ?1, ?2, ?3, 1 WHERE ?4 > 0"
            " ON CONFLICT (appid, path, day) DO UPDATE SET used = used + 1 WHERE used < ?4",
            appid,
            path,
            period,
            limit,
        )
    )


def daily_limit(world: World, appid: str, path: str, default: int | None) -> int | None:
    """The quota set for the account, else the usual one; None without any."""
    row = world.store.row(
        "SELECT daily FROM quota_limits WHERE appid = ? AND path = ?", appid, path
    )
    return row["daily"] if row else default


def take_fault(world: World, path: str, *, is_exact: bool = False) -> dict[str, Any] | None:
    """What was asked to go wrong with the next call of a path, used up by asking."""
    row = world.store.row(
        "SELECT * FROM faults WHERE remaining > 0 AND path IN (?, ?) ORDER BY id LIMIT 1",
        path,
        path if is_exact else "*",
    )
    if row is None:
        return None
    world.store.write("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", row["id"])
    found: dict[str, Any] = unpack(row["what"])
    return found


def _appid_of(call: Call) -> str | None:
    if call.caller:
        return call.account.appid
    if call.platform:
        return call.component.appid
    given: object = call.query("appid")
    if not given and call.raw[:1] == b"{":
        try:
            given = call.body.get("appid", "")
        except Refusal:
            return None
    known = isinstance(given, str) and accounts.find(call.world.store, given)
    return str(given) if known else None


def _shown(call: Call) -> Any:
    if not call.raw:
        return None
    try:
        return call.body
    except Refusal:
        return call.raw[:2000].decode(errors="replace")
