"""What merchants can send as template messages: a registry that products fill through messaging.

The pages of templates list these notices and let a merchant say which WeChat template stands for
each; whoever sends asks for that mapping by the notice's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Field:
    """A value a notice carries; ``kind`` is the prefix of the places that hold such values."""

    name: str
    label: Text
    example: Text
    kind: str = "thing"
    """``thing``, ``time``, ``number``, ``amount``, ``character_string``, ``phrase``, ..."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the product that a WeChat template can carry."""

    name: str
    """``product.what``, for example ``stamps.stamped``."""
    label: Text
    fields: tuple[Field, ...]
    keywords: tuple[str, ...] = ()
    """Words to look for in WeChat's template library."""


_known: dict[str, Notice] = {}


def register(*notices: Notice) -> None:
    """Make notices known; modules do so in ``apps.py``.

    Raises:
        ValueError: another notice has this name.
    """
    for notice in notices:
        if _known.get(notice.name, notice) != notice:
            message = f"two notices are called {notice.name}"
            raise ValueError(message)
        _known[notice.name] = notice


def known() -> list[Notice]:
    """All notices, by name."""
    return [_known[name] for name in sorted(_known)]


def find(name: str) -> Notice | None:
    """A notice by its name."""
    return _known.get(name)
