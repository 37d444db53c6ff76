"""One merchant's rows and nobody else's: the scope every tenant query needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


class NoScope(RuntimeError):
    """A tenant query was made outside a merchant's scope: a bug, never a user's mistake."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows may be touched; ``merchant_id`` is None when a named reason opens all."""

    merchant_id: int | None
    reason: str = ""


_scope: ContextVar[Scope | None] = ContextVar("merchant_scope", default=None)


def current() -> Scope:
    """The open scope.

    Raises:
        NoScope: none is open.
    """
    found = _scope.get()
    if found is None:
        message = "open a merchant's scope first: tenancy.merchant_scope(merchant_id)"
        raise NoScope(message)
    return found


def current_merchant_id() -> int:
    """The merchant of the open scope.

    Raises:
        NoScope: none is open, or the scope spans all merchants.
    """
    merchant_id = current().merchant_id
    if merchant_id is None:
        message = "this needs one merchant, the open scope spans all of them"
        raise NoScope(message)
    return merchant_id


@contextmanager
def merchant_scope(merchant_id: int) -> Iterator[Scope]:
    """Open the scope of one merchant."""
    token = _scope.set(Scope(merchant_id))
    try:
        yield current()
    finally:
        _scope.reset(token)


@contextmanager
def all_merchants(reason: str) -> Iterator[Scope]:
    """Open every merchant's rows for a job or a command; say why."""
    if not reason:
        message = "say why all merchants are needed"
        raise ValueError(message)
    token = _scope.set(Scope(None, reason))
    try:
        yield current()
    finally:
        _scope.reset(token)
