"""What a phone asks the sandbox: its chats, accounts to follow, codes to scan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wechat_sandbox import (
    accounts,
    acts,
    chats,
    cookies,
    friends,
    menus,
    minis,
    notices,
    qrcodes,
    saying,
)
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.control import Forbidden, posted_object, world_of
from wechat_sandbox.pay import wallets
from wechat_sandbox.people import Person
from wechat_sandbox.rewrite import Rewriter
from wechat_sandbox.world import World

Handler = Callable[[World, Person, Request], Awaitable[Any]]
ROUTES: list[Route] = []


def person_of(request: Request) -> Person:
    """Whose phone is asking, told by the host name."""
    return world_of(request).person(request.scope["phone"])


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """Register one call of the phone."""

    def register(handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            world, person = world_of(request), person_of(request)
            origin = request.headers.get("origin")
            if origin is not None and origin != world.config.phone_origin(person.slug):
                raise Forbidden("only the phone itself may do this")
            result = await handler(world, person, request)
            return result if isinstance(result, Response) else JSONResponse(result)

        ROUTES.append(Route(f"/_phone/api/{path}", answer, methods=[method]))
        return handler

    return register


def _account(world: World, person: Person, account: Account) -> dict[str, Any]:
    return {
        "appid": account.appid,
        "name": account.name,
        "avatar": account.avatar,
        "about": account.about,
        "kind": account.kind,
        "original_id": account.original_id,
        "followed": chats.is_following(world, person.slug, account.appid),
        "muted": chats.is_muted(world, person.slug, account.appid),
        "admin": account.admin in (None, person.slug),
    }


@route("GET", "state")
async def state(world: World, person: Person, request: Request) -> Any:
    """Everything the phone shows outside a chat; 204 when nothing changed ``since``."""
    version = world.version(person.slug)
    if request.query_params.get("since") == str(version):
        return Response(status_code=204)
    return {
        "version": version,
        "me": {
            "slug": person.slug,
            "nickname": person.nickname,
            "avatar": person.avatar,
            "platform": person.platform,
            "tags": person.tags,
            "phone": person.phone,
        },
        "sms_unseen": unseen_sms(world, person),
        "pay": wallets.overview(world, person.slug),
        "notices_unseen": notices.unseen(world, person.slug),
        "chats": chats.overview(world, person.slug),
        "friends": friends.overview(world, person.slug),
        "accounts": [_account(world, person, one) for one in accounts.every(world.store)],
        "offset_s": world.clock.offset_s,
        "product": world.config.product,
        "can_decode": has_decoder(world),
    }


def unseen_sms(world: World, person: Person) -> int:
    """How many text messages the phone has not shown yet."""
    row = world.store.row(
        "SELECT count(*) AS n FROM sms WHERE phone = ? AND NOT seen", person.phone
    )
    return int(row["n"]) if row else 0


def has_decoder(world: World) -> bool:
    """Whether the npm package that reads QR pictures is there."""
    extra = world.config.extra_assets
    return extra is not None and (extra / "jsqr" / "dist" / "jsQR.js").is_file()


@route("GET", "chats/{appid}")
async def chat(world: World, person: Person, request: Request) -> Any:
    """One chat; looking at it makes its messages seen."""
    account = world.account(request.path_params["appid"])
    if request.query_params.get("seen") == "1":
        chats.mark_seen(world, person.slug, account.appid)
    return {
        "account": _account(world, person, account),
        "menu": menus.shown_to(world, account, person.slug),
        "messages": chats.messages(world, person.slug, account.appid),
        "typing": chats.is_typing(world, person.slug, account.appid),
    }


@route("POST", "chats/{appid}/messages")
async def say(world: World, person: Person, request: Request) -> Any:
    """Send a text, a picture, a voice message, a place."""
    given = await posted_object(request)
    account = world.account(request.path_params["appid"])
    is_open = account.is_mini or chats.is_following(world, person.slug, account.appid)
    given["text"] = str(given.get("text", "")).strip()[: acts.LONGEST_TEXT]
    if not is_open or (given.get("kind", "text") == "text" and not given["text"]):
        raise BadInput("先关注公众号，再发消息")
    world.pusher.in_background(saying.message(world, person.slug, account, given))
    return {"ok": True}


@route("POST", "chats/{appid}/menu")
async def tap_menu(world: World, person: Person, request: Request) -> Any:
    """Tap a menu button; tells the phone which page to open, if any."""
    given = await posted_object(request)
    account = world.account(request.path_params["appid"])
    button, work = saying.tap(world, person.slug, account, given)
    world.pusher.in_background(work)
    more = {name: button[name] for name in ("appid", "pagepath") if name in button}
    return {"kind": button["type"], "url": button.get("url", ""), **more}


@route("POST", "chats/{appid}/enter")
async def enter(world: World, person: Person, request: Request) -> Any:
    """The chat was opened; an account that asked for it hears where the phone is."""
    account = world.account(request.path_params["appid"])
    work = acts.enter_chat(world, person.slug, account, latitude=23.1291, longitude=113.2644)
    world.pusher.in_background(work)
    return {"ok": True}


@route("POST", "accounts/{appid}/follow")
async def follow(world: World, person: Person, request: Request) -> Any:
    """Follow, from a code that was scanned or from search."""
    given = await posted_object(request)
    account = world.account(request.path_params["appid"])
    code = qrcodes.by_content(world, str(given.get("content") or ""))
    if code and (code.appid != account.appid or code.is_over(world.clock.now())):
        code = None
    world.pusher.in_background(acts.follow(world, person.slug, account, code=code))
    return {"ok": True}


@route("POST", "accounts/{appid}/unfollow")
async def unfollow(world: World, person: Person, request: Request) -> Any:
    """Leave an account."""
    account = world.account(request.path_params["appid"])
    world.pusher.in_background(acts.unfollow(world, person.slug, account))
    return {"ok": True}


@route("GET", "codes")
async def codes(world: World, person: Person, request: Request) -> Any:
    """Codes that can be scanned, newest first."""
    return [vars(one) for one in qrcodes.on_screens(world)]


@route("POST", "scan")
async def scan(world: World, person: Person, request: Request) -> Any:
    """Scan a code: a follower's scan is pushed at once, others see the account first."""
    given = await posted_object(request)
    found = acts.read_code(world, str(given.get("content", ""))[:2000])
    if found.kind == "scene" and found.code:
        account = world.account(found.code.appid)
        is_follower = chats.is_following(world, person.slug, account.appid)
        if is_follower:
            world.pusher.in_background(acts.scan_again(world, person.slug, account, found.code))
        return {"kind": "scene", "appid": account.appid, "followed": is_follower,
                "content": found.content}  # fmt: skip
    if found.kind == "url":
        return {"kind": "url", "url": found.content}
    if found.entry and found.kind == "mini":
        return {"kind": "mini", **minis.opened(world, found.entry)}
    return {"kind": found.kind, "text": found.content}


@route("POST", "open")
async def open_page(world: World, person: Person, request: Request) -> Any:
    """Where on this phone's host an address is; empty for pages outside product and WeChat."""
    given = await posted_object(request)
    url = str(given.get("url", ""))[:4000].strip()
    if url.startswith("/") and not url.startswith("//"):
        return {"path": url}
    rewriter = Rewriter(world.config, person.slug)
    target = rewriter.url(acts.canonical_url(world, url))
    if target == rewriter.phone or target.startswith(f"{rewriter.phone}/"):
        return {"path": target[len(rewriter.phone) :] or "/"}
    return {"path": ""}


@route("POST", "signout")
async def sign_out(world: World, person: Person, request: Request) -> Any:
    """Clear the in-app browser's cookies."""
    return {"forgotten": cookies.forget(world.store, person.slug)}
