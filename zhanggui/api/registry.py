"""The routes of the API: modules register theirs in ``apps.py``, the frame collects them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ninja import Router

type Routes = Callable[[], Router]
"""Imports a module's routes when addresses are collected, so that jobs need not."""

_routes: dict[str, Routes] = {}


def register(module: str, routes: Routes) -> None:
    """Make a module's routes part of ``/api/v1/``."""
    _routes[module] = routes


def routers() -> list[Router]:
    """All routes, in the order of registration."""
    return [routes() for routes in _routes.values()]
