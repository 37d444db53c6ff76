"""Calls made with an app id and its own secret: tokens, and codes of people who sign in."""

from __future__ import annotations

from dataclasses import dataclass

from zhanggui.channels.wechat.client.answers import Answer
from zhanggui.channels.wechat.client.http import Http, Request


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and how long it is good."""

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
class Session:
    """Who opened a mini program; the key is a secret and never leaves the server."""

    openid: str
    unionid: str
    session_key: str


def grant_of(answer: Answer) -> Grant:
    """Read the exchange of an OAuth code."""
    return Grant(
        openid=answer.text("openid"),
        unionid=answer.maybe("unionid"),
        access_token=answer.text("access_token"),
        scope=answer.maybe("scope"),
        is_snapshot=answer.raw.get("is_snapshotuser") == 1,
    )


def session_of(answer: Answer) -> Session:
    """Read the exchange of a mini program's login code."""
    return Session(answer.text("openid"), answer.maybe("unionid"), answer.text("session_key"))


def stable_token(http: Http, *, app_id: str, secret: str, is_forced: bool = False) -> Token:
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
    answer = http.ask(Request("POST", "/cgi-bin/stable_token", app_id, body=body))
    return Token(answer.text("access_token"), answer.number("expires_in"))


def oauth_grant(http: Http, *, app_id: str, secret: str, code: str) -> Grant:
    """Exchange the code of an OAuth return; a code works once, for five minutes."""
    query = {"appid": app_id, "secret": secret, "code": code, "grant_type": "authorization_code"}
    path = "/sns/oauth2/access_token"
    return grant_of(http.ask(Request("GET", path, app_id, query=query, is_repeatable=False)))


def oauth_profile(http: Http, *, app_id: str, access_token: str, openid: str) -> Profile:
    """Read nickname and picture with the person's own token (``snsapi_userinfo``)."""
    query = {"access_token": access_token, "openid": openid, "lang": "zh_CN"}
    answer = http.ask(Request("GET", "/sns/userinfo", app_id, query=query))
    return Profile(
        openid=answer.text("openid"),
        unionid=answer.maybe("unionid"),
        nickname=answer.maybe("nickname").strip(),
        avatar_url=answer.maybe("headimgurl"),
    )


def code_session(http: Http, *, app_id: str, secret: str, js_code: str) -> Session:
    """Exchange a mini program's login code; it works once, for five minutes.

    Source: jscode2session.

    Raises:
        ChannelRefused: 40029 wrong or used code, 40226 a person WeChat blocks.
    """
    query = {
        "appid": app_id,
        "secret": secret,
        "js_code": js_code,
        "grant_type": "authorization_code",
    }
    path = "/sns/jscode2session"
    return session_of(http.ask(Request("GET", path, app_id, query=query, is_repeatable=False)))


def clear_quota(http: Http, *, app_id: str, secret: str) -> None:
    """Set the day's counters of an account back to zero; ten times a month (48006 after).

    Source: clear_quota/v2, which works with the secret when the token's own calls are used up.
    """
    body = {"appid": app_id, "appsecret": secret}
    http.ask(Request("POST", "/cgi-bin/clear_quota/v2", app_id, body=body, is_repeatable=False))
