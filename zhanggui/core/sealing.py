"""Secrets at rest: encryption and keyed hashes, bound to a merchant and a column.

AES-256-GCM under a key derived for the purpose (HKDF-SHA256) from the key ring; the bytes are
``version(1) || nonce(12) || ciphertext and tag``. The context (table, column, merchant) is
authenticated, so that a value copied to another row's merchant or column does not open.
"""

from __future__ import annotations

import hmac
import os
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

SHORTEST = 1 + 12 + 16
"""Version, nonce and the tag of an empty text."""


class CannotOpen(Exception):
    """The value was changed, belongs elsewhere, or its key left the ring."""


@lru_cache(maxsize=512)
def _key(version: int, purpose: str) -> bytes:
    master: bytes = settings.KEY_RING[version]
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(master)


def newest_version() -> int:
    """The version of the key that seals new values."""
    return max(settings.KEY_RING)


def versions() -> list[int]:
    """All versions of the ring, newest first."""
    return sorted(settings.KEY_RING, reverse=True)


def _context(column: str, merchant_id: int | None) -> bytes:
    return f"{column}|{merchant_id or 'global'}".encode()


def seal(text: str, *, column: str, merchant_id: int | None) -> bytes:
    """Encrypt a text for one column (``table.column``) of one merchant, or of none."""
    version = newest_version()
    nonce = os.urandom(12)
    box = AESGCM(_key(version, f"seal:{column}"))
    sealed = box.encrypt(nonce, text.encode(), _context(column, merchant_id))
    return bytes([version]) + nonce + sealed


def unseal(sealed: bytes, *, column: str, merchant_id: int | None) -> str:
    """Decrypt what ``seal`` made for the same column and merchant.

    Raises:
        CannotOpen: changed, moved, or sealed with a key that is no longer in the ring.
    """
    data = bytes(sealed)
    if len(data) < SHORTEST or data[0] not in settings.KEY_RING:
        raise CannotOpen(column)
    box = AESGCM(_key(data[0], f"seal:{column}"))
    try:
        return box.decrypt(data[1:13], data[13:], _context(column, merchant_id)).decode()
    except InvalidTag:
        raise CannotOpen(column) from None


def keyed_hash(
    text: str, *, purpose: str, merchant_id: int | None, version: int | None = None
) -> bytes:
    """HMAC-SHA256 for values that are only compared or looked up (32 bytes).

    A bare hash of a phone number or of six digits can be tried through in seconds; without the
    key, which is not in the database, this one cannot.
    """
    key = _key(version or newest_version(), f"hash:{purpose}")
    return hmac.new(key, _context(purpose, merchant_id) + b"|" + text.encode(), sha256).digest()
