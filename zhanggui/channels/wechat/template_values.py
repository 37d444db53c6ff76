"""Values as the places of WeChat's templates take them: cut to length, of the right signs.

A value that does not fit is refused by WeChat with 47003 and reaches nobody, so it is made to fit.
Source: digest 7.6 (value rules by prefix), 4.9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LONGEST = {
    "thing": 20,
    "phrase": 5,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "character_string": 32,
    "amount": 12,
    "phone_number": 17,
    "car_number": 8,
    "name": 10,
    "const": 20,
}
NOT_ASCII = re.compile(r"[^\x21-\x7e]")
NOT_NUMBER = re.compile(r"[^0-9.]")
NOTHING = "-"
FIXED = "="
"""Before a text that is always the same, where a place is not filled by one of our fields."""


def kind_of(place: str) -> str:
    """``thing`` for ``thing12``."""
    return place.rstrip("0123456789")


def fit(place: str, value: str) -> str:
    """A value as this place takes it."""
    kind = kind_of(place)
    text = " ".join(value.split())
    if kind == "character_string":
        text = NOT_ASCII.sub("", text)
    elif kind == "number":
        text = NOT_NUMBER.sub("", text) or "0"
    longest = LONGEST.get(kind)
    if longest is not None and len(text) > longest:
        is_cut = kind in {"thing", "const"}
        text = f"{text[: longest - 1]}…" if is_cut else text[:longest]
    return text or NOTHING


def data(mapping: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """What goes to WeChat.

    Args:
        mapping: place (``thing1``) to the name of our field, or ``=`` and a fixed text.
        values: our fields.
    """
    return {
        place: fit(
            place,
            source.removeprefix(FIXED) if source.startswith(FIXED) else values.get(source, ""),
        )
        for place, source in mapping.items()
    }
