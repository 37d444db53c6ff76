"""Who wrote something down, for rows that show it."""

from __future__ import annotations

from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import ActorKind


def author_of(actor: Actor) -> int | None:
    """The id of the person who acts; None for a job."""
    return actor.id if actor.kind == ActorKind.PERSON else None
