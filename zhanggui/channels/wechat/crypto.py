"""Signatures and encryption of WeChat's pushes: SHA-1 over sorted parts, AES-256-CBC.

Source: ``Message encryption and decryption`` of the official account manual. The padding unit is
32 bytes although AES works on 16, so 1 to 32 bytes of padding are right.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import struct
from dataclasses import dataclass, field
from hashlib import sha1

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

PAD_TO = 32
RANDOM_LENGTH = 16
HEAD_LENGTH = RANDOM_LENGTH + 4
AES_KEY_FORM = re.compile(r"[A-Za-z0-9]{43}")
TOKEN_FORM = re.compile(r"[A-Za-z0-9]{3,32}")


class CannotDecrypt(Exception):
    """The text was changed, is under another key, or is meant for somebody else."""


def signature(*parts: str) -> str:
    """SHA-1 over the parts in byte order, without separators, as lower-case hex."""
    return sha1(b"".join(sorted(part.encode() for part in parts))).hexdigest()  # noqa: S324  WeChat's choice


def is_signed(given: str, *parts: str) -> bool:
    """Whether a signature fits; takes the same time wherever it differs."""
    return hmac.compare_digest(given.encode(), signature(*parts).encode())


@dataclass(frozen=True, slots=True)
class MessageBox:
    """Encrypts and decrypts for one receiver.

    Args:
        aes_key: the EncodingAESKey, 43 letters and digits.
        receiver_id: the account's app id.

    Raises:
        ValueError: the key is not of that form.
    """

    aes_key: str
    receiver_id: str
    _cipher: Cipher[CBC] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not AES_KEY_FORM.fullmatch(self.aes_key):
            message = "an EncodingAESKey has 43 letters and digits"
            raise ValueError(message)
        key = base64.b64decode(f"{self.aes_key}=")
        object.__setattr__(self, "_cipher", Cipher(AES(key), CBC(key[:16])))

    def encrypt(self, text: str, *, random: bytes = b"") -> str:
        """The text as the platform sends it, in Base64; ``random`` is fixed in tests only."""
        message = text.encode()
        plain = (random or os.urandom(RANDOM_LENGTH)) + struct.pack(">I", len(message)) + message
        plain += self.receiver_id.encode()
        count = PAD_TO - len(plain) % PAD_TO
        encryptor = self._cipher.encryptor()
        sealed = encryptor.update(plain + bytes([count]) * count) + encryptor.finalize()
        return base64.b64encode(sealed).decode()

    def decrypt(self, encrypted: str) -> str:
        """The text of an encrypted message.

        Raises:
            CannotDecrypt: Base64, length, padding, receiver or encoding is wrong.
        """
        try:
            sealed = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError):
            raise CannotDecrypt from None
        if not sealed or len(sealed) % PAD_TO:
            raise CannotDecrypt
        decryptor = self._cipher.decryptor()
        plain = _without_padding(decryptor.update(sealed) + decryptor.finalize())
        if len(plain) < HEAD_LENGTH:
            raise CannotDecrypt
        (length,) = struct.unpack(">I", plain[RANDOM_LENGTH:HEAD_LENGTH])
        message, receiver = plain[HEAD_LENGTH:][:length], plain[HEAD_LENGTH + length :]
        if len(message) != length or not hmac.compare_digest(receiver, self.receiver_id.encode()):
            raise CannotDecrypt
        try:
            return message.decode()
        except UnicodeDecodeError:
            raise CannotDecrypt from None


def _without_padding(padded: bytes) -> bytes:
    count = padded[-1]
    if not 1 <= count <= PAD_TO or padded[-count:] != bytes([count]) * count:
        raise CannotDecrypt
    return padded[:-count]
