"""Short names that stand in addresses: typed, or made from the name's pinyin."""

from __future__ import annotations

import re

from django.db import IntegrityError, transaction

from zhanggui.accounts.errors import AddressTaken, SentTwice
from zhanggui.accounts.models import Merchant, Operator
from zhanggui.core import constraints, tokens

LONGEST = 24
TRIES = 5


def insert(place: Merchant | Operator, name: str) -> None:
    """Insert a place; without a short name it gets one of its own.

    Raises:
        AddressTaken: the short name that was typed is in use (E_ADDRESS_TAKEN, 409).
        SentTwice: the form was sent before (E_SENT_TWICE, 409).
    """
    tries = [place.slug] if place.slug else _made(name)
    for slug in tries:
        place.slug = slug
        try:
            with transaction.atomic():
                place.save(force_insert=True)
        except IntegrityError as error:
            if constraints.violated(error).endswith("_per_form"):
                raise SentTwice from error
            continue
        return
    raise AddressTaken


def _made(name: str) -> list[str]:
    stem = stem_of(name)
    return [f"{stem}-{tokens.new_token(4)}" for _try in range(TRIES)]


def stem_of(name: str) -> str:
    """The name in Latin letters: ``清岚茶馆`` becomes ``qinglanchaguan``."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415  40 MB that most processes never need

    letters = "".join(lazy_pinyin(name)).lower()
    stem = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:LONGEST].strip("-")
    return stem or "shop"
