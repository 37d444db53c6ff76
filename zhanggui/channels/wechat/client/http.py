"""The way to WeChat's servers: one connection pool, hosts by setting, repeats, and errors.

No state and no database here. Whoever is interested in calls (``records``) is told before and
after each. Neither tokens, secrets nor openids are logged or put into errors.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import httpx2
import stamina
import structlog
from django.conf import settings

from zhanggui.channels.wechat.client import lines, masking
from zhanggui.channels.wechat.client.answers import Answer, File
from zhanggui.channels.wechat.client.lines import Lines, NoAnswer, NoLine, Reply
from zhanggui.channels.wechat.errorcodes import PAUSES_S, Treatment, code_of
from zhanggui.channels.wechat.errors import (
    AuthorisationLost,
    ChannelBusy,
    ChannelError,
    ChannelRefused,
    ChannelUnreachable,
    MerchantMustAct,
    QuotaUsedUp,
    TokenExpired,
    WrongWorld,
)
from zhanggui.core import clock

log = structlog.get_logger("zhanggui.wechat.client")

TIMEOUT = httpx2.Timeout(lines.ANSWER_S, connect=lines.CONNECT_S)
FILE_TIMEOUT = httpx2.Timeout(20.0, connect=lines.CONNECT_S)
MOST_LINES = 40
"""Connections of a process; those of a mailing stay open from call to call."""
ATTEMPTS = 3
WAIT_S = 0.2
LONGEST_S = 12.0
LARGEST = 12 * 1024 * 1024
"""Bytes of an answer: films and pictures have at most 10 MB."""
TOKEN_CODES = frozenset({40001, 40014, 42001, 42006})  # worth exactly one fresh token
LOST_CODES = frozenset({61003, 61023})
BEIJING = "Asia/Shanghai"
SANDBOX_PREFIX = "wxsb"
REAL_DOMAIN = "weixin.qq.com"
RID = re.compile(r"rid: ?([0-9a-f]{1,12}(?:-[0-9a-f]{1,12}){1,3})")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send."""

    filename: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    ``app_id`` says on whose behalf; ``token`` is put into the query as ``token_name``. A call
    that is not ``is_repeatable`` is never sent twice once it may have arrived.
    """

    method: str
    path: str
    app_id: str
    token: str = ""
    token_name: str = "access_token"  # noqa: S105  a name, no token
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    upload: Upload | None = None
    is_repeatable: bool = True
    wants_file: bool = False

    @property
    def params(self) -> dict[str, str]:
        """The whole query."""
        token = {self.token_name: self.token} if self.token else {}
        return {**token, **(self.query or {})}


@dataclass(frozen=True, slots=True)
class Made:
    """One call as it went, masked."""

    app_id: str
    path: str
    duration_ms: int
    code: int | None
    rid: str = ""
    problem: str = ""
    request: str = ""
    answer: str = ""
    until: datetime | None = None
    """When WeChat takes such a call again, if it said that there were too many."""


class Watcher(Protocol):
    """Who is told of calls."""

    def before(self, request: Request) -> None:
        """Let a call go, or refuse it by raising a ``ChannelError``."""

    def after(self, made: Made) -> None:
        """Take note of a call."""


class Http:
    """Makes calls; safe to share between threads.

    Args:
        transport: replaces the network in tests.
        watcher: is told of every call.
    """

    def __init__(
        self, transport: httpx2.BaseTransport | None = None, watcher: Watcher | None = None
    ) -> None:
        self._watcher = watcher
        self._lines = lines.direct() if transport is None else None
        self._http = httpx2.Client(
            timeout=TIMEOUT,
            transport=transport,
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=MOST_LINES, max_keepalive_connections=MOST_LINES),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        if self._lines is not None:
            self._lines.close()

    def ask(self, request: Request) -> Answer:
        """Make a call that is answered by JSON.

        Raises:
            ChannelUnreachable: no answer or "busy", after repeats where they are harmless.
            ChannelRefused: WeChat said no; its subclasses say what that means.
        """
        answer = self._repeated(request)
        if isinstance(answer, File):
            raise _unreachable(request.path, "a file instead of JSON", is_sent=True)
        return answer

    def fetch(self, request: Request) -> File | Answer:
        """Make a call that is answered by a file, for films by JSON with an address.

        Raises:
            ChannelError: as ``ask``; an error comes as JSON also here.
        """
        return self._repeated(request)

    def _repeated(self, request: Request) -> Answer | File:
        check_world(request.app_id, settings.WECHAT_API_URL)

        def may_repeat(error: Exception) -> bool:
            if not isinstance(error, ChannelUnreachable) or isinstance(error, ChannelBusy):
                return False
            return request.is_repeatable or not error.is_sent

        for attempt in stamina.retry_context(
            on=may_repeat, attempts=ATTEMPTS, timeout=LONGEST_S, wait_initial=WAIT_S
        ):
            with attempt:
                return self._watched(request)
        raise AssertionError  # pragma: no cover - retry_context returns or raises

    def _watched(self, request: Request) -> Answer | File:
        if self._watcher is None:
            return self._once(request)[0]
        self._watcher.before(request)
        began = time.monotonic()
        try:
            outcome, raw = self._once(request)
        except ChannelError as error:
            self._watcher.after(_made(request, began, error.raw, error))
            raise
        self._watcher.after(_made(request, began, raw, None))
        return outcome

    def _once(self, request: Request) -> tuple[Answer | File, Mapping[str, Any] | None]:
        response = self._sent(request)
        if response.status != httpx2.codes.OK:
            raise _unreachable(request.path, f"HTTP {response.status}", is_sent=True)
        if len(response.content) > LARGEST:
            raise _unreachable(request.path, "answer too large", is_sent=True)
        if request.wants_file and not response.content.lstrip().startswith(b"{"):
            kind = response.content_type or "application/octet-stream"
            return File(response.content, kind), None
        raw = _json(request.path, response.content)
        code = raw.get("errcode", 0)
        if code != 0:
            raise _refusal(request, raw)
        return Answer(raw), raw

    def _sent(self, request: Request) -> Reply:
        # WeChat shows escapes such as \u4e2d to people as they are
        content = _utf8(request.body) if request.body is not None else None
        if self._lines is not None and content is not None and not request.wants_file:
            return _posted(self._lines, request, content)
        upload = request.upload
        files = None
        if upload is not None:
            files = {"media": (upload.filename, upload.content, upload.content_type)}
        try:
            response = self._http.request(
                request.method,
                f"{settings.WECHAT_API_URL}{request.path}",
                params=request.params,
                content=content,
                files=files,
                headers={"Content-Type": "application/json"} if content is not None else None,
                timeout=FILE_TIMEOUT if upload or request.wants_file else TIMEOUT,
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            raise _unreachable(request.path, "no connection", is_sent=False) from None
        except httpx2.TransportError as error:
            raise _unreachable(request.path, type(error).__name__, is_sent=True) from None
        kind = response.headers.get("Content-Type", "")
        return Reply(response.status_code, response.content, kind)


def _posted(kept: Lines, request: Request, content: bytes) -> Reply:
    target = f"{request.path}?{urlencode(request.params)}"
    try:
        return kept.post(settings.WECHAT_API_URL, target, content, most=LARGEST)
    except NoLine:
        raise _unreachable(request.path, "no connection", is_sent=False) from None
    except NoAnswer as error:
        raise _unreachable(request.path, str(error), is_sent=True) from None


def _utf8(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character, as some keyboards leave behind
        return json.dumps(body, ensure_ascii=False).encode(errors="replace")


def _json(path: str, content: bytes) -> dict[str, Any]:
    try:
        raw = json.loads(content)  # whatever the Content-Type says
    except (ValueError, RecursionError):
        raise _unreachable(path, "not JSON", is_sent=True) from None
    if not isinstance(raw, dict):
        raise _unreachable(path, "not an object", is_sent=True)
    if not isinstance(raw.get("errcode", 0), int):
        raise _unreachable(path, "errcode is no number", is_sent=True)
    return raw


def _refusal(request: Request, raw: Mapping[str, Any]) -> ChannelError:
    code: int = raw["errcode"]
    log.info("refused", path=request.path, errcode=code)
    error = _error(f"{request.path}: errcode {code}", code, has_token=bool(request.token))
    error.raw = raw
    return error


def next_midnight() -> datetime:
    """When the daily allowances begin anew: 00:00 in Beijing."""
    today = clock.local_date(clock.now(), BEIJING)
    return clock.start_of(today + timedelta(days=1), BEIJING)


def _error(summary: str, code: int, *, has_token: bool) -> ChannelError:
    if has_token and code in TOKEN_CODES:
        return TokenExpired(summary, code=code)
    if code in LOST_CODES:
        return AuthorisationLost(summary, code=code)
    match code_of(code).treatment:
        case Treatment.RETRY:
            error: ChannelError = ChannelUnreachable(summary, code=code)
        case Treatment.BACK_OFF:
            pause = timedelta(seconds=PAUSES_S[code])
            error = ChannelBusy(summary, code=code, until=clock.now() + pause)
        case Treatment.MIDNIGHT:
            error = QuotaUsedUp(summary, code=code, until=next_midnight())
        case Treatment.ASK:
            error = MerchantMustAct(summary, code=code)
        case _:
            error = ChannelRefused(summary, code=code)
    return error


def _made(
    request: Request, began: float, raw: Mapping[str, Any] | None, error: ChannelError | None
) -> Made:
    found = RID.search(str((raw or {}).get("errmsg", "")))
    sent = request.query or {}
    return Made(
        app_id=request.app_id,
        path=request.path,
        duration_ms=round((time.monotonic() - began) * 1000),
        code=error.code if error else 0,
        rid=found.group(1) if found else "",
        problem=str(error) if error and error.code is None else "",
        request=masking.written(sent, request.body),
        answer=masking.written(raw),
        until=error.until if isinstance(error, QuotaUsedUp | ChannelBusy) else None,
    )


def _unreachable(path: str, why: str, *, is_sent: bool) -> ChannelUnreachable:
    log.warning("unreachable", path=path, why=why)
    return ChannelUnreachable(f"{path}: {why}", is_sent=is_sent)


def check_world(app_id: str, url: str) -> None:
    """Keep app ids of the sandbox away from WeChat's hosts, and real ones from the sandbox.

    Raises:
        WrongWorld: they do not belong together.
    """
    host = urlsplit(url).hostname or ""
    is_real = host == REAL_DOMAIN or host.endswith(f".{REAL_DOMAIN}")
    if is_real == app_id.startswith(SANDBOX_PREFIX):
        message = "an app id of the sandbox and a real host, or the reverse"
        raise WrongWorld(message)


_watchers: list[Watcher] = []


def watch(watcher: Watcher) -> None:
    """Tell this watcher of every call of this process; from ``apps.py``."""
    _watchers[:] = [watcher]


@cache
def _shared() -> Http:
    return Http(watcher=_watchers[0] if _watchers else None)


_replaced: list[Http] = []


def current() -> Http:
    """The way of this process."""
    return _replaced[-1] if _replaced else _shared()


@contextmanager
def using(transport: httpx2.BaseTransport, *, is_watched: bool = True) -> Iterator[Http]:
    """Let every call go through another transport (tests)."""
    watcher = _watchers[0] if _watchers and is_watched else None
    http = Http(transport, watcher)
    _replaced.append(http)
    try:
        yield http
    finally:
        _replaced.remove(http)
        http.close()
