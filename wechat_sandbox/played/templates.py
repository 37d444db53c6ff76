"""Template messages (digest 4.9)."""

from __future__ import annotations

import re
import secrets
from typing import Any

from wechat_sandbox import chats
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.played import values
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint
from wechat_sandbox.store import add_tables
from wechat_sandbox.world import World

MOST = 25
ONCE_S = 600
INDUSTRIES = {
    "1": ("IT科技", "互联网|电子商务"), "2": ("IT科技", "IT软件与服务"), "10": ("餐饮", "餐饮"),
    "11": ("酒店旅游", "酒店"), "31": ("文体娱乐", "文化|传媒"), "41": ("其它", "其它"),
}  # fmt: skip

add_tables(
    """
CREATE TABLE industries (
    appid TEXT PRIMARY KEY, first TEXT NOT NULL, second TEXT NOT NULL, month TEXT NOT NULL
);
"""
)

PLACE = re.compile(r"\{\{(\w+)\.DATA\}\}")

# What a field of the public library is called tells of which kind its values are.
KIND_OF_NAME = (
    ("时间", "time"), ("日期", "time"), ("金额", "amount"), ("电话", "phone_number"),
    ("手机", "phone_number"), ("编号", "character_string"), ("单号", "character_string"),
    ("码", "character_string"), ("数量", "number"), ("次数", "number"), ("状态", "phrase"),
)  # fmt: skip
SAMPLES = {
    "time": "2026年11月22日 14:30", "amount": "¥100.00", "phone_number": "13800000000",
    "character_string": "A20261122", "number": "1", "phrase": "已完成", "thing": "示例内容",
}  # fmt: skip


def add(world: World, account: Account, *, title: str, content: str, given_id: str = "") -> str:
    """Put a template into the account; returns its id."""
    if given_id and not re.fullmatch(r"[\w-]{20,64}", given_id):
        raise BadInput("template_id must have 20 to 64 letters, digits, - or _")
    if not PLACE.search(content):
        raise BadInput("a template needs at least one place such as {{thing1.DATA}}")
    template_id = given_id or secrets.token_urlsafe(32)
    example = PLACE.sub(
        lambda found: SAMPLES.get(values.kind_of(found.group(1)), "示例内容"), content
    )
    world.store.insert(
        "templates",
        template_id=template_id,
        appid=account.appid,
        title=title,
        content=content,
        example=example,
    )
    return template_id


def held(world: World, account: Account) -> list[dict[str, str]]:
    """The account's templates: ``template_id``, ``title``, ``content``, in the order they came."""
    rows = world.store.rows("SELECT * FROM templates WHERE appid = ? ORDER BY rowid", account.appid)
    return [{name: row[name] for name in ("template_id", "title", "content")} for row in rows]


def remove(world: World, account: Account, template_id: object) -> bool:
    """Take a template away; False when there is none."""
    done = world.store.write(
        "DELETE FROM templates WHERE template_id = ? AND appid = ?", template_id, account.appid
    )
    return bool(done)


def _count(world: World, appid: str) -> int:
    row = world.store.row("SELECT count(*) AS n FROM templates WHERE appid = ?", appid)
    return row["n"] if row else 0


@endpoint("/cgi-bin/template/get_all_private_template", method="GET", capability="template")
def listing(call: Call) -> Answer:
    """The account's templates."""
    rows = call.world.store.rows(
        "SELECT * FROM templates WHERE appid = ? ORDER BY rowid", call.account.appid
    )
    return {
        "template_list": [
            {
                "template_id": row["template_id"],
                "title": row["title"],
                "primary_industry": "",
                "deputy_industry": "",
                "content": row["content"],
                "example": row["example"],
            }
            for row in rows
        ]
    }


@endpoint("/cgi-bin/template/api_add_template", capability="template")
def add_from_library(call: Call) -> Answer:
    """Take a template of the public library, with the fields that are wanted."""
    short, names = (call.body.get("template_id_short"), call.body.get("keyword_name_list") or [])
    if not isinstance(short, str | int) or not str(short):
        raise Refusal(40035)
    if not isinstance(names, list) or not all(isinstance(one, str) and one for one in names):
        raise Refusal(40035)
    if _count(call.world, call.account.appid) >= MOST:
        raise Refusal(45026)
    lines = []
    for place, name in enumerate(names or ["通知内容", "通知时间"], start=1):
        kind = next((kind for word, kind in KIND_OF_NAME if word in name), "thing")
        lines.append(f"{name}:{{{{{kind}{place}.DATA}}}}")
    template_id = add(
        call.world, call.account, title=f"通知（{short}）", content="\n".join(lines) + "\n"
    )
    return {"errcode": 0, "errmsg": "ok", "template_id": template_id}


@endpoint("/cgi-bin/template/del_private_template", capability="template")
def delete(call: Call) -> Answer:
    """Give a template up."""
    if not remove(call.world, call.account, call.body.get("template_id")):
        raise Refusal(40037)
    return {"errcode": 0, "errmsg": "ok"}


@endpoint("/cgi-bin/message/template/send", capability="template", daily=100_000)
def send(call: Call) -> Answer:
    """A notice to a follower; that it arrived is told later by a push of its own."""
    call.refuse_escapes()
    world, account, body = call.world, call.account, call.body
    slug = call.receiver(body.get("touser"))
    template = world.store.row(
        "SELECT * FROM templates WHERE template_id = ? AND appid = ?",
        body.get("template_id"),
        account.appid,
    )
    if template is None:
        raise Refusal(40037)
    places = PLACE.findall(template["content"])
    given = values.checked(places, body.get("data"), is_strict=False)
    jump = _jump(account, body.get("miniprogram"))
    if not chats.is_following(world, slug, account.appid):
        raise Refusal(43004)
    if chats.is_blacklisted(world, slug, account.appid):
        raise Refusal(43019)
    msgid, is_new = _number(world, account, slug, body.get("client_msg_id"))
    if is_new:
        shown = {
            "template_id": template["template_id"],
            "title": template["title"],
            "lines": values.lines(template["content"], given),
            "url": body["url"] if isinstance(body.get("url"), str) else "",
            "mini": jump,
        }
        _deliver(world, account, slug, shown, msgid)
    return call.answered(msgid=msgid)


def _jump(account: Account, given: object) -> dict[str, str] | None:
    """The mini program a tap leads to; it must be linked to the account."""
    if not given:
        return None
    if not isinstance(given, dict) or given.get("appid") not in account.linked:
        raise Refusal(40166)
    path = given.get("pagepath") or given.get("path")
    if not isinstance(path, str) or not path:
        raise Refusal(40165)
    return {"appid": given["appid"], "pagepath": path}


@endpoint("/cgi-bin/template/api_set_industry", capability="template")
def set_industry(call: Call) -> Answer:
    """Choose two industries; once a month."""
    given = [str(call.body.get(f"industry_id{place}", "")) for place in (1, 2)]
    if not all(one in INDUSTRIES for one in given):
        raise Refusal(40102)
    month = call.world.clock.day()[:7]
    row = call.world.store.row("SELECT * FROM industries WHERE appid = ?", call.account.appid)
    if row and row["month"] == month:
        raise Refusal(43100)
    call.world.store.insert(
        "industries", appid=call.account.appid, first=given[0], second=given[1], month=month
    )
    return call.answered()


@endpoint("/cgi-bin/template/get_industry", method="GET", capability="template")
def get_industry(call: Call) -> Answer:
    """The two industries."""
    row = call.world.store.row("SELECT * FROM industries WHERE appid = ?", call.account.appid)
    found = [row["first"], row["second"]] if row else ["1", "10"]
    named = [
        dict(zip(("first_class", "second_class"), INDUSTRIES[one], strict=True)) for one in found
    ]
    return {"primary_industry": named[0], "secondary_industry": named[1]}


def _number(world: World, account: Account, slug: str, given: Any) -> tuple[int, bool]:
    """The number of this sending and whether it is a new one."""
    now = world.clock.now()
    fresh = secrets.randbelow(10**18) + 10**18
    if not given:
        return fresh, True
    if not isinstance(given, str):
        raise Refusal(40035)
    is_new = world.store.write(
        "INSERT INTO sent_once (appid, slug, client_msg_id, msgid, at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET msgid = excluded.msgid, at = excluded.at WHERE at <= ?",
        account.appid,
        slug,
        given,
        fresh,
        now,
        now - ONCE_S,
    )
    if is_new:
        return fresh, True
    row = world.store.row(
        "SELECT msgid FROM sent_once WHERE appid = ? AND slug = ? AND client_msg_id = ?",
        account.appid,
        slug,
        given,
    )
    return (row["msgid"], False) if row else (fresh, True)


def _deliver(world: World, account: Account, slug: str, shown: dict[str, Any], msgid: int) -> None:
    status = world.pusher.policy(account.appid).template_status
    if chats.is_muted(world, slug, account.appid):
        status = "failed:user block"
    if status == "success":
        chats.add(world, slug, account.appid, sender="account", kind="template", body=shown)
    world.pusher.in_background(
        world.pusher.event(account, slug, "TEMPLATESENDJOBFINISH", MsgID=msgid, Status=status)
    )
