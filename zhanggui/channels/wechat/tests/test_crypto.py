"""Signatures and encryption against recorded vectors and an independent library."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto

from zhanggui.channels.wechat import crypto
from zhanggui.channels.wechat.crypto import CannotDecrypt, MessageBox

PAYLOADS = Path(__file__).parent / "payloads"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APP_ID = "wxb11529c136998cb6"


def vectors(name: str, *kinds: str) -> list[Any]:
    rows = json.loads((PAYLOADS / name).read_text(encoding="utf-8"))["vectors"]
    return [pytest.param(row, id=row["id"]) for row in rows if row["kind"] in kinds]


MESSAGES = vectors("message_crypto.json", "msg-signature", "aes-cbc-decrypt", "aes-cbc-encrypt")


class TestSignature:
    @pytest.mark.parametrize("row", vectors("signatures.json", "sha1-sorted"))
    def test_of_sorted_parts(self, row: dict[str, Any]) -> None:
        parts = row.get("values") or [row["token"], row["timestamp"], row["nonce"]]
        assert crypto.signature(*parts) == row["signature"]
        assert crypto.is_signed(row["signature"], *parts)

    @pytest.mark.parametrize("row", [row for row in MESSAGES if "msg_signature" in row.values[0]])
    def test_of_a_message(self, row: dict[str, Any]) -> None:
        parts = (row["token"], row["timestamp"], row["nonce"], row["ciphertext"])
        assert crypto.is_signed(row["msg_signature"], *parts)
        assert not crypto.is_signed(row["msg_signature"], "other", *parts[1:])

    def test_of_another_length_is_refused(self) -> None:
        assert not crypto.is_signed("f21891", "test", "1410685589", "test")


class TestMessageBox:
    @pytest.mark.parametrize("row", vectors("message_crypto.json", "aes-cbc-encrypt"))
    def test_encrypts_the_vector(self, row: dict[str, Any]) -> None:
        box = MessageBox(row["encoding_aes_key"], row["app_id"])
        sealed = box.encrypt(row["plaintext"], random=row["random16"].encode())
        assert sealed == row["ciphertext"]

    @pytest.mark.parametrize(
        "row", vectors("message_crypto.json", "aes-cbc-decrypt", "aes-cbc-encrypt")
    )
    def test_decrypts_the_vector(self, row: dict[str, Any]) -> None:
        box = MessageBox(row["encoding_aes_key"], row["app_id"])
        assert box.decrypt(row["ciphertext"]) == row["plaintext"]

    @given(st.text(max_size=200))
    def test_opens_what_it_sealed(self, text: str) -> None:
        box = MessageBox(KEY, APP_ID)
        assert box.decrypt(box.encrypt(text)) == text

    @pytest.mark.parametrize("length", range(33), ids=str)
    def test_wechatpy_opens_ours_at_every_padding(self, length: int) -> None:
        text = "x" * length
        sealed = MessageBox(KEY, APP_ID).encrypt(text)
        oracle = WeChatCrypto("pamtest", KEY, APP_ID)
        signature = crypto.signature("pamtest", "1458300676", "n", sealed)
        envelope = f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
        assert oracle.decrypt_message(envelope, signature, "1458300676", "n") == text

    @pytest.mark.parametrize("text", ["", "x", "我是中文abcd123", "长" * 500])
    def test_we_open_wechatpys(self, text: str) -> None:
        reply = WeChatCrypto("pamtest", KEY, APP_ID).encrypt_message(text, "n", "1458300676")
        sealed = reply.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
        assert MessageBox(KEY, APP_ID).decrypt(sealed) == text

    def test_refuses_another_receiver(self) -> None:
        sealed = MessageBox(KEY, APP_ID).encrypt("x")
        with pytest.raises(CannotDecrypt):
            MessageBox(KEY, "wx0000000000000000").decrypt(sealed)

    def test_refuses_another_key(self) -> None:
        sealed = MessageBox(KEY, APP_ID).encrypt("x")
        with pytest.raises(CannotDecrypt):
            MessageBox(KEY[::-1], APP_ID).decrypt(sealed)

    @pytest.mark.parametrize(
        "sealed",
        ["", "not base64 at all!", base64.b64encode(b"short").decode(), "é" * 44],
        ids=["empty", "no-base64", "no-whole-block", "not-ascii"],
    )
    def test_refuses_garbage(self, sealed: str) -> None:
        with pytest.raises(CannotDecrypt):
            MessageBox(KEY, APP_ID).decrypt(sealed)

    @pytest.mark.parametrize(
        "plain",
        [
            bytes(31) + b"\x00",
            bytes(31) + b"\x21",
            bytes(29) + b"\x02\x03\x03",
            b"\x20" * 32,
            bytes(16) + b"\xff\xff\xff\xff" + bytes(11) + b"\x01",
        ],
        ids=["pad-0", "pad-33", "pads-differ", "nothing-but-padding", "length-beyond-the-end"],
    )
    def test_refuses_wrong_insides(self, plain: bytes) -> None:
        box = MessageBox(KEY, APP_ID)
        encryptor = box._cipher.encryptor()
        sealed = encryptor.update(plain) + encryptor.finalize()
        with pytest.raises(CannotDecrypt):
            box.decrypt(base64.b64encode(sealed).decode())

    def test_refuses_text_that_is_not_utf8(self) -> None:
        box = MessageBox(KEY, APP_ID)
        plain = bytes(16) + b"\x00\x00\x00\x02" + b"\xff\xfe" + APP_ID.encode()
        count = 32 - len(plain) % 32
        encryptor = box._cipher.encryptor()
        sealed = encryptor.update(plain + bytes([count]) * count) + encryptor.finalize()
        with pytest.raises(CannotDecrypt):
            box.decrypt(base64.b64encode(sealed).decode())

    @given(st.integers(0, 63), st.integers(1, 255))
    def test_every_changed_byte_is_noticed_or_in_the_random_part(self, at: int, by: int) -> None:
        sealed = bytearray(base64.b64decode(MessageBox(KEY, APP_ID).encrypt("0" * 20)))
        sealed[at] ^= by
        try:
            opened = MessageBox(KEY, APP_ID).decrypt(base64.b64encode(sealed).decode())
        except CannotDecrypt:
            return
        assert len(opened) <= 20  # CBC alone does not authenticate: the signature does

    @pytest.mark.parametrize("key", ["", KEY[:-1], KEY + "x", KEY[:-1] + "="], ids=repr)
    def test_refuses_keys_of_another_form(self, key: str) -> None:
        with pytest.raises(ValueError, match="43"):
            MessageBox(key, APP_ID)

    def test_every_message_is_sealed_with_new_random_bytes(self) -> None:
        box = MessageBox(KEY, APP_ID)
        assert box.encrypt("x") != box.encrypt("x")
