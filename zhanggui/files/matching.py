"""Which column of a sheet is which: remembered, or guessed from its header."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from hashlib import sha256

from zhanggui.core import clock
from zhanggui.files.errors import MappingMissing, MappingTwice
from zhanggui.files.imports import Column, ImportKind
from zhanggui.files.models import ImportMapping

_NOISE = re.compile(r"[\s*＊:：()（）\[\]【】_\-./、]+|必填|选填|required|optional")


def folded(text: str) -> str:
    """A header without what people decorate it with: ``* 手机号（必填）`` is ``手机号``."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).casefold())


def header_hash(header: Sequence[str]) -> bytes:
    """The same for sheets that are laid out alike."""
    return sha256(json.dumps([folded(text) for text in header]).encode()).digest()


def guess(kind: ImportKind, header: Sequence[str]) -> dict[str, int]:
    """Column name -> place: as remembered for this header, else where the texts fit."""
    remembered = ImportMapping.objects.filter(
        kind=kind.name, header_hash=header_hash(header)
    ).first()
    if remembered is not None:
        names = {column.name for column in kind.columns}
        return {
            name: header.index(text)
            for name, text in remembered.columns.items()
            if name in names and text in header
        }
    return _guessed(kind.columns, header)


def _guessed(columns: Sequence[Column], header: Sequence[str]) -> dict[str, int]:
    texts = [folded(text) for text in header]
    found: dict[str, int] = {}
    for fits in (_equals, _contains):  # exact names first, so that none takes another's column
        for column in columns:
            if column.name in found:
                continue
            names = _names_of(column)
            for place, text in enumerate(texts):
                if text and place not in found.values() and fits(text, names):
                    found[column.name] = place
                    break
    return found


def _names_of(column: Column) -> list[str]:
    return [folded(str(name)) for name in (column.label, column.name, *column.aliases)]


def _equals(text: str, names: Sequence[str]) -> bool:
    return text in names


def _contains(text: str, names: Sequence[str]) -> bool:
    return any(
        len(name) > 1 and (name in text or (len(text) > 1 and text in name)) for name in names
    )


def check(kind: ImportKind, header: Sequence[str], mapping: Mapping[str, int]) -> dict[str, int]:
    """A mapping somebody chose, without what does not exist.

    Raises:
        MappingMissing: a column every row needs is not matched (E_IMPORT_MAPPING, 422).
        MappingTwice: two columns point at one place (E_IMPORT_MAPPING_TWICE, 422).
    """
    chosen = {
        column.name: mapping[column.name]
        for column in kind.columns
        if 0 <= mapping.get(column.name, -1) < len(header)
    }
    for column in kind.columns:
        if column.required and column.name not in chosen:
            raise MappingMissing(column=column.label)
    places = list(chosen.values())
    for place in places:
        if places.count(place) > 1:
            raise MappingTwice(column=header[place])
    return chosen


def remember(kind: ImportKind, header: Sequence[str], mapping: Mapping[str, int]) -> None:
    """Match sheets with this header the same way next time."""
    ImportMapping.objects.update_or_create(
        kind=kind.name,
        header_hash=header_hash(header),
        defaults={
            "columns": {name: header[place] for name, place in mapping.items()},
            "used_at": clock.now(),
        },
    )
