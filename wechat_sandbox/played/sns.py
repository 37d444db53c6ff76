"""Web authorisation: the calls the product makes with a person's code (digest 4.3)."""

from __future__ import annotations

import secrets
from typing import Any

from wechat_sandbox import accounts, identity
from wechat_sandbox.accounts import Account
from wechat_sandbox.played import tokens
from wechat_sandbox.played.component import by_own_token
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.oauth import CODE_KEPT_S
from wechat_sandbox.played.wire import Answer, Call, endpoint
from wechat_sandbox.store import Row
from wechat_sandbox.world import World

TOKEN_LIFE_S = 7200
REFRESH_LIFE_S = 30 * 86400


@endpoint("/sns/oauth2/access_token", method="GET", needs_token=False)
def exchange(call: Call) -> Answer:
    """A code for the person's openid; once, within five minutes."""
    # No address is checked: the allow list guards the account's own token only.
    account = tokens.check_credentials(
        call.world,
        appid=call.query("appid"),
        secret=call.query("secret"),
        grant_type=call.query("grant_type"),
        wanted="authorization_code",
        ip=None,
    )
    return _exchanged(call, account)


@endpoint("/sns/oauth2/component/access_token", method="GET", needs_token=False)
def exchange_for_platform(call: Call) -> Answer:
    """The same for a platform that has the account in its hands."""
    account = by_own_token(call, "oauth")
    if call.query("grant_type") != "authorization_code":
        raise Refusal(40002)
    return _exchanged(call, account)


def _exchanged(call: Call, account: Account) -> Answer:
    given, now = call.query("code"), call.world.clock.now()
    if not given:
        raise Refusal(41008)
    row = call.world.store.row(
        "SELECT * FROM oauth_codes WHERE code = ? AND appid = ?", given, account.appid
    )
    if row is None:
        raise Refusal(40029)
    if row["used_at"] is not None:
        raise Refusal(40163)
    if row["expires_at"] <= now:
        raise Refusal(42003)
    done = call.world.store.write(
        "UPDATE oauth_codes SET used_at = ? WHERE code = ? AND used_at IS NULL", now, given
    )
    if not done:
        raise Refusal(40163)
    return _issue(call.world, account, row, secrets.token_urlsafe(72))


def _openid(appid: str, row: Row) -> str:
    """Who a code or a person's token stands for: somebody made up on a snapshot page."""
    named = identity.snapshot_openid if row["is_snapshot"] else identity.openid
    return named(appid, row["slug"])


def _issue(world: World, account: Account, source: Row, refresh: str) -> Answer:
    """A person's token from the row of a code or of an earlier token."""
    now, slug, scope = world.clock.now(), source["slug"], source["scope"]
    access = "97_" + secrets.token_urlsafe(72)
    world.store.write("DELETE FROM user_tokens WHERE refresh_expires_at < ?", now - CODE_KEPT_S)
    world.store.insert(
        "user_tokens",
        access=access,
        refresh=refresh,
        appid=account.appid,
        slug=slug,
        scope=scope,
        is_snapshot=source["is_snapshot"],
        expires_at=now + TOKEN_LIFE_S,
        refresh_expires_at=now + REFRESH_LIFE_S,
    )
    answer: Answer = {
        "access_token": access,
        "expires_in": TOKEN_LIFE_S,
        "refresh_token": refresh,
        "openid": _openid(account.appid, source),
        "scope": scope,
    }
    if source["is_snapshot"]:
        return {**answer, "is_snapshotuser": 1}
    union = world.unionid_of(account, slug)
    if union and scope == "snsapi_userinfo":
        answer["unionid"] = union
    return answer


@endpoint("/sns/oauth2/refresh_token", method="GET", needs_token=False)
def refresh(call: Call) -> Answer:
    """A new person's token for a refresh token of at most 30 days."""
    appid = call.query("appid")
    if not appid:
        raise Refusal(41002)
    account = accounts.find(call.world.store, appid)
    if account is None:
        raise Refusal(40013)
    return _refreshed(call, account)


@endpoint("/sns/oauth2/component/refresh_token", method="GET", needs_token=False)
def refresh_for_platform(call: Call) -> Answer:
    """The same for a platform that has the account in its hands."""
    return _refreshed(call, by_own_token(call, "oauth"))


def _refreshed(call: Call, account: Account) -> Answer:
    appid = account.appid
    if call.query("grant_type") != "refresh_token":
        raise Refusal(40002)
    row = call.world.store.row(
        "SELECT * FROM user_tokens WHERE refresh = ? AND appid = ?"
        " ORDER BY expires_at DESC LIMIT 1",
        call.query("refresh_token"),
        appid,
    )
    if row is None:
        raise Refusal(40030)
    if row["refresh_expires_at"] <= call.world.clock.now():
        raise Refusal(42002)
    answer = _issue(call.world, account, row, row["refresh"])
    # The refresh token keeps the end it had.
    call.world.store.write(
        "UPDATE user_tokens SET refresh_expires_at = ? WHERE access = ?",
        row["refresh_expires_at"],
        answer["access_token"],
    )
    answer.pop("unionid", None)
    return answer


def _user_token(call: Call) -> Any:
    given = call.query("access_token")
    if not given:
        raise Refusal(41001)
    row = call.world.store.row("SELECT * FROM user_tokens WHERE access = ?", given)
    if row is None:
        raise Refusal(40001)
    if row["expires_at"] <= call.world.clock.now():
        raise Refusal(42001)
    if not call.query("openid"):
        raise Refusal(41009)
    if call.query("openid") != _openid(row["appid"], row):
        raise Refusal(40003)
    return row


@endpoint("/sns/userinfo", method="GET", needs_token=False)
def userinfo(call: Call) -> Answer:
    """Name and picture of a person who consented."""
    row = _user_token(call)
    if row["scope"] != "snsapi_userinfo":
        raise Refusal(48001)
    person = call.world.person(row["slug"])
    union = call.world.unionid_of(call.world.account(row["appid"]), person.slug)
    if row["is_snapshot"]:
        union = None
    return {
        "openid": call.query("openid"),
        "nickname": "微信用户" if row["is_snapshot"] else person.nickname,
        "sex": 0,
        "language": "",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": ""
        if row["is_snapshot"]
        else f"{call.world.config.public}/wx.qlogo.cn/mmopen/{person.slug}/132",
        "privilege": [],
        **({"unionid": union} if union else {}),
    }


@endpoint("/sns/auth", method="GET", needs_token=False)
def auth(call: Call) -> Answer:
    """Whether a person's token still holds."""
    _user_token(call)
    return {"errcode": 0, "errmsg": "ok"}
