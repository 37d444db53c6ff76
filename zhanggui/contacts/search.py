"""Search keys: what a customer is found by, without help from the database's locale.

A row carries the words it is found by (``tokens_of``); a search asks for rows that carry the words
of what was typed (``wanted``). Chinese signs are kept as single signs and pairs, Latin letters and
pinyin as beginnings of words, numbers as their beginnings, phones as keyed hashes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

LENGTH = 200
SORT_LENGTH = 120
BETWEEN = "|"  # keeps a search from matching across two readings
LONGEST_WORD = 8
"""Beginnings are kept up to this length; what is longer is compared with ``name_key``."""
SHORTEST_NUMBER = 3
MOST_STARTS = 4
"""Pinyin is found from each of the first syllables on: ``xiaoming`` finds 王小明, too."""
MOST_SIGNS = 24
"""Longer names are found by their first signs; a sentence as a name must not fill the index."""
HAN = r"\u2e80-\u9fff\uf900-\ufaff\U00020000-\U000323af"
PARTS = re.compile(rf"(?P<signs>[{HAN}]+|[^\w\s\x00-\x7f])|[^\W_{HAN}]+")
SURNAMES = {
    "单": "shan",
    "解": "xie",
    "仇": "qiu",
    "曾": "zeng",
    "查": "zha",
    "区": "ou",
    "朴": "piao",
    "盖": "ge",
    "翟": "zhai",
    "缪": "miao",
    "乐": "yue",
    "黑": "he",
    "折": "she",
    "秘": "bi",
    "召": "shao",
    "员": "yun",
    "逄": "pang",
    "冼": "xian",
    "覃": "qin",
    "尉": "yu",
    "令": "ling",
    "种": "chong",
    "繁": "po",
    "晟": "cheng",
}
"""Signs that are read otherwise when they are a surname."""


def fold(text: str) -> str:
    """One form for comparing: NFKC (full width becomes half), case-folded, no blanks."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(folded.split()).replace(BETWEEN, "")


def name_key(name: str) -> str:
    """The folded name, its pinyin and its initials: ``王小明|wangxiaoming|wxm``."""
    folded = fold(name)
    syllables = _syllables(folded)
    parts = (folded, "".join(syllables), "".join(s[0] for s in syllables if s))
    return BETWEEN.join(part[:LENGTH] for part in parts)[:LENGTH]


def sort_key(name: str) -> str:
    """What the list by name is ordered by: ``wangxiaoming|王小明``."""
    folded = fold(name)
    return f"{''.join(_as_surname(folded))}{BETWEEN}{folded}"[:SORT_LENGTH]


def tokens_of(name: str, number: str, hashes: Sequence[bytes] = ()) -> list[str]:
    """Everything one customer is found by.

    Args:
        name: as people write it.
        number: the member number.
        hashes: the keyed hashes of the phone and of its last four digits.
    """
    found: set[str] = set()
    for part, is_signs in _parts(name[:MOST_SIGNS]):
        found.update(_signs(part) if is_signs else _beginnings(part))
    folded = fold(name)[:MOST_SIGNS]
    readings = {tuple(_syllables(folded)), tuple(_as_surname(folded))}
    for syllables in readings:
        for start in range(min(len(syllables), MOST_STARTS)):
            rest = syllables[start:]
            found.update(_beginnings("".join(rest)))
            found.update(_beginnings("".join(s[0] for s in rest if s)))
    number = fold(number)
    found.update(number[:n] for n in range(SHORTEST_NUMBER, min(len(number), LONGEST_WORD) + 1))
    found.update([number] if number else [])
    found.update(of_hash(digest) for digest in hashes)
    return sorted(found)


def of_hash(digest: bytes) -> str:
    """The word of a keyed hash; ``~`` stands in no name."""
    return f"~{digest[:9].hex()}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a typed text asks for: all of these words, and these texts somewhere in the name."""

    tokens: list[str]
    texts: list[str]


def wanted(typed: str) -> Wanted:
    """Turn what somebody typed into the words to look for; empty when nothing can be found."""
    tokens: list[str] = []
    texts: list[str] = []
    for part, is_signs in _parts(typed):
        if is_signs:
            tokens += _pairs(part) or [part]
            if len(part) > 2:  # noqa: PLR2004  a pair is exact by itself
                texts.append(part)
        else:
            tokens.append(part[:LONGEST_WORD])
            if len(part) > LONGEST_WORD:
                texts.append(part)
    return Wanted(list(dict.fromkeys(tokens)), texts)


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """The words of a text; True stands beside Chinese signs and single symbols."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    for found in PARTS.finditer(folded):
        yield found.group(), found.group("signs") is not None


def _signs(part: str) -> list[str]:
    return [*part, *_pairs(part)]


def _pairs(part: str) -> list[str]:
    return [part[at : at + 2] for at in range(len(part) - 1)]


def _beginnings(word: str) -> list[str]:
    return [word[:length] for length in range(1, min(len(word), LONGEST_WORD) + 1)]


@lru_cache(maxsize=4096)
def _syllables(folded: str) -> list[str]:
    from pypinyin import lazy_pinyin  # noqa: PLC0415  40 MB that most processes never need

    return [str(syllable) for syllable in lazy_pinyin(folded)]


def _as_surname(folded: str) -> list[str]:
    syllables = _syllables(folded)
    reading = SURNAMES.get(folded[:1])
    return [reading, *syllables[1:]] if reading and len(folded) > 1 else syllables
