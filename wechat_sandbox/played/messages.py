"""Customer service messages (digest 4.8 and 7.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wechat_sandbox import chats, media
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint
from wechat_sandbox.replies import TEXT_BYTES

CONTACT_S = 30
TYPING_S = 15
MINI_KINDS = ("text", "image", "link", "miniprogrampage")
PAGE_FIELDS = ("title", "description", "url", "picurl")


@endpoint("/cgi-bin/message/custom/send", capability="custom", daily=500_000)
def send(call: Call) -> Answer:
    """A message into the chat, as far as the person's last acts allow it."""
    call.refuse_escapes()
    slug = call.receiver(call.body.get("touser"))
    kind, body = _content(call)
    appid = call.account.appid
    if not chats.is_following(call.world, slug, appid):
        raise Refusal(45015)
    if chats.is_blacklisted(call.world, slug, appid):
        raise Refusal(43019)
    if chats.is_muted(call.world, slug, appid):
        raise Refusal(48002)
    if refused := chats.spend_allowance(call.world, slug, appid):
        raise Refusal(refused)
    chats.add(call.world, slug, appid, sender="account", kind=kind, body=body)
    return call.answered()


@endpoint("/cgi-bin/message/custom/typing", capability="custom")
def typing(call: Call) -> Answer:
    """Show (or stop showing) that somebody is typing."""
    slug, command = call.receiver(call.body.get("touser")), call.body.get("command")
    store, appid, now = call.world.store, call.account.appid, call.world.clock.now()
    if command not in ("Typing", "CancelTyping"):
        raise Refusal(40035)
    if not chats.has_written(call.world, slug, appid, within_s=CONTACT_S):
        raise Refusal(45080)
    if command == "CancelTyping":
        store.write("DELETE FROM typing WHERE slug = ? AND appid = ?", slug, appid)
    elif chats.is_typing(call.world, slug, appid):
        raise Refusal(45081)
    else:
        store.insert("typing", slug=slug, appid=appid, until=now + TYPING_S)
    call.world.touch(slug)
    return call.answered()


Content = tuple[str, dict[str, Any]]


def _content(call: Call) -> Content:
    kind = call.body.get("msgtype")
    part = call.body.get(kind) if isinstance(kind, str) else None
    if not isinstance(part, dict) or not isinstance(kind, str) or kind not in KINDS:
        raise Refusal(40008)
    if call.account.is_mini and kind not in MINI_KINDS:
        raise Refusal(40008)
    return KINDS[kind](call, part)


def _text(call: Call, part: dict[str, Any]) -> Content:
    value = part.get("content")
    if not isinstance(value, str) or not value:
        raise Refusal(44004)
    if len(value.encode()) > TEXT_BYTES:
        raise Refusal(45002)
    return "text", {"content": value}


def _held(call: Call, media_id: object, *kinds: str) -> str:
    found = media.find(call.world, call.account.appid, media_id)
    if found is None or found.kind not in kinds:
        raise Refusal(40007)
    return found.media_id


def _image(call: Call, part: dict[str, Any]) -> Content:
    return "image", {"media_id": _held(call, part.get("media_id"), "image")}


def _voice(call: Call, part: dict[str, Any]) -> Content:
    return "voice", {"media_id": _held(call, part.get("media_id"), "voice")}


def _video(call: Call, part: dict[str, Any]) -> Content:
    _held(call, part.get("thumb_media_id"), "image", "thumb")
    return "video", {
        "media_id": _held(call, part.get("media_id"), "video"),
        "title": str(part.get("title") or ""),
        "description": str(part.get("description") or ""),
    }


def _music(call: Call, part: dict[str, Any]) -> Content:
    _held(call, part.get("thumb_media_id"), "image", "thumb")
    if not part.get("musicurl"):
        raise Refusal(40048)
    names = ("title", "description", "musicurl", "hqmusicurl")
    return "music", {name: str(part.get(name) or "") for name in names}


def _news(call: Call, part: dict[str, Any]) -> Content:
    given = part.get("articles")
    if not isinstance(given, list) or len(given) != 1 or not isinstance(given[0], dict):
        raise Refusal(45008)
    return "news", {"articles": [{one: str(given[0].get(one) or "") for one in PAGE_FIELDS}]}


def _article(call: Call, part: dict[str, Any]) -> Content:
    if not part.get("article_id"):
        raise Refusal(40035)
    return "text", {"content": f"[图文消息] {part['article_id']}"}


def _link(call: Call, part: dict[str, Any]) -> Content:
    one = {name: str(part.get(name) or "") for name in ("title", "description", "url")}
    if not one["url"]:
        raise Refusal(40048)
    return "news", {"articles": [{**one, "picurl": str(part.get("thumb_url") or "")}]}


def _menu(call: Call, part: dict[str, Any]) -> Content:
    entries = part.get("list")
    if not isinstance(entries, list) or not entries:
        raise Refusal(40035)
    if not all(isinstance(one, dict) and one.get("content") for one in entries):
        raise Refusal(40035)
    return "msgmenu", {
        "head": str(part.get("head_content") or ""),
        "entries": [
            {"id": str(one.get("id", "")), "content": str(one["content"])} for one in entries
        ],
        "tail": str(part.get("tail_content") or ""),
    }


def _card(call: Call, part: dict[str, Any]) -> Content:
    raise Refusal(40073)  # the sandbox plays no cards, so no card id is good


def _mini_page(call: Call, part: dict[str, Any]) -> Content:
    appid = call.account.appid if call.account.is_mini else part.get("appid")
    if appid not in (call.account.appid, *call.account.linked):
        raise Refusal(40166)
    if not part.get("pagepath"):
        raise Refusal(40165)
    return "miniprogram", {
        "title": str(part.get("title") or ""),
        "appid": appid,
        "path": str(part["pagepath"]),
        "media_id": _held(call, part.get("thumb_media_id"), "image", "thumb"),
    }


KINDS: dict[str, Callable[[Call, dict[str, Any]], Content]] = {
    "text": _text,
    "image": _image,
    "voice": _voice,
    "video": _video,
    "music": _music,
    "news": _news,
    "mpnewsarticle": _article,
    "link": _link,
    "msgmenu": _menu,
    "wxcard": _card,
    "miniprogrampage": _mini_page,
}
