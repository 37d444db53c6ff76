"""Keys, certificates and signatures of WeChat Pay APIv3, written from its own description.

Source: pay.weixin.qq.com/doc/v3/merchant (signature rules, certificates, notification encryption).
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from wechat_sandbox.accounts import BadInput

KEY_BITS = 2048
# Far around real time: the sandbox's clock may be moved, the reader's clock is a real one.
BEFORE, AFTER = timedelta(days=365), timedelta(days=5 * 365)
GCM = "AEAD_AES_256_GCM"
SCHEME = "WECHATPAY2-SHA256-RSA2048"


@dataclass(frozen=True)
class Platform:
    """WeChat's own keys: the certificate of one, the bare public key of the other."""

    certificate_key_pem: str
    certificate_pem: str
    serial: str
    public_key_key_pem: str
    public_key_pem: str
    public_key_id: str


def new_private_key() -> str:
    """A fresh RSA key as PKCS#8 PEM."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@lru_cache(maxsize=64)
def private_key(pem: str) -> rsa.RSAPrivateKey:
    """The key of a PEM text; BadInput when it is none."""
    try:
        found = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise BadInput("private_key_pem is no unencrypted PEM private key") from error
    if not isinstance(found, rsa.RSAPrivateKey) or found.key_size != KEY_BITS:
        raise BadInput("private_key_pem must be an RSA key of 2048 bits")
    return found


def public_key_pem(private_pem: str) -> str:
    """The public half of a private key, as PEM."""
    public = private_key(private_pem).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def new_certificate(private_pem: str, *, subject: str) -> tuple[str, str]:
    """A self-signed certificate; returns its PEM and its serial in upper-case hex."""
    number = int.from_bytes(secrets.token_bytes(20)) >> 1 | 1 << 158
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, subject),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "WeChat sandbox"),
        ]
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key(private_pem).public_key())
        .serial_number(number)
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + AFTER)
        .sign(private_key(private_pem), SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode(), f"{number:040X}"


def validity(certificate_pem: str) -> tuple[datetime, datetime]:
    """From when until when a certificate holds."""
    found = x509.load_pem_x509_certificate(certificate_pem.encode())
    return found.not_valid_before_utc, found.not_valid_after_utc


@cache
def new_platform() -> Platform:
    """WeChat's keys of this process: a reset of the sandbox does not change them."""
    of_certificate, of_public_key = new_private_key(), new_private_key()
    pem, serial = new_certificate(of_certificate, subject="Tenpay.com sign (sandbox)")
    return Platform(
        certificate_key_pem=of_certificate,
        certificate_pem=pem,
        serial=serial,
        public_key_key_pem=of_public_key,
        public_key_pem=public_key_pem(of_public_key),
        public_key_id=f"PUB_KEY_ID_0{secrets.randbelow(10**31):031d}",
    )


def sign(text: str, *, private_pem: str) -> str:
    """Base64 of RSASSA-PKCS1-v1_5 with SHA-256."""
    made = private_key(private_pem).sign(text.encode(), padding.PKCS1v15(), SHA256())
    return base64.b64encode(made).decode()


def is_signed(text: str, signature: str, *, private_pem: str) -> bool:
    """Whether the holder of this key signed the text."""
    try:
        found = base64.b64decode(signature, validate=True)
        public = private_key(private_pem).public_key()
        public.verify(found, text.encode(), padding.PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def seal(text: str, *, key: str, associated: str, nonce: str | None = None) -> dict[str, str]:
    """A text under the merchant's APIv3 key, as notifications and certificates carry it."""
    nonce = nonce or secrets.token_hex(6)
    made = AESGCM(key.encode()).encrypt(nonce.encode(), text.encode(), associated.encode())
    return {
        "algorithm": GCM,
        "nonce": nonce,
        "associated_data": associated,
        "ciphertext": base64.b64encode(made).decode(),
    }
