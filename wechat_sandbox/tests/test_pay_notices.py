"""Notifications of WeChat Pay: repeated for a day, doubled, forged, early; and the bills."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from defusedxml.ElementTree import fromstring
from starlette.testclient import TestClient

from wechat_sandbox import Sandbox
from wechat_sandbox.accounts import Account
from wechat_sandbox.clock import BEIJING
from wechat_sandbox.pay.notices import GAPS_S
from wechat_sandbox.tests.factories import PayHook, control
from wechat_sandbox.tests.sellers import NATIVE, REFUNDS, Seller


@pytest.fixture
def seller(client: TestClient, sandbox: Sandbox, tea: Account, lin: str, hook: PayHook) -> Seller:
    made = Seller(client, sandbox)
    made.native()
    return made


def test_a_day_of_repeats_each_freshly_signed(seller: Seller, hook: PayHook) -> None:
    hook.statuses = [500] * 20
    seller.pay()
    assert len(hook.taken) == 1
    for count, gap_s in enumerate(GAPS_S, start=2):
        seller.advance(gap_s - 1)
        assert len(hook.taken) == count - 1
        seller.advance(1)
        assert len(hook.taken) == count
    assert sum(GAPS_S) == 24 * 3600 + 4 * 60
    assert len({json.loads(body)["id"] for _, body in hook.taken}) == 1
    assert len({headers["Wechatpay-Signature"] for headers, _ in hook.taken}) == 16
    seller.told(hook.taken[-1])
    (row,) = seller.notices()
    assert (row["state"], row["attempts"]) == ("given_up", 16)


def test_one_long_step_of_the_clock_passes_all_repeats(seller: Seller, hook: PayHook) -> None:
    hook.statuses = [500] * 3
    seller.pay()
    seller.advance(2 * 86400)
    assert len(hook.taken) == 4
    assert seller.notices()[0]["state"] == "done"


def test_it_can_be_sent_again_by_hand(seller: Seller, hook: PayHook) -> None:
    seller.pay()
    (row,) = seller.notices()
    path = f"merchants/{seller.mchid}/notifications/{row['id']}/resend"
    assert control(seller.client, "POST", path) == {"taken": True}
    assert seller.told(hook.taken[0]) == seller.told(hook.taken[1])


def test_faults_on_the_way(seller: Seller, hook: PayHook) -> None:
    seller.policy(duplicate=1)
    seller.pay()
    assert len(hook.taken) == 2
    seller.policy(drop=1)
    seller.native("tea-000002")
    seller.pay("tea-000002")
    seller.advance(86400)
    assert len(hook.taken) == 2
    assert seller.notices()[0]["state"] == "dropped"


def test_forged_and_probing_signatures(seller: Seller, hook: PayHook) -> None:
    hook.statuses = [401, 401]
    seller.policy(forged=1, signtest=1)
    seller.pay()
    probe, forged = hook.taken
    assert probe[0]["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    for one in (probe, forged):
        with pytest.raises(InvalidSignature):
            seller.told(one)
    seller.advance(15)
    assert seller.told(hook.taken[2])["trade_state"] == "SUCCESS"


def test_another_amount_properly_signed(seller: Seller, hook: PayHook) -> None:
    seller.policy(wrong_amount=1)
    seller.pay()
    assert seller.told(hook.taken[0])["amount"]["total"] == 1281
    assert seller.query()["amount"]["total"] == 1280


def test_late(seller: Seller, hook: PayHook) -> None:
    seller.policy(delay_s=120)
    seller.pay()
    assert hook.taken == []
    seller.advance(121)
    assert len(hook.taken) == 1


def test_before_the_prepay_call_is_answered(seller: Seller, hook: PayHook) -> None:
    seller.policy(early="lin")
    answer = seller.call("POST", NATIVE, seller.order("tea-000009"))
    assert "code_url" in answer
    assert [seller.told(one)["out_trade_no"] for one in hook.taken] == ["tea-000009"]


def test_both_kinds_of_signature_during_a_change(seller: Seller, hook: PayHook) -> None:
    seller.settings(notify_with="mixed")
    hook.statuses = [500]
    seller.pay()
    seller.advance(16)
    serials = [headers["Wechatpay-Serial"] for headers, _ in hook.taken]
    assert serials[0] == seller.made["public_key_id"] != serials[1]
    for one in hook.taken:
        seller.told(one)


def test_a_refund_without_an_address_is_told_in_the_old_xml(seller: Seller, hook: PayHook) -> None:
    seller.settings(refund_notify_url="http://127.0.0.1:8000/hooks/pay")
    hook.statuses = [204, 200]
    seller.pay()
    body = seller.refund_body(280)
    del body["notify_url"]
    seller.call("POST", REFUNDS, body)
    seller.advance(3)

    root = fromstring(hook.taken[-1][1])
    assert root.findtext("mch_id") == seller.mchid
    secret = hashlib.md5(seller.made["api_v2_key"].encode(), usedforsecurity=False).hexdigest()
    opener = Cipher(algorithms.AES(secret.encode()), modes.ECB()).decryptor()  # noqa: S305
    padded = opener.update(base64.b64decode(root.findtext("req_info") or "")) + opener.finalize()
    unpadder = PKCS7(128).unpadder()
    inner = fromstring((unpadder.update(padded) + unpadder.finalize()).decode())
    assert (inner.findtext("refund_status"), inner.findtext("refund_fee")) == ("SUCCESS", "280")


class TestBills:
    def day(self, seller: Seller) -> str:
        now = datetime.fromtimestamp(seller.world.clock.now(), UTC).astimezone(BEIJING)
        return now.date().isoformat()

    def to_ten(self, seller: Seller) -> None:
        """Move the clock to ten past ten tomorrow in Beijing."""
        now = datetime.fromtimestamp(seller.world.clock.now(), UTC).astimezone(BEIJING)
        wanted = (now + timedelta(days=1)).replace(hour=10, minute=10)
        seller.advance((wanted - now).total_seconds())

    def test_the_day_adds_up(self, seller: Seller) -> None:
        day = self.day(seller)
        seller.pay()
        seller.call("POST", REFUNDS, seller.refund_body(280))
        self.to_ten(seller)

        path = f"/v3/bill/tradebill?bill_date={day}&bill_type=ALL"
        offer = seller.call("GET", path)
        link = offer["download_url"].partition("/api.mch.weixin.qq.com")[2]
        raw = seller.send("GET", link)
        assert "wechatpay-signature" not in raw.headers
        digest = hashlib.sha1(raw.content, usedforsecurity=False).hexdigest()
        assert (offer["hash_type"], offer["hash_value"]) == ("SHA1", digest)
        lines = raw.text.split("\r\n")
        assert lines[0].startswith("交易时间,公众账号ID,商户号,特约商户号")
        paid, back = (line.split(",") for line in lines[1:3])
        assert (paid[6], paid[9], paid[24]) == ("`tea-000001", "`SUCCESS", "`12.80")
        assert (back[9], back[15], back[16]) == ("`REFUND", "`back-1", "`2.80")
        assert lines[4] == "`2,`12.80,`2.80,`0.00,`0.06000,`12.80,`2.80"

        offer = seller.call("GET", f"/v3/bill/fundflowbill?bill_date={day}")
        link = offer["download_url"].partition("/api.mch.weixin.qq.com")[2]
        flow = seller.send("GET", link).text.split("\r\n")
        assert flow[-2] == "`3,`1,`12.80,`2,`2.88"

    def test_when_there_is_none(self, seller: Seller) -> None:
        day = self.day(seller)
        for path in ("tradebill", "fundflowbill"):
            url = f"/v3/bill/{path}?bill_date={day}"
            assert seller.call("GET", url, status=400)["code"] == "PARAM_ERROR"
        seller.call("GET", "/v3/bill/tradebill?bill_date=yesterday", status=400)
        self.to_ten(seller)
        url = f"/v3/bill/tradebill?bill_date={day}"
        assert seller.call("GET", url, status=400)["code"] == "NO_STATEMENT_EXIST"
        seller.advance(-3600)
        assert seller.call("GET", url, status=400)["code"] == "STATEMENT_CREATING"

    def test_a_link_is_the_merchants_own_for_five_minutes(
        self, seller: Seller, sandbox: Sandbox
    ) -> None:
        day = self.day(seller)
        seller.pay()
        self.to_ten(seller)
        offer = seller.call("GET", f"/v3/bill/tradebill?bill_date={day}")
        link = offer["download_url"].partition("/api.mch.weixin.qq.com")[2]
        other = Seller(seller.client, sandbox)
        assert other.send("GET", link).status_code == 400
        seller.advance(301)
        assert seller.send("GET", link).status_code == 400
