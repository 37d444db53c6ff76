"""Search keys: what a name is found by, without help from the database's locale."""

from __future__ import annotations

import unicodedata

LENGTH = 200
BETWEEN = "|"  # keeps a search from matching across two readings


def fold(text: str) -> str:
    """One form for comparing: NFKC (full width becomes half), case-folded, no blanks."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(folded.split()).replace(BETWEEN, "")


def name_key(name: str) -> str:
    """The folded name, its pinyin and its initials: ``王小明|wangxiaoming|wxm``."""
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415  40 MB that most processes never need

    folded = fold(name)
    full = "".join(lazy_pinyin(folded))
    initials = "".join(lazy_pinyin(folded, style=Style.FIRST_LETTER))
    return BETWEEN.join(part[:LENGTH] for part in (folded, full, initials))[:LENGTH]
