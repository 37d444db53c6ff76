"""What payments are for: modules above register their purposes in ``apps.py``.

``on_paid``, ``on_closed`` and ``on_refunded`` run inside the transaction that books the fact, in
the merchant's scope, with the payment's row locked. They must not call anybody outside. A
``DomainError`` from ``on_paid`` says that what was paid for cannot be had any more: the money then
goes back by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import Promise

if TYPE_CHECKING:
    from zhanggui.channels.pay.models import Payment, Refund

Text = str | Promise


def _nothing(_fact: object) -> None:
    """Nobody wants to know."""


def _no_url(_payment: object, _surface: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a kind of payment is for, and who is told of it."""

    name: str
    """``module.thing``, for example ``billing.order``."""
    label: Text
    on_paid: Callable[[Payment], None] = _nothing
    on_closed: Callable[[Payment], None] = _nothing
    """It is certain that this payment will not come any more: release what was held."""
    on_refunded: Callable[[Refund], None] = _nothing
    takes_late: bool = False
    """Whether ``on_paid`` is asked for money that came after the payment was closed."""
    refunds_elsewhere: bool = False
    """Whether only the module itself gives money back, on the page of what was bought."""
    url: Callable[[Payment, str], str] = _no_url
    """Where what was bought is shown on a surface; empty when it has no page there."""


_purposes: dict[str, Purpose] = {}


def register(purpose: Purpose) -> None:
    """Make a purpose known.

    Raises:
        ValueError: another one has this name.
    """
    if _purposes.get(purpose.name, purpose) != purpose:
        message = f"two purposes are called {purpose.name}"
        raise ValueError(message)
    _purposes[purpose.name] = purpose


def find(name: str) -> Purpose:
    """The purpose of this name; one nobody registered does nothing and shows its name."""
    return _purposes.get(name) or Purpose(name, name)


def known() -> list[Purpose]:
    """All purposes, by name."""
    return [_purposes[name] for name in sorted(_purposes)]
