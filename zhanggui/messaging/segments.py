"""How many segments a text message costs.

One of up to 70 signs is one segment; a longer one is split into parts of 67, because each part
carries a header that joins them. The signature in 【】 counts. Source: dining specification 9.
"""

from __future__ import annotations

from math import ceil

SINGLE = 70
PART = 67


def length_of(text: str) -> int:
    """Signs as a phone's network counts them: UTF-16 units, so an emoji is two."""
    return len(text.encode("utf-16-le")) // 2


def count(text: str) -> int:
    """Segments of a whole message, its signature included."""
    return of_length(length_of(text))


def of_length(length: int) -> int:
    """Segments of so many signs; nothing at all is still one message."""
    return 1 if length <= SINGLE else ceil(length / PART)
