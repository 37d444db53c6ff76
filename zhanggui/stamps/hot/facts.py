"""The first trip of whatever a code lets happen at a desk: the turn, the facts, the act itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zhanggui.codes.tries import Tries
from zhanggui.core.db import pipeline as read
from zhanggui.core.db import turns
from zhanggui.core.db.pipeline import HotTransaction, Line, Statement, Values
from zhanggui.stamps.hot import statements as sql
from zhanggui.stamps.models import OPERATIONS_A_DAY
from zhanggui.stamps.results import Check


class Assumed(Exception):
    """The desk is not what it was taken for."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What ``FACTS`` answers."""

    is_bound: bool
    is_open: bool
    store_name: str
    tries: Tries
    fingerprint: bytes
    answer: dict[str, Any]
    answered_at: datetime | None
    told: tuple[str, ...]
    """Names of the messages that the shop wants told."""
    operations: int
    """Codes that this manager has confirmed today."""
    operations_a_day: int
    may_stamp_own: bool
    phone_sealed: bytes
    """The manager's number."""


NO_STORE = Facts(
    is_bound=False,
    is_open=False,
    store_name="",
    tries=Tries(),
    fingerprint=b"",
    answer={},
    answered_at=None,
    told=(),
    operations=0,
    operations_a_day=OPERATIONS_A_DAY,
    may_stamp_own=False,
    phone_sealed=b"",
)


def ask(
    hot: HotTransaction, values: Values, acts: Sequence[Statement], check: Check | None
) -> tuple[Facts, list[list[Line]]]:
    """Take the turn, read the facts, act, and check who stands at the desk; one trip.

    Args:
        hot: a transaction that begins with this.
        values: of ``FACTS``.
        acts: what is done meanwhile; whoever reads the facts may roll it back.
        check: what the desk was assumed from, if it was.

    Raises:
        Assumed: the desk was another one, so this must not have happened.
    """
    turn = turns.number("codes.tries", values["merchant"], values["person"], values["store"])
    statements = [Statement(turns.TAKE, {"turn": turn}), Statement(sql.FACTS, values), *acts]
    is_open = check is not None and not check.is_passed
    if check is not None and is_open:
        statements.append(check.statement)
    _turn, facts, *found = hot.first(statements)
    if check is not None and is_open:
        if found.pop() != [check.expected]:
            raise Assumed
        check.is_passed = True
    return _facts(facts), found


def _facts(rows: list[Line]) -> Facts:
    if not rows:
        return NO_STORE
    operations, is_open, store_name, wrong, expired, fingerprint, answer, answered_at, told = rows[
        0
    ][:9]
    operations_a_day, may_stamp_own, phone_sealed = rows[0][9:]
    return Facts(
        is_bound=operations is not None,
        is_open=read.is_true(is_open),
        store_name=read.text(store_name),
        tries=Tries(read.moments(wrong), read.moments(expired)),
        fingerprint=read.raw_bytes(fingerprint),
        answer=json.loads(answer) if answer else {},
        answered_at=read.moment(answered_at),
        told=read.names(told),
        operations=read.number(operations),
        operations_a_day=read.number_or_none(operations_a_day) or OPERATIONS_A_DAY,
        may_stamp_own=read.is_true(may_stamp_own),
        phone_sealed=read.raw_bytes(phone_sealed),
    )
