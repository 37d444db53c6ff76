"""What six digits may be for at a till: products register theirs in ``apps.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from zhanggui.codes import services as codes
from zhanggui.codes.desk import Counter
from zhanggui.codes.models import OneTimeCode

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Typed:
    """What came into a till."""

    digits: str
    """Six half-width digits."""
    way: str = ""
    """How they came, in the words of whoever reads them."""


Reader = Callable[[str], Typed]
"""Reads what was typed or scanned; raises ``CodeFormat``, which is no try."""
Look = Callable[[OneTimeCode, Counter, Typed], Mapping[str, Any]]
"""What spending it would do, as JSON; raises the refusal if it cannot be done."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One purpose of codes."""

    operation: str
    """As in the code's row, for example ``stamps.accumulate``."""
    name: str
    """As the API calls it, for example ``stamp``."""
    label: Text
    subject_type: str
    scope: str
    """What a token needs to do it."""
    look: Look


_known: dict[str, Operation] = {}
_reader: list[Reader] = [lambda sent: Typed(codes.normalise(sent))]


def register(*operations: Operation) -> None:
    """Let tills use codes of these purposes.

    Raises:
        ValueError: another registration has this purpose.
    """
    for operation in operations:
        if _known.get(operation.operation, operation) != operation:
            message = f"two registrations of {operation.operation}"
            raise ValueError(message)
        _known[operation.operation] = operation


def read_by(reader: Reader) -> None:
    """Let a product read what comes in, because its QR pictures say more than the digits."""
    _reader[:] = [reader]


def read(sent: str) -> Typed:
    """What came in.

    Raises:
        CodeFormat: not six digits; not a try (422).
    """
    return _reader[0](sent)


def of(operation: str) -> Operation | None:
    """The registration of a purpose."""
    return _known.get(operation)


def subject_types() -> list[str]:
    """All kinds of things that codes at a till are for."""
    return sorted({operation.subject_type for operation in _known.values()})
