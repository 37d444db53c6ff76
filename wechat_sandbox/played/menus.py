"""The custom menu of an account (digest 4.7)."""

from __future__ import annotations

from typing import Any

from wechat_sandbox import accounts
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint
from wechat_sandbox.store import pack

# type of a button -> the field it needs
NEEDS = {
    "click": "key", "view": "url", "scancode_push": "key", "scancode_waitmsg": "key",
    "pic_sysphoto": "key", "pic_photo_or_album": "key", "pic_weixin": "key",
    "location_select": "key", "media_id": "media_id", "article_id": "article_id",
    "article_view_limited": "article_id", "miniprogram": "url",
}  # fmt: skip

# (name, type, key, url, count) for the first and the second level
CODES = ((40018, 40017, 40019, 40020, 40016), (40025, 40024, 40026, 40027, 40023))
NAME_BYTES = (16, 60)
COUNTS = (3, 5)


@endpoint("/cgi-bin/menu/create", capability="menu", daily=1000)
async def create(call: Call) -> Answer:
    """Replace the whole menu."""
    call.refuse_escapes()
    buttons = _buttons(call.body.get("button"), 0)
    call.world.store.write(
        "UPDATE accounts SET api_menu = ? WHERE appid = ?", pack(buttons), call.account.appid
    )
    call.world.touch_all()
    return {"errcode": 0, "errmsg": "ok"}


def _buttons(given: object, level: int) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not 1 <= len(given) <= COUNTS[level]:
        raise Refusal(CODES[level][4])
    return [_button(one, level) for one in given]


def _button(given: object, level: int) -> dict[str, Any]:
    bad_name, bad_type, bad_key, bad_url, _ = CODES[level]
    if not isinstance(given, dict):
        raise Refusal(47001)
    name = given.get("name")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= NAME_BYTES[level]:
        raise Refusal(bad_name)
    if level == 0 and given.get("sub_button"):
        return {"name": name, "sub_button": _buttons(given["sub_button"], 1)}
    kind = given.get("type")
    if kind not in NEEDS:
        raise Refusal(bad_type)
    value = given.get(NEEDS[kind])
    if not isinstance(value, str) or not value:
        raise Refusal(bad_url if NEEDS[kind] == "url" else bad_key)
    if len(value.encode()) > (1024 if NEEDS[kind] == "url" else 128):
        raise Refusal(bad_url if NEEDS[kind] == "url" else bad_key)
    more = {key: given[key] for key in ("appid", "pagepath") if key in given}
    return {"type": kind, "name": name, NEEDS[kind]: value, **more}


@endpoint("/cgi-bin/menu/get", method="GET", capability="menu", daily=10_000)
async def get(call: Call) -> Answer:
    """The menu made by API; one made in the console does not count."""
    if not call.account.api_menu:
        raise Refusal(46003)
    return {"menu": {"button": [_with_leaves(one) for one in call.account.api_menu]}}


def _with_leaves(button: dict[str, Any]) -> dict[str, Any]:
    children = [_with_leaves(one) for one in button.get("sub_button", [])]
    return {**button, "sub_button": children}


@endpoint("/cgi-bin/get_current_selfmenu_info", method="GET", capability="menu", daily=10_000)
async def current(call: Call) -> Answer:
    """The menu people see, whoever made it."""
    menu = accounts.find(call.world.store, call.account.appid)
    buttons = menu.menu if menu else []
    shown = [
        {**one, "sub_button": {"list": one["sub_button"]}} if one.get("sub_button") else one
        for one in buttons
    ]
    return {"is_menu_open": int(bool(buttons)), "selfmenu_info": {"button": shown}}


@endpoint("/cgi-bin/menu/delete", method="GET", capability="menu", daily=1000)
async def delete(call: Call) -> Answer:
    """Take the menu away; a menu of the console is not seen again either until it is saved."""
    call.world.store.write(
        "UPDATE accounts SET api_menu = NULL, editor_menu = NULL WHERE appid = ?",
        call.account.appid,
    )
    call.world.touch_all()
    return {"errcode": 0, "errmsg": "ok"}
