"""Calls of the third-party platform (第三方平台) with its own credentials.

Source: Open Platform, Third-party Platforms; chapter 3 of the digest. The classic name of the
token in the query is ``component_access_token``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zhanggui.channels.wechat.client.answers import Answer
from zhanggui.channels.wechat.client.credentials import (
    Grant,
    Session,
    Token,
    grant_of,
    session_of,
)
from zhanggui.channels.wechat.client.http import Http, Request
from zhanggui.channels.wechat.errors import TokenExpired

PAGE = 100
TOKEN_NAME = "component_access_token"  # noqa: S105  a name, no token


@dataclass(frozen=True, slots=True)
class PreAuthCode:
    """One visit to the authorisation page."""

    value: str
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class Authorisation:
    """What an authorisation code was exchanged for.

    Token and refresh token are empty if the account has no interface rights at all.
    """

    app_id: str
    token: Token | None
    refresh_token: str
    function_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AuthoriserToken:
    """A fresh access token; the refresh token is normally the old one, but always stored."""

    token: Token
    refresh_token: str


@dataclass(frozen=True, slots=True)
class AuthoriserInfo:
    """An account's own page of information."""

    app_id: str
    name: str
    original_id: str
    principal: str
    alias: str
    avatar_url: str
    picture_url: str
    service_type: int
    verify_type: int
    status: int
    is_mini_program: bool
    function_ids: tuple[int, ...]
    extra: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authoriser:
    """One line of the list of accounts that authorised us."""

    app_id: str
    refresh_token: str
    authorised_at_s: int


def component_token(http: Http, *, app_id: str, secret: str, ticket: str) -> Token:
    """Fetch the platform's own token with the newest ticket.

    Raises:
        ChannelRefused: 61005 or 61006 the ticket is too old or wrong, 61004 this server's
            address is not on the platform's list, 40125 the secret.
    """
    body = {
        "component_appid": app_id,
        "component_appsecret": secret,
        "component_verify_ticket": ticket,
    }
    path = "/cgi-bin/component/api_component_token"
    answer = http.ask(Request("POST", path, app_id, body=body))
    return Token(answer.text("component_access_token"), answer.number("expires_in"))


def start_push_ticket(http: Http, *, app_id: str, secret: str) -> None:
    """Ask WeChat to push tickets again; here the field is ``component_secret``."""
    body = {"component_appid": app_id, "component_secret": secret}
    http.ask(Request("POST", "/cgi-bin/component/api_start_push_ticket", app_id, body=body))


class ComponentApi:
    """Calls with the platform's token; a dead token is renewed once.

    Args:
        http: the way to WeChat.
        app_id: the platform's.
        secret: read only when a call needs it.
        token: answers a good token, another one than the rejected one it is given.
    """

    def __init__(
        self,
        http: Http,
        *,
        app_id: str,
        secret: Callable[[], str],
        token: Callable[[str], str],
    ) -> None:
        self._http = http
        self.app_id = app_id
        self._secret = secret
        self._token = token

    def pre_auth_code(self) -> PreAuthCode:
        """Begin one visit to the authorisation page; made when the merchant clicks."""
        answer = self._ask("api_create_preauthcode", {})
        return PreAuthCode(answer.text("pre_auth_code"), answer.number("expires_in", 600))

    def query_auth(self, code: str) -> Authorisation:
        """Exchange an authorisation code; it works once.

        Raises:
            ChannelRefused: 61009 or 61010, the code is wrong, used or too old.
        """
        answer = self._ask("api_query_auth", {"authorization_code": code}, is_repeatable=False)
        info = answer.part("authorization_info")
        token = info.maybe("authorizer_access_token")
        return Authorisation(
            app_id=info.text("authorizer_appid"),
            token=Token(token, info.number("expires_in", 7200)) if token else None,
            refresh_token=info.maybe("authorizer_refresh_token"),
            function_ids=_functions(info),
        )

    def authorizer_token(self, *, app_id: str, refresh_token: str) -> AuthoriserToken:
        """Renew an account's token.

        Raises:
            AuthorisationLost: 61003 no longer authorised, 61023 the refresh token is dead.
        """
        body = {"authorizer_appid": app_id, "authorizer_refresh_token": refresh_token}
        answer = self._ask("api_authorizer_token", body)
        token = Token(answer.text("authorizer_access_token"), answer.number("expires_in", 7200))
        return AuthoriserToken(token, answer.maybe("authorizer_refresh_token") or refresh_token)

    def authorizer_info(self, app_id: str) -> AuthoriserInfo:
        """Name, picture, kind and rights of an account.

        Raises:
            AuthorisationLost: 61003, the account does not authorise us.
        """
        answer = self._ask("api_get_authorizer_info", {"authorizer_appid": app_id})
        info = answer.part("authorizer_info")
        return AuthoriserInfo(
            app_id=app_id,
            name=info.maybe("nick_name"),
            original_id=info.maybe("user_name"),
            principal=info.maybe("principal_name"),
            alias=info.maybe("alias"),
            avatar_url=info.maybe("head_img"),
            picture_url=info.maybe("qrcode_url"),
            service_type=info.part("service_type_info").number("id", 0),
            verify_type=info.part("verify_type_info").number("id", -1),
            status=info.number("account_status", 1),
            is_mini_program="MiniProgramInfo" in info.raw,
            function_ids=_functions(answer.part("authorization_info")),
            extra=info.raw,
        )

    def authorizers(self) -> list[Authoriser]:
        """All accounts that authorise us, in pages of 100."""
        found: list[Authoriser] = []
        while True:
            body = {"offset": len(found), "count": PAGE}
            answer = self._ask("api_get_authorizer_list", body)
            page = [
                Authoriser(
                    line.text("authorizer_appid"),
                    line.maybe("refresh_token"),
                    line.number("auth_time", 0),
                )
                for line in answer.parts("list")
            ]
            found += page
            if len(page) < PAGE or len(found) >= answer.number("total_count", 0):
                return found

    def oauth_grant(self, *, app_id: str, code: str) -> Grant:
        """Exchange the code of an OAuth return of an account that authorises us."""
        query = {
            "appid": app_id,
            "code": code,
            "grant_type": "authorization_code",
            "component_appid": self.app_id,
        }
        return grant_of(self._get("/sns/oauth2/component/access_token", query))

    def code_session(self, *, app_id: str, js_code: str) -> Session:
        """Exchange the login code of a mini program that authorises us."""
        query = {
            "appid": app_id,
            "js_code": js_code,
            "grant_type": "authorization_code",
            "component_appid": self.app_id,
        }
        return session_of(self._get("/sns/component/jscode2session", query))

    def option(self, *, app_id: str, name: str) -> str:
        """One setting of an account: ``location_report``, ``voice_recognize``, ..."""
        body = {"authorizer_appid": app_id, "option_name": name}
        return self._ask("api_get_authorizer_option", body).maybe("option_value")

    def set_option(self, *, app_id: str, name: str, value: str) -> None:
        """Change one setting of an account."""
        body = {"authorizer_appid": app_id, "option_name": name, "option_value": value}
        self._ask("api_set_authorizer_option", body)

    def clear_quota(self, app_id: str) -> None:
        """Set the day's counters of an account back to zero; ten times a month."""
        body = {"appid": app_id, "component_appid": self.app_id, "appsecret": self._secret()}
        path = "/cgi-bin/component/clear_quota/v2"
        self._http.ask(Request("POST", path, self.app_id, body=body, is_repeatable=False))

    def _ask(self, name: str, body: Mapping[str, Any], *, is_repeatable: bool = True) -> Answer:
        whole = {"component_appid": self.app_id, **body}

        def ask(token: str) -> Answer:
            return self._http.ask(
                Request(
                    "POST",
                    f"/cgi-bin/component/{name}",
                    self.app_id,
                    token=token,
                    token_name=TOKEN_NAME,
                    body=whole,
                    is_repeatable=is_repeatable,
                )
            )

        return self._renewing(ask)

    def _get(self, path: str, query: Mapping[str, str]) -> Answer:
        def ask(token: str) -> Answer:
            return self._http.ask(
                Request(
                    "GET",
                    path,
                    self.app_id,
                    token=token,
                    token_name=TOKEN_NAME,
                    query=query,
                    is_repeatable=False,
                )
            )

        return self._renewing(ask)

    def _renewing(self, ask: Callable[[str], Answer]) -> Answer:
        token = self._token("")
        try:
            return ask(token)
        except TokenExpired:
            return ask(self._token(token))


def _functions(answer: Answer) -> tuple[int, ...]:
    ids = (line.part("funcscope_category").number("id", 0) for line in answer.parts("func_info"))
    return tuple(sorted({number for number in ids if number}))
