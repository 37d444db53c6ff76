from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from wechat_sandbox import crypto
from wechat_sandbox.messagexml import parse

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PAYLOADS = Path(__file__).parent / "payloads" / "crypto.json"
VECTORS: list[dict[str, Any]] = json.loads(PAYLOADS.read_text(encoding="utf-8"))["vectors"]


def of_kind(kind: str) -> list[Any]:
    return [pytest.param(one, id=one["id"]) for one in VECTORS if one["kind"] == kind]


@pytest.mark.parametrize("vector", of_kind("aes-cbc-encrypt"))
def test_seals_as_wechat_does(vector: dict[str, Any]) -> None:
    sealed = crypto.encrypt(
        vector["plaintext"],
        aes_key=vector["encoding_aes_key"],
        receiver=vector["app_id"],
        random16=vector["random16"].encode(),
    )

    assert sealed == vector["ciphertext"]


@pytest.mark.parametrize("vector", of_kind("aes-cbc-decrypt"))
def test_opens_what_wechat_sealed(vector: dict[str, Any]) -> None:
    opened = crypto.decrypt(
        vector["ciphertext"], aes_key=vector["encoding_aes_key"], receiver=vector["app_id"]
    )

    assert opened == vector["plaintext"]


@pytest.mark.parametrize(
    "vector", [pytest.param(one, id=one["id"]) for one in VECTORS if "msg_signature" in one]
)
def test_signs_as_wechat_does(vector: dict[str, Any]) -> None:
    values = (vector["token"], vector["timestamp"], vector["nonce"], vector["ciphertext"])

    assert crypto.sign(*values) == vector["msg_signature"]


@pytest.mark.parametrize("vector", of_kind("sha1-sorted"))
def test_signs_the_check_of_an_address(vector: dict[str, Any]) -> None:
    made = crypto.sign(vector["token"], vector["timestamp"], vector["nonce"])

    assert made == vector["signature"]


@pytest.mark.parametrize("length", range(1, 65))
def test_every_padding_is_understood(length: int) -> None:
    sealed = crypto.encrypt("x" * length, aes_key=KEY, receiver="wxsbpad")

    assert len(base64.b64decode(sealed)) % 32 == 0
    assert crypto.decrypt(sealed, aes_key=KEY, receiver="wxsbpad") == "x" * length


def changed(sealed: str) -> str:
    raw = bytearray(base64.b64decode(sealed))
    raw[-1] ^= 1
    return base64.b64encode(raw).decode()


GOOD = crypto.encrypt("你好", aes_key=KEY, receiver="wxsbone", random16=b"0" * 16)


@pytest.mark.parametrize(
    ("sealed", "key", "receiver"),
    [
        (GOOD, KEY, "wxsbtwo"),
        (changed(GOOD), KEY, "wxsbone"),
        (GOOD, KEY[::-1], "wxsbone"),
        (GOOD[:-8], KEY, "wxsbone"),
        ("", KEY, "wxsbone"),
        ("not base64!", KEY, "wxsbone"),
        (GOOD, "short", "wxsbone"),
    ],
    ids=["receiver", "changed", "key", "cut", "empty", "text", "short-key"],
)
def test_refuses_what_is_not_right(sealed: str, key: str, receiver: str) -> None:
    with pytest.raises(crypto.BadCipher):
        crypto.decrypt(sealed, aes_key=key, receiver=receiver)


def test_entities_are_never_expanded() -> None:
    text = '<!DOCTYPE x [<!ENTITY a "b">]><xml><Content>&a;</Content></xml>'

    with pytest.raises(ValueError, match="not XML"):
        parse(text)
