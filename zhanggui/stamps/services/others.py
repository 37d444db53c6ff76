"""Codes at the desk that are no card's: whatever other modules registered (``codes.desk``, R14).

The same guards as for a card's code: binding, lock, hold, scope, one ledger effect for each code.
They go the ordinary chain; stamps keep their two trips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zhanggui.codes import desk as registry
from zhanggui.codes import services as codes
from zhanggui.codes.models import OneTimeCode
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.stamps.results import Desk


@dataclass(frozen=True, slots=True)
class Seen:
    """What confirming a code of another module would do; held for this manager meanwhile."""

    code_id: int
    operation: registry.Operation
    page: Mapping[str, Any]
    seconds_left: int
    refusal: DomainError | None = None


def counter_of(desk: Desk) -> registry.Counter:
    """The desk as other modules see it."""
    return registry.Counter(
        store_id=desk.store_id,
        store_name=desk.store_name,
        person_id=desk.person_id,
        person_name=desk.person_name,
        zone=desk.zone,
    )


def look(desk: Desk, typed: str) -> Seen | None:
    """Hold a code of another module and ask what it would do; None: no such code is usable here."""
    for subject_type in registry.subject_types():
        code_id = codes.hold(
            digits=typed,
            store_id=desk.store_id,
            person_id=desk.person_id,
            subject_type=subject_type,
        )
        if code_id is None:
            continue
        code = OneTimeCode.objects.defer("digits_hash", "digits_sealed").get(pk=code_id)
        operation = registry.of(subject_type)
        assert operation is not None  # noqa: S101  its own key
        try:
            page = operation.preview(code, counter_of(desk))
        except DomainError as refusal:
            return Seen(code_id, operation, {}, 0, refusal)
        return Seen(code_id, operation, page, _seconds(code, clock.now()))
    return None


def is_there(desk: Desk, typed: str) -> bool:
    """Whether a code of another module would be usable here now; reads only."""
    return any(
        codes.find_usable(
            digits=typed,
            store_id=desk.store_id,
            person_id=desk.person_id,
            subject_type=subject_type,
        )
        for subject_type in registry.subject_types()
    )


def _seconds(code: OneTimeCode, moment: datetime) -> int:
    until = code.held_until or code.expires_at
    return max(0, int((until - moment).total_seconds()))
