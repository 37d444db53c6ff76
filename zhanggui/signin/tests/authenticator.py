"""A passkey device made of software: a P-256 key, and the answers a browser would send."""

from __future__ import annotations

import json
import os
import struct
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_encode

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Device:
    """Holds one passkey of one site.

    Args:
        host: the site it was made for.
        counts: whether it counts its signatures; many do not.
    """

    def __init__(self, host: str = "localhost", *, counts: bool = True) -> None:
        self.host = host
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = os.urandom(32)
        self.count = 1 if counts else 0
        self.counts = counts

    def create(self, options: dict[str, Any], *, origin: str, flags: int = 0) -> dict[str, Any]:
        """The answer to a request to make a passkey."""
        made: Any = ES256
        public = cbor.encode(dict(made.from_cryptography_key(self.key.public_key())))
        attested = (
            b"\0" * 16 + struct.pack(">H", len(self.credential_id)) + self.credential_id + public
        )
        data = self._data(flags or PRESENT | VERIFIED | ATTESTED) + attested
        statement = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options, origin)
        return self._answer(
            {
                "clientDataJSON": websafe_encode(client),
                "attestationObject": websafe_encode(statement),
            }
        )

    def get(self, options: dict[str, Any], *, origin: str, flags: int = 0) -> dict[str, Any]:
        """The answer to a request to use it."""
        self.count += 1 if self.counts else 0
        data = self._data(flags or PRESENT | VERIFIED)
        client = self._client("webauthn.get", options, origin)
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            {
                "clientDataJSON": websafe_encode(client),
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signature),
                "userHandle": None,
            }
        )

    def _data(self, flags: int) -> bytes:
        return sha256(self.host.encode()).digest() + struct.pack(">BI", flags, self.count)

    @staticmethod
    def _client(what: str, options: dict[str, Any], origin: str) -> bytes:
        challenge = options["publicKey"]["challenge"]
        return json.dumps({"type": what, "challenge": challenge, "origin": origin}).encode()

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        name = websafe_encode(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}
