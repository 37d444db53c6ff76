"""Signature of Alibaba Cloud's interfaces, version 3 (ACS3-HMAC-SHA256).

Source: Alibaba Cloud, "V3 request body and signature mechanism"; example RunInstances.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import quote

ALGORITHM = "ACS3-HMAC-SHA256"


def query_string(query: Mapping[str, str]) -> str:
    """Parameters sorted and encoded as the signature and the address need them (RFC 3986)."""
    return "&".join(f"{_encoded(name)}={_encoded(query[name])}" for name in sorted(query))


def authorization(
    *, key_id: str, key_secret: str, query: str, headers: Mapping[str, str], payload: bytes
) -> str:
    """The header ``Authorization`` of a POST to ``/``.

    Args:
        key_id: named in the header.
        key_secret: signs; used as it is.
        query: as ``query_string`` makes it.
        headers: what is signed: ``host`` and every ``x-acs-...``; names in lower case.
        payload: the body as it is sent.
    """
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    request = f"POST\n/\n{query}\n{lines}\n{names}\n{sha256(payload).hexdigest()}"
    text = f"{ALGORITHM}\n{sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(key_secret.encode(), text.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature}"


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
