"""Which rule answers a message; nothing here asks the database."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zhanggui.channels.wechat.models import AutoReply, Occasion

MOST_WORDS = 20
WORD_LENGTH = 30


@dataclass(frozen=True, slots=True)
class Word:
    """A word a rule listens for, folded."""

    text: str
    is_whole: bool
    """The message must be this word and nothing else; otherwise it may stand anywhere in it."""


def fold(text: str) -> str:
    """A text without what people do not mean: width, case, blanks at the ends."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words_of(rule: AutoReply) -> list[Word]:
    """The words of a rule as the database keeps them."""
    return [Word(str(one["text"]), bool(one["whole"])) for one in rule.words]


def stored(words: Iterable[Word]) -> list[dict[str, object]]:
    """As the database keeps words: folded, each once, the first one decides."""
    kept: dict[str, bool] = {}
    for word in words:
        folded = fold(word.text)
        if folded:
            kept.setdefault(folded, word.is_whole)
    return [{"text": text, "whole": is_whole} for text, is_whole in kept.items()]


def answering(rules: Sequence[AutoReply], text: str) -> tuple[AutoReply, Word] | None:
    """The keyword rule that answers a text, and the word it heard.

    The higher priority comes first; among equals a whole word beats a contained one, a longer
    word a shorter one, an older rule a younger one.
    """
    heard = fold(text)
    if not heard:
        return None
    best: tuple[tuple[int, bool, int, int], AutoReply, Word] | None = None
    for rule in rules:
        if rule.occasion != Occasion.KEYWORD or not rule.is_on:
            continue
        for word in words_of(rule):
            fits = heard == word.text if word.is_whole else word.text in heard
            rank = (rule.priority, word.is_whole, len(word.text), -rule.pk)
            if fits and (best is None or rank > best[0]):
                best = (rank, rule, word)
    return (best[1], best[2]) if best else None
