"""Signature of Tencent Cloud's interfaces, version 3 (TC3-HMAC-SHA256).

Source: Tencent Cloud, API 3.0, "Signature v3" (cloud.tencent.com/document/api/382/52072).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

ALGORITHM = "TC3-HMAC-SHA256"
ENDS_WITH = "tc3_request"


@dataclass(frozen=True, slots=True)
class Credential:
    """The pair of keys an account of the provider has."""

    secret_id: str
    secret_key: str


def authorization(
    *,
    credential: Credential,
    service: str,
    headers: Mapping[str, str],
    payload: bytes,
    timestamp: int,
) -> str:
    """The header ``Authorization`` of a POST to ``/``.

    Args:
        credential: signs, and is named in the header.
        service: first label of the host, for example ``sms``.
        headers: what is signed, at least ``content-type`` and ``host``; names in lower case.
        payload: the body as it is sent.
        timestamp: seconds, the same as in ``X-TC-Timestamp``.
    """
    day = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    scope = f"{day}/{service}/{ENDS_WITH}"
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip().lower()}\n" for name in sorted(headers))
    request = f"POST\n/\n\n{lines}\n{names}\n{sha256(payload).hexdigest()}"
    text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    key = f"TC3{credential.secret_key}".encode()
    for part in (day, service, ENDS_WITH):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return (
        f"{ALGORITHM} Credential={credential.secret_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
