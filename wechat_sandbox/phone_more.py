"""More of what a phone asks: notices, mini programs, settings, accounts in one's care."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from wechat_sandbox import (
    accounts,
    acts,
    authorising,
    chats,
    components,
    friends,
    minis,
    notices,
    people,
)
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.components import SETS
from wechat_sandbox.control import posted_object
from wechat_sandbox.people import Person
from wechat_sandbox.phone import route
from wechat_sandbox.world import World


@route("GET", "notices")
async def list_notices(world: World, person: Person, request: Request) -> Any:
    """The chat 服务通知; looking at it makes its messages seen."""
    chats.mark_seen(world, person.slug, notices.CHAT)
    return chats.messages(world, person.slug, notices.CHAT)


@route("GET", "accounts/{appid}/settings")
async def settings(world: World, person: Person, request: Request) -> Any:
    """What the person has set for an account: messages on or off, accepted notices."""
    account = world.account(request.path_params["appid"])
    return {
        "muted": chats.is_muted(world, person.slug, account.appid),
        "notices": [
            {
                "id": one.template_id,
                "title": one.title,
                "remaining": notices.remaining(world, person.slug, one),
                "is_long": one.kind == notices.LONG,
            }
            for one in notices.every(world, account)
            if notices.remaining(world, person.slug, one)
        ],
    }


@route("POST", "accounts/{appid}/mute")
async def mute(world: World, person: Person, request: Request) -> Any:
    """Take no messages of an account any more, or again."""
    account, given = world.account(request.path_params["appid"]), await posted_object(request)
    chats.mute(world, person.slug, account.appid, is_on=bool(given.get("on")))
    return {"ok": True}


@route("POST", "accounts/{appid}/withdraw")
async def withdraw(world: World, person: Person, request: Request) -> Any:
    """Switch an accepted notice off."""
    account, given = world.account(request.path_params["appid"]), await posted_object(request)
    if notices.find(world, account, given.get("template_id")) is None:
        raise BadInput("没有这个通知")
    world.pusher.in_background(
        acts.withdraw_notice(world, person.slug, account, given["template_id"])
    )
    return {"ok": True}


def _mini(world: World, request: Request) -> Account:
    account = world.account(request.path_params["appid"])
    if not account.is_mini:
        raise BadInput("这不是小程序")
    return account


@route("GET", "minis/{appid}")
async def mini(world: World, person: Person, request: Request) -> Any:
    """A mini program's pages and templates."""
    account = _mini(world, request)
    return {
        "name": account.name,
        "pages": account.pages,
        "templates": [
            {"id": one.template_id, "title": one.title, "example": one.example}
            for one in notices.every(world, account)
        ],
    }


@route("POST", "minis/{appid}/code")
async def mini_code(world: World, person: Person, request: Request) -> Any:
    """A code as wx.login (``login``) or the phone number button (``phone``) gives it."""
    account, given = _mini(world, request), await posted_object(request)
    kind = "phone" if given.get("kind") == "phone" else "login"
    return {"code": minis.new_code(world, account, person.slug, kind)}


@route("GET", "authorisations")
async def authorisations(world: World, person: Person, request: Request) -> Any:
    """Accounts in this person's care and the platforms that have them."""
    names = {one.appid: one.name for one in components.every(world.store)}
    return [
        {
            "appid": one.appid,
            "name": one.name,
            "avatar": one.avatar,
            "kind": one.kind,
            "platforms": [
                {
                    "appid": held.component,
                    "name": names.get(held.component, held.component),
                    "sets": [SETS[number] for number in held.func_ids],
                    "at": held.at,
                }
                for held in components.authorisations(world.store, appid=one.appid)
            ],
        }
        for one in accounts.every(world.store)
        if one.admin in (None, person.slug)
    ]


@route("POST", "authorisations/revoke")
async def revoke(world: World, person: Person, request: Request) -> Any:
    """Take an account back from a platform."""
    given = await posted_object(request)
    account = world.account(str(given.get("appid", "")))
    component = components.find(world.store, given.get("component"))
    if component is None or account.admin not in (None, person.slug):
        raise BadInput("只有管理员可以取消授权")
    world.pusher.in_background(authorising.revoke(world, component, account))
    return {"ok": True}


@route("GET", "friends")
async def friend_list(world: World, person: Person, request: Request) -> Any:
    """Everybody else, to choose whom a page goes to."""
    return [friends.card_of(one) for one in people.every(world.store) if one.slug != person.slug]


@route("GET", "friends/{slug}")
async def friend_chat(world: World, person: Person, request: Request) -> Any:
    """The chat with one friend."""
    friend = world.person(request.path_params["slug"])
    return {
        "friend": friends.card_of(friend),
        "pages": friends.pages(world, person.slug, friend.slug),
    }


@route("POST", "friends/{slug}")
async def send_page(world: World, person: Person, request: Request) -> Any:
    """Send a page: ``{title, about, link, picture}``."""
    given = await posted_object(request)
    return {"id": friends.send(world, person, request.path_params["slug"], given)}
