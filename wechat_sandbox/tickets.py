"""The ticket a platform needs for its token: pushed every ten minutes, good for twelve hours."""

from __future__ import annotations

import secrets

from wechat_sandbox import components
from wechat_sandbox.callbacks import Delivery
from wechat_sandbox.components import Component
from wechat_sandbox.schedule import chore
from wechat_sandbox.store import add_tables
from wechat_sandbox.world import World

EVERY_S = 600
LIFE_S = 12 * 3600

add_tables(
    """
CREATE TABLE tickets (ticket TEXT PRIMARY KEY, component TEXT NOT NULL, at REAL NOT NULL);
"""
)


def new_ticket(world: World, component: Component) -> str:
    """Make a ticket without telling anybody."""
    now = world.clock.now()
    world.store.write("DELETE FROM tickets WHERE at < ?", now - 4 * LIFE_S)
    ticket = "ticket@@@" + secrets.token_urlsafe(60)
    world.store.insert("tickets", ticket=ticket, component=component.appid, at=now)
    return ticket


async def push(world: World, component: Component) -> Delivery:
    """Make a ticket and push it to the platform's address for events."""
    fields = {
        "AppId": component.appid,
        "CreateTime": int(world.clock.now()),
        "InfoType": "component_verify_ticket",
        "ComponentVerifyTicket": new_ticket(world, component),
    }
    return await world.pusher.tell(component.event_line(), fields)


@chore
async def push_due(world: World) -> None:
    """Push to every platform whose ten minutes are over."""
    now = world.clock.now()
    for component in components.every(world.store):
        if not component.sends_tickets or not component.event_url:
            continue
        done = world.store.write(
            "UPDATE components SET ticket_due = ? WHERE appid = ? AND sends_tickets"
            " AND (ticket_due <= ? OR ticket_due > ?)",
            now + EVERY_S,
            component.appid,
            now,
            now + EVERY_S,  # the clock was moved back
        )
        if done:
            await push(world, component)


def errcode_of(world: World, component: Component, ticket: object) -> int:
    """0 for a ticket that is good, 61005 over, 61006 unknown."""
    row = world.store.row(
        "SELECT at FROM tickets WHERE ticket = ? AND component = ?", ticket, component.appid
    )
    if row is None:
        return 61006
    return 61005 if row["at"] + LIFE_S <= world.clock.now() else 0
