"""Paying on the phone: scanned codes, the sheet of a page, passwords, what is told afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from wechat_sandbox.tests.factories import LIN, PayHook, openid
from wechat_sandbox.tests.sellers import REFUNDS, Seller


class TestPhone:
    def pay(self, seller: Seller, sheet: dict[str, Any], **more: str) -> Any:
        body = {"prepay_id": sheet["prepay_id"], "bank": "OTHERS", "password": "123456", **more}
        return seller.client.post(f"{LIN}/_phone/api/pay/confirm", json=body)

    def sheet(self, seller: Seller, **body: Any) -> Any:
        return seller.client.post(f"{LIN}/_phone/api/pay/sheet", json=body)

    def test_a_scanned_code_is_paid(self, seller: Seller, hook: PayHook) -> None:
        code = seller.native()
        scanned = seller.client.post(f"{LIN}/_phone/api/scan", json={"content": code}).json()
        assert scanned == {"kind": "pay", "text": code}
        shown = [one["content"] for one in seller.client.get(f"{LIN}/_phone/api/codes").json()]
        assert code in shown
        sheet = self.sheet(seller, content=code).json()
        assert (sheet["merchant"], sheet["amount_fen"]) == ("拾光茶饮", 1280)

        assert self.pay(seller, sheet).json()["method"] == "零钱"
        seller.advance(0)
        assert seller.told(hook.taken[-1])["payer"] == {"openid": openid(seller.client)}
        assert self.sheet(seller, content=code).json()["code"] == "paid"
        state = seller.client.get(f"{LIN}/_phone/api/state").json()
        assert (state["pay"]["unread"], state["pay"]["last"]["kind"]) == (1, "paid")
        (told,) = seller.client.get(f"{LIN}/_phone/api/pay/messages").json()
        assert told["out_trade_no"] == "tea-000001"
        bills = seller.client.get(f"{LIN}/_phone/api/pay/bills").json()
        assert bills["change_fen"] == 500_00 - 1280
        assert [one["amount_fen"] for one in bills["payments"]] == [1280]

    def test_wrong_passwords_lock_after_five(self, seller: Seller) -> None:
        sheet = self.sheet(seller, content=seller.native()).json()
        for left in (4, 3, 2, 1):
            assert f"{left} 次" in self.pay(seller, sheet, password="000000").json()["error"]
        assert self.pay(seller, sheet, password="000000").json()["code"] == "locked"
        assert self.pay(seller, sheet).json()["code"] == "locked"
        assert seller.query()["trade_state"] == "NOTPAY"
        seller.advance(3 * 3600 + 1)
        again = self.sheet(seller, content=seller.native()).json()
        assert self.pay(seller, again).status_code == 200

    def test_not_enough_change_but_a_card(self, seller: Seller) -> None:
        sheet = self.sheet(seller, content=seller.native(amount={"total": 600_00})).json()
        assert [one["enough"] for one in sheet["methods"]] == [False, True]
        assert self.pay(seller, sheet).json()["code"] == "not_enough"
        assert self.pay(seller, sheet, bank="CMB_DEBIT").status_code == 200
        assert seller.query()["bank_type"] == "CMB_DEBIT"
        assert self.pay(seller, sheet, bank="BARTER").json()["code"] == "paid"

    def test_codes_run_out_after_two_hours_orders_at_their_end(self, seller: Seller) -> None:
        code = seller.native()
        seller.advance(2 * 3600 + 1)
        assert self.sheet(seller, content=code).json()["code"] == "expired"
        assert self.sheet(seller, content="weixin://wxpay/bizpayurl?pr=nothing").status_code == 409
        assert self.sheet(seller, content="tea").status_code == 422

    def test_a_page_in_wechat(self, seller: Seller) -> None:
        body = seller.order(payer={"openid": openid(seller.client)})
        made = seller.call("POST", "/v3/pay/transactions/jsapi", body)["prepay_id"]
        sheet = self.sheet(seller, page=seller.page(made)).json()
        assert self.pay(seller, sheet).status_code == 200
        assert seller.query()["trade_type"] == "JSAPI"

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"paySign": "AAAA"}, "sign"),
            ({"signType": "MD5"}, "sign"),
            ({"appId": "wxsbother0001"}, "sign"),
            ({"nonceStr": ""}, "parameter"),
            ({"package": "prepay_id=wx123"}, "unknown"),
        ],
    )
    def test_what_a_page_signed_wrongly(
        self, seller: Seller, changed: dict[str, str], code: str
    ) -> None:
        body = seller.order(payer={"openid": openid(seller.client)})
        made = seller.call("POST", "/v3/pay/transactions/jsapi", body)["prepay_id"]
        answer = self.sheet(seller, page=seller.page(made, **changed))
        assert (answer.status_code, answer.json()["code"]) == (409, code)

    def test_somebody_elses_order(self, seller: Seller) -> None:
        body = seller.order(payer={"openid": openid(seller.client, "chen")})
        made = seller.call("POST", "/v3/pay/transactions/jsapi", body)["prepay_id"]
        answer = self.sheet(seller, page=seller.page(made))
        assert answer.json()["code"] == "payer"
        native = seller.native("tea-000002")
        prepay_id = self.sheet(seller, content=native).json()["prepay_id"]
        assert self.sheet(seller, page=seller.page(prepay_id)).json()["code"] == "way"

    def test_h5_opens_outside_wechat_only(self, seller: Seller) -> None:
        scene = {"payer_client_ip": "1.2.3.4", "h5_info": {"type": "Wap"}}
        path = "/v3/pay/transactions/h5"
        url = seller.call("POST", path, seller.order(scene_info=scene))["h5_url"]
        outside = seller.client.get(f"{url}&redirect_url=https%3A%2F%2Fshop.example%2Fdone").text
        assert 'data-back="https://shop.example/done"' in outside
        link = outside.partition('data-link="')[2].partition('"')[0].replace("&amp;", "&")
        inside = seller.client.get(LIN + url.partition(":8001")[2])
        assert "请在微信外打开订单" in inside.text
        sheet = self.sheet(seller, content=link).json()
        assert self.pay(seller, sheet).status_code == 200
        assert seller.query()["trade_type"] == "MWEB"
        assert "已支付" in seller.client.get(url).text

    def test_an_h5_link_holds_five_minutes(self, seller: Seller) -> None:
        scene = {"payer_client_ip": "1.2.3.4", "h5_info": {"type": "Wap"}}
        path = "/v3/pay/transactions/h5"
        url = seller.call("POST", path, seller.order(scene_info=scene))["h5_url"]
        seller.advance(301)
        assert "已过期" in seller.client.get(url).text

    def test_the_phone_shows_a_refund(self, seller: Seller) -> None:
        seller.native()
        seller.pay()
        seller.call("POST", REFUNDS, seller.refund_body(280))
        (one,) = seller.client.get(f"{LIN}/_phone/api/pay/bills").json()["payments"]
        assert (one["refunding_fen"], one["refunded_fen"]) == (280, 0)
        seller.advance(3)
        told = seller.client.get(f"{LIN}/_phone/api/pay/messages").json()
        assert [one["kind"] for one in told] == ["paid", "refunded"]
