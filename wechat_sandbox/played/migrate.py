"""openids of an account that was moved into another (digest chapter 5), and short keys (4.14)."""

from __future__ import annotations

import secrets

from wechat_sandbox import chats, identity
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint
from wechat_sandbox.store import add_tables

BATCH = 100
OPEN_S = 15 * 86_400
LONGEST_DATA = 4096
LONGEST_LIFE_S = 2_592_000

add_tables(
    """
CREATE TABLE migrations (
    appid TEXT, from_appid TEXT, finished_at REAL NOT NULL, PRIMARY KEY (appid, from_appid)
);
CREATE TABLE short_keys (
    short_key TEXT PRIMARY KEY, appid TEXT NOT NULL, data TEXT NOT NULL, created_at REAL NOT NULL,
    expires_at REAL NOT NULL
);
""",
    lasting=("migrations",),
)


@endpoint("/cgi-bin/changeopenid", capability="migrate", daily=100_000)
def change_openids(call: Call) -> Answer:
    """Openids at this account for those at the old one, within 15 days of the move."""
    source, given = call.body.get("from_appid"), call.body.get("openid_list")
    row = call.world.store.row(
        "SELECT a.appid FROM accounts a WHERE a.appid = ?1 OR a.original_id = ?1", source
    )
    if row is None:
        raise Refusal(63178)
    if not isinstance(given, list) or not given:
        raise Refusal(63182)
    if len(given) > BATCH:
        raise Refusal(40032)
    old = row["appid"]
    moved = call.world.store.row(
        "SELECT finished_at FROM migrations WHERE appid = ? AND from_appid = ?",
        call.account.appid,
        old,
    )
    now = call.world.clock.now()
    if moved is None or not moved["finished_at"] <= now < moved["finished_at"] + OPEN_S:
        raise Refusal(63183)
    return call.answered(result_list=[_pair(call, old, one) for one in given])


def _pair(call: Call, old: str, openid: object) -> dict[str, str]:
    slug = call.world.slug_of(old, openid) if isinstance(openid, str) else None
    # Only people who followed the old account when it was moved have a new openid.
    if slug is None or not chats.is_following(call.world, slug, old):
        return {"ori_openid": str(openid), "err_msg": "ori_openid error"}
    new = identity.openid(call.account.appid, slug)
    return {"ori_openid": str(openid), "new_openid": new, "err_msg": "ok"}


@endpoint("/cgi-bin/shorten/gen", daily=1_000_000)
def shorten(call: Call) -> Answer:
    """Keep a long text under a short key."""
    data = call.body.get("long_data")
    seconds = call.body.get("expire_seconds", LONGEST_LIFE_S)
    if not isinstance(data, str) or not data:
        raise Refusal(47003)
    if len(data.encode()) > LONGEST_DATA:
        raise Refusal(9410010)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 1:
        raise Refusal(47003)
    if seconds > LONGEST_LIFE_S:
        raise Refusal(9410011)
    key, now = secrets.token_urlsafe(12)[:15], call.world.clock.now()
    call.world.store.insert(
        "short_keys",
        short_key=key,
        appid=call.account.appid,
        data=data,
        created_at=now,
        expires_at=now + seconds,
    )
    return call.answered(short_key=key)


@endpoint("/cgi-bin/shorten/fetch", daily=10_000_000)
def lengthen(call: Call) -> Answer:
    """The text under a short key and the seconds it still has."""
    now = call.world.clock.now()
    row = call.world.store.row(
        "SELECT * FROM short_keys WHERE short_key = ? AND appid = ? AND expires_at > ?",
        str(call.body.get("short_key", "")),
        call.account.appid,
        now,
    )
    if row is None:
        raise Refusal(47003)
    return call.answered(
        long_data=row["data"],
        create_time=int(row["created_at"]),
        expire_seconds=int(row["expires_at"] - now),
    )
