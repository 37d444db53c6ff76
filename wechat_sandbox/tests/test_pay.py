"""Calls to api.mch.weixin.qq.com: who may call, what is refused in which words, how orders go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from starlette.testclient import TestClient

from wechat_sandbox import Sandbox
from wechat_sandbox.pay import keys
from wechat_sandbox.tests.factories import APPID, PayHook, control, openid
from wechat_sandbox.tests.sellers import HOST, NATIVE, NOTIFY, REFUNDS, Seller

VECTORS = Path(__file__).parent / "payloads" / "wechatpay_v3.json"


def vectors() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(VECTORS.read_text())
    return found


class TestPublishedVectors:
    def test_request_and_pay_signatures(self) -> None:
        found = vectors()
        pem = f"-----BEGIN PRIVATE KEY-----\n{found['private_key']}\n-----END PRIVATE KEY-----\n"
        for one in found["signed"]:
            assert keys.sign(one["text"], private_pem=pem) == one["signature"]
            assert keys.is_signed(one["text"], one["signature"], private_pem=pem)
            assert not keys.is_signed(one["text"] + " ", one["signature"], private_pem=pem)

    def test_sealing(self) -> None:
        one = vectors()["sealed"]
        made = keys.seal(
            one["plaintext"],
            key=one["apiv3_key"],
            associated=one["associated_data"],
            nonce=one["nonce"],
        )
        assert made["ciphertext"] == one["ciphertext"]


class TestWhoCalls:
    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("/v3/certificates", "Http头Authorization值格式错误"),
            (NATIVE, "签名信息错误，验签失败"),
        ],
    )
    def test_no_header(self, seller: Seller, path: str, text: str) -> None:
        method = "GET" if path.endswith("certificates") else "POST"
        answer = seller.send(method, path, headers={"Authorization": "Bearer x"})
        assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
        assert answer.json()["message"].startswith(text)

    def test_another_signature_than_the_body_has(self, seller: Seller) -> None:
        wrong = seller.signature("POST\nsomething else\n")
        answer = seller.send("POST", NATIVE, seller.order(), signature=wrong)
        assert (answer.status_code, answer.json()["message"]) == (401, "签名错误")
        assert answer.json()["detail"]["sign_information"]["url"] == NATIVE
        assert "request-id" not in answer.headers

    def test_an_old_timestamp_is_told_before_a_wrong_signature(self, seller: Seller) -> None:
        for off in (-301, 302):
            stamp = str(int(seller.world.clock.now()) + off)
            answer = seller.send("POST", NATIVE, seller.order(), timestamp=stamp, signature="x")
            assert "不得超过5分钟" in answer.json()["message"]

    def test_the_sandboxs_clock_counts(self, seller: Seller) -> None:
        seller.advance(86400)
        seller.native()

    def test_another_serial_or_merchant(self, seller: Seller) -> None:
        wrong: list[dict[str, Any]] = [{"serial_no": "5" * 40}, {"mchid": "9000000001"}]
        for changed in wrong:
            answer = seller.send("POST", NATIVE, seller.order(), **changed)
            assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")

    @pytest.mark.parametrize("missing", ["User-Agent", "Accept"])
    def test_headers_that_certificates_want(self, seller: Seller, missing: str) -> None:
        answer = seller.send("GET", "/v3/certificates", headers={missing: ""})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("POST", "/v3/nothing", 404), ("DELETE", NATIVE, 405), ("GET", NATIVE, 405)],
    )
    def test_unknown_paths_answer_nothing(
        self, seller: Seller, method: str, path: str, status: int
    ) -> None:
        answer = seller.send(method, path)
        assert (answer.status_code, answer.content) == (status, b"")

    def test_the_path_may_be_signed_with_or_without_the_host_before_it(
        self, seller: Seller
    ) -> None:
        body = json.dumps(seller.order())
        header = seller.authorization("POST", HOST + NATIVE, body)
        sent = {"Authorization": header, "Content-Type": "application/json"}
        answer = seller.client.post(HOST + NATIVE, content=body, headers=sent)
        assert answer.status_code == 200

    def test_a_new_certificate_voids_the_old_key(self, seller: Seller) -> None:
        made = control(seller.client, "POST", f"merchants/{seller.mchid}/certificate")
        assert made["serial"] != seller.made["serial"]
        assert seller.send("POST", NATIVE, seller.order()).status_code == 401


class TestAnswers:
    def test_are_signed_as_the_caller_asks(self, seller: Seller) -> None:
        by_key = {"Wechatpay-Serial": seller.made["public_key_id"]}
        answer = seller.send("POST", NATIVE, seller.order(), headers=by_key)
        assert answer.headers["wechatpay-serial"] == seller.made["public_key_id"]
        seller.check(dict(answer.headers), answer.text)
        answer = seller.send("POST", NATIVE, seller.order())
        assert answer.headers["wechatpay-serial"] != seller.made["public_key_id"]
        seller.check(dict(answer.headers), answer.text)
        strange = {"Wechatpay-Serial": "PUB_KEY_ID_1"}
        answer = seller.send("POST", NATIVE, seller.order(), headers=strange)
        assert answer.json()["code"] == "PARAM_ERROR"

    def test_a_merchant_without_platform_certificates(self, seller: Seller) -> None:
        seller.settings(verify_with="public_key")
        answer = seller.send("GET", "/v3/certificates")
        assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")
        seller.native()

    @pytest.mark.parametrize("signature", ["signtest", "forged", "old", "missing"])
    def test_signatures_that_must_not_be_believed(self, seller: Seller, signature: str) -> None:
        fault = {"path": NATIVE, "signature": signature}
        control(seller.client, "POST", "faults", fault)
        answer = seller.send("POST", NATIVE, seller.order())
        assert answer.status_code == 200
        with pytest.raises((InvalidSignature, KeyError)):
            seller.check(dict(answer.headers), answer.text)
        if signature == "signtest":
            assert answer.headers["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/")

    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            ({"http_status": 500}, 500, "SYSTEM_ERROR"),
            ({"http_status": 429}, 429, "FREQUENCY_LIMITED"),
            ({"http_status": 503}, 503, "SERVICE_UNAVAILABLE"),
            ({"code": "NO_AUTH"}, 403, "NO_AUTH"),
            ({"code": "RULE_LIMIT", "message": "超限"}, 403, "RULE_LIMIT"),
            ({"code": "TRADE_ERROR"}, 403, "TRADE_ERROR"),
            ({"code": "RATELIMIT_EXCEEDED", "http_status": 429}, 429, "RATELIMIT_EXCEEDED"),
        ],
    )
    def test_every_code_can_be_provoked(
        self, seller: Seller, fault: dict[str, Any], status: int, code: str
    ) -> None:
        control(seller.client, "POST", "faults", {"path": HOST + NATIVE, **fault})
        assert seller.call("POST", NATIVE, seller.order(), status=status)["code"] == code
        seller.native()

    def test_an_error_may_hide_that_it_was_done(self, seller: Seller) -> None:
        fault = {"path": NATIVE, "http_status": 500, "after": True}
        control(seller.client, "POST", "faults", fault)
        seller.call("POST", NATIVE, seller.order(), status=500)
        assert seller.query()["trade_state"] == "NOTPAY"

    def test_the_log_shows_calls(self, seller: Seller) -> None:
        seller.native()
        call = control(seller.client, "GET", "calls?kind=pay&find=tea-000001")[0]
        assert call["path"] == HOST + NATIVE
        assert call["request"]["body"]["out_trade_no"] == "tea-000001"


class TestOrders:
    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"out_trade_no": "short"}, "/out_trade_no"),
            ({"out_trade_no": "bad number"}, "/out_trade_no"),
            ({"description": ""}, "/description"),
            ({"description": "长" * 128}, "/description"),
            ({"attach": "x" * 129}, "/attach"),
            ({"notify_url": "http://shop.example/pay"}, "/notify_url"),
            ({"notify_url": "https://shop.example/pay?a=1"}, "/notify_url"),
            ({"amount": {"total": 0}}, "/amount/total"),
            ({"amount": {"total": 1.5}}, "/amount/total"),
            ({"amount": {"total": True}}, "/amount/total"),
            ({"amount": {"total": 1, "currency": "USD"}}, "/amount/currency"),
            ({"time_expire": "tomorrow"}, "/time_expire"),
            ({"time_expire": "2020-01-01T00:00:00+08:00"}, "/time_expire"),
            ({"appid": ""}, "/appid"),
        ],
    )
    def test_wrong_parameters_are_named(
        self, seller: Seller, wrong: dict[str, Any], field: str
    ) -> None:
        refused = seller.call("POST", NATIVE, seller.order(**wrong), status=400)
        assert (refused["code"], refused["detail"]["field"]) == ("PARAM_ERROR", field)

    @pytest.mark.parametrize(
        ("path", "more", "field"),
        [
            ("jsapi", {}, "/payer/openid"),
            ("jsapi", {"payer": {"openid": "o-nobody"}}, "/payer/openid"),
            ("h5", {}, "/scene_info/payer_client_ip"),
            (
                "h5",
                {"scene_info": {"payer_client_ip": "1.2.3.4", "h5_info": {"type": "Fridge"}}},
                "/scene_info/h5_info/type",
            ),
        ],
    )
    def test_each_way_has_its_own_needs(
        self, seller: Seller, path: str, more: dict[str, Any], field: str
    ) -> None:
        path = f"/v3/pay/transactions/{path}"
        refused = seller.call("POST", path, seller.order(**more), status=400)
        assert refused["detail"]["field"] == field

    def test_who_may_use_an_app_and_a_way(self, seller: Seller) -> None:
        refused = seller.call("POST", NATIVE, seller.order(appid="wxsbother0001"), status=400)
        assert refused["code"] == "APPID_MCHID_NOT_MATCH"
        seller.settings(products=["jsapi"])
        refused = seller.call("POST", NATIVE, seller.order(), status=403)
        assert refused["code"] == "NO_AUTH"

    def test_a_number_again(self, seller: Seller) -> None:
        first, again = seller.native(), seller.native()
        assert first != again
        other = seller.order(amount={"total": 1})
        refused = seller.call("POST", NATIVE, other, status=403)
        assert refused["code"] == "OUT_TRADE_NO_USED"
        seller.pay()
        refused = seller.call("POST", NATIVE, seller.order(), status=400)
        assert refused["code"] == "ORDERPAID"

    def test_closing(self, seller: Seller) -> None:
        seller.native()
        path = "/v3/pay/transactions/out-trade-no/tea-000001/close"
        for _ in range(2):
            assert seller.call("POST", path, {"mchid": seller.mchid}, status=204) is None
        assert seller.query()["trade_state"] == "CLOSED"
        refused = seller.call("POST", NATIVE, seller.order(), status=400)
        assert refused["code"] == "ORDER_CLOSED"
        answer = seller.client.post(
            f"/_sandbox/api/merchants/{seller.mchid}/orders/tea-000001/pay", json={"person": "lin"}
        )
        assert answer.status_code == 422

    def test_a_paid_order_cannot_be_closed(self, seller: Seller) -> None:
        seller.native()
        seller.pay()
        path = "/v3/pay/transactions/out-trade-no/tea-000001/close"
        refused = seller.call("POST", path, {"mchid": seller.mchid}, status=400)
        assert refused["code"] == "ORDERPAID"

    def test_after_a_week_it_closes_by_itself(self, seller: Seller) -> None:
        seller.native()
        seller.advance(7 * 86400 - 60)
        assert seller.query()["trade_state"] == "NOTPAY"
        seller.advance(120)
        assert seller.query()["trade_state"] == "CLOSED"

    def test_queries_find_only_ones_own(self, seller: Seller, sandbox: Sandbox) -> None:
        seller.native()
        number = seller.pay()["transaction_id"]
        path = f"/v3/pay/transactions/id/{number}?mchid={seller.mchid}"
        assert seller.call("GET", path)["out_trade_no"] == "tea-000001"
        other = Seller(seller.client, sandbox)
        path = f"/v3/pay/transactions/id/{number}?mchid={other.mchid}"
        assert other.call("GET", path, status=404)["code"] == "ORDER_NOT_EXIST"
        refused = other.call("GET", f"{path}0", status=400)
        assert refused["code"] == "INVALID_REQUEST"

    def test_a_service_provider_and_its_merchants(
        self, seller: Seller, client: TestClient, sandbox: Sandbox
    ) -> None:
        provider = Seller(client, sandbox, partner=True, sub_merchants=[{"appids": [APPID]}])
        sub = provider.made["sub_mchids"][0]
        body = {
            **provider.order(),
            "sp_appid": APPID,
            "sp_mchid": provider.mchid,
            "sub_appid": APPID,
            "sub_mchid": sub,
            "payer": {"sub_openid": openid(client)},
        }
        path = "/v3/pay/partner/transactions/jsapi"
        assert provider.call("POST", path, body)["prepay_id"].startswith("wx")
        refused = provider.call("POST", path, {**body, "sub_mchid": seller.mchid}, status=403)
        assert refused["code"] == "NO_AUTH"
        refused = provider.call("POST", path, {**body, "sub_mchid": "9000000000"}, status=400)
        assert refused["code"] == "MCH_NOT_EXISTS"
        refused = provider.call("POST", path, {**body, "sub_appid": ""}, status=400)
        assert refused["detail"]["field"] == "/sub_appid"
        refused = provider.call("POST", NATIVE, provider.order(), status=403)
        assert refused["code"] == "NO_AUTH"


class TestRefunds:
    @pytest.fixture(autouse=True)
    def paid(self, seller: Seller) -> None:
        seller.native()
        seller.pay()

    def test_a_part_makes_the_order_refunded(self, seller: Seller, hook: PayHook) -> None:
        made = seller.call("POST", REFUNDS, seller.refund_body(280))
        assert (made["status"], made["amount"]["refund"]) == ("PROCESSING", 280)
        assert seller.query()["trade_state"] == "REFUND"
        seller.advance(3)
        found = seller.call("GET", f"{REFUNDS}/back-1")
        assert found["status"] == "SUCCESS"
        told = seller.told(hook.taken[-1])
        assert (told["refund_status"], told["mchid"]) == ("SUCCESS", seller.mchid)
        assert "status" not in told
        wallet = control(seller.client, "GET", "people/lin/wallet")
        assert wallet["change_fen"] == 500_00 - 1280 + 280

    def test_the_same_number_is_the_same_refund(self, seller: Seller) -> None:
        first = seller.call("POST", REFUNDS, seller.refund_body(280))
        assert seller.call("POST", REFUNDS, seller.refund_body(280)) == first
        refused = seller.call("POST", REFUNDS, seller.refund_body(281), status=400)
        assert refused["code"] == "INVALID_REQUEST"

    @pytest.mark.parametrize(
        ("changed", "status", "code"),
        [
            (
                {"amount": {"refund": 1281, "total": 1280, "currency": "CNY"}},
                400,
                "INVALID_REQUEST",
            ),
            ({"amount": {"refund": 1, "total": 1281, "currency": "CNY"}}, 400, "INVALID_REQUEST"),
            ({"amount": {"refund": 1, "total": 1280}}, 400, "PARAM_ERROR"),
            ({"amount": {"refund": 1, "currency": "CNY"}}, 400, "PARAM_ERROR"),
            ({"out_trade_no": "nothing-here"}, 404, "RESOURCE_NOT_EXISTS"),
            ({"out_trade_no": ""}, 400, "PARAM_ERROR"),
            ({"out_refund_no": "中文"}, 400, "PARAM_ERROR"),
            ({"reason": "长" * 81}, 400, "PARAM_ERROR"),
            ({"notify_url": "ftp://x"}, 400, "PARAM_ERROR"),
        ],
    )
    def test_what_is_refused(
        self, seller: Seller, changed: dict[str, Any], status: int, code: str
    ) -> None:
        body = seller.refund_body(100, **changed)
        assert seller.call("POST", REFUNDS, body, status=status)["code"] == code

    def test_parts_need_a_minute_between_them_and_end_at_the_total(self, seller: Seller) -> None:
        seller.call("POST", REFUNDS, seller.refund_body(1000, "a"))
        refused = seller.call("POST", REFUNDS, seller.refund_body(100, "b"), status=429)
        assert refused["code"] == "FREQUENCY_LIMITED"
        seller.advance(61)
        refused = seller.call("POST", REFUNDS, seller.refund_body(281, "b"), status=400)
        assert refused["code"] == "INVALID_REQUEST"
        seller.call("POST", REFUNDS, seller.refund_body(280, "b"))

    def test_nobody_refunds_after_a_year(self, seller: Seller) -> None:
        seller.advance(366 * 86400)
        refused = seller.call("POST", REFUNDS, seller.refund_body(1), status=400)
        assert "期限" in refused["message"]

    def test_a_merchant_without_money(self, seller: Seller) -> None:
        seller.settings(balance_fen=200)
        refused = seller.call("POST", REFUNDS, seller.refund_body(280), status=403)
        assert refused["code"] == "NOT_ENOUGH"
        seller.call("POST", REFUNDS, seller.refund_body(200))

    def test_a_payer_whose_account_is_gone(self, seller: Seller) -> None:
        control(seller.client, "PUT", "people/lin/wallet", {"is_abnormal": True})
        refused = seller.call("POST", REFUNDS, seller.refund_body(280), status=403)
        assert refused["code"] == "USER_ACCOUNT_ABNORMAL"

    def test_a_stuck_refund_goes_to_a_bank_account(self, seller: Seller, hook: PayHook) -> None:
        seller.settings(refund_outcome="ABNORMAL")
        made = seller.call("POST", REFUNDS, seller.refund_body(280))
        seller.advance(3)
        assert seller.told(hook.taken[-1])["refund_status"] == "ABNORMAL"
        path = f"{REFUNDS}/{made['refund_id']}/apply-abnormal-refund"
        body = {"out_refund_no": "back-1", "type": "MERCHANT_BANK_CARD"}
        assert seller.call("POST", path, body)["status"] == "PROCESSING"
        seller.advance(1)
        assert seller.told(hook.taken[-1])["refund_status"] == "SUCCESS"

    def test_a_closed_refund_gives_its_amount_free(self, seller: Seller) -> None:
        seller.settings(refund_outcome="CLOSED")
        seller.call("POST", REFUNDS, seller.refund_body(1280, "a"))
        seller.advance(61)
        assert seller.call("GET", f"{REFUNDS}/a")["status"] == "CLOSED"
        assert seller.query()["trade_state"] == "SUCCESS"
        seller.call("POST", REFUNDS, seller.refund_body(1280, "b"))


class TestControl:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"mchid": "1900000001"},
            {"appids": ["wx1234567890abcdef"]},
            {"name": " "},
            {"api_v3_key": "short"},
            {"sp_mchid": "9000000000"},
            {"private_key_pem": "nonsense"},
            {"settings": {"colour": "red"}},
            {"settings": {"notify_with": "pigeon"}},
            {"settings": {"refund_after_s": -1}},
            {"settings": {"balance_fen": 1.5}},
            {"settings": {"fee_rate": "much"}},
            {"settings": {"products": ["barter"]}},
            {"settings": {"refund_notify_url": "x"}},
        ],
    )
    def test_wrong_merchants(self, client: TestClient, wrong: dict[str, Any]) -> None:
        answer = client.post("/_sandbox/api/merchants", json={"name": "茶", **wrong})
        assert answer.status_code in (404, 422)
        assert control(client, "GET", "merchants") == []

    def test_numbers_are_unique_and_go_away(self, seller: Seller) -> None:
        answer = seller.client.post("/_sandbox/api/merchants", json={"mchid": seller.mchid})
        assert answer.status_code == 422
        seller.native()
        control(seller.client, "DELETE", f"merchants/{seller.mchid}")
        assert seller.client.get(f"/_sandbox/api/merchants/{seller.mchid}").status_code == 404

    def test_wallets(self, seller: Seller) -> None:
        for wrong in ({"change_fen": -1}, {"password": "12"}, {"gold": 1}, {"is_abnormal": 1}):
            url = "/_sandbox/api/people/lin/wallet"
            assert seller.client.put(url, json=wrong).status_code == 422
        found = control(seller.client, "PUT", "people/lin/wallet", {"change_fen": 1})
        assert (found["change_fen"], found["password"]) == (1, "123456")

    def test_orders_and_refunds_are_listed(self, seller: Seller) -> None:
        seller.native()
        seller.native("tea-000002")
        seller.pay()
        seller.call("POST", REFUNDS, seller.refund_body(280))
        base = f"merchants/{seller.mchid}"
        (found,) = control(seller.client, "GET", f"{base}/orders?find=000001")
        assert (found["person"], found["refunds"][0]["out_refund_no"]) == ("lin", "back-1")
        assert len(control(seller.client, "GET", f"{base}/orders")) == 2
        assert len(control(seller.client, "GET", f"{base}/refunds")) == 1
        wrong = {"notify_url": NOTIFY, "early": "nobody"}
        answer = seller.client.put(f"/_sandbox/api/{base}/policy", json=wrong)
        assert answer.status_code == 422
