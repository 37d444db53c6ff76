"""The part of WeChat Pay and of its control that the demo's fill needs, from memory."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from zhanggui.channels.pay.tests.factories import (
    API_V3_KEY,
    BASE,
    PUBLIC_KEY_ID,
    SERIAL,
    bill_answers,
    bill_text,
    certificate_of,
    merchant_key,
    pem_of,
    public_pem_of,
    refunded,
    sealed,
    signed,
    wechat_key,
)
from zhanggui.core import clock


class FakePaySide:
    """Merchants, orders by number, refunds by number."""

    def __init__(self) -> None:
        self.merchants: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.paid: list[str] = []
        self.closed: list[str] = []
        self.refunds: dict[str, dict[str, Any]] = {}

    def control(self, method: str, name: str, body: Any) -> Any:
        """The control interface."""
        if name == "clock":
            return {}
        if name == "merchants" and method == "GET":
            return list(self.merchants.values())
        if name == "merchants":
            made = body | {
                "serial": SERIAL,
                "private_key_pem": pem_of(merchant_key()),
                "api_v3_key": API_V3_KEY,
                "public_key_id": PUBLIC_KEY_ID,
                "public_key_pem": public_pem_of(wechat_key()),
            }
            self.merchants[body["mchid"]] = made
            return made
        self.paid.append(name.split("/")[3])
        return {}

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """WeChat Pay itself."""
        path = request.url.path.removeprefix(BASE)
        body = json.loads(request.content) if request.content else {}
        if path.startswith("/v3/billdownload"):
            download: Any = bill_answers(self._bill())["GET /v3/billdownload/file"]
            return httpx2.Response(200, content=download.content)
        found = self._found(request.method, path, body)
        if found is None:
            return httpx2.Response(404, json={"code": "ORDER_NOT_EXIST"})
        serial = found.pop("serial", PUBLIC_KEY_ID) if found else PUBLIC_KEY_ID
        content = json.dumps(found).encode() if found else b""
        return httpx2.Response(200, content=content, headers=signed(content, serial=serial))

    def _found(self, method: str, path: str, body: dict[str, Any]) -> Any:
        number = path.rpartition("/")[2]
        if method == "POST":
            return self._taken(path, body)
        if path == "/v3/certificates":
            box = sealed(certificate_of(wechat_key(), days=3650, number=0xAB), about="certificate")
            return {"data": [{"serial_no": "AB", "encrypt_certificate": box}], "serial": "AB"}
        if path.startswith("/v3/bill"):
            return bill_answers(self._bill())["GET /v3/bill/tradebill"]
        if "/refunds/" in path:
            return self.refunds.get(number)
        return self._trade(self.orders[number]) if number in self.orders else None

    def _taken(self, path: str, body: dict[str, Any]) -> Any:
        if path.endswith("/native"):
            self.orders[body["out_trade_no"]] = body
            return {"code_url": f"weixin://wxpay/bizpayurl?pr={body['out_trade_no'][:7]}"}
        if path.endswith("/close"):
            self.closed.append(path.split("/")[-2])
            return {}
        self.refunds[body["out_refund_no"]] = refunded(body)
        return self.refunds[body["out_refund_no"]]

    def _trade(self, order: dict[str, Any]) -> dict[str, Any]:
        is_paid = order["out_trade_no"] in self.paid
        return {
            **{name: order[name] for name in ("appid", "mchid", "out_trade_no", "amount")},
            "trade_state": "SUCCESS" if is_paid else "NOTPAY",
            "transaction_id": "4200000001" if is_paid else "",
            "success_time": clock.now().isoformat(),
        }

    def _bill(self) -> str:
        mine = "9000000001"
        rows: list[Any] = [
            (number, order["amount"]["total"])
            for number, order in self.orders.items()
            if number in self.paid and order["mchid"] == mine
        ]
        rows += [
            (one["out_trade_no"], one["amount"]["refund"], number)
            for number, one in self.refunds.items()
            if self.orders[one["out_trade_no"]]["mchid"] == mine
        ]
        return bill_text(*rows)
