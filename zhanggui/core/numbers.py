"""Whole numbers as they stand in addresses and forms."""

from __future__ import annotations

DIGITS_AT_MOST = 18
"""Every number of so many digits fits the database's bigint."""


def whole(typed: str) -> int | None:
    """The number that was typed; None for anything but up to 18 plain digits.

    Python's own ``int`` takes digits of all scripts and fails on some thousands of them.
    """
    is_number = typed.isascii() and typed.isdecimal() and len(typed) <= DIGITS_AT_MOST
    return int(typed) if is_number else None
