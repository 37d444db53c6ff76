"""Opaque random tokens for whatever a customer or the public sees; never row ids."""

from __future__ import annotations

import secrets
from hashlib import sha256

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # 31 signs, none looks like another


def new_token(length: int = 26) -> str:
    """A random token of lower-case letters and digits; 26 signs carry 128 bits."""
    number = secrets.randbelow(len(ALPHABET) ** length)  # one draw, not one for each sign
    signs = []
    for _ in range(length):
        number, sign = divmod(number, len(ALPHABET))
        signs.append(ALPHABET[sign])
    return "".join(signs)


def digest(token: str) -> bytes:
    """SHA-256 of a long random token, for tables that only compare it."""
    return sha256(token.encode()).digest()
