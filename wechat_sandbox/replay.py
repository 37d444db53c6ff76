"""Making a logged call once more, byte for byte: a push to the product, a call of the product."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx2
from starlette.requests import Request

from wechat_sandbox import calllog
from wechat_sandbox.accounts import BadInput
from wechat_sandbox.calllog import Again
from wechat_sandbox.control import route
from wechat_sandbox.world import World

SHOWN = 4000


class NoSuchCall(LookupError):
    """No call in the log has this number."""


@route("POST", "calls/{id}/replay")
async def replay(world: World, request: Request) -> Any:
    """Make a call of the log once more, exactly as it was; tokens and signatures may be old by now.

    A push goes to the product again; a call of the product is made again here.
    """
    number = int(request.path_params["id"]) if request.path_params["id"].isdigit() else 0
    row = world.store.row("SELECT * FROM calls WHERE id = ?", number)
    if row is None:
        raise NoSuchCall(request.path_params["id"])
    again = calllog.repeat_of(world, number)
    if again is None:
        raise BadInput("this call cannot be made once more: it was never sent or is no text")
    if row["kind"] == "callback":
        return await _to_product(world, again, note=row["note"])
    transport = httpx2.ASGITransport(app=request.app)
    async with httpx2.AsyncClient(transport=transport, base_url=world.config.public) as client:
        answer = await client.request(
            again.method, again.url, headers=again.headers, content=again.body.encode()
        )
    return _answer(answer)


def _answer(answer: httpx2.Response) -> dict[str, Any]:
    text = answer.text if answer.headers.get("content-type", "").find("image/") < 0 else ""
    return {"status": answer.status_code, "body": text[:SHOWN]}


async def _to_product(world: World, again: Again, *, note: str) -> dict[str, Any]:
    started, status, text = time.monotonic(), 0, ""
    try:
        async with asyncio.timeout(world.config.callback_timeout_s):
            answer = await world.pusher.http().request(
                again.method, again.url, headers=again.headers, content=again.body.encode()
            )
        status, text = answer.status_code, answer.text[:SHOWN]
        outcome = "accepted" if answer.is_success else "refused"
    except (TimeoutError, httpx2.TimeoutException):
        outcome = "timeout"
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        outcome, text = "unreachable", str(error) or type(error).__name__
    calllog.record(
        world,
        kind="callback",
        method=again.method,
        path=again.url.partition("?")[0],
        appid=None,
        status=status,
        errcode=None,
        note=f"{note.partition(' · ')[0]} · 重放",
        request={"headers": again.headers, "body": again.body},
        answer={"outcome": outcome, "body": text},
        took_s=time.monotonic() - started,
        again=again,
    )
    return {"status": status, "body": text}
