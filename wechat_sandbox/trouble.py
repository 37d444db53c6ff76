"""Control of what goes wrong and when: faults, quotas, the clock, the log, a fresh start."""

from __future__ import annotations

import re
from dataclasses import asdict, fields
from typing import Any

from starlette.requests import Request

from wechat_sandbox import calllog, components, schedule
from wechat_sandbox.accounts import BadInput
from wechat_sandbox.callbacks import COUNTED_FAULTS, Policy
from wechat_sandbox.control import posted_object, route
from wechat_sandbox.store import lasting_tables, pack, unpack
from wechat_sandbox.world import World


def _whole(given: dict[str, Any], name: str, default: int) -> int:
    value = given.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadInput(f"{name} must be a whole number")
    return value


FAULT_PARTS = (
    "errcode", "errmsg", "http_status", "timeout", "after", "code", "message", "signature",
)  # fmt: skip


@route("POST", "faults")
async def add_fault(world: World, request: Request) -> Any:
    """Let the next ``times`` calls of a path fail; with ``after`` the work is done all the same.

    ``/connect/oauth2/authorize`` with an ``errcode`` such as 10004 shows that error page.
    """
    given = await posted_object(request)
    path = re.sub(r"^/(?:api|open)\.weixin\.qq\.com", "", str(given.get("path", "")))
    what = {name: given[name] for name in FAULT_PARTS if name in given}
    if not path or not {"errcode", "http_status", "timeout", "code", "signature"} & set(what):
        raise BadInput("path and one of errcode, http_status, timeout, code, signature are needed")
    number = world.store.insert(
        "faults", path=path, what=pack(what), remaining=_whole(given, "times", 1)
    )
    return {"id": number, "path": path, **what}


@route("GET", "faults")
async def list_faults(world: World, request: Request) -> Any:
    """Faults that are still to come."""
    rows = world.store.rows("SELECT * FROM faults WHERE remaining > 0 ORDER BY id")
    return [{"path": row["path"], "times": row["remaining"], **unpack(row["what"])} for row in rows]


@route("DELETE", "faults")
async def delete_faults(world: World, request: Request) -> Any:
    """Let everything work again."""
    world.store.write("DELETE FROM policies")
    return {"forgotten": world.store.write("DELETE FROM faults")}


@route("POST", "callbacks/policy")
async def set_policy(world: World, request: Request) -> Any:
    """Faults on the way of pushes to an account or a platform: a count, or true until changed."""
    given = await posted_object(request)
    appid = str(given.pop("appid", ""))
    if components.find(world.store, appid) is None:
        appid = world.account(appid).appid
    unknown = set(given) - {one.name for one in fields(Policy)}
    if unknown:
        raise BadInput(f"unknown: {', '.join(sorted(unknown))}")
    for name in COUNTED_FAULTS:
        if not isinstance(given.get(name, 0), int | bool):
            raise BadInput(f"{name} must be a count, true or false")
    if not isinstance(given.get("delay_s", 0), int | float):
        raise BadInput("delay_s must be a number")
    policy = Policy(**given)
    world.pusher.set_policy(appid, policy)
    return {"appid": appid, **asdict(policy)}


@route("PUT", "quotas")
async def set_quota(world: World, request: Request) -> Any:
    """Set a ``daily`` quota of a path, or what is allowed each ``minute``.

    As path ``permanent_codes`` limits the account's permanent QR codes, ``phone_numbers`` those
    that cost nothing, ``links`` the links into a mini program.
    """
    given = await posted_object(request)
    appid = world.account(str(given.get("appid", ""))).appid
    path, daily = str(given.get("path", "")), _whole(given, "daily", 0)
    if "minute" in given:
        minute = _whole(given, "minute", 0)
        world.store.insert("quota_limits", appid=appid, path=f"{path}#minute", daily=minute)
        return {"appid": appid, "path": path, "minute": minute}
    if path in ("permanent_codes", "phone_numbers"):
        world.store.insert("settings", key=f"{path}:{appid}", value=str(daily))
    else:
        world.store.insert("quota_limits", appid=appid, path=path, daily=daily)
    return {"appid": appid, "path": path, "daily": daily}


@route("GET", "clock")
async def get_clock(world: World, request: Request) -> Any:
    """The sandbox's time."""
    return {"now": world.clock.now(), "offset_s": world.clock.offset_s}


@route("POST", "clock")
async def set_clock(world: World, request: Request) -> Any:
    """Move the sandbox's time: ``advance_s`` on, or to ``offset_s`` from real time.

    What falls due by it is done at once; with ``wait`` the answer comes after that.
    """
    given = await posted_object(request)
    for name in ("advance_s", "offset_s"):
        if not isinstance(given.get(name, 0), int | float):
            raise BadInput(f"{name} must be a number")
    if "offset_s" in given:
        world.clock.set_offset(float(given["offset_s"]))
    world.clock.advance(float(given.get("advance_s", 0)))
    world.touch_all()
    if given.get("wait"):
        await schedule.run_due(world)
    else:
        world.pusher.in_background(schedule.run_due(world))
    return {"now": world.clock.now(), "offset_s": world.clock.offset_s}


@route("GET", "calls")
async def list_calls(world: World, request: Request) -> Any:
    """The log, newest first."""
    given = request.query_params
    numbers = {name: given.get(name, "") for name in ("limit", "before")}
    if not all(value.isdigit() or not value for value in numbers.values()):
        raise BadInput("limit and before must be whole numbers")
    return calllog.latest(
        world,
        limit=min(int(numbers["limit"] or 50), 500),
        before=int(numbers["before"] or 0) or None,
        kind=given.get("kind") or None,
        find=given.get("find", ""),
    )


@route("DELETE", "calls")
async def delete_calls(world: World, request: Request) -> Any:
    """Empty the log."""
    return {"forgotten": world.store.write("DELETE FROM calls")}


@route("POST", "reset")
async def reset(world: World, request: Request) -> Any:
    """Forget everything, or with ``keep`` "setup" only what happened since."""
    given = await posted_object(request)
    world.store.forget(keep=lasting_tables() if given.get("keep") == "setup" else ())
    world.clock.set_offset(0)
    world.people_changed()
    world.touch_all()
    return {"ok": True}
