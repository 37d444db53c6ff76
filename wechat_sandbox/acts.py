"""What people do on their phones, and the pushes it causes."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wechat_sandbox import chats, menus, qrcodes
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.callbacks import Delivery
from wechat_sandbox.pay import cashier
from wechat_sandbox.qrcodes import SceneCode
from wechat_sandbox.world import World

LONGEST_TEXT = 2000


@dataclass(frozen=True)
class Scanned:
    """What a scanned QR code turned out to be: scene, expired, url, pay or text."""

    kind: str
    content: str
    code: SceneCode | None = None


async def follow(
    world: World,
    slug: str,
    account: Account,
    *,
    scene: str = "ADD_SCENE_SEARCH",
    code: SceneCode | None = None,
    is_silent: bool = False,
) -> Delivery | None:
    """Follow an account; None when nothing was to be pushed."""
    if scene not in chats.FOLLOW_SCENES:
        raise BadInput(f"unknown scene: {scene}")
    if not chats.follow(
        world, slug, account, scene="ADD_SCENE_QR_CODE" if code else scene, code=code
    ):
        return await scan_again(world, slug, account, code) if code and not is_silent else None
    if is_silent:
        return None
    if code is None:
        return await world.pusher.event(account, slug, "subscribe", EventKey="")
    chats.allow(world, slug, account.appid, "scan")
    return await world.pusher.event(
        account, slug, "subscribe", EventKey=f"qrscene_{code.scene}", Ticket=code.ticket
    )


async def scan_again(world: World, slug: str, account: Account, code: SceneCode) -> Delivery:
    """A follower scans a code of the account."""
    chats.allow(world, slug, account.appid, "scan")
    return await world.pusher.event(account, slug, "SCAN", EventKey=code.scene, Ticket=code.ticket)


async def unfollow(world: World, slug: str, account: Account) -> Delivery | None:
    """Leave an account; None when the person did not follow it."""
    if not chats.unfollow(world, slug, account.appid):
        return None
    return await world.pusher.event(account, slug, "unsubscribe", EventKey="")


async def say(
    world: World, slug: str, account: Account, text: str, *, menu_id: str | None = None
) -> Delivery:
    """Send a text message; ``menu_id`` when it came from tapping a message menu."""
    text = text.strip()
    if not 1 <= len(text) <= LONGEST_TEXT:
        raise BadInput("text must have 1 to 2000 characters")
    if not chats.is_following(world, slug, account.appid):
        raise BadInput("the person does not follow this account")
    chats.add(world, slug, account.appid, sender="person", kind="text", body={"content": text})
    chats.allow(world, slug, account.appid, "message")
    fields: dict[str, str | int] = {"MsgType": "text", "Content": text, "MsgId": new_msgid()}
    if menu_id is not None:
        fields["bizmsgmenuid"] = menu_id
    return await world.pusher.push(account, slug, fields, is_awaited=True)


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
    world: World, slug: str, account: Account, button: dict[str, Any]
) -> Delivery | None:
    """Tap a button of the account's menu; the phone itself opens the page of a view button."""
    if button["type"] == "view":
        return await world.pusher.event(
            account, slug, "VIEW", EventKey=button["url"], MenuID=425_000_001
        )
    if button["type"] == "click":
        chats.allow(world, slug, account.appid, "menu")
        return await world.pusher.event(account, slug, "CLICK", EventKey=button["key"])
    return None


def read_code(world: World, content: str) -> Scanned:
    """What the text of a QR code stands for."""
    content = content.strip()
    if not content:
        raise BadInput("content is empty")
    if cashier.CODE_URL.fullmatch(content):
        return Scanned("pay", content)
    code = qrcodes.by_content(world, content)
    if code:
        kind = "expired" if code.is_over(world.clock.now()) else "scene"
        return Scanned(kind, content, code)
    if qrcodes.SCENE_URL.fullmatch(content):
        return Scanned("expired", content)
    if re.match(r"https?://", content):
        return Scanned("url", canonical_url(world, content))
    return Scanned("text", content)


def canonical_url(world: World, url: str) -> str:
    """The address as the product knows it: a phone's host stands for the product's."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host.endswith(".localhost") and parts.port == world.config.port:
        return world.config.product + url[url.index(parts.netloc) + len(parts.netloc) :]
    return url


def new_msgid() -> int:
    """A 64-bit number that grows with time, as WeChat's do."""
    return (int(time.time()) << 31) | secrets.randbelow(2**31)
