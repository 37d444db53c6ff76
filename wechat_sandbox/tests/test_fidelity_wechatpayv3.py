"""An independent client that knows nothing of the sandbox: wechatpayv3, over real HTTP."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from wechatpayv3 import WeChatPay, WeChatPayType

from wechat_sandbox import Sandbox
from wechat_sandbox.clock import BEIJING
from wechat_sandbox.serving import running
from wechat_sandbox.tests.factories import APPID, PRODUCT, PayHook

NOTIFY = f"{PRODUCT}/hooks/pay"
MODES = ["certificate", "public_key"]


class Seller:
    """A merchant with its independent client."""

    def __init__(self, sandbox: Sandbox, mode: str, *, partner: bool) -> None:
        self.url = sandbox.world.config.public
        body = {"name": "拾光茶饮", "appids": [APPID], "partner": partner}
        if partner:
            body["sub_merchants"] = [{"name": "分店", "appids": [APPID]}]
        self.made = self.control("POST", "merchants", body)
        self.mchid: str = self.made["mchid"]
        self.sub = {"sub_mchid": self.made["sub_mchids"][0]} if partner else {}
        public = {} if mode == "certificate" else {
            "public_key": self.made["public_key_pem"],
            "public_key_id": self.made["public_key_id"],
        }  # fmt: skip
        self.client = self._client(partner, public)

    def _client(self, partner: bool, public: dict[str, str]) -> Any:
        given = {
            "wechatpay_type": WeChatPayType.NATIVE,
            "mchid": self.mchid,
            "private_key": self.made["private_key_pem"],
            "cert_serial_no": self.made["serial"],
            "appid": APPID,
            "apiv3_key": self.made["api_v3_key"],
            "notify_url": NOTIFY,
            "partner_mode": partner,
            "proxy": {"http": "", "https": ""},
            "timeout": (5, 10),
        }
        base = f"{self.url}/api.mch.weixin.qq.com"
        with pytest.MonkeyPatch.context() as patched:
            # Its constructor asks for the certificates before the host can be told: the host is
            # a private attribute of its core.
            from wechatpayv3 import core

            plain = core.Core._init_certificates

            def elsewhere(found: Any) -> None:
                found._gate_way = base
                plain(found)

            patched.setattr(core.Core, "_init_certificates", elsewhere)
            client = WeChatPay(**given, **public)
        client._core._gate_way = base
        return client

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = httpx2.request(
            method, f"{self.url}/_sandbox/api/{path}", json=body, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def order(self, number: str, **more: Any) -> tuple[int, Any]:
        code, text = self.client.pay(
            description="龙井", out_trade_no=number, amount={"total": 1280}, **self.sub, **more
        )
        return code, json.loads(text)

    def pay(self, number: str) -> Any:
        body = {"person": "lin", **self.sub}
        return self.control("POST", f"merchants/{self.mchid}/orders/{number}/pay", body)


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[Sandbox]:
    product = httpx2.ASGITransport(app=Starlette(routes=PayHook.routes()))
    with running(product=PRODUCT, product_transport=product) as sandbox:
        base = f"{sandbox.world.config.public}/_sandbox/api"
        account = {"name": "拾光茶饮"}
        httpx2.put(f"{base}/accounts/{APPID}", json=account, trust_env=False)
        people = [{"slug": "lin", "nickname": "林小满"}]
        httpx2.put(f"{base}/people", json=people, trust_env=False)
        yield sandbox


@pytest.fixture(params=MODES)
def seller(request: pytest.FixtureRequest, running_sandbox: Sandbox) -> Seller:
    return Seller(running_sandbox, request.param, partner=False)


@pytest.fixture(params=MODES)
def provider(request: pytest.FixtureRequest, running_sandbox: Sandbox) -> Seller:
    return Seller(running_sandbox, request.param, partner=True)


def test_native_from_order_to_refund(
    seller: Seller, hook: PayHook, running_sandbox: Sandbox
) -> None:
    code, made = seller.order("tea-000001", attach="桌3")
    assert code == 200
    assert made["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert json.loads(seller.client.query(out_trade_no="tea-000001")[1])["trade_state"] == "NOTPAY"

    seller.pay("tea-000001")
    notice = seller.client.callback(*hook.taken[-1])
    assert notice["event_type"] == "TRANSACTION.SUCCESS"
    told = notice["resource"]
    assert (told["out_trade_no"], told["attach"], told["amount"]["total"]) == (
        "tea-000001",
        "桌3",
        1280,
    )
    code, text = seller.client.query(transaction_id=told["transaction_id"])
    assert (code, json.loads(text)) == (200, told)

    code, text = seller.client.refund(
        out_refund_no="back-1",
        out_trade_no="tea-000001",
        amount={"refund": 280, "total": 1280, "currency": "CNY"},
        reason="少了一杯",
    )
    assert (code, json.loads(text)["status"]) == (200, "PROCESSING")
    seller.control("POST", "clock", {"advance_s": 3, "wait": True})
    ended = seller.client.callback(*hook.taken[-1])["resource"]
    assert (ended["refund_status"], ended["amount"]["refund"]) == ("SUCCESS", 280)
    code, text = seller.client.query_refund("back-1")
    assert (code, json.loads(text)["status"]) == (200, "SUCCESS")
    assert json.loads(seller.client.query(out_trade_no="tea-000001")[1])["trade_state"] == "REFUND"


def test_jsapi_h5_and_close(seller: Seller, hook: PayHook) -> None:
    openid = seller.control("GET", f"openids?appid={APPID}")["lin"]
    code, made = seller.order("tea-jsapi1", pay_type=WeChatPayType.JSAPI, payer={"openid": openid})
    assert code == 200
    assert made["prepay_id"].startswith("wx")

    scene = {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}}
    code, made = seller.order("tea-h5-001", pay_type=WeChatPayType.H5, scene_info=scene)
    assert code == 200
    assert "/wx.tenpay.com/" in made["h5_url"]

    assert seller.client.close("tea-h5-001")[0] == 204
    assert seller.client.close("tea-h5-001")[0] == 204
    found = json.loads(seller.client.query(out_trade_no="tea-h5-001")[1])
    assert found["trade_state"] == "CLOSED"
    code, refused = seller.order("tea-h5-001", pay_type=WeChatPayType.H5, scene_info=scene)
    assert (code, refused["code"]) == (400, "ORDER_CLOSED")
    code, text = seller.client.query(out_trade_no="nobody-ordered")
    assert (code, json.loads(text)["code"]) == (404, "ORDER_NOT_EXIST")


def test_a_service_provider(provider: Seller, hook: PayHook) -> None:
    sub = provider.sub
    code, made = provider.order("sp-000001")
    assert (code, "code_url" in made) == (200, True)
    provider.pay("sp-000001")

    told = provider.client.callback(*hook.taken[-1])["resource"]
    assert (told["sp_mchid"], told["sub_mchid"]) == (provider.mchid, sub["sub_mchid"])
    assert json.loads(provider.client.query(out_trade_no="sp-000001", **sub)[1]) == told
    code, text = provider.client.refund(
        out_refund_no="sp-back",
        out_trade_no="sp-000001",
        amount={"refund": 1280, "total": 1280, "currency": "CNY"},
        **sub,
    )
    assert (code, json.loads(text)["status"]) == (200, "PROCESSING")
    provider.control("POST", "clock", {"advance_s": 3, "wait": True})
    ended = provider.client.callback(*hook.taken[-1])["resource"]
    assert (ended["sub_mchid"], ended["refund_status"]) == (sub["sub_mchid"], "SUCCESS")
    provider.order("sp-000002")
    assert provider.client.close("sp-000002", **sub)[0] == 204


def test_the_bill_of_a_day(seller: Seller, hook: PayHook) -> None:
    day = datetime.now(UTC).astimezone(BEIJING).date()
    seller.order("bill-00001")
    seller.pay("bill-00001")
    code, text = seller.client.trade_bill(day.isoformat())
    assert (code, json.loads(text)["code"]) == (400, "PARAM_ERROR")
    # The client signs with real time, so the sandbox's clock can only be moved where it is done:
    # the bill of the day is read by control, the way over the API with a payment of yesterday.
    text = httpx2.get(
        f"{seller.url}/_sandbox/api/merchants/{seller.mchid}/bill",
        params={"date": day.isoformat()},
        trust_env=False,
    ).text
    assert "`bill-00001" in text
    yesterday = (day - timedelta(days=2)).isoformat()
    code, text = seller.client.trade_bill(yesterday)
    assert (code, json.loads(text)["code"]) == (400, "NO_STATEMENT_EXIST")


def test_a_bill_is_downloaded_and_its_hash_fits(
    running_sandbox: Sandbox, seller: Seller, hook: PayHook
) -> None:
    seller.order("past-00001")
    seller.pay("past-00001")
    store, two_days = running_sandbox.world.store, 2 * 86400
    store.write(
        "UPDATE pay_orders SET paid_at = paid_at - ? WHERE mchid = ?", two_days, seller.mchid
    )
    day = datetime.now(UTC).astimezone(BEIJING).date() - timedelta(days=2)

    for ask in (seller.client.trade_bill, seller.client.fundflow_bill):
        code, text = ask(day.isoformat())
        assert code == 200
        offer = json.loads(text)
        code, raw = seller.client.download_bill(offer["download_url"])
        assert code == 200
        plain = gzip.decompress(raw)
        assert hashlib.sha1(plain, usedforsecurity=False).hexdigest() == offer["hash_value"]
        assert "`12.80" in plain.decode()
