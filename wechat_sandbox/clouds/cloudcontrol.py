"""Control of cloud accounts, of what happens to single numbers, and of receipts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request

from wechat_sandbox.clouds import receipts, senders
from wechat_sandbox.clouds.senders import Sender
from wechat_sandbox.control import posted_object, route
from wechat_sandbox.world import World


def _sender(world: World, request: Request) -> Sender:
    return senders.get(world, request.path_params["key_id"])


@route("GET", "senders")
async def list_senders(world: World, request: Request) -> Any:
    """All cloud accounts that send text messages, with their keys."""
    return [asdict(one) for one in senders.every(world)]


@route("POST", "senders")
async def post_sender(world: World, request: Request) -> Any:
    """Open an account at ``provider`` tencent or aliyun, with approved signatures and templates."""
    return asdict(senders.create(world, await posted_object(request)))


@route("PUT", "senders/{key_id}")
async def put_sender(world: World, request: Request) -> Any:
    """Change signatures, templates, balance, limits or receipts of an account."""
    return asdict(senders.change(world, _sender(world, request), await posted_object(request)))


@route("DELETE", "senders/{key_id}")
async def delete_sender(world: World, request: Request) -> Any:
    """Take an account away with its receipts."""
    known = _sender(world, request)
    with world.store.transaction():
        for table in ("sms_receipts", "sms_sent", "sms_senders"):
            world.store.write(f"DELETE FROM {table} WHERE key_id = ?", known.key_id)  # noqa: S608
    return {"ok": True}


@route("GET", "senders/{key_id}/receipts")
async def list_receipts(world: World, request: Request) -> Any:
    """An account's receipts and whether they were taken, newest first."""
    return receipts.of_sender(world, _sender(world, request).key_id)


@route("PUT", "numbers/{phone}")
async def put_number(world: World, request: Request) -> Any:
    """What happens to messages of one number; an empty object takes the rule away."""
    phone = request.path_params["phone"]
    return asdict(senders.set_rule(world, phone, await posted_object(request)))
