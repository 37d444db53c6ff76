"""Tapping the buttons of an account's menu, and what the person does then (digest 2.8, 4.7)."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from wechat_sandbox import acts, chats, media, menus
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.callbacks import Delivery
from wechat_sandbox.world import World

MENU_ID = 425_000_001
SCANS = ("scancode_push", "scancode_waitmsg")
PICTURES = ("pic_sysphoto", "pic_photo_or_album", "pic_weixin")
# A tap on these lets the account answer for a minute.
OPENS_WINDOW = ("click", *SCANS)
EVENTS = {"click": "CLICK", "view": "VIEW"}


def menu_button(world: World, slug: str, account: Account, path: list[int]) -> dict[str, Any]:
    """The button of the menu the person sees at a path of one or two places."""
    level: list[dict[str, Any]] = menus.shown_to(world, account, slug)
    button: dict[str, Any] = {}
    for place in path:
        if not 0 <= place < len(level):
            raise BadInput("no such menu button")
        button = level[place]
        level = button.get("sub_button") or []
    if not button or level:
        raise BadInput("no such menu button")
    return button


async def tap_menu(
    world: World,
    slug: str,
    account: Account,
    button: dict[str, Any],
    given: dict[str, Any] | None = None,
) -> Delivery | None:
    """Tap a button of the account's menu.

    The phone itself opens the page of a view button. ``given`` is what the person then does:
    ``scan`` (a text or bar code), ``pictures`` (bytes), ``place`` (latitude, longitude, label).
    None when nothing is pushed, because nothing was scanned, taken or chosen.
    """
    kind, given = button["type"], given or {}
    if kind in PICTURES and given.get("pictures"):
        return await _send_pictures(world, slug, account, button, given["pictures"])
    if kind == "location_select" and given.get("place"):
        return await _send_place(world, slug, account, button, given["place"])
    if kind in ("media_id", "view_limited"):
        _receive_media(world, slug, account, str(button["media_id"]))
    fields = _fields(button, given)
    if fields is None:
        return None
    if kind in OPENS_WINDOW:
        chats.allow(world, slug, account.appid, "menu")
    name = "view_miniprogram" if kind == "miniprogram" else EVENTS.get(kind, kind)
    return await world.pusher.event(account, slug, name, **fields)


def _fields(button: dict[str, Any], given: dict[str, Any]) -> dict[str, Any] | None:
    """What the event of a tap carries; None for a tap that leads to no event."""
    kind = button["type"]
    if kind == "view":
        return {"EventKey": button["url"], "MenuID": MENU_ID}
    if kind == "miniprogram":
        return {"EventKey": button["pagepath"], "MenuID": MENU_ID}
    if kind == "click":
        return {"EventKey": button["key"]}
    if kind in SCANS and given.get("scan"):
        return {"EventKey": button["key"], "ScanCodeInfo": _scan_info(str(given["scan"]))}
    return None


def _scan_info(content: str) -> dict[str, str]:
    is_bar = re.fullmatch(r"(?:CODE_128|EAN_13|EAN_8|CODE_39|UPC_A),.+|[0-9]{8,14}", content)
    return {"ScanType": "barcode" if is_bar else "qrcode", "ScanResult": content}


async def _send_pictures(
    world: World, slug: str, account: Account, button: dict[str, Any], pictures: list[bytes]
) -> Delivery:
    sums = [{"PicMd5Sum": hashlib.md5(one).hexdigest()} for one in pictures]  # noqa: S324
    info = {"Count": len(pictures), "PicList": {"item": sums}}
    event = await world.pusher.event(
        account, slug, button["type"], EventKey=button["key"], SendPicsInfo=info
    )
    for one in pictures:
        await acts.send_media(world, slug, account, "image", content=one, mime="image/jpeg")
    return event


async def _send_place(
    world: World, slug: str, account: Account, button: dict[str, Any], place: dict[str, Any]
) -> Delivery:
    try:
        latitude, longitude = float(place["latitude"]), float(place["longitude"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput("a place has latitude and longitude") from error
    label = str(place.get("label", ""))
    info = {
        "Location_X": str(latitude),
        "Location_Y": str(longitude),
        "Scale": "16",
        "Label": label,
        "Poiname": str(place.get("name", "")),
    }
    event = await world.pusher.event(
        account, slug, "location_select", EventKey=button["key"], SendLocationInfo=info
    )
    await acts.send_location(
        world, slug, account, latitude=latitude, longitude=longitude, label=label
    )
    return event


def _receive_media(world: World, slug: str, account: Account, media_id: str) -> None:
    """A button that sends a file of the account's own material into the chat."""
    found = media.find(world, account.appid, media_id)
    kind = found.kind if found else "text"
    body = {"media_id": media_id} if found else {"content": "[素材已失效]"}
    chats.add(world, slug, account.appid, sender="account", kind=kind, body=body)
