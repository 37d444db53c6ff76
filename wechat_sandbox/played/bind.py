"""The pages on which an administrator gives an account into a platform's hands (digest 3.5, 3.6).

On a computer a QR code is shown and scanned by the administrator's phone; in WeChat the page
asks at once. Nobody is signed in on the computer: who scans decides.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from wechat_sandbox import authorising, bindings, calllog, components, people, qrcodes
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.acts import canonical_url
from wechat_sandbox.bindings import Binding
from wechat_sandbox.components import SETS, Component
from wechat_sandbox.control import world_of
from wechat_sandbox.people import Person
from wechat_sandbox.rewrite import Rewriter
from wechat_sandbox.shell import page
from wechat_sandbox.world import World

MOST_PHONES = 6


@dataclass(frozen=True)
class Problem(Exception):
    """Why WeChat shows an error page instead of the question."""

    title: str
    hint: str


def _problem_page(problem: Problem) -> Response:
    values = {"title": html.escape(problem.title), "hint": html.escape(problem.hint), "code": ""}
    return page("autherror.html", values)


def _checked(world: World, request: Request, *, is_mobile: bool) -> Binding:
    given = request.query_params
    component = components.find(world.store, given.get("component_appid", ""))
    if component is None:
        raise Problem("component_appid 无效", "没有这个第三方平台。")
    code = given.get("pre_auth_code", "")
    if not authorising.pre_auth_code(world, component, code):
        raise Problem(
            "预授权码无效或已过期", "每个预授权码只用一次，十分钟内有效。请回到商家系统重新打开。"
        )
    target = canonical_url(world, given.get("redirect_uri", ""))
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or parts.netloc.lower() not in component.login_domains:
        raise Problem(
            "回调地址不在授权发起页域名下",
            f"redirect_uri 必须属于：{'、'.join(component.login_domains) or '（未设置）'}。",
        )
    if not is_mobile:
        _check_referer(request, component)
    return bindings.start(
        world,
        component,
        pre_auth_code=code,
        redirect_uri=target,
        auth_type=given.get("auth_type", "3"),
        biz_appid=given.get("biz_appid", ""),
        func_ids=_wanted_sets(given.get("category_id_list", "")),
        is_mobile=is_mobile,
    )


def _check_referer(request: Request, component: Component) -> None:
    """The link must have been followed on a page of the platform's domain."""
    came_from = urlsplit(request.headers.get("referer", "")).netloc.lower()
    if component.checks_referer and came_from not in component.login_domains:
        raise Problem(
            "请从授权发起页域名下的网页打开",
            "不能直接粘贴链接；发起页也不能隐藏来源（Referrer-Policy 至少为 origin）。",
        )


def _wanted_sets(text: str) -> list[int] | None:
    return [int(one) for one in text.split("|") if one.isdigit()] if text else None


async def login_page(request: Request) -> Response:
    """The page on a computer: a QR code, and the way back as soon as it was answered."""
    world = world_of(request)
    try:
        binding = _checked(world, request, is_mobile=False)
    except Problem as problem:
        _log(world, request, f"错误页：{problem.title}")
        return _problem_page(problem)
    _log(world, request, f"等待扫码 · {binding.component.name}")
    content = bindings.content(world, binding)
    phones = "".join(_phone_link(world, one, content) for one in _likely(world, binding))
    values = {
        "component": html.escape(binding.component.name),
        "picture": html.escape(f"{bindings.PICTURE}?token={binding.token}"),
        "token": html.escape(binding.token),
        "phones": phones,
    }
    return page("bindlogin.html", values)


def _likely(world: World, binding: Binding) -> list[Person]:
    """Whose phones to offer as a short cut: named administrators first."""
    ranked = []
    for one in people.every(world.store):
        held = bindings.choices(world, binding, one)
        if held:
            ranked.append((not any(own.admin for own in held), one))
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])][:MOST_PHONES]


def _phone_link(world: World, person: Person, content: str) -> str:
    address = f"{world.config.phone_origin(person.slug)}/_phone/?open={quote(content, safe='')}"
    return (
        f'<li><a href="{html.escape(address)}" target="_blank" rel="noopener">'
        f"{html.escape(person.nickname)}</a></li>"
    )


async def code_picture(request: Request) -> Response:
    """The QR code of a page on a computer."""
    world = world_of(request)
    binding = bindings.find(world, request.query_params.get("token", ""))
    if binding is None:
        return Response(status_code=404)
    picture = qrcodes.picture(bindings.content(world, binding))
    return Response(picture, media_type="image/png", headers={"Cache-Control": "no-store"})


async def login_state(request: Request) -> Response:
    """How far the visit is, for the page on the computer."""
    world = world_of(request)
    binding = bindings.find(world, request.query_params.get("token", ""))
    if binding is None:
        return JSONResponse({"state": "over"}, status_code=404)
    state = binding.state
    if state in ("open", "scanned") and binding.is_over(world.clock.now()):
        state = "over"
    return JSONResponse({"state": state, "location": binding.location})


def _person(request: Request) -> Person | None:
    world = world_of(request)
    slug = request.scope.get("phone") or request.headers.get("x-sandbox-person")
    return people.find(world.store, slug) if slug else None


async def mobile_page(request: Request) -> Response:
    """The link opened in WeChat: asks at once."""
    world = world_of(request)
    try:
        if _person(request) is None:
            raise Problem("请在微信客户端打开链接", "手机授权只能在某个人的手机里进行。")
        binding = _checked(world, request, is_mobile=True)
    except Problem as problem:
        _log(world, request, f"错误页：{problem.title}")
        return _problem_page(problem)
    return RedirectResponse(f"{bindings.SCAN}?token={binding.token}", status_code=302)


async def consent(request: Request) -> Response:
    """What the administrator is asked, and the answer."""
    world, person = world_of(request), _person(request)
    binding = bindings.find(world, request.query_params.get("token", ""))
    try:
        if person is None:
            raise Problem("请在微信客户端打开链接", "请用管理员的手机扫码。")
        if binding is None or binding.is_over(world.clock.now()):
            raise Problem("二维码已过期", "请回到电脑上刷新页面，再扫一次。")
        if binding.state in ("done", "refused"):
            raise Problem("这个二维码已经用过", "请回到商家系统重新发起授权。")
        held = _choices(world, binding, person)
        if request.method == "POST":
            return await _decide(world, request, binding, held, person)
        if not binding.is_mobile:
            bindings.set_state(world, binding, "scanned")
        wish = request.query_params.get("appid", "")
        chosen = next((one for one in held if one.appid == wish), None)
        if chosen is None and len(held) == 1:
            chosen = held[0]
        if chosen is None:
            return _choose_page(binding, held)
        return _ask_page(world, binding, chosen, has_others=len(held) > 1)
    except Problem as problem:
        _log(world, request, f"错误页：{problem.title}")
        return _problem_page(problem)


def _choices(world: World, binding: Binding, person: Person) -> list[Account]:
    held = bindings.choices(world, binding, person)
    if held:
        return held
    if binding.biz_appid:
        raise Problem("你不是这个账号的管理员", "请让公众号或小程序的管理员扫码。")
    if not binding.component.is_released:
        raise Problem("平台还没有全网发布", "只有登记的测试账号可以授权。")
    raise Problem("没有可以授权的账号", "你不是任何公众号或小程序的管理员。")


def _choose_page(binding: Binding, held: list[Account]) -> Response:
    rows = "".join(
        f'<li><a class="pick" href="{bindings.SCAN}?{html.escape(urlencode(query))}">'
        f'<img src="/wx.qlogo.cn/mmhead/{one.appid}/132" alt="" width="40" height="40">'
        f"<span><b>{html.escape(one.name)}</b><small>{_kind(one)}</small></span></a></li>"
        for one in held
        if (query := {"token": binding.token, "appid": one.appid})
    )
    values = {"component": html.escape(binding.component.name), "rows": rows}
    return page("bindchoose.html", values)


def _kind(account: Account) -> str:
    return "小程序" if account.is_mini else "公众号"


def _ask_page(world: World, binding: Binding, account: Account, *, has_others: bool) -> Response:
    taken = components.taken_sets(world.store, account, besides=binding.component.appid)
    rows = "".join(
        f'<li><label><input type="checkbox" name="set" value="{one}"'
        f"{' disabled' if one in taken else ' checked'}><span>{html.escape(SETS[one])}"
        f"{'<small>已授权给其他平台</small>' if one in taken else ''}</span></label></li>"
        for one in binding.asks(account)
    )
    back = f'<p class="domain"><a href="{bindings.SCAN}?token={binding.token}">换一个账号</a></p>'
    values = {
        "component": html.escape(binding.component.name),
        "account": html.escape(account.name),
        "kind": _kind(account),
        "appid": account.appid,
        "action": f"{bindings.SCAN}?token={binding.token}",
        "rows": rows,
        "back": back if has_others else "",
    }
    return page("bindask.html", values)


async def _decide(
    world: World, request: Request, binding: Binding, held: list[Account], person: Person
) -> Response:
    form = parse_qs((await request.body()).decode())
    if form.get("decision", [""])[0] != "allow":
        bindings.set_state(world, binding, "refused")
        _log(world, request, f"{person.nickname} · 拒绝授权给 {binding.component.name}")
        return page(
            "binddone.html", {"title": "已拒绝授权", "hint": "没有任何改动，可以关闭网页。"}
        )
    appid = form.get("appid", [""])[0]
    account = next((one for one in held if one.appid == appid), None)
    if account is None:
        raise Problem("请选择账号", "返回上一页选择要授权的公众号或小程序。")
    try:
        func_ids = [int(one) for one in form.get("set", []) if one.isdigit()]
        granted = bindings.finish(world, binding, account, func_ids)
    except BadInput as error:
        raise Problem("权限集不能授权", str(error)) from error
    if binding.component.event_first:
        await authorising.announce(world, granted)
    else:
        world.pusher.in_background(authorising.announce(world, granted))
    _log(world, request, f"{person.nickname} · 把 {account.name} 授权给 {binding.component.name}")
    done = bindings.find(world, binding.token)
    if binding.is_mobile and done:
        location = Rewriter(world.config, person.slug).url(done.location)
        return RedirectResponse(location, status_code=302, headers={"Cache-Control": "no-store"})
    return page("binddone.html", {"title": "授权成功", "hint": "请在电脑上继续操作。"})


def _log(world: World, request: Request, note: str) -> None:
    calllog.record(
        world,
        kind="page",
        method=request.method,
        path=request.url.path,
        appid=request.query_params.get("component_appid"),
        status=200,
        errcode=None,
        note=note,
        request={"query": dict(request.query_params)},
        answer={"page": note},
        took_s=0,
    )


ROUTES = [
    Route("/mp.weixin.qq.com/cgi-bin/componentloginpage", login_page),
    Route("/mp.weixin.qq.com/cgi-bin/componentlogin/state", login_state),
    Route(bindings.PICTURE, code_picture),
    Route("/mp.weixin.qq.com/safe/bindcomponent", mobile_page),
    Route("/open.weixin.qq.com/wxaopen/safe/bindcomponent", mobile_page),
    Route(bindings.SCAN, consent, methods=["GET", "POST"]),
]
