"""What happens by itself when its time has come, as the sandbox's clock has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from wechat_sandbox.world import World

Chore = Callable[[World], Coroutine[Any, Any, None]]

EVERY_S = 0.5
_chores: list[Chore] = []


def chore(work: Chore) -> Chore:
    """Register work that is asked again and again whether something of it is due.

    It must be harmless to ask twice at once: take what is due by one conditional statement.
    """
    _chores.append(work)
    return work


async def run_due(world: World) -> None:
    """Do now whatever is due now."""
    for work in _chores:
        await work(world)


async def run_forever(world: World) -> None:
    """Look twice a second until cancelled."""
    while True:
        for work in _chores:
            world.pusher.in_background(work(world))
        await asyncio.sleep(EVERY_S)
