"""Web authorisation: the pages a person sees and the calls the product makes (digest 4.3)."""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from wechat_sandbox import accounts, acts, calllog, components, identity
from wechat_sandbox.accounts import Account
from wechat_sandbox.people import Person
from wechat_sandbox.played import tokens
from wechat_sandbox.played.component import by_own_token
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint
from wechat_sandbox.rewrite import Rewriter
from wechat_sandbox.shell import page
from wechat_sandbox.world import World

SCOPES = ("snsapi_base", "snsapi_userinfo")
ORDER = ("appid", "redirect_uri", "response_type", "scope", "state", "component_appid")
CODE_LIFE_S = 300
CODE_KEPT_S = 86_400
TOKEN_LIFE_S = 7200
REFRESH_LIFE_S = 30 * 86400

PAGE_ERRORS = {
    10003: ("redirect_uri 域名与后台配置不一致", "请在公众号后台的“网页授权域名”里加入这个域名。"),
    10005: (
        "Scope 参数错误或没有 Scope 权限",
        "只能是 snsapi_base 或 snsapi_userinfo，且须为认证服务号。",
    ),
    10010: ("scope 不能为空", "链接里缺少 scope。"),
    10011: ("redirect_uri 不能为空", "链接里缺少 redirect_uri。"),
    10012: ("appid 不能为空", "链接里缺少 appid，或没有这个公众号。"),
    10013: ("state 参数错误", "state 只能有字母和数字，最多 128 个。"),
    10004: ("公众号被封禁", "这个公众号不能使用网页授权。"),
    10006: ("必须关注测试号", "请先关注这个公众号，再打开链接。"),
    10009: ("操作过于频繁", "请稍后再试。"),
    10015: ("公众号未授权第三方平台", "请让公众号管理员先把公众号授权给这个第三方平台。"),
    10016: ("appid 类型不支持网页授权", "这个公众号不是认证服务号。"),
}  # fmt: skip


class PageError(Exception):
    """An authorisation link WeChat shows an error page for."""

    def __init__(self, code: int, title: str = "", hint: str = "") -> None:
        """Use the usual texts of ``code`` unless others are given."""
        known = PAGE_ERRORS.get(code, ("参数错误", ""))
        super().__init__(code)
        self.code, self.title, self.hint = code, title or known[0], hint or known[1]


async def authorize(world: World, request: Request, person: Person | None) -> Response:
    """The authorisation page: silent, asking for consent, or saying what is wrong."""
    if person is None:
        return _error_page(
            PageError(0, "请在微信客户端打开链接", "网页授权只能在某个人的手机里进行。")
        )
    try:
        account, target, scope = _checked(world, request)
    except PageError as error:
        note = f"错误页 {error.code}：{error.title}"
        _log(world, request, person, note=note, errcode=error.code)
        return _error_page(error)
    state = request.query_params.get("state", "")
    if scope == "snsapi_userinfo":
        decision = await _decision(world, request, account, person)
        if decision is None:
            return _consent_page(request, account, person, target)
        if decision == "deny":
            refused = _back(world, person, target, {"state": state})
            _log(world, request, person, note="拒绝授权", location=refused)
            return _redirect(refused)
    code = _new_code(world, account, person, scope)
    location = _back(world, person, target, {"code": code, "state": state})
    _log(world, request, person, note=f"授权 {scope}", location=location)
    return _redirect(location)


def _checked(world: World, request: Request) -> tuple[Account, str, str]:
    given = request.query_params
    appid, target, scope = (given.get(name, "") for name in ("appid", "redirect_uri", "scope"))
    for value, missing in ((appid, 10012), (target, 10011), (scope, 10010)):
        if not value:
            raise PageError(missing)
    account = accounts.find(world.store, appid)
    if account is None:
        raise PageError(10012, "appid 无效")
    _check_form(given)
    if not account.may("oauth"):
        raise PageError(10016)
    target = acts.canonical_url(world, target)
    parts = urlsplit(target)
    domains = _domains(world, account, given.get("component_appid", ""))
    if parts.scheme not in ("http", "https") or parts.netloc.lower() not in domains:
        raise PageError(10003)
    return account, target, scope


def _domains(world: World, account: Account, component_appid: str) -> tuple[str, ...]:
    """Where the answer may go: the account's domains, or those of the platform that asks."""
    if not component_appid:
        return account.oauth_domains
    component = components.find(world.store, component_appid)
    held = components.authorisation(world.store, component_appid, account.appid)
    if component is None or held is None or not held.is_on or not held.allows("oauth"):
        raise PageError(10015)
    return component.account_domains


def _check_form(given: Mapping[str, str]) -> None:
    """What WeChat's page checks of the link itself."""
    order = [ORDER.index(name) for name in given if name in ORDER]
    if given["scope"] not in SCOPES:
        raise PageError(10005)
    if given.get("response_type") != "code":
        raise PageError(0, "response_type 参数错误", "response_type 必须是 code。")
    if order != sorted(order):
        raise PageError(0, "链接参数顺序错误", "顺序须为 " + "、".join(ORDER) + "。")
    if given.get("sandbox_fragment") == "missing":
        raise PageError(0, "链接缺少 #wechat_redirect", "授权链接必须以 #wechat_redirect 结尾。")
    if not re.fullmatch(r"[0-9A-Za-z]{0,128}", given.get("state", "")):
        raise PageError(10013)


async def _decision(world: World, request: Request, account: Account, person: Person) -> str | None:
    """What the person chose now or before; None when they must be asked."""
    if request.method == "POST":
        form = parse_qs((await request.body()).decode())
        chosen = form.get("decision", [""])[0]
        if chosen == "allow":
            world.store.insert("consents", slug=person.slug, appid=account.appid)
        return "allow" if chosen == "allow" else "deny"
    if request.query_params.get("forcePopup") == "true":
        return None
    known = world.store.row(
        "SELECT 1 FROM consents WHERE slug = ? AND appid = ?", person.slug, account.appid
    )
    return "allow" if known else None


def _new_code(world: World, account: Account, person: Person, scope: str) -> str:
    now = world.clock.now()
    world.store.write("DELETE FROM oauth_codes WHERE expires_at < ?", now - CODE_KEPT_S)
    code = "0" + secrets.token_hex(15) + "w3"
    world.store.insert(
        "oauth_codes",
        code=code,
        appid=account.appid,
        slug=person.slug,
        scope=scope,
        expires_at=now + CODE_LIFE_S,
        used_at=None,
    )
    return code


def _back(world: World, person: Person, target: str, values: dict[str, str]) -> str:
    """The address on the phone to which the answer goes."""
    parts = urlsplit(target)
    query = "&".join(filter(None, [parts.query, urlencode(values)]))
    address = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, parts.fragment))
    return Rewriter(world.config, person.slug).url(address)


def _redirect(location: str) -> Response:
    return RedirectResponse(location, status_code=302, headers={"Cache-Control": "no-store"})


def _consent_page(request: Request, account: Account, person: Person, target: str) -> HTMLResponse:
    values = {
        "account": account.name,
        "appid": account.appid,
        "nickname": person.nickname,
        "slug": person.slug,
        "action": f"{request.url.path}?{request.url.query}",
        "domain": urlsplit(target).netloc,
    }
    return page("consent.html", {key: html.escape(value) for key, value in values.items()})


def _error_page(error: PageError) -> HTMLResponse:
    code = f"错误码：{error.code}" if error.code else ""
    values = {"title": error.title, "hint": error.hint, "code": code}
    return page("autherror.html", {key: html.escape(value) for key, value in values.items()})


def _log(
    world: World,
    request: Request,
    person: Person,
    *,
    note: str,
    errcode: int | None = None,
    location: str = "",
) -> None:
    calllog.record(
        world,
        kind="page",
        method=request.method,
        path=request.url.path,
        appid=request.query_params.get("appid"),
        status=302 if location else 200,
        errcode=errcode,
        note=f"{person.nickname} · {note}",
        request={"query": dict(request.query_params)},
        answer={"location": location} if location else {"page": note},
        took_s=0,
    )


@endpoint("/sns/oauth2/access_token", method="GET", needs_token=False)
async def exchange(call: Call) -> Answer:
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
async def exchange_for_platform(call: Call) -> Answer:
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
    return _issue(call.world, account, row["slug"], row["scope"], secrets.token_urlsafe(72))


def _issue(world: World, account: Account, slug: str, scope: str, refresh: str) -> Answer:
    now = world.clock.now()
    access = "97_" + secrets.token_urlsafe(72)
    world.store.write("DELETE FROM user_tokens WHERE refresh_expires_at < ?", now - CODE_KEPT_S)
    world.store.insert(
        "user_tokens",
        access=access,
        refresh=refresh,
        appid=account.appid,
        slug=slug,
        scope=scope,
        expires_at=now + TOKEN_LIFE_S,
        refresh_expires_at=now + REFRESH_LIFE_S,
    )
    answer: Answer = {
        "access_token": access,
        "expires_in": TOKEN_LIFE_S,
        "refresh_token": refresh,
        "openid": identity.openid(account.appid, slug),
        "scope": scope,
    }
    union = world.unionid_of(account, slug)
    if union and scope == "snsapi_userinfo":
        answer["unionid"] = union
    return answer


@endpoint("/sns/oauth2/refresh_token", method="GET", needs_token=False)
async def refresh(call: Call) -> Answer:
    """A new person's token for a refresh token of at most 30 days."""
    appid = call.query("appid")
    if not appid:
        raise Refusal(41002)
    account = accounts.find(call.world.store, appid)
    if account is None:
        raise Refusal(40013)
    return _refreshed(call, account)


@endpoint("/sns/oauth2/component/refresh_token", method="GET", needs_token=False)
async def refresh_for_platform(call: Call) -> Answer:
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
    answer = _issue(call.world, account, row["slug"], row["scope"], row["refresh"])
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
    if call.query("openid") != identity.openid(row["appid"], row["slug"]):
        raise Refusal(40003)
    return row


@endpoint("/sns/userinfo", method="GET", needs_token=False)
async def userinfo(call: Call) -> Answer:
    """Name and picture of a person who consented."""
    row = _user_token(call)
    if row["scope"] != "snsapi_userinfo":
        raise Refusal(48001)
    person = call.world.person(row["slug"])
    union = call.world.unionid_of(call.world.account(row["appid"]), person.slug)
    return {
        "openid": call.query("openid"),
        "nickname": person.nickname,
        "sex": 0,
        "language": "",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": f"{call.world.config.public}/wx.qlogo.cn/mmopen/{person.slug}/132",
        "privilege": [],
        **({"unionid": union} if union else {}),
    }


@endpoint("/sns/auth", method="GET", needs_token=False)
async def auth(call: Call) -> Answer:
    """Whether a person's token still holds."""
    _user_token(call)
    return {"errcode": 0, "errmsg": "ok"}
