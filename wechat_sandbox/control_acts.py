"""Control of what people do beyond following and writing: notices, mini programs, rights."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from wechat_sandbox import acts, chats, minis, notices
from wechat_sandbox.accounts import BadInput
from wechat_sandbox.control import parties, posted, posted_object, route, run
from wechat_sandbox.saying import number_of
from wechat_sandbox.world import World


@route("POST", "people/{slug}/mute")
async def mute(world: World, request: Request) -> Any:
    """Take no messages of an account any more, or again: ``{appid, on}``."""
    person, account, given = await parties(world, request)
    chats.mute(world, person.slug, account.appid, is_on=bool(given.get("on", True)))
    return {"muted": chats.is_muted(world, person.slug, account.appid)}


@route("POST", "people/{slug}/enter")
async def enter(world: World, request: Request) -> Any:
    """Open the chat with an account at ``latitude``, ``longitude`` (event LOCATION)."""
    person, account, given = await parties(world, request)
    work = acts.enter_chat(
        world,
        person.slug,
        account,
        latitude=number_of(given, "latitude"),
        longitude=number_of(given, "longitude"),
    )
    return {"callback": await run(world, work, given)}


@route("POST", "people/{slug}/privacy")
async def privacy(world: World, request: Request) -> Any:
    """Use a right of the privacy law.

    ``event`` is user_info_modified, user_authorization_revoke or user_authorization_cancellation.
    """
    person, account, given = await parties(world, request)
    work = acts.use_privacy_right(world, person.slug, account, str(given.get("event", "")))
    return {"callback": await run(world, work, given)}


@route("GET", "people/{slug}/notices")
async def list_notices(world: World, request: Request) -> Any:
    """The chat 服务通知 of a person, oldest first."""
    person = world.person(request.path_params["slug"])
    return chats.messages(world, person.slug, notices.CHAT)


@route("POST", "people/{slug}/notices/decide")
async def decide(world: World, request: Request) -> Any:
    """Answer a subscription dialog: ``{appid, choices: {template: accept or reject}}``."""
    person, account, given = await parties(world, request)
    choices = given.get("choices")
    if not isinstance(choices, dict):
        raise BadInput("choices must be an object")
    work = acts.choose_notices(world, person.slug, account, choices)
    return {"callback": await run(world, work, given)}


@route("POST", "people/{slug}/notices/withdraw")
async def withdraw(world: World, request: Request) -> Any:
    """Switch a template off in the account's settings: ``{appid, template_id}``."""
    person, account, given = await parties(world, request)
    work = acts.withdraw_notice(world, person.slug, account, given.get("template_id"))
    return {"callback": await run(world, work, given)}


@route("PUT", "accounts/{appid}/notices")
async def put_notice_templates(world: World, request: Request) -> Any:
    """Give an account subscription templates: ``[{template_id?, title, content, kind?}]``.

    ``content`` holds lines such as ``门店:{{thing1.DATA}}``; ``kind`` 2 (once) or 3 (for good).
    """
    account = world.account(request.path_params["appid"])
    given = await posted(request)
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadInput("the body must be a list of templates")
    for one in given:
        if not notices.PLACE.search(str(one.get("content", ""))):
            raise BadInput("a template needs at least one place such as {{thing1.DATA}}")
        if one.get("kind", notices.ONCE) not in (notices.ONCE, notices.LONG):
            raise BadInput("kind must be 2 or 3")
    made = [
        notices.add(
            world,
            account,
            title=str(one.get("title", "")),
            content=str(one["content"]),
            kind=int(one.get("kind", notices.ONCE)),
            given_id=str(one.get("template_id", "")),
        )
        for one in given
    ]
    return [{"template_id": one.template_id, "title": one.title} for one in made]


@route("PUT", "accounts/{appid}/migration")
async def put_migration(world: World, request: Request) -> Any:
    """Move the followers of ``from_appid`` here as by 账号迁移; ``finished_at`` seconds (now).

    Followers of the old account follow this one too (ADD_SCENE_ACCOUNT_MIGRATION).
    """
    account, given = world.account(request.path_params["appid"]), await posted_object(request)
    old = world.account(str(given.get("from_appid", "")))
    finished_at = number_of(given, "finished_at") or world.clock.now()
    rows = world.store.rows("SELECT slug FROM follows WHERE appid = ? AND followed", old.appid)
    with world.store.transaction():
        world.store.insert(
            "migrations", appid=account.appid, from_appid=old.appid, finished_at=finished_at
        )
        for row in rows:
            scene = "ADD_SCENE_ACCOUNT_MIGRATION"
            chats.follow(world, row["slug"], account, scene=scene, code=None)
    return {"moved": len(rows), "finished_at": finished_at}


@route("POST", "people/{slug}/mini/code")
async def mini_code(world: World, request: Request) -> Any:
    """A code a mini program would hand to its server: ``{appid, kind: login or phone}``.

    ``login`` is the js_code of wx.login, ``phone`` that of the phone number button.
    """
    person, account, given = await parties(world, request)
    kind = given.get("kind", "login")
    if kind not in ("login", "phone") or not account.is_mini:
        raise BadInput("kind must be login or phone, the account a mini program")
    return {"code": minis.new_code(world, account, person.slug, kind)}


@route("POST", "people/{slug}/mini/open")
async def open_mini(world: World, request: Request) -> Any:
    """Scan a mini program code or open a link: answers ``{appid, path, query}``."""
    world.person(request.path_params["slug"])
    given = await posted_object(request)
    entry = minis.entry_of(world, str(given.get("content", "")))
    if entry is None or entry.is_over(world.clock.now()):
        raise BadInput("no mini program behind this")
    return minis.opened(world, entry)
