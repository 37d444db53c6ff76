"""Customer service messages (digest 4.8)."""

from __future__ import annotations

from typing import Any

from wechat_sandbox import chats
from wechat_sandbox.messagexml import MEDIA_LABELS, TEXT_BYTES
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint

UNHELD_MEDIA = {**MEDIA_LABELS, "mpnews": "[图文消息]", "mpnewsarticle": "[图文消息]"}


@endpoint("/cgi-bin/message/custom/send", capability="custom", daily=500_000)
async def send(call: Call) -> Answer:
    """A message into the chat, as far as the person's last acts allow it."""
    call.refuse_escapes()
    slug = call.receiver(call.body.get("touser"))
    kind, body = _content(call.body)
    if not chats.is_following(call.world, slug, call.account.appid):
        raise Refusal(45015)
    if refused := chats.spend_allowance(call.world, slug, call.account.appid):
        raise Refusal(refused)
    chats.add(call.world, slug, call.account.appid, sender="account", kind=kind, body=body)
    return {"errcode": 0, "errmsg": "ok"}


@endpoint("/cgi-bin/message/custom/typing", capability="custom")
async def typing(call: Call) -> Answer:
    """Show (or stop showing) that somebody is typing; the sandbox only checks the call."""
    call.receiver(call.body.get("touser"))
    if call.body.get("command") not in ("Typing", "CancelTyping"):
        raise Refusal(40035)
    return {"errcode": 0, "errmsg": "ok"}


def _content(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    kind = body.get("msgtype")
    part = body.get(kind) if isinstance(kind, str) else None
    if not isinstance(part, dict) or not isinstance(kind, str):
        raise Refusal(40008)
    if kind == "text":
        return "text", {"content": _text(part.get("content"))}
    if kind == "news":
        return "news", {"articles": _articles(part.get("articles"))}
    if kind == "msgmenu":
        return "msgmenu", _menu(part)
    if kind in UNHELD_MEDIA:
        return "text", {"content": UNHELD_MEDIA[kind]}
    raise Refusal(40008)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Refusal(44004, "empty content")
    if len(value.encode()) > TEXT_BYTES:
        raise Refusal(45002)
    return value


def _articles(given: object) -> list[dict[str, str]]:
    if not isinstance(given, list) or len(given) != 1 or not isinstance(given[0], dict):
        raise Refusal(45008)
    return [
        {name: str(given[0].get(name) or "") for name in ("title", "description", "url", "picurl")}
    ]


def _menu(part: dict[str, Any]) -> dict[str, Any]:
    entries = part.get("list")
    if not isinstance(entries, list) or not entries:
        raise Refusal(40035)
    if not all(isinstance(one, dict) and one.get("content") for one in entries):
        raise Refusal(40035)
    return {
        "head": str(part.get("head_content") or ""),
        "entries": [
            {"id": str(one.get("id", "")), "content": str(one["content"])} for one in entries
        ],
        "tail": str(part.get("tail_content") or ""),
    }
