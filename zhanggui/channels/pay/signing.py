"""Signatures and encryption of WeChat Pay APIv3; nothing here knows the network or the database.

Source: pay.weixin.qq.com/doc/v3/merchant/, pages 4012365334 (requests), 4012365339 (pay sign),
4012791861 (notifications). Everything is RSASSA-PKCS1-v1_5 with SHA-256 and AES-256-GCM.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

SCHEME = "WECHATPAY2-SHA256-RSA2048"
API_V3_KEY_BYTES = 32
SHORTEST_KEY_BITS = 2048
PROBE = "WECHATPAY/SIGNTEST/"
"""WeChat sends wrong signatures that begin like this, to see whether they are refused."""


class BadKey(ValueError):
    """Not a key or certificate of the kind that is needed."""


class CannotDecrypt(ValueError):
    """Another APIv3 key than the one this was encrypted with, or it was changed."""


def load_private_key(pem: str) -> RSAPrivateKey:
    """Read the merchant's private key (``apiclient_key.pem``).

    Raises:
        BadKey: no RSA key of at least 2,048 bits, or one with a password.
    """
    try:
        key = load_pem_private_key(pem.strip().encode(), password=None)
    except (ValueError, TypeError) as error:
        raise BadKey from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < SHORTEST_KEY_BITS:
        raise BadKey
    return key


def stored_private_key(pem: str) -> RSAPrivateKey:
    """Read a private key that ``load_private_key`` has checked once; the check costs much."""
    key = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, RSAPrivateKey)  # noqa: S101  nothing else is ever stored
    return key


@lru_cache(maxsize=64)
def load_public_key(pem: str) -> RSAPublicKey:
    """Read WeChat Pay's public key (``pub_key.pem``).

    Raises:
        BadKey: no RSA public key.
    """
    try:
        key = load_pem_public_key(pem.strip().encode())
    except ValueError as error:
        raise BadKey from error
    if not isinstance(key, RSAPublicKey):
        raise BadKey
    return key


@lru_cache(maxsize=64)
def load_certificate(pem: str) -> x509.Certificate:
    """Read a certificate.

    Raises:
        BadKey: no certificate of an RSA key.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.strip().encode())
    except ValueError as error:
        raise BadKey from error
    if not isinstance(certificate.public_key(), RSAPublicKey):
        raise BadKey
    return certificate


def key_of(certificate: x509.Certificate) -> RSAPublicKey:
    """The public key of a certificate that ``load_certificate`` accepted."""
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)  # noqa: S101  see ``load_certificate``
    return key


def serial_of(certificate: x509.Certificate) -> str:
    """The serial number as WeChat writes it: hexadecimal in capitals."""
    return f"{certificate.serial_number:X}"


def is_pair(private: RSAPrivateKey, public: RSAPublicKey) -> bool:
    """Whether a private key and a public one belong together."""
    return private.public_key().public_numbers() == public.public_numbers()


def sign(key: RSAPrivateKey, text: bytes) -> str:
    """The signature of some bytes in Base64."""
    return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def request_text(method: str, path: str, *, timestamp: str, nonce: str, body: bytes) -> bytes:
    """What a request signs; ``path`` with its query as it goes over the wire."""
    return f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def authorization(*, mchid: str, serial: str, nonce: str, timestamp: str, signature: str) -> str:
    """The value of the ``Authorization`` header."""
    return (
        f'{SCHEME} mchid="{mchid}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{timestamp}",serial_no="{serial}"'
    )


def pay_sign_text(*, app_id: str, timestamp: str, nonce: str, prepay_id: str) -> bytes:
    """What the payer's WeChat checks before it shows the payment sheet."""
    return f"{app_id}\n{timestamp}\n{nonce}\nprepay_id={prepay_id}\n".encode()


def is_signed(
    key: RSAPublicKey, *, timestamp: str, nonce: str, body: bytes, signature: str
) -> bool:
    """Whether WeChat Pay signed an answer or a notification; over the raw body."""
    if signature.startswith(PROBE):
        return False
    text = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    try:
        key.verify(base64.b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def decrypt(api_v3_key: str, *, nonce: str, associated_data: str, ciphertext: str) -> bytes:
    """Open what is encrypted with the merchant's APIv3 key; the tag stands at the end.

    Raises:
        CannotDecrypt: another key, or changed on the way.
    """
    try:
        box = AESGCM(api_v3_key.encode())
        data = base64.b64decode(ciphertext, validate=True)
        return box.decrypt(nonce.encode(), data, associated_data.encode())
    except (InvalidTag, ValueError, binascii.Error) as error:
        raise CannotDecrypt from error
