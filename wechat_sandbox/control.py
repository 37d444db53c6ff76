"""The control interface under ``/_sandbox/api/``: for tests, demo data and the sandbox's pages."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wechat_sandbox import (
    accounts,
    acts,
    chats,
    cookies,
    identity,
    minis,
    people,
    qrcodes,
    saying,
)
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.callbacks import Delivery
from wechat_sandbox.people import Person
from wechat_sandbox.played import templates
from wechat_sandbox.world import World

OF_ACCOUNT = (
    "follows", "messages", "tokens", "qrcodes", "templates", "authorisations", "media", "tags",
    "tagged", "blacklist", "muted", "conditional_menus", "accounts",
)  # fmt: skip
Handler = Callable[[World, Request], Awaitable[Any]]
ROUTES: list[Route] = []
CALLS: list[tuple[str, str, Handler]] = []  # the same, for the OpenAPI document


class Forbidden(Exception):
    """A control call from somewhere it must not come from."""


def world_of(request: Request) -> World:
    """The sandbox that answers this request."""
    world: World = request.app.state.world
    return world


def check_caller(request: Request) -> None:
    """Control is for this machine and, in browsers, for the sandbox's own pages only."""
    config = world_of(request).config
    client = request.client.host if request.client else "127.0.0.1"
    if client != "testclient" and not _is_loopback(client):
        raise Forbidden("control is open to this machine only")
    # Another site's name that resolves to this machine must not get through.
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    allowed = {"127.0.0.1", "localhost", "[::1]", "testserver"}
    if host not in allowed and f"http://{request.headers.get('host', '')}" != config.public:
        raise Forbidden("control is reached under the sandbox's own address only")
    origin = request.headers.get("origin")
    if origin is not None and origin not in config.own_origins:
        raise Forbidden("control takes calls from the sandbox's own pages only")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """Register one control call."""

    def register(handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            check_caller(request)
            result = await handler(world_of(request), request)
            return result if isinstance(result, Response) else JSONResponse(result)

        ROUTES.append(Route(f"/_sandbox/api/{path}", answer, methods=[method]))
        CALLS.append((method, path, handler))
        return handler

    return register


async def posted(request: Request) -> Any:
    """The JSON of a request; an empty body is an empty object."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except ValueError as error:
        raise BadInput("the body is not JSON") from error


async def posted_object(request: Request) -> dict[str, Any]:
    """The JSON object of a request."""
    value = await posted(request)
    if not isinstance(value, dict):
        raise BadInput("the body must be a JSON object")
    return value


def account_json(world: World, account: Account) -> dict[str, Any]:
    """An account with all its settings: whoever controls the sandbox made them."""
    row = world.store.row(
        "SELECT count(*) AS n FROM follows WHERE appid = ? AND followed", account.appid
    )
    return {
        **asdict(account),
        "menu": account.menu,
        "followers": row["n"] if row else 0,
        "templates": templates.held(world, account),
    }


def person_json(world: World, person: Person) -> dict[str, Any]:
    """A person and where their phone is."""
    return {**asdict(person), "phone_url": f"{world.config.phone_origin(person.slug)}/_phone/"}


def _delivered(delivery: Delivery | None) -> dict[str, Any] | None:
    return delivery.as_json() if delivery else None


async def run(
    world: World, work: Coroutine[Any, Any, Delivery | None], given: dict[str, Any]
) -> dict[str, Any] | None:
    """Wait for the push (the default: what follows in a test can rely on it) or not."""
    if given.get("wait", True):
        return _delivered(await work)
    world.pusher.in_background(work)
    return None


@route("GET", "accounts")
async def list_accounts(world: World, request: Request) -> Any:
    """All accounts."""
    return [account_json(world, one) for one in accounts.every(world.store)]


@route("GET", "accounts/{appid}")
async def get_account(world: World, request: Request) -> Any:
    """One account."""
    return account_json(world, world.account(request.path_params["appid"]))


@route("PUT", "accounts/{appid}")
async def put_account(world: World, request: Request) -> Any:
    """Make an account or change the given settings of one."""
    given = await posted_object(request)
    wanted = given.get("templates", [])
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise BadInput("templates must be a list")
    with world.store.transaction():
        saved = accounts.save(world.store, request.path_params["appid"], given)
        for one in wanted:
            templates.add(
                world,
                saved,
                title=str(one.get("title", "")),
                content=str(one.get("content", "")),
                given_id=str(one.get("template_id", "")),
            )
    world.touch_all()
    return account_json(world, saved)


@route("DELETE", "accounts/{appid}/templates/{template_id}")
async def delete_template(world: World, request: Request) -> Any:
    """Take a template away from an account, as its own administrator would at WeChat."""
    account = world.account(request.path_params["appid"])
    if not templates.remove(world, account, request.path_params["template_id"]):
        raise BadInput("the account has no such template")
    return {"ok": True}


@route("DELETE", "accounts/{appid}")
async def delete_account(world: World, request: Request) -> Any:
    """Take an account away with everything that hangs on it."""
    account = world.account(request.path_params["appid"])
    with world.store.transaction():
        for table in OF_ACCOUNT:
            world.store.write(f"DELETE FROM {table} WHERE appid = ?", account.appid)  # noqa: S608
    world.touch_all()
    return {"ok": True}


@route("POST", "accounts/{appid}/check")
async def check_account(world: World, request: Request) -> Any:
    """Check the callback address as the account's console does."""
    problem = await world.pusher.check_address(world.account(request.path_params["appid"]))
    return {"ok": not problem, "problem": problem}


@route("GET", "people")
async def list_people(world: World, request: Request) -> Any:
    """All people."""
    return [person_json(world, one) for one in people.every(world.store)]


@route("PUT", "people")
async def put_people(world: World, request: Request) -> Any:
    """Make or change people, hundreds in one call."""
    given = await posted(request)
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadInput("the body must be a list of people")
    saved = people.save_all(world.store, given)
    world.people_changed()
    for one in saved:
        world.touch(one.slug)
    return [person_json(world, one) for one in saved]


@route("DELETE", "people/{slug}")
async def delete_person(world: World, request: Request) -> Any:
    """Take a person away with everything that hangs on them."""
    person = world.person(request.path_params["slug"])
    with world.store.transaction():
        for table in ("follows", "messages", "cookies", "consents", "people"):
            world.store.write(f"DELETE FROM {table} WHERE slug = ?", person.slug)  # noqa: S608
    world.people_changed()
    return {"ok": True}


@route("DELETE", "people/{slug}/cookies")
async def delete_cookies(world: World, request: Request) -> Any:
    """Sign the person's in-app browser out of everything."""
    return {"forgotten": cookies.forget(world.store, request.path_params["slug"])}


@route("GET", "openids")
async def list_openids(world: World, request: Request) -> Any:
    """The openid of every person at one account."""
    account = world.account(request.query_params.get("appid", ""))
    return {one.slug: identity.openid(account.appid, one.slug) for one in people.every(world.store)}


async def parties(world: World, request: Request) -> tuple[Person, Account, dict[str, Any]]:
    """The person of the path, the account and the rest of the body."""
    given = await posted_object(request)
    person = world.person(request.path_params["slug"])
    return person, world.account(str(given.get("appid", ""))), given


@route("POST", "people/{slug}/follow")
async def follow(world: World, request: Request) -> Any:
    """Follow an account; ``silent`` without a push."""
    person, account, given = await parties(world, request)
    work = acts.follow(
        world,
        person.slug,
        account,
        scene=given.get("scene") or "ADD_SCENE_SEARCH",
        is_silent=bool(given.get("silent")),
    )
    callback = await run(world, work, given)
    return {"openid": identity.openid(account.appid, person.slug), "callback": callback}


@route("POST", "follows")
async def follow_many(world: World, request: Request) -> Any:
    """Let many people follow an account at once, without pushes."""
    given = await posted_object(request)
    account = world.account(str(given.get("appid", "")))
    scene = given.get("scene") or "ADD_SCENE_SEARCH"
    slugs = given.get("people")
    if not isinstance(slugs, list) or scene not in chats.FOLLOW_SCENES:
        raise BadInput("people must be a list of slugs, scene one of WeChat's")
    with world.store.transaction():
        done = [
            chats.follow(world, world.person(str(slug)).slug, account, scene=scene, code=None)
            for slug in slugs
        ]
    return {"followed": sum(done)}


@route("POST", "people/{slug}/unfollow")
async def unfollow(world: World, request: Request) -> Any:
    """Leave an account."""
    person, account, given = await parties(world, request)
    return {"callback": await run(world, acts.unfollow(world, person.slug, account), given)}


@route("POST", "people/{slug}/scan")
async def scan(world: World, request: Request) -> Any:
    """Scan a QR code; a scene code is followed up with the follow unless ``follow`` is false."""
    given = await posted_object(request)
    person = world.person(request.path_params["slug"])
    found = acts.read_code(world, str(given.get("content", "")))
    if found.kind == "url":
        return {"kind": "url", "url": found.content}
    if found.entry and found.kind == "mini":
        return {"kind": "mini", **minis.opened(world, found.entry)}
    if found.kind != "scene" or found.code is None:
        return {"kind": found.kind, "text": found.content}
    account = world.account(found.code.appid)
    answer = {"kind": "scene", "appid": account.appid, "scene": found.code.scene}
    if not chats.is_following(world, person.slug, account.appid) and not given.get("follow", True):
        return {**answer, "followed": False, "callback": None}
    work = acts.follow(world, person.slug, account, code=found.code)
    return {**answer, "followed": True, "callback": await run(world, work, given)}


@route("POST", "people/{slug}/messages")
async def say(world: World, request: Request) -> Any:
    """Send something to an account: ``text``, or by ``kind`` a file, a place, a link.

    ``kind`` image, voice, video with ``data`` (a data: address; a sample without), location with
    ``latitude, longitude, label``, link with ``title, description, url``.
    """
    person, account, given = await parties(world, request)
    work = saying.message(world, person.slug, account, given)
    return {"callback": await run(world, work, given)}


@route("POST", "people/{slug}/menu")
async def tap_menu(world: World, request: Request) -> Any:
    """Tap a menu button: ``path`` [place] or [place, place below].

    What the person then does goes with it: ``scan`` a text, ``pictures`` (data: addresses),
    ``place`` with latitude, longitude, label, name.
    """
    person, account, given = await parties(world, request)
    button, work = saying.tap(world, person.slug, account, given)
    return {"button": button, "callback": await run(world, work, given)}


@route("GET", "people/{slug}/chats")
async def list_chats(world: World, request: Request) -> Any:
    """A person's chats."""
    return chats.overview(world, world.person(request.path_params["slug"]).slug)


@route("GET", "people/{slug}/chats/{appid}")
async def get_chat(world: World, request: Request) -> Any:
    """The messages of one chat, oldest first."""
    person = world.person(request.path_params["slug"])
    return chats.messages(world, person.slug, world.account(request.path_params["appid"]).appid)


@route("GET", "codes")
async def list_codes(world: World, request: Request) -> Any:
    """QR codes with a scene that can be scanned now, newest first."""
    return [{**vars(code), "url": code.url} for code in qrcodes.recent(world, limit=200)]


@route("PUT", "codes")
async def name_code(world: World, request: Request) -> Any:
    """Say what a code is for, by the text in its picture: phones then show it by that name."""
    given = await posted_object(request)
    code = qrcodes.by_content(world, str(given.get("content") or ""))
    name = str(given.get("name") or "").strip()
    if code is None or not 1 <= len(name) <= qrcodes.LONGEST_NAME:
        raise BadInput("content must be a code's text, name have 1 to 60 characters")
    qrcodes.give_name(world, code, name)
    return {"ticket": code.ticket, "name": name}


@route("DELETE", "codes")
async def delete_codes(world: World, request: Request) -> Any:
    """Forget an account's QR codes, so that nobody can scan them any more."""
    account = world.account(request.query_params.get("appid", ""))
    gone = world.store.write("DELETE FROM qrcodes WHERE appid = ?", account.appid)
    world.touch_all()
    return {"forgotten": gone}
