"""Signatures and encryption of pushed messages, written from WeChat's own description.

Source: message push, encryption and decryption (developers.weixin.qq.com).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32  # WeChat pads to 32 bytes although AES works on 16
KEY_BYTES = 32
HEAD_BYTES = 20  # 16 random bytes and the length of the message


class BadCipher(ValueError):
    """A message that is not encrypted the way WeChat does it."""


def sign(*values: str) -> str:
    """SHA-1 over the sorted, joined values: both kinds of signature are made so."""
    return hashlib.sha1("".join(sorted(values)).encode()).hexdigest()  # noqa: S324


def same(left: str, right: str) -> bool:
    """Compare two signatures in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    try:
        key = base64.b64decode(aes_key + "=")
    except ValueError as error:
        raise BadCipher("the EncodingAESKey is not base64") from error
    if len(key) != KEY_BYTES:
        raise BadCipher("the EncodingAESKey does not hold 32 bytes")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def encrypt(text: str, *, aes_key: str, receiver: str, random16: bytes | None = None) -> str:
    """Seal a message for ``receiver`` (an appid)."""
    message = text.encode()
    head = random16 or secrets.token_hex(8).encode()
    plain = head + struct.pack(">I", len(message)) + message + receiver.encode()
    missing = BLOCK - len(plain) % BLOCK
    sealer = _cipher(aes_key).encryptor()
    sealed = sealer.update(plain + bytes([missing]) * missing) + sealer.finalize()
    return base64.b64encode(sealed).decode()


def decrypt(sealed: str, *, aes_key: str, receiver: str) -> str:
    """Open a message and check that it was meant for ``receiver``."""
    try:
        opener = _cipher(aes_key).decryptor()
        padded = opener.update(base64.b64decode(sealed, validate=True)) + opener.finalize()
    except ValueError as error:
        raise BadCipher("not a whole number of encrypted blocks") from error
    count = padded[-1] if padded else 0
    if not 1 <= count <= BLOCK or padded[-count:] != bytes([count]) * count:
        raise BadCipher("wrong padding")
    plain = padded[:-count]
    if len(plain) < HEAD_BYTES:
        raise BadCipher("too short")
    (length,) = struct.unpack(">I", plain[16:HEAD_BYTES])
    message, found = plain[HEAD_BYTES : HEAD_BYTES + length], plain[HEAD_BYTES + length :]
    if len(message) != length or not hmac.compare_digest(found, receiver.encode()):
        raise BadCipher("meant for another receiver")
    try:
        return message.decode()
    except UnicodeDecodeError as error:
        raise BadCipher("not UTF-8") from error
