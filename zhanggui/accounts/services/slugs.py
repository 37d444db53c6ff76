"""Short names that stand in addresses: typed, or made from the name's pinyin."""

from __future__ import annotations

import re

from zhanggui.accounts.errors import AddressTaken
from zhanggui.accounts.models import Merchant, Operator
from zhanggui.core import constraints, tokens

LONGEST = 24
TRIES = 5


def insert(place: Merchant | Operator, name: str) -> None:
    """Insert a place; without a short name it gets one of its own.

    Raises:
        AddressTaken: the short name that was typed is in use (E_ADDRESS_TAKEN, 409).
    """
    if place.slug:
        constraints.insert(place, AddressTaken)
        return
    stem = stem_of(name)
    for _try in range(TRIES):
        place.slug = f"{stem}-{tokens.new_token(4)}"
        try:
            constraints.insert(place, AddressTaken)
        except AddressTaken:
            continue
        return
    raise AddressTaken


def stem_of(name: str) -> str:
    """The name in Latin letters: ``清岚茶馆`` becomes ``qinglanchaguan``."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415  40 MB that most processes never need

    letters = "".join(lazy_pinyin(name)).lower()
    stem = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:LONGEST].strip("-")
    return stem or "shop"
