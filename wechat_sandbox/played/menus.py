"""The custom menu of an account, for everybody and for some (digest 4.7)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from wechat_sandbox import accounts, menus
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint
from wechat_sandbox.store import pack

# type of a button -> the field it needs
NEEDS = {
    "click": "key", "view": "url", "scancode_push": "key", "scancode_waitmsg": "key",
    "pic_sysphoto": "key", "pic_photo_or_album": "key", "pic_weixin": "key",
    "location_select": "key", "media_id": "media_id", "view_limited": "media_id",
    "article_id": "article_id", "article_view_limited": "article_id", "miniprogram": "url",
}  # fmt: skip

# (name, type, key, url, count) for the first and the second level
CODES = ((40018, 40017, 40019, 40020, 40016), (40025, 40024, 40026, 40027, 40023))
FOREIGN_CODES = (40055, 40054)  # the button's address is an account's page of somebody else
NAME_BYTES = (16, 60)
COUNTS = (3, 5)
MOST_CONDITIONAL = 50
MOST_DOMAINS = 3
RULES = ("tag_id", "client_platform_type")
PLATFORMS = ("1", "2", "3")


@endpoint("/cgi-bin/menu/create", capability="menu", daily=1000)
def create(call: Call) -> Answer:
    """Replace the whole menu."""
    call.refuse_escapes()
    buttons = _checked_menu(call)
    call.world.store.write(
        "UPDATE accounts SET api_menu = ? WHERE appid = ?", pack(buttons), call.account.appid
    )
    call.world.touch_all()
    return call.answered()


def _checked_menu(call: Call) -> list[dict[str, Any]]:
    buttons = _buttons(call, call.body.get("button"), 0)
    _check_domains(call, buttons)
    return buttons


def _buttons(call: Call, given: object, level: int) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not 1 <= len(given) <= COUNTS[level]:
        raise Refusal(CODES[level][4])
    return [_button(call, one, level) for one in given]


def _button(call: Call, given: object, level: int) -> dict[str, Any]:
    bad_name, bad_type, bad_key, bad_url, _ = CODES[level]
    if not isinstance(given, dict):
        raise Refusal(47001)
    name = given.get("name")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= NAME_BYTES[level]:
        raise Refusal(bad_name)
    if given.get("sub_button"):
        if level:
            raise Refusal(40022)
        return {"name": name, "sub_button": _buttons(call, given["sub_button"], 1)}
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in NEEDS:
        raise Refusal(40015 if kind is None else bad_type)
    value, is_url = given.get(NEEDS[kind]), NEEDS[kind] == "url"
    if NEEDS[kind] in ("media_id", "article_id"):
        if not isinstance(value, str) or not value:
            raise Refusal(40007 if NEEDS[kind] == "media_id" else 40035)
    elif not isinstance(value, str) or not 0 < len(value.encode()) <= (1024 if is_url else 128):
        raise Refusal(bad_url if is_url else bad_key)
    if is_url:
        _check_url(str(value), level)
    more = _mini_program(call, given) if kind == "miniprogram" else {}
    return {"type": kind, "name": name, NEEDS[kind]: value, **more}


def _check_url(url: str, level: int) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Refusal(65317)
    if parts.netloc == "mp.weixin.qq.com" and parts.path.startswith("/mp/profile_ext"):
        raise Refusal(40155)
    if parts.netloc == "open.weixin.qq.com" and not parts.path.startswith("/connect/"):
        raise Refusal(FOREIGN_CODES[level])


def _mini_program(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    appid, page = given.get("appid"), given.get("pagepath")
    if not isinstance(appid, str) or appid != appid.lower():
        raise Refusal(40166)
    if appid not in call.account.linked:
        raise Refusal(45064)
    if not isinstance(page, str) or not page:
        raise Refusal(40165)
    return {"appid": appid, "pagepath": page}


def _check_domains(call: Call, buttons: list[dict[str, Any]]) -> None:
    """At most three domains that are not the account's own."""
    own = {*call.account.oauth_domains, *call.account.js_domains, "open.weixin.qq.com"}
    leaves = [leaf for one in buttons for leaf in one.get("sub_button", [one])]
    hosts = {urlsplit(leaf["url"]).netloc.lower() for leaf in leaves if leaf.get("url")}
    if len(hosts - own) > MOST_DOMAINS:
        raise Refusal(65316)


@endpoint("/cgi-bin/menu/get", method="GET", capability="menu", daily=10_000)
def get(call: Call) -> Answer:
    """The menu made by API; one made in the console does not count."""
    if not call.account.api_menu:
        raise Refusal(46003)
    special = menus.conditional(call.world, call.account.appid)
    menu: dict[str, Any] = {"button": [_with_leaves(one) for one in call.account.api_menu]}
    if not special:
        return {"menu": menu}
    return {
        "menu": {**menu, "menuid": menus.default_id(call.account.appid)},
        "conditionalmenu": [
            {
                "button": [_with_leaves(leaf) for leaf in one.buttons],
                "matchrule": one.rule,
                "menuid": one.menuid,
            }
            for one in special
        ],
    }


def _with_leaves(button: dict[str, Any]) -> dict[str, Any]:
    children = [_with_leaves(one) for one in button.get("sub_button", [])]
    return {**button, "sub_button": children}


@endpoint("/cgi-bin/get_current_selfmenu_info", method="GET", capability="menu", daily=10_000)
def current(call: Call) -> Answer:
    """The menu people see, whoever made it."""
    menu = accounts.find(call.world.store, call.account.appid)
    buttons = menu.menu if menu else []
    shown = [
        {**one, "sub_button": {"list": one["sub_button"]}} if one.get("sub_button") else one
        for one in buttons
    ]
    return {"is_menu_open": int(bool(buttons)), "selfmenu_info": {"button": shown}}


@endpoint("/cgi-bin/menu/delete", method="GET", capability="menu", daily=1000)
def delete(call: Call) -> Answer:
    """Take the menus away; one of the console is not seen again either until it is saved."""
    store, appid = call.world.store, call.account.appid
    store.write("UPDATE accounts SET api_menu = NULL, editor_menu = NULL WHERE appid = ?", appid)
    store.write("DELETE FROM conditional_menus WHERE appid = ?", appid)
    call.world.touch_all()
    return call.answered()


@endpoint("/cgi-bin/menu/addconditional", capability="menu", daily=2000)
def add_conditional(call: Call) -> Answer:
    """A menu for people with a tag or a kind of phone; the newest that fits is shown."""
    call.refuse_escapes()
    if not call.account.menu:
        raise Refusal(65303)
    rule = call.body.get("matchrule")
    if not isinstance(rule, dict) or not any(rule.values()):
        raise Refusal(65304)
    if not call.body.get("button"):
        raise Refusal(65307)
    buttons = _checked_menu(call)
    wanted = {
        name: str(rule[name]) for name in ("tag_id", "client_platform_type") if rule.get(name)
    }
    if not wanted or wanted.get("client_platform_type", "1") not in PLATFORMS:
        raise Refusal(40035)
    if "tag_id" in wanted and not menus.has_tag(call.world, call.account.appid, wanted["tag_id"]):
        raise Refusal(45058)
    if len(menus.conditional(call.world, call.account.appid)) >= MOST_CONDITIONAL:
        raise Refusal(65305)
    return {"menuid": menus.add_conditional(call.world, call.account.appid, buttons, wanted)}


@endpoint("/cgi-bin/menu/delconditional", capability="menu", daily=2000)
def delete_conditional(call: Call) -> Answer:
    """Take one of the menus for some people away."""
    done = call.world.store.write(
        "DELETE FROM conditional_menus WHERE menuid = ? AND appid = ?",
        str(call.body.get("menuid", "")),
        call.account.appid,
    )
    if not done:
        raise Refusal(65301)
    call.world.touch_all()
    return call.answered()


@endpoint("/cgi-bin/menu/trymatch", capability="menu", daily=20_000)
def try_match(call: Call) -> Answer:
    """The buttons one person sees, named by openid or WeChat id."""
    given = call.body.get("user_id")
    slug = call.world.slug_of(call.account.appid, given) if isinstance(given, str) else None
    if slug is None and isinstance(given, str):
        row = call.world.store.row("SELECT slug FROM people WHERE slug = ?", given)
        slug = row["slug"] if row else None
    if slug is None:
        raise Refusal(65302)
    shown = menus.shown_to(call.world, call.account, slug)
    if not shown:
        raise Refusal(46003)
    return {"button": [_with_leaves(one) for one in shown]}
