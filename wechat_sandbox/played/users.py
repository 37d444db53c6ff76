"""Followers of an account, their tags and remarks, the blacklist (digest 4.4)."""

from __future__ import annotations

from typing import Any

from wechat_sandbox import chats, identity, menus
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint
from wechat_sandbox.store import add_tables, unpack

PAGE = 10_000
BATCH = 100
LONGEST_REMARK = 30

add_tables(
    """
CREATE TABLE remarks (slug TEXT, appid TEXT, remark TEXT NOT NULL, PRIMARY KEY (slug, appid));
"""
)


def page_of(call: Call, openids: list[str], last: str) -> Answer:
    """Openids after ``last``, 10,000 at a time."""
    start = 0
    if last:
        if last not in openids:
            raise Refusal(40003)
        start = openids.index(last) + 1
    page = openids[start : start + PAGE]
    answer: Answer = {"count": len(page)}
    if page:
        answer["data"] = {"openid": page}
    return {**answer, "next_openid": page[-1] if page else ""}


@endpoint("/cgi-bin/user/get", method="GET", capability="user", daily=500)
def listing(call: Call) -> Answer:
    """Openids of all followers, 10,000 at a time, the earliest follower first."""
    appid = call.account.appid
    rows = call.world.store.rows(
        "SELECT slug FROM follows WHERE appid = ? AND followed ORDER BY since, slug", appid
    )
    openids = [identity.openid(appid, row["slug"]) for row in rows]
    return {"total": len(openids), **page_of(call, openids, call.query("next_openid"))}


@endpoint("/cgi-bin/user/info", method="GET", capability="user", daily=5_000_000)
def info(call: Call) -> Answer:
    """What an account may know of one person; no name and no picture since the end of 2021."""
    if not call.query("openid"):
        raise Refusal(41009)
    return _info(call, call.query("openid"))


@endpoint("/cgi-bin/user/info/batchget", capability="user", daily=5_000_000)
def batch(call: Call) -> Answer:
    """The same for up to 100 people."""
    wanted = call.body.get("user_list")
    if not isinstance(wanted, list) or not wanted:
        raise Refusal(40031)
    if len(wanted) > BATCH:
        raise Refusal(40032)
    return {
        "user_info_list": [
            _info(call, one.get("openid") if isinstance(one, dict) else None) for one in wanted
        ]
    }


def _info(call: Call, openid: object) -> dict[str, Any]:
    slug, appid = call.receiver(openid), call.account.appid
    union = call.world.unionid_of(call.account, slug)
    known: dict[str, Any] = {"unionid": union} if union else {}
    found = chats.follow_of(call.world, slug, appid)
    if found is None or not found.followed:
        return {"subscribe": 0, "openid": openid, **known}
    code = unpack(found.qr_scene) if found.qr_scene else None
    row = call.world.store.row(
        "SELECT remark FROM remarks WHERE slug = ? AND appid = ?", slug, appid
    )
    tag_ids = menus.tags_of(call.world, appid, slug)
    return {
        "subscribe": 1,
        "openid": openid,
        "language": "zh_CN",
        "subscribe_time": found.since,
        **known,
        "remark": row["remark"] if row else "",
        "groupid": tag_ids[0] if tag_ids else 0,
        "tagid_list": tag_ids,
        "subscribe_scene": found.scene,
        "qr_scene": int(code["scene"]) if code and not code["text"] else 0,
        "qr_scene_str": code["scene"] if code and code["text"] else "",
    }


@endpoint("/cgi-bin/user/info/updateremark", capability="user", daily=10_000)
def remark(call: Call) -> Answer:
    """The account's own note on a follower."""
    call.refuse_escapes()
    slug, text = call.receiver(call.body.get("openid")), call.body.get("remark")
    if not isinstance(text, str) or len(text.encode()) >= LONGEST_REMARK:
        raise Refusal(40035)
    call.world.store.insert("remarks", slug=slug, appid=call.account.appid, remark=text)
    return call.answered()
