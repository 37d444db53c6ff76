"""Programmes: what a card collects, where and how."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zhanggui.stamps.models import Programme

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


@dataclass(frozen=True, slots=True)
class ProgrammeInput:
    """What the office types in."""

    name: str
    reward: str
    slots: int = 10
    rules: str = ""
    code_ttl_s: int = 180
    max_per_code: int = 1
    store_ids: Collection[int] = ()
    """Where it runs; empty means every store."""


def create_programme(*, values: ProgrammeInput, actor: Actor) -> Programme:
    """Start a programme."""
    raise NotImplementedError


def edit_programme(*, programme_id: int, values: ProgrammeInput, actor: Actor) -> Programme:
    """Change a programme; cards keep their stamps."""
    raise NotImplementedError


def pause_programme(*, programme_id: int, actor: Actor) -> Programme:
    """Stop giving stamps; codes already out are refused (D28)."""
    raise NotImplementedError


def resume_programme(*, programme_id: int, actor: Actor) -> Programme:
    """Give stamps again."""
    raise NotImplementedError
