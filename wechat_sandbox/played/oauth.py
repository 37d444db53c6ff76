"""Web authorisation: the pages a person sees (digest 4.3)."""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from wechat_sandbox import accounts, acts, calllog, components
from wechat_sandbox.accounts import Account
from wechat_sandbox.people import Person
from wechat_sandbox.played import wire
from wechat_sandbox.rewrite import Rewriter
from wechat_sandbox.shell import page
from wechat_sandbox.world import World

SCOPES = ("snsapi_base", "snsapi_userinfo")
ORDER = ("appid", "redirect_uri", "response_type", "scope", "state", "component_appid")
PAGE = "/connect/oauth2/authorize"
CODE_LIFE_S = 300
CODE_KEPT_S = 86_400

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
        if (fault := wire.take_fault(world, PAGE, is_exact=True)) and "errcode" in fault:
            raise PageError(fault["errcode"])
        account, target, scope = _checked(world, request)
    except PageError as error:
        note = f"错误页 {error.code}：{error.title}"
        _log(world, request, person, note=note, errcode=error.code)
        return _error_page(error)
    state, decision = request.query_params.get("state", ""), "allow"
    if scope == "snsapi_userinfo":
        found = await _decision(world, request, account, person)
        if found is None:
            return _consent_page(request, account, person, target)
        decision = found
        if decision == "deny":
            refused = _back(world, person, target, {"state": state})
            _log(world, request, person, note="拒绝授权", location=refused)
            return _redirect(refused)
    is_snapshot = decision == "snapshot"
    code = _new_code(world, account, person, scope, is_snapshot=is_snapshot)
    location = _back(world, person, target, {"code": code, "state": state})
    note = f"快照页 {scope}" if is_snapshot else f"授权 {scope}"
    _log(world, request, person, note=note, location=location)
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
        return chosen if chosen in ("allow", "snapshot") else "deny"
    if request.query_params.get("forcePopup") == "true":
        return None
    known = world.store.row(
        "SELECT 1 FROM consents WHERE slug = ? AND appid = ?", person.slug, account.appid
    )
    return "allow" if known else None


def _new_code(
    world: World, account: Account, person: Person, scope: str, *, is_snapshot: bool
) -> str:
    now = world.clock.now()
    world.store.write("DELETE FROM oauth_codes WHERE expires_at < ?", now - CODE_KEPT_S)
    code = "0" + secrets.token_hex(15) + "w3"
    world.store.insert(
        "oauth_codes",
        code=code,
        appid=account.appid,
        slug=person.slug,
        scope=scope,
        is_snapshot=is_snapshot,
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
