"""What a token may do: modules register their scopes, owners choose among them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise

from zhanggui.accounts.standing import Standing

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Scope:
    """One thing that a token may do."""

    name: str
    """``module.what``, for example ``stamps.give``."""
    label: Text
    explanation: Text
    """What somebody who has the token can do with it, in plain words."""
    feature: str = ""
    """What the merchant's plan must switch on."""
    is_writing: bool = False
    order: int = 100


_known: dict[str, Scope] = {}


def register(*scopes: Scope) -> None:
    """Make scopes known; modules do so in ``apps.py``.

    Raises:
        ValueError: another scope has this name.
    """
    for scope in scopes:
        if _known.get(scope.name, scope) != scope:
            message = f"two scopes are called {scope.name}"
            raise ValueError(message)
        _known[scope.name] = scope


def known() -> list[Scope]:
    """All scopes, in the order of the form."""
    return sorted(_known.values(), key=lambda scope: (scope.order, scope.name))


def offered(standing: Standing) -> list[Scope]:
    """Those that the merchant's plan has."""
    return [scope for scope in known() if standing.has(scope.feature)]


def named(names: Iterable[str]) -> list[Scope]:
    """The scopes of a token; one whose module is gone is left out."""
    wanted = set(names)
    return [scope for scope in known() if scope.name in wanted]


def get(name: str) -> Scope:
    """The scope of this name."""
    return _known[name]
