"""What codes of this module let happen; a code made for one never does the other (R12)."""

from __future__ import annotations

from zhanggui.stamps.models import Kind

SUBJECT = "stamps.card"
OPERATIONS: dict[Kind, str] = {
    Kind.ACCUMULATE: "stamps.accumulate",
    Kind.CANCEL: "stamps.cancel",
}
EVENTS: dict[Kind, str] = {
    Kind.ACCUMULATE: "stamps.accumulated",
    Kind.CANCEL: "stamps.cancelled",
}


def kind_of(operation: str) -> Kind:
    """The kind a code's operation stands for."""
    return next(kind for kind, name in OPERATIONS.items() if name == operation)
