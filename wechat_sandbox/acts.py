"""What people do on their phones, and the pushes it causes."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wechat_sandbox import chats, identity, media, minis, notices, qrcodes
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.callbacks import Delivery
from wechat_sandbox.minis import Entry
from wechat_sandbox.pay import cashier
from wechat_sandbox.qrcodes import SceneCode
from wechat_sandbox.world import World

LONGEST_TEXT = 2000
MEDIA_FIELDS = ("image", "voice", "video")


@dataclass(frozen=True)
class Scanned:
    """What a scanned QR code turned out to be: scene, expired, mini, url, pay or text."""

    kind: str
    content: str
    code: SceneCode | None = None
    entry: Entry | None = None


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
    qrcodes.note_scan(world, code, slug)
    chats.allow(world, slug, account.appid, "scan")
    return await world.pusher.event(
        account, slug, "subscribe", EventKey=f"qrscene_{code.scene}", Ticket=code.ticket
    )


async def scan_again(world: World, slug: str, account: Account, code: SceneCode) -> Delivery:
    """A follower scans a code of the account."""
    qrcodes.note_scan(world, code, slug)
    chats.allow(world, slug, account.appid, "scan")
    return await world.pusher.event(account, slug, "SCAN", EventKey=code.scene, Ticket=code.ticket)


async def unfollow(world: World, slug: str, account: Account) -> Delivery | None:
    """Leave an account; None when the person did not follow it."""
    if not chats.unfollow(world, slug, account.appid):
        return None
    return await world.pusher.event(account, slug, "unsubscribe", EventKey="")


async def choose_notices(
    world: World, slug: str, account: Account, choices: dict[str, Any], *, popup_scene: str = "1"
) -> Delivery:
    """Answer a subscription dialog: template -> accept or reject."""
    told = []
    for template_id, choice in choices.items():
        template = notices.find(world, account, template_id)
        if template is None or choice not in ("accept", "reject"):
            raise BadInput("choices must name templates of the account, accept or reject")
        notices.decide(world, slug, template, accepts=choice == "accept")
        told.append(
            {
                "TemplateId": template_id,
                "SubscribeStatusString": choice,
                "PopupScene": popup_scene,
            }
        )
    return await world.pusher.event(
        account, slug, "subscribe_msg_popup_event", SubscribeMsgPopupEvent={"List": told}
    )


async def withdraw_notice(
    world: World, slug: str, account: Account, template_id: object
) -> Delivery | None:
    """Switch a template off in the account's settings; None when it was not on."""
    template = notices.find(world, account, template_id)
    if template is None:
        raise BadInput("this account has no such template")
    if not notices.withdraw(world, slug, template):
        return None
    told = {"TemplateId": template.template_id, "SubscribeStatusString": "reject"}
    return await world.pusher.event(
        account, slug, "subscribe_msg_change_event", SubscribeMsgChangeEvent={"List": [told]}
    )


async def say(
    world: World, slug: str, account: Account, text: str, *, menu_id: str | None = None
) -> Delivery:
    """Send a text message; ``menu_id`` when it came from tapping a message menu."""
    text = text.strip()
    if not 1 <= len(text) <= LONGEST_TEXT:
        raise BadInput("text must have 1 to 2000 characters")
    fields: dict[str, Any] = {"MsgType": "text", "Content": text}
    if menu_id is not None:
        fields["bizmsgmenuid"] = menu_id
    return await _send(world, slug, account, kind="text", body={"content": text}, fields=fields)


async def send_media(
    world: World, slug: str, account: Account, kind: str, *, content: bytes, mime: str
) -> Delivery:
    """Send a picture, a voice message or a video."""
    if kind not in MEDIA_FIELDS:
        raise BadInput("kind must be image, voice or video")
    held = media.keep(world, appid=account.appid, kind=kind, name=kind, mime=mime, content=content)
    fields: dict[str, Any] = {"MsgType": kind, "MediaId": held.media_id}
    if kind == "image":
        fields["PicUrl"] = f"{world.config.public}/mp.weixin.qq.com/media/{held.media_id}"
    elif kind == "voice":
        fields["Format"] = "amr"
    else:
        thumb = media.keep(
            world, appid=account.appid, kind="thumb", name="thumb", mime="image/jpeg", content=b"-"
        )
        fields["ThumbMediaId"] = thumb.media_id
    body = {"media_id": held.media_id}
    return await _send(world, slug, account, kind=kind, body=body, fields=fields)


async def send_location(
    world: World, slug: str, account: Account, *, latitude: float, longitude: float, label: str
) -> Delivery:
    """Send a place."""
    fields = {
        "MsgType": "location",
        "Location_X": latitude,
        "Location_Y": longitude,
        "Scale": 16,
        "Label": label,
    }
    body = {"label": label, "latitude": latitude, "longitude": longitude}
    return await _send(world, slug, account, kind="location", body=body, fields=fields)


async def send_link(
    world: World, slug: str, account: Account, *, title: str, description: str, url: str
) -> Delivery:
    """Send a link to a page."""
    fields = {"MsgType": "link", "Title": title, "Description": description, "Url": url}
    article = {"title": title, "description": description, "url": url, "picurl": ""}
    body = {"articles": [article]}
    return await _send(world, slug, account, kind="news", body=body, fields=fields)


async def _send(
    world: World,
    slug: str,
    account: Account,
    *,
    kind: str,
    body: dict[str, Any],
    fields: dict[str, Any],
) -> Delivery:
    """Put a message of the person into the chat and push it."""
    if account.is_mini:
        chats.open_session(world, slug, account)
    if not chats.is_following(world, slug, account.appid):
        raise BadInput("the person does not follow this account")
    chats.add(world, slug, account.appid, sender="person", kind=kind, body=body)
    if chats.is_blacklisted(world, slug, account.appid):
        return Delivery("blacklisted", 0)
    chats.allow(world, slug, account.appid, "message")
    return await world.pusher.push(account, slug, {**fields, "MsgId": new_msgid()}, is_awaited=True)


async def enter_chat(
    world: World, slug: str, account: Account, *, latitude: float, longitude: float
) -> Delivery | None:
    """Open the chat; an account that asked for it hears where the person is."""
    row = world.store.row(
        "SELECT value FROM authorizer_options WHERE appid = ? AND name = 'location_report'",
        account.appid,
    )
    if row is None or row["value"] == "0" or not chats.is_following(world, slug, account.appid):
        return None
    return await world.pusher.event(
        account,
        slug,
        "LOCATION",
        Latitude=f"{latitude:.6f}",
        Longitude=f"{longitude:.6f}",
        Precision="119.385040",
    )


PRIVACY_EVENTS = {
    "user_info_modified": {},
    "user_authorization_revoke": {"RevokeInfo": "1"},
    "user_authorization_cancellation": {},
}


async def use_privacy_right(world: World, slug: str, account: Account, event: str) -> Delivery:
    """Change the profile, take back a consent, or close the WeChat account."""
    if event not in PRIVACY_EVENTS:
        raise BadInput(f"event must be one of {', '.join(PRIVACY_EVENTS)}")
    world.store.write("DELETE FROM consents WHERE slug = ? AND appid = ?", slug, account.appid)
    more = {"OpenID": identity.openid(account.appid, slug), "AppID": account.appid}
    return await world.pusher.event(account, slug, event, **more, **PRIVACY_EVENTS[event])


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
    if entry := minis.entry_of(world, content):
        kind = "expired" if entry.is_over(world.clock.now()) else "mini"
        return Scanned(kind, content, entry=entry)
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
