"""Control of third-party platforms: made, ticketed, authorised, taken back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request

from wechat_sandbox import authorising, components, tickets
from wechat_sandbox.accounts import BadInput
from wechat_sandbox.acts import new_msgid
from wechat_sandbox.callbacks import Delivery
from wechat_sandbox.components import Component
from wechat_sandbox.control import posted_object, route, run
from wechat_sandbox.world import NoSuchAccount, World


def _component(world: World, request: Request) -> Component:
    found = components.find(world.store, request.path_params["appid"])
    if found is None:
        raise NoSuchAccount(request.path_params["appid"])
    return found


def component_json(world: World, component: Component) -> dict[str, Any]:
    """A platform with all its settings and the accounts in its hands."""
    held = components.authorisations(world.store, component=component.appid)
    return {
        **asdict(component),
        "authorisations": [
            {"appid": one.appid, "func_ids": one.func_ids, "at": one.at} for one in held
        ],
    }


@route("GET", "components")
async def list_components(world: World, request: Request) -> Any:
    """All third-party platforms."""
    return [component_json(world, one) for one in components.every(world.store)]


@route("GET", "components/{appid}")
async def get_component(world: World, request: Request) -> Any:
    """One third-party platform."""
    return component_json(world, _component(world, request))


@route("PUT", "components/{appid}")
async def put_component(world: World, request: Request) -> Any:
    """Make a platform or change the given settings of one.

    ``name, secret, token, aes_key, event_url, message_url`` (with ``$APPID$``), ``login_domains``
    (the initiating domain), ``account_domains`` (web authorisation and JS-SDK of the accounts),
    ``allow_ips``, ``func_ids``, ``is_released`` and ``testers``, ``sends_tickets``,
    ``rotates_refresh`` (each refresh brings another refresh token), ``checks_referer``,
    ``event_first`` (the event is pushed before the browser goes back).
    """
    given = await posted_object(request)
    saved = components.save(world.store, request.path_params["appid"], given)
    world.touch_all()
    return component_json(world, saved)


@route("DELETE", "components/{appid}")
async def delete_component(world: World, request: Request) -> Any:
    """Take a platform away; the accounts in its hands are free again."""
    component = _component(world, request)
    with world.store.transaction():
        for table in ("authorisations", "tickets", "pre_auth_codes", "auth_codes", "bindings"):
            world.store.write(f"DELETE FROM {table} WHERE component = ?", component.appid)  # noqa: S608
        world.store.write("DELETE FROM component_tokens WHERE component = ?", component.appid)
        world.store.write("DELETE FROM components WHERE appid = ?", component.appid)
    world.touch_all()
    return {"ok": True}


@route("POST", "components/{appid}/ticket")
async def new_ticket(world: World, request: Request) -> Any:
    """Push a new ticket now; with ``push`` false it is only made and answered.

    ``wait`` (true): the answer comes when the push is over.
    """
    component, given = _component(world, request), await posted_object(request)
    if not given.get("push", True):
        return {"ticket": tickets.new_ticket(world, component), "callback": None}
    callback = await run(world, tickets.push(world, component), given)
    row = world.store.row(
        "SELECT ticket FROM tickets WHERE component = ? ORDER BY at DESC, rowid DESC LIMIT 1",
        component.appid,
    )
    return {"ticket": row["ticket"] if row else "", "callback": callback}


@route("POST", "components/{appid}/authorise")
async def authorise(world: World, request: Request) -> Any:
    """Let the administrator of ``appid`` consent, without any page.

    ``func_ids`` (default: all the platform asks for that no other holds), ``pre_auth_code`` (else
    the consent came from another place), ``push`` false: the event is lost, ``wait``.
    Answers ``auth_code`` (the browser's), ``push_code`` (the event's), ``event``, ``callback``.
    """
    component, given = _component(world, request), await posted_object(request)
    account = world.account(str(given.get("appid", "")))
    taken = components.taken_sets(world.store, account, besides=component.appid)
    wanted = given.get("func_ids", [one for one in component.offers(account) if one not in taken])
    granted = authorising.grant(
        world,
        component,
        account,
        func_ids=components.checked_sets(wanted),
        pre_auth_code=str(given.get("pre_auth_code", "")),
    )
    callback = None
    if given.get("push", True):
        callback = await run(world, authorising.announce(world, granted), given)
    return {
        "auth_code": granted.browser_code,
        "push_code": granted.push_code,
        "expires_in": authorising.AUTH_CODE_LIFE_S,
        "event": granted.event,
        "callback": callback,
    }


@route("POST", "components/{appid}/revoke")
async def revoke(world: World, request: Request) -> Any:
    """Let the administrator of ``appid`` take the account back, at mp.weixin.qq.com as it were."""
    component, given = _component(world, request), await posted_object(request)
    account = world.account(str(given.get("appid", "")))
    return {"callback": await run(world, authorising.revoke(world, component, account), given)}


CHECKED_TEXT = "TESTCOMPONENT_MSG_TYPE_TEXT"


@route("POST", "components/{appid}/release-check")
async def release_check(world: World, request: Request) -> Any:
    """Send what WeChat sends before a platform is released for everybody.

    ``appid`` of an account in the platform's hands and ``slug`` of a person who follows it stand
    in for WeChat's own. Answers whether event and text passed, and the ``code`` whose
    ``<code>_from_api`` must then come as a customer message.
    """
    component, given = _component(world, request), await posted_object(request)
    account = world.account(str(given.get("appid", "")))
    slug = world.person(str(given.get("slug", ""))).slug
    held = components.authorisation(world.store, component.appid, account.appid)
    if held is None or not held.is_on:
        raise BadInput("the account is not in the platform's hands")
    event = await world.pusher.event(account, slug, "LOCATION", Latitude="23.1", Longitude="113.3")
    text = await _text(world, account.appid, slug, CHECKED_TEXT)
    code = authorising.grant(world, component, account, func_ids=list(held.func_ids)).push_code
    await _text(world, account.appid, slug, f"QUERY_AUTH_CODE:{code}")
    return {
        "event": _replied(event) == "LOCATIONfrom_callback",
        "text": _replied(text) == f"{CHECKED_TEXT}_callback",
        "code": code,
    }


async def _text(world: World, appid: str, slug: str, content: str) -> Delivery:
    fields = {"MsgType": "text", "Content": content, "MsgId": new_msgid()}
    return await world.pusher.push(world.account(appid), slug, fields, is_awaited=True)


def _replied(delivery: Delivery) -> str:
    return str(delivery.reply.body.get("content", "")) if delivery.reply else ""
