"""Signatures and encryption: published vectors, and an independent library both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from wechatpayv3 import utils as oracle

from zhanggui.channels.pay import signing
from zhanggui.channels.pay.tests.factories import (
    API_V3_KEY,
    BY_ID,
    certificate_of,
    merchant_key,
    pem_of,
    public_pem_of,
    sealed,
    wechat_key,
)


class TestVectors:
    def test_a_signature(self) -> None:
        row = BY_ID["rsa-sign-source"]
        assert signing.sign(wechat_key(), row["message"].encode()) == row["signature"]

    def test_a_request(self) -> None:
        row = BY_ID["authorization-get-path"]
        text = signing.request_text(
            row["method"],
            row["url"],
            timestamp=row["timestamp"],
            nonce=row["nonce_str"],
            body=row["body"].encode(),
        )
        assert text == row["string_to_sign"].encode()
        signature = signing.sign(merchant_key(), text)
        assert signature == row["signature"]
        header = signing.authorization(
            mchid=row["mchid"],
            serial=row["serial_no"],
            nonce=row["nonce_str"],
            timestamp=row["timestamp"],
            signature=signature,
        )
        assert header == row["authorization_header"]

    def test_the_payers_sheet(self) -> None:
        row = BY_ID["jsapi-pay-sign"]
        text = signing.pay_sign_text(
            app_id=row["appId"],
            timestamp=row["timeStamp"],
            nonce=row["nonceStr"],
            prepay_id=row["package"].removeprefix("prepay_id="),
        )
        assert text == row["string_to_sign"].encode()
        assert signing.sign(merchant_key(), text) == row["paySign"]

    def test_a_notification(self) -> None:
        row = BY_ID["notify-verify-and-decrypt"]
        key = signing.key_of(signing.load_certificate(row["platform_certificate_pem"]))
        values: dict[str, Any] = {
            "timestamp": row["headers"]["Wechatpay-Timestamp"],
            "nonce": row["headers"]["Wechatpay-Nonce"],
            "signature": row["headers"]["Wechatpay-Signature"],
        }
        body = row["body"].encode()
        assert signing.is_signed(key, body=body, **values)
        assert not signing.is_signed(key, body=body + b" ", **values)
        assert (
            signing.serial_of(signing.load_certificate(row["platform_certificate_pem"]))
            == (row["headers"]["Wechatpay-Serial"])
        )
        resource = json.loads(row["body"])["resource"]
        opened = signing.decrypt(
            row["apiv3_key"],
            nonce=resource["nonce"],
            associated_data=resource["associated_data"],
            ciphertext=resource["ciphertext"],
        )
        assert opened.decode() == row["plaintext"]

    def test_a_platform_certificate(self) -> None:
        row = BY_ID["gcm-certificate-32-byte-key"]
        opened = signing.decrypt(
            row["apiv3_key"],
            nonce=row["nonce"],
            associated_data=row["associated_data"],
            ciphertext=row["ciphertext"],
        ).decode()
        assert opened.strip() == row["plaintext"].strip()
        assert signing.serial_of(signing.load_certificate(opened))


class TestOracle:
    def test_what_we_sign_it_verifies(self) -> None:
        signature = signing.sign(merchant_key(), b"1554208460\nnonce\nbody\n")
        key = merchant_key().public_key()
        assert oracle.rsa_verify("1554208460", "nonce", "body", signature, key)

    def test_what_it_signs_we_verify(self) -> None:
        signature = oracle.rsa_sign(wechat_key(), "1\n2\n{}\n")
        key = wechat_key().public_key()
        values = {"timestamp": "1", "nonce": "2", "signature": signature}
        assert signing.is_signed(key, body=b"{}", **values)
        assert not signing.is_signed(key, body=b"{ }", **values)

    def test_it_makes_the_same_header(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(oracle.time, "time", lambda: 1554208460)
        theirs = oracle.build_authorization(
            "/v3/certificates", "GET", "1900007291", "AB", merchant_key(), nonce_str="NONCE"
        )
        text = signing.request_text(
            "GET", "/v3/certificates", timestamp="1554208460", nonce="NONCE", body=b""
        )
        assert theirs == signing.authorization(
            mchid="1900007291",
            serial="AB",
            nonce="NONCE",
            timestamp="1554208460",
            signature=signing.sign(merchant_key(), text),
        )

    def test_it_opens_what_is_sealed_alike(self) -> None:
        box = sealed("秘密")
        values = {name: box[name] for name in ("nonce", "associated_data", "ciphertext")}
        assert oracle.aes_decrypt(apiv3_key=API_V3_KEY, **values) == "秘密"
        assert signing.decrypt(API_V3_KEY, **values).decode() == "秘密"


class TestRefusals:
    def test_a_probe_of_wechat_is_no_signature(self) -> None:
        probe = signing.PROBE + signing.sign(wechat_key(), b"1\n2\n{}\n")
        key = wechat_key().public_key()
        assert not signing.is_signed(key, timestamp="1", nonce="2", body=b"{}", signature=probe)

    @pytest.mark.parametrize("signature", ["", "!!!", "YQ=="], ids=["none", "no-base64", "short"])
    def test_rubbish_is_no_signature(self, signature: str) -> None:
        key = wechat_key().public_key()
        values = {"timestamp": "1", "nonce": "2", "signature": signature}
        assert not signing.is_signed(key, body=b"{}", **values)

    @pytest.mark.parametrize(
        "change",
        [{"nonce": "aaaaaaaaaaaa"}, {"associated_data": "x"}, {"ciphertext": "YWJj"}],
        ids=["nonce", "context", "box"],
    )
    def test_a_changed_box_does_not_open(self, change: dict[str, str]) -> None:
        box = sealed("秘密")
        values = {name: box[name] for name in ("nonce", "associated_data", "ciphertext")}
        with pytest.raises(signing.CannotDecrypt):
            signing.decrypt(API_V3_KEY, **(values | change))

    def test_another_key_does_not_open(self) -> None:
        box = sealed("秘密", key="f" * 32)
        with pytest.raises(signing.CannotDecrypt):
            signing.decrypt(
                API_V3_KEY,
                nonce=box["nonce"],
                associated_data=box["associated_data"],
                ciphertext=box["ciphertext"],
            )

    def test_what_is_no_key(self) -> None:
        with pytest.raises(signing.BadKey):
            signing.load_private_key("-----BEGIN PRIVATE KEY-----\nrubbish")
        with pytest.raises(signing.BadKey):
            signing.load_private_key(public_pem_of(merchant_key()))
        with pytest.raises(signing.BadKey):
            signing.load_public_key("rubbish")
        with pytest.raises(signing.BadKey):
            signing.load_certificate(pem_of(merchant_key()))

    def test_a_short_key_is_refused(self) -> None:
        short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
        with pytest.raises(signing.BadKey):
            signing.load_private_key(pem_of(short))

    def test_pairs(self) -> None:
        certificate = signing.load_certificate(certificate_of(merchant_key()))
        assert signing.is_pair(merchant_key(), signing.key_of(certificate))
        assert not signing.is_pair(wechat_key(), signing.key_of(certificate))
