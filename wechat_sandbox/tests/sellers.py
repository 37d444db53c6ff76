"""A merchant that signs its calls by hand, and checks what comes back as a careful one would."""

from __future__ import annotations

import base64
import json
import secrets
from functools import cache
from typing import Any

import httpx2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from wechat_sandbox import Sandbox
from wechat_sandbox.tests.factories import APPID, PRODUCT, control

HOST = "/api.mch.weixin.qq.com"
NATIVE = "/v3/pay/transactions/native"
REFUNDS = "/v3/refund/domestic/refunds"
NOTIFY = f"{PRODUCT}/hooks/pay"


@cache
def key() -> rsa.RSAPrivateKey:
    """One key for all merchants of the tests: making one takes longer than most tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Seller:
    """One merchant of the sandbox and its short ways to call."""

    def __init__(self, client: httpx2.Client, sandbox: Sandbox, **more: Any) -> None:
        pem = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        body = {"name": "拾光茶饮", "appids": [APPID], "private_key_pem": pem, **more}
        self.client, self.world = client, sandbox.world
        self.made = control(client, "POST", "merchants", body)
        self.mchid: str = self.made["mchid"]

    def signature(self, text: str) -> str:
        made = key().sign(text.encode(), padding.PKCS1v15(), SHA256())
        return base64.b64encode(made).decode()

    def authorization(self, method: str, path: str, raw: str, **changed: str) -> str:
        parts = {
            "mchid": self.mchid,
            "nonce_str": secrets.token_hex(16),
            "timestamp": str(int(self.world.clock.now())),
            "serial_no": self.made["serial"],
            **changed,
        }
        text = f"{method}\n{path}\n{parts['timestamp']}\n{parts['nonce_str']}\n{raw}\n"
        parts.setdefault("signature", self.signature(text))
        shown = ",".join(f'{name}="{value}"' for name, value in parts.items())
        return f"WECHATPAY2-SHA256-RSA2048 {shown}"

    def send(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None,
        **changed: Any,
    ) -> httpx2.Response:  # fmt: skip
        raw = "" if body is None else json.dumps(body, ensure_ascii=False)
        sent = {
            "Authorization": self.authorization(method, path, raw, **changed),
            "Accept": "application/json",
            "User-Agent": "seller/1",
            **({"Content-Type": "application/json"} if raw else {}),
            **(headers or {}),
        }
        return self.client.request(method, HOST + path, content=raw.encode(), headers=sent)

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """Call and check the answer's signature, which only good answers carry."""
        answer = self.send(method, path, body)
        assert answer.status_code == status, answer.text
        if status >= 400:
            assert "wechatpay-signature" not in answer.headers
        elif answer.headers.get("content-type", "").startswith("application/json") or status == 204:
            self.check(dict(answer.headers), answer.text)
        return answer.json() if answer.content else None

    def check(self, headers: dict[str, str], body: str) -> None:
        """Raise InvalidSignature when WeChat did not sign this."""
        found = {name.lower(): value for name, value in headers.items()}
        text = f"{found['wechatpay-timestamp']}\n{found['wechatpay-nonce']}\n{body}\n"
        if found["wechatpay-serial"] == self.made["public_key_id"]:
            public = load_pem_public_key(self.made["public_key_pem"].encode())
        else:
            public = self.certificate().public_key()
        assert isinstance(public, rsa.RSAPublicKey)
        try:
            signature = base64.b64decode(found["wechatpay-signature"], validate=True)
        except ValueError as error:
            raise InvalidSignature from error
        public.verify(signature, text.encode(), padding.PKCS1v15(), SHA256())

    def certificate(self) -> x509.Certificate:
        answer = self.send("GET", "/v3/certificates").json()["data"][0]
        pem = self.opened(answer["encrypt_certificate"])
        found = x509.load_pem_x509_certificate(pem.encode())
        assert f"{found.serial_number:040X}" == answer["serial_no"]
        return found

    def opened(self, sealed: dict[str, str]) -> str:
        """Decrypt with the APIv3 key."""
        opener = AESGCM(self.made["api_v3_key"].encode())
        plain = opener.decrypt(
            sealed["nonce"].encode(),
            base64.b64decode(sealed["ciphertext"]),
            sealed["associated_data"].encode(),
        )
        return plain.decode()

    def told(self, notice: tuple[dict[str, str], str]) -> Any:
        """What a notification says, after all checks."""
        headers, body = notice
        self.check(headers, body)
        return json.loads(self.opened(json.loads(body)["resource"]))

    def order(self, number: str = "tea-000001", **more: Any) -> dict[str, Any]:
        return {
            "appid": APPID,
            "mchid": self.mchid,
            "description": "龙井",
            "out_trade_no": number,
            "notify_url": NOTIFY,
            "amount": {"total": 1280},
            **more,
        }

    def native(self, number: str = "tea-000001", **more: Any) -> str:
        return str(self.call("POST", NATIVE, self.order(number, **more))["code_url"])

    def page(self, prepay_id: str, **changed: str) -> dict[str, str]:
        """What a page hands to getBrandWCPayRequest."""
        found = {
            "appId": APPID,
            "timeStamp": str(int(self.world.clock.now())),
            "nonceStr": "abc",
            "package": f"prepay_id={prepay_id}",
            "signType": "RSA",
        } | changed
        names = ("appId", "timeStamp", "nonceStr", "package")
        text = "".join(f"{found[name]}\n" for name in names)
        return {**found, "paySign": self.signature(text)} | changed

    def pay(self, number: str = "tea-000001", **more: Any) -> Any:
        body = {"person": "lin", **more}
        return control(self.client, "POST", f"merchants/{self.mchid}/orders/{number}/pay", body)

    def query(self, number: str = "tea-000001") -> Any:
        path = f"/v3/pay/transactions/out-trade-no/{number}?mchid={self.mchid}"
        return self.call("GET", path)

    def refund_body(self, fen: int, number: str = "back-1", **more: Any) -> dict[str, Any]:
        return {
            "out_trade_no": "tea-000001",
            "out_refund_no": number,
            "notify_url": NOTIFY,
            "amount": {"refund": fen, "total": 1280, "currency": "CNY"},
            **more,
        }

    def policy(self, **faults: Any) -> None:
        control(self.client, "PUT", f"merchants/{self.mchid}/policy", faults)

    def settings(self, **changed: Any) -> None:
        control(self.client, "PUT", f"merchants/{self.mchid}", {"settings": changed})

    def advance(self, seconds: float) -> None:
        control(self.client, "POST", "clock", {"advance_s": seconds, "wait": True})

    def notices(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = control(
            self.client, "GET", f"merchants/{self.mchid}/notifications"
        )
        return found
