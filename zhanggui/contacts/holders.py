"""Modules whose rows belong to customers, and what they owe them.

Contacts stand below the products and may not import them. A module that keeps rows with a customer
registers one :class:`Holder` in its ``apps.py``; whoever merges, splits, erases or hands out a
person's data asks all of them. Everything runs in the open merchant scope and, where it writes, in
the transaction of the service that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from zhanggui.accounts.actors import Actor

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Merging:
    """One customer who goes into another, or comes out again."""

    id: int
    """The row of the merge, which names what is booked for it."""
    survivor_id: int
    replaced_id: int
    actor: Actor


@dataclass(frozen=True, slots=True)
class Held:
    """A line of the preview: what a customer has here, and what merging does with it."""

    label: Text
    value: str
    becomes: Text
    """What is true of it after the merge, in a sentence."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of everything a module knows about one person."""

    name: str
    """For machines: the key in the JSON."""
    title: Text
    columns: Sequence[Text]
    rows: Sequence[Sequence[Any]]
    """Texts, whole numbers, aware datetimes, dates or None."""


def _nothing_held(_replaced_id: int, _survivor_id: int) -> Sequence[Held]:
    return ()


def _nothing_moved(_merging: Merging) -> dict[str, Any]:
    return {}


def _no_objection(
    _survivor_id: int, _replaced_id: int, _moved: Mapping[str, Any]
) -> str | Promise | None:
    return None


def _nothing_to_put_back(_merging: Merging, _moved: Mapping[str, Any]) -> None: ...


def _nothing_to_erase(_customer_ids: Collection[int]) -> None: ...


def _no_sheets(_customer_id: int) -> Sequence[Sheet]:
    return ()


def _none_in_use(_customer_ids: Collection[int]) -> set[int]:
    return set()


@dataclass(frozen=True)
class Holder:
    """A module that keeps rows of customers.

    ``held`` lists what the customer has who goes into another one, for previews. ``merge`` moves
    the rows of the replaced customer to the survivor and answers plain JSON by which ``undo`` puts
    exactly these rows back; ``why_not_undo`` answers a sentence when something happened since that
    forbids it. ``erase`` removes names, phones and everything else that tells who it was, and
    leaves numbers. ``sheets`` are for the person who asks what is known. ``in_use`` answers which
    customers have business here, so that an import is not undone under them.
    """

    name: str
    held: Callable[[int, int], Sequence[Held]] = _nothing_held
    merge: Callable[[Merging], dict[str, Any]] = _nothing_moved
    why_not_undo: Callable[[int, int, Mapping[str, Any]], Text | None] = _no_objection
    undo: Callable[[Merging, Mapping[str, Any]], None] = _nothing_to_put_back
    erase: Callable[[Collection[int]], None] = _nothing_to_erase
    sheets: Callable[[int], Sequence[Sheet]] = _no_sheets
    in_use: Callable[[Collection[int]], set[int]] = _none_in_use


_holders: dict[str, Holder] = {}


def register(holder: Holder) -> None:
    """Make a module's rows part of merging, erasing and handing out; from ``apps.py``.

    Raises:
        ValueError: another module has this name.
    """
    if _holders.get(holder.name, holder) != holder:
        message = f"two holders are called {holder.name}"
        raise ValueError(message)
    _holders[holder.name] = holder


def known() -> list[Holder]:
    """All modules that hold rows of customers, by name: one order for all, so nobody deadlocks."""
    return [_holders[name] for name in sorted(_holders)]
