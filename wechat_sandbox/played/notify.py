"""Subscription notices and the old one-time message (digest 4.10, 4.11, 7.6)."""

from __future__ import annotations

import asyncio
import html
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from wechat_sandbox import accounts, calllog, identity, notices, people
from wechat_sandbox.accounts import Account
from wechat_sandbox.acts import canonical_url, new_msgid
from wechat_sandbox.control import world_of
from wechat_sandbox.played import values
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint
from wechat_sandbox.rewrite import Rewriter
from wechat_sandbox.shell import page

STATES = ("developer", "trial", "formal")
LANGUAGES = ("zh_CN", "en_US", "zh_HK", "zh_TW")
# How long a sending takes: another one to the same person meanwhile is refused.
SENDING_S = 0.02
LONGEST_TITLE, LONGEST_CONTENT = 15, 200
MOST_SCENE = 10_000


@endpoint("/cgi-bin/message/subscribe/bizsend", capability="notify", daily=100_000)
async def official(call: Call) -> Answer:
    """A notice of an official account."""
    mini = call.body.get("miniprogram")
    if mini is not None:
        if not isinstance(mini, dict) or mini.get("appid") not in call.account.linked:
            raise Refusal(40166)
        if not mini.get("pagepath"):
            raise Refusal(40165)
    return await _send(call, str(call.body.get("page") or ""), mini)


@endpoint("/cgi-bin/message/subscribe/send", capability="mini", daily=10_000_000)
async def mini_program(call: Call) -> Answer:
    """A notice of a mini program."""
    page_path = str(call.body.get("page") or "")
    bare = page_path.partition("?")[0].lstrip("/")
    if bare and bare not in call.account.pages:
        raise Refusal(41030)
    if call.body.get("miniprogram_state", "formal") not in STATES:
        raise Refusal(40097)
    return await _send(call, "", {"appid": call.account.appid, "pagepath": page_path})


async def _send(call: Call, url: str, mini: dict[str, Any] | None) -> Answer:
    call.refuse_escapes()
    slug = call.receiver(call.body.get("touser"))
    template = notices.find(call.world, call.account, call.body.get("template_id"))
    if template is None:
        raise Refusal(40037)
    if call.body.get("lang", "zh_CN") not in LANGUAGES:
        raise Refusal(40097)
    given = values.checked(template.places, call.body.get("data"))
    if not notices.remaining(call.world, slug, template):
        raise Refusal(43101)
    key = f"{call.account.appid}:{slug}"
    if key in call.world.sending:
        raise Refusal(43108)
    call.world.sending.add(key)
    try:
        await asyncio.sleep(SENDING_S)
        if not notices.spend(call.world, slug, template):
            raise Refusal(43101)
    finally:
        call.world.sending.discard(key)
    shown = {"title": template.title, "lines": values.lines(template.content, given), "url": url}
    notices.show(call.world, slug, call.account, {**shown, "mini": mini})
    msgid = new_msgid()
    sent = {
        "TemplateId": template.template_id,
        "MsgID": str(msgid),
        "ErrorCode": "0",
        "ErrorStatus": "success",
    }
    call.world.pusher.in_background(
        call.world.pusher.event(
            call.account, slug, "subscribe_msg_sent_event", SubscribeMsgSentEvent={"List": sent}
        )
    )
    return call.answered(msgid=msgid)


@endpoint("/cgi-bin/message/template/subscribe", capability="template")
def one_time(call: Call) -> Answer:
    """The old one-time message: one for each acceptance of a scene."""
    call.refuse_escapes()
    slug, body, appid = call.receiver(call.body.get("touser")), call.body, call.account.appid
    content = body.get("data")
    inner = content.get("content") if isinstance(content, dict) else None
    text = inner.get("value") if isinstance(inner, dict) else None
    title = body.get("title")
    if not isinstance(title, str) or not 1 <= len(title) <= LONGEST_TITLE:
        raise Refusal(47003, "argument invalid! title invalid")
    if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_CONTENT:
        raise Refusal(47003, "argument invalid! data.content.value invalid")
    done = call.world.store.write(
        "DELETE FROM accepted_scenes WHERE slug = ? AND appid = ? AND template_id = ?"
        " AND scene = ?",
        slug,
        appid,
        str(body.get("template_id", "")),
        str(body.get("scene", "")),
    )
    if not done:
        raise Refusal(43101)
    lines = [{"name": "", "value": text}]
    shown = {"title": title, "lines": lines, "url": str(body.get("url") or ""), "mini": None}
    notices.show(call.world, slug, call.account, shown)
    return call.answered()


async def confirm_page(request: Request) -> Response:
    """The page on which a person accepts the old one-time message."""
    world = world_of(request)
    given = request.query_params
    slug = request.scope.get("phone") or request.headers.get("x-sandbox-person")
    person = people.find(world.store, slug) if slug else None
    account = accounts.find(world.store, given.get("appid", ""))
    target = canonical_url(world, given.get("redirect_url", ""))
    problem = _problem(given.get("scene", ""), given.get("reserved", ""), account, target)
    if person is None:
        problem = "请在微信客户端打开链接"
    if problem or account is None or person is None:
        return page("autherror.html", {"title": html.escape(problem), "hint": "", "code": ""})
    if request.method == "GET":
        shown = {
            "account": html.escape(account.name),
            "appid": account.appid,
            "action": html.escape(f"{request.url.path}?{request.url.query}"),
        }
        return page("onetime.html", shown)
    form = parse_qs((await request.body()).decode())
    is_yes = form.get("decision", [""])[0] == "allow"
    if is_yes:
        world.store.insert(
            "accepted_scenes",
            slug=person.slug,
            appid=account.appid,
            template_id=given.get("template_id", ""),
            scene=int(given["scene"]),
        )
    answer = {
        "openid": identity.openid(account.appid, person.slug),
        "template_id": given.get("template_id", ""),
        "action": "confirm" if is_yes else "cancel",
        "scene": given["scene"],
        "reserved": given.get("reserved", ""),
    }
    joint = "&" if urlsplit(target).query else "?"
    location = Rewriter(world.config, person.slug).url(f"{target}{joint}{urlencode(answer)}")
    calllog.record(
        world,
        kind="page",
        method=request.method,
        path=request.url.path,
        appid=account.appid,
        status=302,
        errcode=None,
        note=f"{person.nickname} · 一次性订阅 {answer['action']}",
        request={"query": dict(given)},
        answer={"location": location},
        took_s=0,
    )
    return RedirectResponse(location, status_code=302, headers={"Cache-Control": "no-store"})


def _problem(scene: str, reserved: str, account: Account | None, target: str) -> str:
    if account is None or not account.may("template"):
        return "appid 无效"
    if not scene.isdigit() or int(scene) > MOST_SCENE:
        return "scene 必须是 0 到 10000 的整数"
    if urlsplit(target).netloc.lower() not in (*account.oauth_domains, *account.js_domains):
        return "redirect_url 域名与后台配置不一致"
    if not re.fullmatch(r"[0-9A-Za-z]{0,128}", reserved):
        return "reserved 参数错误"
    return ""


ROUTES = [Route("/mp.weixin.qq.com/mp/subscribemsg", confirm_page, methods=["GET", "POST"])]
