"""Links into mini programs (digest 7.4) and the check of contents (7.7)."""

from __future__ import annotations

import secrets
from typing import Any

from wechat_sandbox import minis
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.values import FORBIDDEN
from wechat_sandbox.played.wire import Answer, Call, count_minute, endpoint
from wechat_sandbox.store import add_tables

LEAST_S, MOST_S = 60, 30 * 86_400
LONGEST_QUERY = 1024
LINKS_A_DAY = 500_000
VISITS_A_DAY = 3_000_000
SEEN_S = 2 * 3600
LONGEST_CONTENT = 2500
CHECKS_A_MINUTE = 3000
RISKY_LABEL, CLEAN_LABEL = 20001, 100
SAME_MEDIA = 20

add_tables(
    """
CREATE TABLE media_checks (
    trace_id TEXT PRIMARY KEY, appid TEXT NOT NULL, url TEXT NOT NULL, at REAL NOT NULL
);
"""
)


def _target(call: Call, given: dict[str, Any]) -> tuple[str, str, str]:
    path, query = given.get("path", ""), given.get("query", "")
    env = given.get("env_version", "release")
    if not isinstance(path, str) or "?" in path or path.startswith("/"):
        raise Refusal(40165)
    if path and path not in call.account.pages:
        raise Refusal(40165)
    if not isinstance(query, str) or len(query) > LONGEST_QUERY:
        raise Refusal(40212)
    if env not in ("release", "trial", "develop"):
        raise Refusal(85402)
    return path or call.account.pages[0], query, env


def _lifetime(call: Call) -> float:
    """Seconds a link lives: until a moment or for some days, at most thirty."""
    kind, now = call.body.get("expire_type", 0), call.world.clock.now()
    if kind == 1:
        days = call.body.get("expire_interval", 30)
        if not isinstance(days, int) or not 1 <= days <= MOST_S // 86_400:
            raise Refusal(85401)
        return days * 86_400
    if kind != 0:
        raise Refusal(85407)
    moment = call.body.get("expire_time", now + MOST_S)
    if not isinstance(moment, int | float) or not LEAST_S <= moment - now <= MOST_S:
        raise Refusal(85401)
    return moment - now


def _count_link(call: Call) -> None:
    """Schemes and links share one number a day."""
    row = call.world.store.row(
        "SELECT daily FROM quota_limits WHERE appid = ? AND path = 'links'", call.account.appid
    )
    done = call.world.store.write(
        "INSERT INTO quota_used (appid, path, day, used) SELECT ?1, 'links', ?2, 1 WHERE ?3 > 0"
        " ON CONFLICT (appid, path, day) DO UPDATE SET used = used + 1 WHERE used < ?3",
        call.account.appid,
        call.world.clock.day(),
        row["daily"] if row else LINKS_A_DAY,
    )
    if not done:
        raise Refusal(44993)


def _made(call: Call, kind: str, target: tuple[str, str, str], lifetime_s: float | None) -> str:
    path, query, env = target
    entry = minis.new_entry(
        call.world,
        call.account,
        kind=kind,
        path=path,
        query=query,
        env=env,
        lifetime_s=lifetime_s,
    )
    return entry.content


@endpoint("/wxa/generatescheme", capability="mini")
def scheme(call: Call) -> Answer:
    """A weixin:// address for text messages and browsers."""
    jump = call.body.get("jump_wxa") or {}
    if not isinstance(jump, dict):
        raise Refusal(47001)
    target, seconds = _target(call, jump), _lifetime(call)
    _count_link(call)
    return call.answered(openlink=_made(call, "scheme", target, seconds))


@endpoint("/wxa/generate_urllink", capability="mini")
def url_link(call: Call) -> Answer:
    """A https address that opens the mini program."""
    target, seconds = _target(call, call.body), _lifetime(call)
    _count_link(call)
    return call.answered(url_link=_made(call, "link", target, seconds))


@endpoint("/wxa/genwxashortlink", capability="mini")
def short_link(call: Call) -> Answer:
    """A text that opens the mini program inside WeChat."""
    url, title = call.body.get("page_url"), call.body.get("page_title", "")
    if not isinstance(url, str) or not 1 <= len(url) <= LONGEST_QUERY:
        raise Refusal(40066)
    path, _, query = url.lstrip("/").partition("?")
    if path not in call.account.pages:
        raise Refusal(40066)
    if not isinstance(title, str) or len(title) > 20:  # noqa: PLR2004
        raise Refusal(40225)
    return call.answered(link=_made(call, "short", (path, query, "release"), MOST_S))


def _queried(call: Call, given: object, kind: str) -> Answer:
    entry = minis.entry_of(call.world, str(given or ""))
    if entry is None or entry.appid != call.account.appid or entry.kind != kind:
        raise Refusal(85403)
    info = {
        "appid": entry.appid,
        "path": entry.path,
        "query": entry.query,
        "create_time": int(entry.created_at),
        "expire_time": int(entry.expires_at or 0),
        "env_version": entry.env,
    }
    left = {"remain_visit_quota": VISITS_A_DAY - entry.visits}
    name = "scheme_info" if kind == "scheme" else "url_link_info"
    return call.answered(**{name: info}, quota_info=left)


@endpoint("/wxa/queryscheme", capability="mini")
def query_scheme(call: Call) -> Answer:
    """Where a scheme leads and how often it may still be opened."""
    return _queried(call, call.body.get("scheme"), "scheme")


@endpoint("/wxa/query_urllink", capability="mini")
def query_url_link(call: Call) -> Answer:
    """Where a link leads and how often it may still be opened."""
    return _queried(call, call.body.get("url_link"), "link")


def _seen(call: Call) -> None:
    """The person must have used the mini program in the last two hours."""
    slug = call.receiver(call.body.get("openid"))
    row = minis.session(call.world, call.account, slug)
    if row is None or row["at"] + SEEN_S <= call.world.clock.now():
        raise Refusal(61010)


def _verdict(is_risky: bool) -> dict[str, Any]:
    label = RISKY_LABEL if is_risky else CLEAN_LABEL
    return {"suggest": "risky" if is_risky else "pass", "label": label}


@endpoint("/wxa/msg_sec_check", capability="mini")
def check_text(call: Call) -> Answer:
    """Whether a text may be shown; the call succeeds also for one that may not."""
    body = call.body
    content = body.get("content")
    if not isinstance(content, str) or not content:
        raise Refusal(44002)
    if len(content) > LONGEST_CONTENT:
        raise Refusal(45002)
    is_risky = FORBIDDEN in content
    if body.get("version") != 2:  # noqa: PLR2004
        if is_risky:
            raise Refusal(87014)
        return call.answered()
    if body.get("scene") not in (1, 2, 3, 4):
        raise Refusal(40129)
    _seen(call)
    count_minute(call.world, call.account.appid, "/wxa/msg_sec_check", CHECKS_A_MINUTE)
    detail = {"strategy": "content_model", "errcode": 0, **_verdict(is_risky), "prob": 90}
    if is_risky:
        detail["keyword"] = FORBIDDEN
    return call.answered(result=_verdict(is_risky), detail=[detail], trace_id=secrets.token_hex(16))


@endpoint("/wxa/media_check_async", capability="mini")
def check_media(call: Call) -> Answer:
    """Let a picture or a sound be checked; the verdict is pushed later."""
    body, world = call.body, call.world
    url = body.get("media_url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise Refusal(40066)
    if body.get("media_type") not in (1, 2) or body.get("scene") not in (1, 2, 3, 4):
        raise Refusal(40129)
    _seen(call)
    row = world.store.row(
        "SELECT count(*) AS n FROM media_checks WHERE appid = ? AND url = ? AND at > ?",
        call.account.appid,
        url,
        world.clock.now() - 60,
    )
    if row and row["n"] >= SAME_MEDIA:
        raise Refusal(87020)
    trace = secrets.token_hex(16)
    now = world.clock.now()
    world.store.insert("media_checks", trace_id=trace, appid=call.account.appid, url=url, at=now)
    slug = call.receiver(body.get("openid"))
    event = {
        "appid": call.account.appid,
        "trace_id": trace,
        "version": 2,
        "errcode": -1008 if "not-found" in url else 0,
        "errmsg": "ok",
        "result": _verdict("risky" in url),
        "detail": [{"strategy": "content_model", "errcode": 0, **_verdict("risky" in url)}],
    }
    world.pusher.in_background(world.pusher.event(call.account, slug, "wxa_media_check", **event))
    return call.answered(trace_id=trace)
