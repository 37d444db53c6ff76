"""JS-SDK inside the phone's browser: tickets, the check of wx.config, files of chosen pictures.

Source: digest 4.12. The script of the pages is ``assets/js/jweixin.js``.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from wechat_sandbox import accounts, acts, components, identity, media, notices
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.control import posted_object
from wechat_sandbox.crypto import same
from wechat_sandbox.people import Person
from wechat_sandbox.phone import route
from wechat_sandbox.store import add_tables
from wechat_sandbox.world import World

LIFE_S = 7200
# What the sandbox's phone can do for a page; anything else is answered "not supported".
KNOWN = {
    "scanQRCode", "chooseImage", "previewImage", "uploadImage", "downloadImage",
    "getLocalImgData", "getLocation", "openLocation", "getNetworkType", "closeWindow",
    "hideOptionMenu", "showOptionMenu", "hideMenuItems", "showMenuItems",
    "hideAllNonBaseMenuItem", "showAllNonBaseMenuItem", "updateAppMessageShareData",
    "updateTimelineShareData", "onMenuShareAppMessage", "onMenuShareTimeline", "chooseWXPay",
    "checkJsApi",
}  # fmt: skip
TAGS = {"wx-open-subscribe"}
LARGEST = 10 * 1024 * 1024
MOST_TEMPLATES = 3

add_tables(
    """
CREATE TABLE js_tickets (
    ticket TEXT PRIMARY KEY, appid TEXT NOT NULL, kind TEXT NOT NULL, expires_at REAL NOT NULL
);
CREATE INDEX js_tickets_of_account ON js_tickets (appid, kind);
"""
)


def ticket(world: World, account: Account, kind: str) -> tuple[str, int]:
    """The ticket of a kind (jsapi, wx_card) and the seconds it still has."""
    now = world.clock.now()
    row = world.store.row(
        "SELECT * FROM js_tickets WHERE appid = ? AND kind = ? AND expires_at > ?"
        " ORDER BY expires_at DESC LIMIT 1",
        account.appid,
        kind,
        now,
    )
    if row:
        return row["ticket"], int(row["expires_at"] - now)
    made = secrets.token_urlsafe(64)
    world.store.write("DELETE FROM js_tickets WHERE expires_at < ?", now - LIFE_S)
    world.store.insert(
        "js_tickets", ticket=made, appid=account.appid, kind=kind, expires_at=now + LIFE_S
    )
    return made, LIFE_S


def signature(ticket: str, nonce: str, stamp: str, url: str) -> str:
    """What a page must give to wx.config."""
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={stamp}&url={url}"
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324


def problem_of(world: World, given: dict[str, Any], url: str) -> str:
    """Why wx.config fails, in WeChat's words; empty when it passes."""
    account = accounts.find(world.store, str(given.get("appId", "")))
    if account is None or not account.may("jsapi"):
        return "config:invalid appid"
    if urlsplit(url).netloc.lower() not in _domains(world, account):
        return "config:invalid url domain"
    page = url.partition("#")[0]
    rows = world.store.rows(
        "SELECT ticket FROM js_tickets WHERE appid = ? AND kind = 'jsapi' AND expires_at > ?",
        account.appid,
        world.clock.now(),
    )
    nonce, stamp = str(given.get("nonceStr", "")), str(given.get("timestamp", ""))
    wanted = [signature(row["ticket"], nonce, stamp, page) for row in rows]
    if not any(same(one, str(given.get("signature", ""))) for one in wanted):
        return "config:invalid signature"
    return ""


def _domains(world: World, account: Account) -> tuple[str, ...]:
    """The account's JS secure domains; in a platform's hands those of the platform as well."""
    found = list(account.js_domains)
    for held in components.authorisations(world.store, appid=account.appid):
        component = components.find(world.store, held.component)
        if component and held.allows("jsapi"):
            found += component.account_domains
    return tuple(found)


@route("POST", "jssdk/config")
async def config(world: World, person: Person, request: Request) -> Any:
    """Check what a page gave to wx.config; ``url`` is the page as the phone's frame has it."""
    given = await posted_object(request)
    url = acts.canonical_url(world, str(given.get("url", "")))
    problem = problem_of(world, given, url)
    wanted = given.get("jsApiList")
    names = wanted if isinstance(wanted, list) else []
    return {
        "problem": problem,
        "allowed": [] if problem else [one for one in names if one in KNOWN],
        "page": url.partition("#")[0],
    }


@route("POST", "jssdk/images")
async def upload_image(world: World, person: Person, request: Request) -> Any:
    """uploadImage: the page's account gets the picture and the page its server id."""
    given = await posted_object(request)
    account = world.account(str(given.get("appid", "")))
    head, _, data = str(given.get("data", "")).partition(",")
    try:
        content = base64.b64decode(data, validate=True)
    except ValueError as error:
        raise BadInput("data must be a data: address") from error
    if not head.startswith("data:image/") or not content or len(content) > LARGEST:
        raise BadInput("data must be a picture of at most 10 MB")
    mime = head.removeprefix("data:").partition(";")[0]
    made = media.keep(
        world, appid=account.appid, kind="image", name="photo", mime=mime, content=content
    )
    return {"serverId": made.media_id}


@route("GET", "jssdk/images/{media_id}")
async def download_image(world: World, person: Person, request: Request) -> Any:
    """downloadImage: a picture of the page's account as a data: address."""
    appid = request.query_params.get("appid", "")
    found = media.find(world, appid, request.path_params["media_id"])
    if found is None or found.kind != "image":
        raise BadInput("no such picture")
    return {"data": f"data:{found.mime};base64,{base64.b64encode(found.content).decode()}"}


@route("POST", "notices/ask")
async def ask_for_notices(world: World, person: Person, request: Request) -> Any:
    """What a subscription dialog shows: titles of up to three templates of an account."""
    given = await posted_object(request)
    account = world.account(str(given.get("appid", "")))
    wanted = given.get("templates")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= MOST_TEMPLATES:
        raise BadInput("templates must name one to three")
    found = [notices.find(world, account, one) for one in wanted]
    if not all(found):
        raise BadInput("this account has no such template")
    return {
        "account": account.name,
        "appid": account.appid,
        "templates": [
            {"id": one.template_id, "title": one.title, "example": one.example}
            for one in found
            if one
        ],
    }


@route("POST", "notices/decide")
async def decide_on_notices(world: World, person: Person, request: Request) -> Any:
    """What the person chose: ``{appid, choices: {template: accept or reject}, scene}``."""
    given = await posted_object(request)
    account = world.account(str(given.get("appid", "")))
    choices = given.get("choices")
    if not isinstance(choices, dict):
        raise BadInput("choices must be an object")
    await acts.choose_notices(
        world, person.slug, account, choices, popup_scene=str(given.get("scene", "1"))
    )
    return {"openid": identity.openid(account.appid, person.slug)}
