"""The calls to WeChat Pay APIv3: typed, signed, verified, and nothing but calls.

No state and no database here. Bytes are made once, signed and sent. Keys, openids and bodies are
neither logged nor put into errors. The backup host answers when the first one cannot be reached.
Source: pay.weixin.qq.com/doc/v3/merchant/ and .../partner/.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from hashlib import sha1
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

import httpx2
import stamina
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from django.conf import settings

from zhanggui.channels.pay import answers, responses, signing
from zhanggui.channels.pay.answers import (
    BillFile,
    Certificate,
    Prepaid,
    RefundAnswer,
    TradeAnswer,
)
from zhanggui.channels.pay.errors import (
    CANNOT_DECRYPT,
    AnswerNotSigned,
    PayUnreachable,
    WrongWorld,
)
from zhanggui.core import clock, tokens

log = structlog.get_logger("zhanggui.pay.client")

TIMEOUT = httpx2.Timeout(10.0, connect=3.0)
ATTEMPTS = 3
WAIT_S = 0.2
LONGEST_S = 15.0
MOST_BYTES = 64 * 1024 * 1024  # of a day's bill
USER_AGENT = "zhanggui"
SANDBOX_PREFIX = "wxsb"
REAL_DOMAIN = "mch.weixin.qq.com"
GZIP = b"\x1f\x8b"
PATHS = {"jsapi": "jsapi", "native": "native", "h5": "h5"}

CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signs our requests and opens WeChat's boxes."""

    mchid: str
    serial: str
    private_key: RSAPrivateKey = field(repr=False)
    api_v3_key: str = field(repr=False)
    public_key_id: str = ""
    """Set in public-key mode: asks WeChat Pay to sign its answers with that key."""


@dataclass(frozen=True, slots=True)
class Payee:
    """Whose money it becomes; with ``sub_mchid`` a partner collects for a merchant."""

    app_id: str
    mchid: str
    sub_mchid: str = ""
    sub_app_id: str = ""

    @property
    def is_partners(self) -> bool:
        """Whether calls go the partner's way."""
        return bool(self.sub_mchid)

    def named(self) -> dict[str, str]:
        """App ids and merchant numbers of a new order."""
        if not self.is_partners:
            return {"appid": self.app_id, "mchid": self.mchid}
        named = {"sp_appid": self.app_id, "sp_mchid": self.mchid, "sub_mchid": self.sub_mchid}
        return named | ({"sub_appid": self.sub_app_id} if self.sub_app_id else {})

    def merchants(self) -> dict[str, str]:
        """Merchant numbers of a query or a closing."""
        if not self.is_partners:
            return {"mchid": self.mchid}
        return {"sp_mchid": self.mchid, "sub_mchid": self.sub_mchid}

    def payer(self, openid: str) -> dict[str, str]:
        """The payer; an openid belongs to the app id whose page asks for the money."""
        if not self.is_partners:
            return {"openid": openid}
        return {"sub_openid" if self.sub_app_id else "sp_openid": openid}


@dataclass(frozen=True, slots=True)
class PayOrder:
    """A new order; the same values again give the same order."""

    way: str
    number: str
    description: str
    amount_fen: int
    expires_at: datetime
    notify_url: str
    openid: str = ""
    payer_ip: str = ""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Money to give back; the same number again is the same refund."""

    trade_number: str
    number: str
    refund_fen: int
    total_fen: int
    reason: str
    notify_url: str


class Client:
    """Calls over one connection pool; safe to share between threads.

    Args:
        transport: replaces the network in tests.
    """

    def __init__(self, transport: httpx2.BaseTransport | None = None) -> None:
        self._http = httpx2.Client(
            timeout=TIMEOUT,
            transport=transport,
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=40, max_keepalive_connections=10),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def bound(self, credentials: Credentials, payee: Payee, key_of: responses.KeyOf) -> Api:
        """The calls of one merchant number.

        Args:
            credentials: signs.
            payee: collects.
            key_of: the public key of a serial number, or None when nobody knows it.
        """
        return Api(self._http, credentials, payee, key_of)


class Api:
    """All calls of one merchant number; each may raise ``PayUnreachable`` and ``PayRefused``."""

    def __init__(
        self, http: httpx2.Client, credentials: Credentials, payee: Payee, key_of: responses.KeyOf
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._payee = payee
        self._key_of = key_of

    def prepay(self, order: PayOrder) -> Prepaid:
        """Make an order (8.4); repeating it with the same values is harmless."""
        part = "partner/" if self._payee.is_partners else ""
        body: dict[str, Any] = self._payee.named() | {
            "description": order.description,
            "out_trade_no": order.number,
            "time_expire": _moment(order.expires_at),
            "notify_url": order.notify_url,
            "amount": {"total": order.amount_fen, "currency": "CNY"},
        }
        if order.way == "jsapi":
            body["payer"] = self._payee.payer(order.openid)
        if order.way == "h5":
            info = {"payer_client_ip": order.payer_ip, "h5_info": {"type": "Wap"}}
            body["scene_info"] = info
        answer = self._ask("POST", f"/v3/pay/{part}transactions/{PATHS[order.way]}", body=body)
        names = {"jsapi": "prepay_id", "native": "code_url", "h5": "h5_url"}
        name = names[order.way]
        return Prepaid(**{name: answers.text(answer, name)})

    def query(self, number: str) -> TradeAnswer:
        """Ask how a payment stands.

        Raises:
            NoSuchTrade: WeChat Pay has no such order.
        """
        path = f"{self._trades()}/out-trade-no/{quote(number)}"
        return answers.trade(self._ask("GET", path, query=self._payee.merchants()))

    def close_trade(self, number: str) -> None:
        """Close an order, so that nobody can pay it; repeatable, but not for paid ones."""
        path = f"{self._trades()}/out-trade-no/{quote(number)}/close"
        self._ask("POST", path, body=self._payee.merchants())

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Give money back (8.7); 200 only means that it was accepted."""
        body: dict[str, Any] = {
            "out_trade_no": order.trade_number,
            "out_refund_no": order.number,
            "reason": order.reason,
            "notify_url": order.notify_url,
            "amount": {
                "refund": order.refund_fen,
                "total": order.total_fen,
                "currency": "CNY",
            },
        }
        if self._payee.is_partners:
            body["sub_mchid"] = self._payee.sub_mchid
        return answers.refund(self._ask("POST", "/v3/refund/domestic/refunds", body=body))

    def query_refund(self, number: str) -> RefundAnswer:
        """Ask how a refund stands.

        Raises:
            NoSuchTrade: WeChat Pay has not accepted it.
        """
        query = {"sub_mchid": self._payee.sub_mchid} if self._payee.is_partners else {}
        path = f"/v3/refund/domestic/refunds/{quote(number)}"
        return answers.refund(self._ask("GET", path, query=query))

    def certificates(self) -> list[Certificate]:
        """Fetch the platform certificates (8.10); each is opened with the APIv3 key.

        The answer is verified with a certificate of its own: only WeChat Pay knows the APIv3 key
        that encrypts it.

        Raises:
            NoSuchTrade: this merchant number works with the public key only.
            AnswerNotSigned: the APIv3 key does not open it, or the signature is another's.
        """
        found: list[Certificate] = []

        def own_key(serial: str) -> RSAPublicKey | None:
            for one in found:
                if one.serial == serial:
                    return signing.key_of(signing.load_certificate(one.pem))
            return self._key_of(serial)

        response = self._send("GET", "/v3/certificates", b"")
        body = responses.object_of(response, "/v3/certificates")
        found.extend(self._opened(one) for one in body.get("data", ()))
        responses.verify("/v3/certificates", response, own_key)
        return found

    def trade_bill(self, day: date, *, sub_mchid: str = "") -> BillFile:
        """Ask where a day's bill can be fetched; there from 10 o'clock of the next day on."""
        query = {"bill_date": day.isoformat(), "bill_type": "ALL", "tar_type": "GZIP"}
        if sub_mchid:
            query["sub_mchid"] = sub_mchid
        answer = self._ask("GET", "/v3/bill/tradebill", query=query)
        return BillFile(answers.text(answer, "download_url"), answers.text(answer, "hash_value"))

    def download(self, file: BillFile) -> str:
        """Fetch a bill. Downloads are not signed, so the SHA-1 of the text is compared.

        Raises:
            PayUnreachable: another host than WeChat Pay's, too big, or not what was announced.
        """
        path = responses.path_of(file.url)
        response = self._send("GET", path, b"")
        try:
            box = zlib.decompressobj(zlib.MAX_WBITS | 16)  # gzip
            data = response.content
            if data.startswith(GZIP):
                data = box.decompress(data, MOST_BYTES)
                if box.unconsumed_tail:
                    raise PayUnreachable("the bill is too big")
        except zlib.error:
            raise PayUnreachable("the bill is damaged", is_sent=True) from None
        if sha1(data, usedforsecurity=False).hexdigest() != file.sha1.lower():
            raise PayUnreachable("the bill is not what was announced", is_sent=True)
        return data.decode("utf-8-sig")

    def jsapi_values(self, *, prepay_id: str) -> dict[str, str]:
        """What the page hands to ``getBrandWCPayRequest`` or ``wx.requestPayment`` (8.5)."""
        payee = self._payee
        app_id = payee.sub_app_id or payee.app_id if payee.is_partners else payee.app_id
        stamp, nonce = _stamp(), tokens.new_token()
        text = signing.pay_sign_text(
            app_id=app_id, timestamp=stamp, nonce=nonce, prepay_id=prepay_id
        )
        return {
            "appId": app_id,
            "timeStamp": stamp,
            "nonceStr": nonce,
            "package": f"prepay_id={prepay_id}",
            "signType": "RSA",
            "paySign": signing.sign(self._credentials.private_key, text),
        }

    def _trades(self) -> str:
        return f"/v3/pay/{'partner/' if self._payee.is_partners else ''}transactions"

    def _opened(self, item: Any) -> Certificate:
        try:
            box = item["encrypt_certificate"]
            pem = signing.decrypt(
                self._credentials.api_v3_key,
                nonce=box["nonce"],
                associated_data=box.get("associated_data", ""),
                ciphertext=box["ciphertext"],
            ).decode()
            serial = signing.serial_of(signing.load_certificate(pem))
        except signing.CannotDecrypt:
            raise AnswerNotSigned("certificates", code=CANNOT_DECRYPT, is_sent=True) from None
        except (KeyError, TypeError, ValueError):
            raise PayUnreachable("no certificate in the answer", is_sent=True) from None
        return Certificate(serial, pem)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        target = f"{path}?{urlencode(query)}" if query else path
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        response = self._send(method, target, content)
        responses.verify(path, response, self._key_of)
        return responses.object_of(response, path) if response.content else {}

    def _send(self, method: str, target: str, content: bytes) -> httpx2.Response:
        """Send until something answers; what may have arrived is repeated only by GET."""
        check_world(self._payee.app_id, settings.PAY_BASE_URL)
        hosts = [settings.PAY_BASE_URL, settings.PAY_BACKUP_URL]

        def may_repeat(error: Exception) -> bool:
            return isinstance(error, PayUnreachable) and (method == "GET" or not error.is_sent)

        for attempt in stamina.retry_context(
            on=may_repeat, attempts=ATTEMPTS, timeout=LONGEST_S, wait_initial=WAIT_S
        ):
            with attempt:
                host = hosts[(attempt.num - 1) % len(hosts)]
                return self._once(host, method, target, content)
        raise AssertionError  # pragma: no cover - retry_context returns or raises

    def _once(self, host: str, method: str, target: str, content: bytes) -> httpx2.Response:
        path = target.partition("?")[0]
        try:
            response = self._http.request(
                method,
                f"{host}{target}",
                content=content or None,
                headers=self._headers(method, target, content),
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            raise responses.unreachable(path, "no connection", is_sent=False) from None
        except httpx2.TransportError as error:
            raise responses.unreachable(path, type(error).__name__, is_sent=True) from None
        if response.is_success:
            return response
        raise responses.refusal(path, response)

    def _headers(self, method: str, target: str, content: bytes) -> dict[str, str]:
        mine = self._credentials
        stamp, nonce = _stamp(), tokens.new_token()
        text = signing.request_text(method, target, timestamp=stamp, nonce=nonce, body=content)
        headers = {
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
            "Authorization": signing.authorization(
                mchid=mine.mchid,
                serial=mine.serial,
                nonce=nonce,
                timestamp=stamp,
                signature=signing.sign(mine.private_key, text),
            ),
        }
        if content:
            headers["Content-Type"] = "application/json"
        if mine.public_key_id:
            headers["Wechatpay-Serial"] = mine.public_key_id
        return headers


def _moment(moment: datetime) -> str:
    return moment.astimezone(CHINA).replace(microsecond=0).isoformat()


def _stamp() -> str:
    return str(int(clock.now().timestamp()))


def check_world(app_id: str, url: str) -> None:
    """Keep app ids of the sandbox away from WeChat Pay's hosts, and real ones from the sandbox.

    Raises:
        WrongWorld: they do not belong together.
    """
    host = urlsplit(url).hostname or ""
    is_real = host.endswith(REAL_DOMAIN)
    if is_real == app_id.startswith(SANDBOX_PREFIX):
        message = "an app id of the sandbox and a real host, or the reverse"
        raise WrongWorld(message, code="APPID_MCHID_NOT_MATCH")


@cache
def _shared() -> Client:
    return Client()


_replaced: list[Client] = []


def current() -> Client:
    """The client of this process."""
    return _replaced[-1] if _replaced else _shared()


@contextmanager
def using(transport: httpx2.BaseTransport) -> Iterator[Client]:
    """Let every call go through another transport (tests)."""
    client = Client(transport)
    _replaced.append(client)
    try:
        yield client
    finally:
        _replaced.remove(client)
        client.close()
