"""Smallest valid rows of this channel, and a WeChat Pay that answers as a test says."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha1
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509.oid import NameOID
from django.test import Client

from zhanggui.accounts.models import Merchant, Operator, Tier
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.pay import answers, selectors, signing
from zhanggui.channels.pay import client as pay_client
from zhanggui.channels.pay.models import (
    BillDifference,
    Mode,
    PayAccount,
    PayBill,
    Payment,
    PayNotification,
    PlatformCertificate,
    Refund,
    Way,
)
from zhanggui.channels.pay.services import payments, refunds, settling
from zhanggui.core import clock, tenancy
from zhanggui.core import tokens as random_tokens

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "payloads" / "wechatpay_v3.json").read_text(encoding="utf-8")
)
BY_ID = {row["id"]: row for row in VECTORS["vectors"]}
API_V3_KEY = "0123456789abcdef0123456789ABCDEF"
PUBLIC_KEY_ID = "PUB_KEY_ID_0000000000000000000000000001"
SERIAL = "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB"
BASE = "/api.mch.weixin.qq.com"
_numbers = count(1)


@cache
def merchant_key() -> RSAPrivateKey:
    """The published sample key, as the merchant's."""
    return _sample(VECTORS["doc_sample_private_key_pkcs8_der_base64"])


@cache
def wechat_key() -> RSAPrivateKey:
    """Another published test key, as WeChat Pay's."""
    return _sample(BY_ID["rsa-sign-source"]["private_key_pkcs8_der_base64"])


def _sample(encoded: str) -> RSAPrivateKey:
    key = load_der_private_key(base64.b64decode(encoded), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


def pem_of(key: RSAPrivateKey) -> str:
    """A private key as its file."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_pem_of(key: RSAPrivateKey) -> str:
    """A public key as its file."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def certificate_of(
    key: RSAPrivateKey, *, days: int = 365, number: int = 0xAB12CD34EF56, by: str = "test"
) -> str:
    """A certificate of a key as its file; over when ``days`` is negative."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)])
    now = datetime.now(UTC)
    begin = now - timedelta(days=abs(days) + 1)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(begin)
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


def make_pay_account(
    merchant: Merchant | None = None,
    *,
    operator: Operator | None = None,
    mode: Mode = Mode.DIRECT,
    ways: tuple[str, ...] = ("native", "jsapi", "h5"),
    has_public_key: bool = True,
    name: str = "茶舍收款",
) -> PayAccount:
    """A connected account: of a merchant, of an operator, else of the platform."""
    tier = Tier.MERCHANT if merchant else Tier.OPERATOR if operator else Tier.PLATFORM
    account = PayAccount(
        tier=tier,
        merchant=merchant,
        operator=operator,
        mode=mode,
        name=name,
        mchid=f"19000{next(_numbers):05d}",
        app_id="wxsbtest00000001",
        serial=SERIAL,
        ways=list(ways),
    )
    if has_public_key:
        account.public_key_id = PUBLIC_KEY_ID
        account.public_key = public_pem_of(wechat_key())
    account.seal("private_key", pem_of(merchant_key()))
    account.seal("api_v3_key", API_V3_KEY)
    account.save()
    return account


def make_sub_account(merchant: Merchant, partner: PayAccount) -> PayAccount:
    """A merchant number under a service provider."""
    account = PayAccount(
        tier=Tier.MERCHANT,
        merchant=merchant,
        mode=Mode.SUB,
        partner=partner,
        name="茶舍",
        mchid=partner.mchid,
        sub_mchid=f"1700{next(_numbers):06d}",
        app_id=partner.app_id,
        ways=["native", "jsapi"],
    )
    account.save()
    return account


def give_certificate(account: PayAccount, pem: str) -> PlatformCertificate:
    """Let an account know a platform certificate."""
    opened = signing.load_certificate(pem)
    return PlatformCertificate.objects.create(
        account=account,
        serial=signing.serial_of(opened),
        pem=pem,
        effective_at=opened.not_valid_before_utc,
        expires_at=opened.not_valid_after_utc,
    )


def make_payment(
    merchant: Merchant,
    account: PayAccount | None = None,
    *,
    amount_fen: int = 9_900,
    way: Way = Way.NATIVE,
    purpose: str = "test.thing",
    lasts: timedelta = timedelta(minutes=30),
) -> Payment:
    """A payment that waits for its payer."""
    with tenancy.merchant_scope(merchant.pk), fake_pay():
        return payments.start(
            account=account or selectors.account_of(merchant) or make_pay_account(merchant),
            purpose=purpose,
            subject_id=None,
            description="一杯柠檬茶",
            amount_fen=amount_fen,
            way=way,
            expires_at=clock.now() + lasts,
            actor=ACTOR,
            openid="oTest" if way == Way.JSAPI else "",
            payer_ip="203.0.113.7" if way == Way.H5 else "",
        )


def make_refund(
    merchant: Merchant, amount_fen: int = 100, *, account: PayAccount | None = None
) -> Refund:
    """A refund that waits to be sent."""
    payment = make_payment(merchant, account)
    with tenancy.merchant_scope(merchant.pk):
        settling.settle(account=payment.account, found=answers.trade(transaction_of(payment)))
        return refunds.refund(
            payment_id=payment.pk, amount_fen=amount_fen, reason="顾客要求", actor=ACTOR
        )


def make_bill(merchant: Merchant, *, day: date = date(2026, 3, 11)) -> PayBill:
    """A day's bill that is being fetched."""
    account = selectors.account_of(merchant) or make_pay_account(merchant)
    return PayBill.objects.get_or_create(account=account, day=day)[0]


def make_difference(merchant: Merchant) -> BillDifference:
    """A number that stands on a bill and not in our book."""
    return BillDifference.objects.create(
        bill=make_bill(merchant),
        kind="not_here",
        trade="payment",
        number=f"lost{next(_numbers)}",
        there_fen=100,
    )


def make_notification(merchant: Merchant) -> PayNotification:
    """A notification that could not be opened."""
    return PayNotification.objects.create(
        account=selectors.account_of(merchant) or make_pay_account(merchant),
        platform_id=f"n{next(_numbers)}",
        event_type="TRANSACTION.SUCCESS",
        body_sealed=b"x",
        state="failed",
        error="CANNOT_DECRYPT",
    )


# -- WeChat Pay's side


def signed(
    body: bytes,
    *,
    key: RSAPrivateKey | None = None,
    serial: str = PUBLIC_KEY_ID,
    at: datetime | None = None,
    signature: str = "",
) -> dict[str, str]:
    """The headers by which WeChat Pay signs a body."""
    stamp, nonce = str(int((at or clock.now()).timestamp())), random_tokens.new_token()
    text = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    return {
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": signature or signing.sign(key or wechat_key(), text),
        "Wechatpay-Serial": serial,
    }


def sealed(
    content: Mapping[str, Any] | str, *, key: str = API_V3_KEY, about: str = "transaction"
) -> Any:
    """Something encrypted with the APIv3 key, as WeChat Pay sends it."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    nonce = random_tokens.new_token(12)
    box = AESGCM(key.encode()).encrypt(nonce.encode(), text.encode(), about.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(box).decode(),
        "associated_data": about,
        "nonce": nonce,
        "original_type": about,
    }


def transaction_of(payment: Payment, **changes: Any) -> dict[str, Any]:
    """What WeChat Pay says about a payment that was paid."""
    account = payment.account
    payee = (
        {"sp_appid": account.app_id, "sp_mchid": account.mchid, "sub_mchid": account.sub_mchid}
        if account.sub_mchid
        else {"appid": account.app_id, "mchid": account.mchid}
    )
    total = changes.pop("total", payment.amount_fen)
    usual = {
        "out_trade_no": payment.number,
        "transaction_id": f"4200{next(_numbers):024d}",
        "trade_type": payment.way.upper(),
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "success_time": clock.now().isoformat(),
        "amount": {"total": total, "payer_total": total, "currency": "CNY"},
        "payer": {"openid": "oPayer"},
    }
    return payee | usual | changes


def notification_of(
    content: Mapping[str, Any],
    *,
    event: str = "TRANSACTION.SUCCESS",
    number: str = "",
    api_v3_key: str = API_V3_KEY,
) -> bytes:
    """The body of a notification."""
    about = "transaction" if event.startswith("TRANS") else "refund"
    body = {
        "id": number or f"00000000-0000-0000-0000-{next(_numbers):012d}",
        "create_time": clock.now().isoformat(),
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": "支付成功",
        "resource": sealed(content, key=api_v3_key, about=about),
    }
    return json.dumps(body, ensure_ascii=False).encode()


def notify(client: Client, account: PayAccount, body: bytes, **signing_: Any) -> Any:
    """Send a notification as WeChat Pay does."""
    headers = signed(body, **signing_)
    return client.post(
        f"/hooks/pay/{account.token}/", body, content_type="application/json", headers=headers
    )


Answer = Mapping[str, Any] | Exception | httpx2.Response | int
Answers = Answer | list[Answer] | Callable[[httpx2.Request], Answer]


@dataclass
class FakePay:
    """Answers calls by method and the beginning of the path; a list is used up one by one."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[httpx2.Request] = field(default_factory=list)
    signing_: dict[str, Any] = field(default_factory=dict)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.calls.append(request)
        name = f"{request.method} {self.path(request)}"
        found = next((k for k in self.answers if name.startswith(k)), None)
        if found is None:
            message = f"no answer for {name}"
            raise AssertionError(message)
        answer = self.answers[found]
        if callable(answer):
            answer = answer(request)
        elif isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return self._response(answer)

    def _response(self, answer: Answer) -> httpx2.Response:
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):
            return answer
        if isinstance(answer, int):
            return httpx2.Response(answer, headers=signed(b"", **self.signing_))
        body = json.dumps(answer, ensure_ascii=False).encode()
        return httpx2.Response(200, content=body, headers=signed(body, **self.signing_))

    @staticmethod
    def path(request: httpx2.Request) -> str:
        """The path without the host's first segment."""
        return request.url.path.removeprefix(BASE)

    def names(self) -> list[str]:
        """What was called, in order: the last words of the paths."""
        return [f"{call.method} {self.path(call)}" for call in self.calls]

    def body(self, at: int = -1) -> Any:
        """The JSON of one call."""
        return json.loads(self.calls[at].content)


def refused(code: str, status: int = 400) -> httpx2.Response:
    """A refusal; such answers are not signed."""
    return httpx2.Response(status, json={"code": code, "message": "拒绝"})


NATIVE = "POST /v3/pay/transactions/native"
JSAPI = "POST /v3/pay/transactions/jsapi"
H5 = "POST /v3/pay/transactions/h5"
QUERY = "GET /v3/pay/transactions/out-trade-no/"
CLOSE = "POST /v3/pay/transactions/out-trade-no/"
REFUND = "POST /v3/refund/domestic/refunds"
QUERY_REFUND = "GET /v3/refund/domestic/refunds/"
CERTIFICATES = "GET /v3/certificates"
BILL = "GET /v3/bill/tradebill"
DOWNLOAD = "GET /v3/billdownload/file"
USUAL: dict[str, Answers] = {
    NATIVE: {"code_url": "weixin://wxpay/bizpayurl?pr=abc"},
    JSAPI: {"prepay_id": "wx2611215250487459928b659bd466620000"},
    H5: {"h5_url": "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx26"},
    CLOSE: 204,
    QUERY: refused("ORDER_NOT_EXIST", 404),
    CERTIFICATES: refused("RESOURCE_NOT_EXISTS", 404),
}


@contextmanager
def fake_pay(others: Mapping[str, Any] | None = None, **signing_: Any) -> Iterator[FakePay]:
    """Let all calls be answered by a fake; by default everything works and nothing is paid."""
    mine = others or {}
    fake = FakePay({**mine, **{name: one for name, one in USUAL.items() if name not in mine}})
    fake.signing_ = signing_
    with pay_client.using(httpx2.MockTransport(fake)):
        yield fake


def refunded(body: Mapping[str, Any], status: str = "SUCCESS") -> dict[str, Any]:
    """What WeChat Pay answers to a refund it was asked for."""
    return {
        "refund_id": f"5030{next(_numbers):020d}",
        "out_refund_no": body["out_refund_no"],
        "out_trade_no": body["out_trade_no"],
        "transaction_id": "4200",
        "channel": "ORIGINAL",
        "user_received_account": "招商银行信用卡0403",
        "success_time": clock.now().isoformat(),
        "create_time": clock.now().isoformat(),
        "status": status,
        "amount": body["amount"],
    }


def refunding(status: str = "SUCCESS") -> Callable[[httpx2.Request], Answer]:
    """An answer that accepts whatever refund it is asked for."""
    return lambda request: refunded(json.loads(request.content), status)


BILL_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)


def bill_text(*rows: tuple[str, int] | tuple[str, int, str]) -> str:
    """A day's bill: (number, fen) for a payment, (number, fen, refund number) for a refund."""
    lines = [BILL_HEAD]
    for row in rows:
        number, fen, *back = row
        refund_number = back[0] if back else ""
        paid, returned = ("0.00", f"{fen / 100:.2f}") if back else (f"{fen / 100:.2f}", "0.00")
        cells = [
            *("2026-03-11 09:00:00", "wxsbtest00000001", "1900000001", "0", ""),
            *("4200000001", number, "oPayer", "NATIVE", "REFUND" if back else "SUCCESS"),
            *("OTHERS", "CNY", paid, "0.00", "50300" if back else "0", refund_number or "0"),
            *(returned, "0.00", "ORIGINAL" if back else "", "SUCCESS" if back else ""),
            *("一杯柠檬茶", "", "0.06000", "0.60%", paid, returned, ""),
        ]
        lines.append(",".join(f"`{cell}" for cell in cells))
    lines.append(
        "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
    )
    lines.append(f"`{len(rows)},`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00")
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def bill_answers(text: str, *, sha: str = "", host: str = "") -> dict[str, Answers]:
    """The two answers by which a bill is fetched."""
    data = text.encode()
    url = f"{host or 'http://127.0.0.1:8001' + BASE}/v3/billdownload/file?token=abc&tartype=gzip"
    announced = {"hash_type": "SHA1", "hash_value": sha or sha1(data).hexdigest()}  # noqa: S324
    return {
        BILL: announced | {"download_url": url},
        DOWNLOAD: httpx2.Response(200, content=gzip.compress(data)),
    }
