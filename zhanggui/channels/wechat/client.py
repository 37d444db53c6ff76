"""The calls to WeChat that the product makes: typed, thin, and nothing but calls.

No state and no database here; tokens come from ``tokens.py``. Neither tokens, secrets nor openids
are logged or put into errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2
import stamina
import structlog
from django.conf import settings

from zhanggui.channels.wechat.errors import (
    ChannelRefused,
    ChannelUnreachable,
    TokenExpired,
    WrongWorld,
)

log = structlog.get_logger("zhanggui.wechat.client")

TIMEOUT = httpx2.Timeout(6.0, connect=3.0)
ATTEMPTS = 3
WAIT_S = 0.2
LONGEST_S = 12.0
BUSY = -1
TOKEN_CODES = frozenset({40001, 40014, 42001})  # worth exactly one fresh token
SANDBOX_PREFIX = "wxsb"
REAL_DOMAIN = "weixin.qq.com"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token of an account and how long it is good."""

    value: str
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What an OAuth code was exchanged for."""

    openid: str
    unionid: str
    access_token: str
    scope: str
    is_snapshot: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person let us see."""

    openid: str
    unionid: str
    nickname: str
    avatar_url: str


@dataclass(frozen=True, slots=True)
class FollowerInfo:
    """What an account knows of an openid; no nickname since 2021-12-27."""

    openid: str
    unionid: str
    is_following: bool


@dataclass(frozen=True, slots=True)
class QrTicket:
    """A QR code with a scene; ``url`` is what the picture says."""

    ticket: str
    url: str
    expires_in_s: int


class Client:
    """Calls over one connection pool; safe to share between threads.

    Args:
        transport: replaces the network in tests.
    """

    def __init__(self, transport: httpx2.BaseTransport | None = None) -> None:
        self._http = httpx2.Client(
            timeout=TIMEOUT,
            transport=transport,
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=40, max_keepalive_connections=10),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def stable_token(self, *, app_id: str, secret: str, is_forced: bool = False) -> Token:
        """Fetch the account's token; unforced, the same one comes back while it is good.

        Source: getStableAccessToken; forced fetching is limited to 20 a day.

        Raises:
            ChannelRefused: wrong app id or secret, or this server is not on the account's list.
        """
        body = {
            "grant_type": "client_credential",
            "appid": app_id,
            "secret": secret,
            "force_refresh": is_forced,
        }
        answer = self._call("POST", "/cgi-bin/stable_token", app_id=app_id, body=body)
        return Token(_text(answer, "access_token"), _number(answer, "expires_in"))

    def oauth_grant(self, *, app_id: str, secret: str, code: str) -> Grant:
        """Exchange the code of an OAuth return; a code works once, for five minutes."""
        query = {
            "appid": app_id,
            "secret": secret,
            "code": code,
            "grant_type": "authorization_code",
        }
        answer = self._call(
            "GET", "/sns/oauth2/access_token", app_id=app_id, query=query, is_repeatable=False
        )
        return Grant(
            openid=_text(answer, "openid"),
            unionid=_text(answer, "unionid", is_optional=True),
            access_token=_text(answer, "access_token"),
            scope=_text(answer, "scope", is_optional=True),
            is_snapshot=answer.get("is_snapshotuser") == 1,
        )

    def oauth_profile(self, *, app_id: str, access_token: str, openid: str) -> Profile:
        """Read nickname and picture with the person's own token (``snsapi_userinfo``)."""
        query = {"access_token": access_token, "openid": openid, "lang": "zh_CN"}
        answer = self._call("GET", "/sns/userinfo", app_id=app_id, query=query)
        return Profile(
            openid=_text(answer, "openid"),
            unionid=_text(answer, "unionid", is_optional=True),
            nickname=_text(answer, "nickname", is_optional=True).strip(),
            avatar_url=_text(answer, "headimgurl", is_optional=True),
        )

    def follower(self, *, app_id: str, token: str, openid: str) -> FollowerInfo:
        """Ask whether an openid follows the account."""
        query = {"access_token": token, "openid": openid, "lang": "zh_CN"}
        answer = self._call("GET", "/cgi-bin/user/info", app_id=app_id, query=query)
        return FollowerInfo(
            openid=_text(answer, "openid"),
            unionid=_text(answer, "unionid", is_optional=True),
            is_following=answer.get("subscribe") == 1,
        )

    def create_qr(self, *, app_id: str, token: str, scene: str, expires_in_s: int) -> QrTicket:
        """Make a temporary QR code with a scene of 1 to 64 characters, for at most 30 days."""
        body = {
            "expire_seconds": expires_in_s,
            "action_name": "QR_STR_SCENE",
            "action_info": {"scene": {"scene_str": scene}},
        }
        answer = self._call("POST", "/cgi-bin/qrcode/create", app_id=app_id, token=token, body=body)
        return QrTicket(
            _text(answer, "ticket"), _text(answer, "url"), _number(answer, "expire_seconds")
        )

    def send_text(self, *, app_id: str, token: str, openid: str, text: str) -> None:
        """Send a customer message; never repeated once it may have arrived."""
        body = {"touser": openid, "msgtype": "text", "text": {"content": text}}
        self._call(
            "POST",
            "/cgi-bin/message/custom/send",
            app_id=app_id,
            token=token,
            body=body,
            is_repeatable=False,
        )

    def send_template(
        self,
        *,
        app_id: str,
        token: str,
        openid: str,
        template_id: str,
        data: Mapping[str, str],
        url: str,
        client_id: str,
    ) -> str:
        """Send a template message; ``client_id`` keeps a repeat within ten minutes harmless.

        Returns:
            WeChat's own id of the message.
        """
        body: dict[str, Any] = {
            "touser": openid,
            "template_id": template_id,
            "client_msg_id": client_id,
            "data": {name: {"value": value} for name, value in data.items()},
        }
        if url:
            body["url"] = url
        answer = self._call(
            "POST", "/cgi-bin/message/template/send", app_id=app_id, token=token, body=body
        )
        return str(answer.get("msgid", ""))

    def _call(
        self,
        method: str,
        path: str,
        *,
        app_id: str,
        token: str = "",
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        is_repeatable: bool = True,
    ) -> dict[str, Any]:
        check_world(app_id, settings.WECHAT_API_URL)
        params = {**({"access_token": token} if token else {}), **(query or {})}
        # WeChat shows escapes such as \u4e2d to people as they are
        content = json.dumps(body, ensure_ascii=False).encode() if body is not None else None

        def may_repeat(error: Exception) -> bool:
            unreachable = isinstance(error, ChannelUnreachable)
            return unreachable and (is_repeatable or not error.is_sent)  # type: ignore[attr-defined]

        for attempt in stamina.retry_context(
            on=may_repeat, attempts=ATTEMPTS, timeout=LONGEST_S, wait_initial=WAIT_S
        ):
            with attempt:
                return self._once(method, path, params, content, has_token=bool(token))
        raise AssertionError  # pragma: no cover - retry_context returns or raises

    def _once(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        content: bytes | None,
        *,
        has_token: bool,
    ) -> dict[str, Any]:
        try:
            response = self._http.request(
                method,
                f"{settings.WECHAT_API_URL}{path}",
                params=params,
                content=content,
                headers={"Content-Type": "application/json"} if content else None,
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            raise _unreachable(path, "no connection", is_sent=False) from None
        except httpx2.TransportError as error:
            raise _unreachable(path, type(error).__name__, is_sent=True) from None
        return _answer(path, response, has_token=has_token)


def _answer(path: str, response: httpx2.Response, *, has_token: bool) -> dict[str, Any]:
    if response.status_code != httpx2.codes.OK:
        raise _unreachable(path, f"HTTP {response.status_code}", is_sent=True)
    try:
        answer = json.loads(response.content)  # whatever the Content-Type says
    except ValueError:
        raise _unreachable(path, "not JSON", is_sent=True) from None
    if not isinstance(answer, dict):
        raise _unreachable(path, "not an object", is_sent=True)
    code = answer.get("errcode", 0)
    if code == 0:
        return answer
    if not isinstance(code, int):
        raise _unreachable(path, "errcode is no number", is_sent=True)
    log.info("refused", path=path, errcode=code)
    if code == BUSY:
        raise ChannelUnreachable(f"{path}: busy", code=code)
    kind = TokenExpired if has_token and code in TOKEN_CODES else ChannelRefused
    raise kind(f"{path}: errcode {code}", code=code)


def _unreachable(path: str, why: str, *, is_sent: bool) -> ChannelUnreachable:
    log.warning("unreachable", path=path, why=why)
    return ChannelUnreachable(f"{path}: {why}", is_sent=is_sent)


def _text(answer: Mapping[str, Any], name: str, *, is_optional: bool = False) -> str:
    value = answer.get(name, "" if is_optional else None)
    if isinstance(value, str) and (value or is_optional):
        return value
    message = f"the answer has no text {name}"
    raise ChannelUnreachable(message, is_sent=True)


def _number(answer: Mapping[str, Any], name: str) -> int:
    value = answer.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    message = f"the answer has no number {name}"
    raise ChannelUnreachable(message, is_sent=True)


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


@cache
def _shared() -> Client:
    return Client()


_replaced: list[Client] = []


def current() -> Client:
    """The client of this process."""
    return _replaced[-1] if _replaced else _shared()


@contextmanager
def using(transport: httpx2.BaseTransport) -> Iterator[Client]:
    """Let every call go through another transport (tests)."""
    client = Client(transport)
    _replaced.append(client)
    try:
        yield client
    finally:
        _replaced.remove(client)
        client.close()
