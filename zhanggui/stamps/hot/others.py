"""A code of another module in the same two trips (``codes.desk.AtOnce``).

First: the turn, the facts, and each operation's own statement; a code belongs to one of them at
most. Second: what that operation writes, and what the desk writes of every code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from zhanggui.accounts import audit
from zhanggui.codes import tries
from zhanggui.codes.desk import Asked, AtOnce, Booked
from zhanggui.core.db.pipeline import HotTransaction, Line, Statement, Values
from zhanggui.stamps.hot import facts as desk_facts
from zhanggui.stamps.hot import statements as sql
from zhanggui.stamps.hot.facts import Facts
from zhanggui.stamps.permissions import FEATURE

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.stamps.results import Desk


class Found(NamedTuple):
    """The operation whose code was spent, and what its statement answered."""

    subject_type: str
    operation: AtOnce
    row: Line


def ask(
    hot: HotTransaction,
    desk: Desk,
    asked: Asked,
    operations: Sequence[tuple[str, AtOnce]],
    *,
    caller: str,
    key: str,
) -> tuple[Facts, Found | None]:
    """The first trip; None: no code that one of these operations spends.

    Raises:
        Assumed: the desk was another one, so this must not have happened.
    """
    values: Values = {
        "merchant": asked.merchant_id,
        "binding": desk.binding_id,
        "person": asked.person_id,
        "store": asked.store_id,
        "now": asked.now,
        "day": asked.day,
        "feature": FEATURE.name,
        "tries_since": asked.now - tries.DAY,
        "caller": caller,
        "key": key,
        "templates": [name for _subject, one in operations for name in one.tells],
    }
    spends = [one.spend(asked) for _subject, one in operations]
    facts, answers = desk_facts.ask(hot, values, spends, desk.check)
    for (subject_type, operation), rows in zip(operations, answers, strict=True):
        if rows:
            return facts, Found(subject_type, operation, rows[0])
    return facts, None


def book(
    hot: HotTransaction,
    desk: Desk,
    asked: Asked,
    booked: Booked,
    *,
    actor: Actor,
    action: str,
    more: Sequence[Statement],
) -> None:
    """The second trip: what the operation writes, the desk's own entry and count, the answer.

    Args:
        hot: the transaction of ``ask``.
        desk: whose codes of the day are counted.
        asked: the same as there.
        booked: what the operation wants written.
        actor: who confirms.
        action: of the desk's audit entry.
        more: what else commits with it.
    """
    values: Values = {
        "merchant": asked.merchant_id,
        "now": asked.now,
        "day": asked.day,
        "binding": desk.binding_id,
        "store": asked.store_id,
        "actor_kind": actor.kind.value,
        "actor": actor.id,
        "action": action,
        "target": f"code:{booked.code_id}",
        "details": {"operation": booked.operation},
        "device": actor.device,
        "ip": actor.ip,
    }
    own = [Statement(audit.ENTRY, values), Statement(sql.COUNTED, values)]
    hot.last([*booked.statements, *own, *more])
