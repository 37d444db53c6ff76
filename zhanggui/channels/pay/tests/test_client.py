"""The calls: what is sent and signed, what is believed, what is repeated, what is an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest

from zhanggui.channels.pay import client, signing
from zhanggui.channels.pay.answers import BillFile
from zhanggui.channels.pay.client import Api, Credentials, Payee, PayOrder, RefundOrder
from zhanggui.channels.pay.errors import (
    ADVICE,
    CANNOT_DECRYPT,
    UNKNOWN,
    AnswerNotSigned,
    NoSuchTrade,
    PayRefused,
    PayUnreachable,
    WrongWorld,
    advice_for,
)
from zhanggui.channels.pay.tests.factories import (
    API_V3_KEY,
    CERTIFICATES,
    CLOSE,
    DOWNLOAD,
    H5,
    JSAPI,
    NATIVE,
    PUBLIC_KEY_ID,
    QUERY,
    QUERY_REFUND,
    REFUND,
    FakePay,
    bill_answers,
    bill_text,
    certificate_of,
    fake_pay,
    merchant_key,
    refunded,
    refunding,
    refused,
    sealed,
    signed,
    wechat_key,
)
from zhanggui.core import clock

DIRECT = Payee("wxsbtest00000001", "1900000001")
PARTNER = Payee("wxsbtest00000001", "1900000001", "1700000001")
PARTNER_WITH_APP = Payee("wxsbtest00000001", "1900000001", "1700000001", "wxsbsub000000001")
ORDER = PayOrder(
    way="native",
    number="abcdefgh2345",
    description="高级版 12 个月",
    amount_fen=99_800,
    expires_at=datetime(2026, 3, 12, 6, 30, tzinfo=UTC),
    notify_url="https://shop.example/hooks/pay/x/",
    openid="oPayer",
    payer_ip="203.0.113.7",
)
BACK = RefundOrder("abcdefgh2345", "r2345678", 100, 99_800, "顾客要求", "https://shop.example/r/")
TRADE = {
    "appid": "wxsbtest00000001",
    "mchid": "1900000001",
    "out_trade_no": "abcdefgh2345",
    "trade_state": "NOTPAY",
    "amount": {"total": 99_800, "currency": "CNY"},
}


def api(payee: Payee = DIRECT, *, public_key_id: str = PUBLIC_KEY_ID) -> Api:
    credentials = Credentials(
        mchid=payee.mchid,
        serial="AB12",
        private_key=merchant_key(),
        api_v3_key=API_V3_KEY,
        public_key_id=public_key_id,
    )
    keys = {PUBLIC_KEY_ID: wechat_key().public_key()}
    return client.current().bound(credentials, payee, keys.get)


class TestRequests:
    def test_a_code_to_scan(self) -> None:
        with fake_pay() as fake:
            assert api().prepay(ORDER).code_url.startswith("weixin://wxpay/")
        assert fake.names() == [NATIVE]
        assert fake.body() == {
            "appid": "wxsbtest00000001",
            "mchid": "1900000001",
            "description": "高级版 12 个月",
            "out_trade_no": "abcdefgh2345",
            "time_expire": "2026-03-12T14:30:00+08:00",
            "notify_url": "https://shop.example/hooks/pay/x/",
            "amount": {"total": 99_800, "currency": "CNY"},
        }

    def test_the_bytes_that_are_sent_are_signed(self) -> None:
        with fake_pay() as fake:
            api().prepay(ORDER)
        call = fake.calls[0]
        assert "高级版".encode() in call.content  # real UTF-8, no escapes
        assert call.headers["Content-Type"] == "application/json"
        assert call.headers["Accept"] == "application/json"
        assert call.headers["User-Agent"]
        assert call.headers["Wechatpay-Serial"] == PUBLIC_KEY_ID
        values = parts_of(call.headers["Authorization"])
        assert values["mchid"] == "1900000001"
        assert values["serial_no"] == "AB12"
        text = signing.request_text(
            "POST",
            "/v3/pay/transactions/native",
            timestamp=values["timestamp"],
            nonce=values["nonce_str"],
            body=call.content,
        )
        assert signing.sign(merchant_key(), text) == values["signature"]

    def test_a_query_is_signed_with_its_parameters(self) -> None:
        with fake_pay({QUERY: TRADE}) as fake:
            assert not api().query("abcdefgh2345").is_paid
        values = parts_of(fake.calls[0].headers["Authorization"])
        path = "/v3/pay/transactions/out-trade-no/abcdefgh2345?mchid=1900000001"
        text = signing.request_text(
            "GET", path, timestamp=values["timestamp"], nonce=values["nonce_str"], body=b""
        )
        assert signing.sign(merchant_key(), text) == values["signature"]
        assert "Content-Type" not in fake.calls[0].headers

    def test_inside_wechat(self) -> None:
        with fake_pay() as fake:
            prepaid = api().prepay(order("jsapi"))
            values = api().jsapi_values(prepay_id=prepaid.prepay_id)
        assert fake.names() == [JSAPI]
        assert fake.body()["payer"] == {"openid": "oPayer"}
        text = signing.pay_sign_text(
            app_id="wxsbtest00000001",
            timestamp=values["timeStamp"],
            nonce=values["nonceStr"],
            prepay_id=prepaid.prepay_id,
        )
        assert values["paySign"] == signing.sign(merchant_key(), text)
        assert values["package"] == f"prepay_id={prepaid.prepay_id}"
        assert (values["appId"], values["signType"]) == ("wxsbtest00000001", "RSA")

    def test_in_a_phones_browser(self) -> None:
        with fake_pay() as fake:
            assert api().prepay(order("h5")).h5_url.startswith("https://wx.tenpay.com/")
        assert fake.names() == [H5]
        assert fake.body()["scene_info"] == {
            "payer_client_ip": "203.0.113.7",
            "h5_info": {"type": "Wap"},
        }

    @pytest.mark.parametrize(
        ("payee", "named", "payer"),
        [
            (PARTNER, {"sp_appid", "sp_mchid", "sub_mchid"}, "sp_openid"),
            (PARTNER_WITH_APP, {"sp_appid", "sp_mchid", "sub_mchid", "sub_appid"}, "sub_openid"),
        ],
        ids=["partner", "partner-with-own-app"],
    )
    def test_a_partners_way(self, payee: Payee, named: set[str], payer: str) -> None:
        partners = "/v3/pay/partner/transactions"
        found = {k: v for k, v in TRADE.items() if k not in {"appid", "mchid"}} | {
            "sp_appid": "wxsbtest00000001",
            "sp_mchid": "1900000001",
            "sub_mchid": "1700000001",
        }
        answers: dict[str, Any] = {
            f"POST {partners}/jsapi": {"prepay_id": "wx1"},
            f"GET {partners}/out-trade-no/": found,
            f"POST {partners}/out-trade-no/": 204,
            REFUND: refunding("PROCESSING"),
        }
        with fake_pay(answers) as fake:
            api(payee).prepay(order("jsapi"))
            assert named <= set(fake.body())
            assert fake.body()["payer"] == {payer: "oPayer"}
            answer = api(payee).query("abcdefgh2345")
            assert (answer.mchid, answer.sub_mchid) == ("1900000001", "1700000001")
            assert "sp_mchid=1900000001&sub_mchid=1700000001" in str(fake.calls[-1].url)
            api(payee).close_trade("abcdefgh2345")
            assert fake.body() == {"sp_mchid": "1900000001", "sub_mchid": "1700000001"}
            api(payee).refund(BACK)
            assert fake.body()["sub_mchid"] == "1700000001"
            values = api(payee).jsapi_values(prepay_id="wx1")
        own = "wxsbsub000000001" if payee.sub_app_id else "wxsbtest00000001"
        assert values["appId"] == own

    def test_closing_and_giving_back(self) -> None:
        with fake_pay({REFUND: refunding("PROCESSING")}) as fake:
            api().close_trade("abcdefgh2345")
            assert fake.body() == {"mchid": "1900000001"}
            answer = api().refund(BACK)
        assert (answer.status, answer.refund_fen) == ("PROCESSING", 100)
        assert fake.body() == {
            "out_trade_no": "abcdefgh2345",
            "out_refund_no": "r2345678",
            "reason": "顾客要求",
            "notify_url": "https://shop.example/r/",
            "amount": {"refund": 100, "total": 99_800, "currency": "CNY"},
        }

    def test_how_a_refund_stands(self) -> None:
        found = refunded(
            {"out_refund_no": "r2345678", "out_trade_no": "a", "amount": {"refund": 1}}
        )
        with fake_pay({QUERY_REFUND: found}) as fake:
            assert api().query_refund("r2345678").status == "SUCCESS"
        assert fake.names() == [f"{QUERY_REFUND}r2345678"]


def order(way: str) -> PayOrder:
    return PayOrder(**{name: getattr(ORDER, name) for name in ORDER.__slots__} | {"way": way})


def parts_of(header: str) -> dict[str, str]:
    scheme, _, rest = header.partition(" ")
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    pairs = (pair.partition("=") for pair in rest.split(","))
    return {name: value.strip('"') for name, _, value in pairs}


def broken(make: Callable[[bytes], dict[str, str]]) -> httpx2.Response:
    body = json.dumps(TRADE).encode()
    return httpx2.Response(200, content=body, headers=make(body))


class TestBelieving:
    @pytest.mark.parametrize(
        "make",
        [
            lambda body: {},
            lambda body: signed(body, key=merchant_key()),
            lambda body: signed(body + b" "),
            lambda body: signed(body, at=clock.now() - timedelta(seconds=302)),
            lambda body: signed(body, at=clock.now() + timedelta(seconds=302)),
            lambda body: signed(body, serial="PUB_KEY_ID_OTHER"),
            lambda body: signed(body, signature="WECHATPAY/SIGNTEST/abc"),
            lambda body: signed(body) | {"Wechatpay-Timestamp": "soon"},
            lambda body: signed(body) | {"Wechatpay-Nonce": "other"},
        ],
        ids=[
            "unsigned",
            "other-key",
            "other-body",
            "old",
            "from-the-future",
            "unknown-key",
            "probe",
            "no-time",
            "other-nonce",
        ],
    )
    def test_an_answer_without_a_good_signature_is_none(
        self, make: Callable[[bytes], dict[str, str]]
    ) -> None:
        with fake_pay({QUERY: broken(make)}), pytest.raises(AnswerNotSigned) as caught:
            api().query("abcdefgh2345")
        assert caught.value.is_sent
        assert "public key" in str(caught.value.advice) or caught.value.advice

    def test_a_skew_of_five_minutes_is_allowed(self) -> None:
        made = broken(lambda body: signed(body, at=clock.now() - timedelta(seconds=295)))
        with fake_pay({QUERY: made}):
            assert api().query("abcdefgh2345").state == "NOTPAY"

    def test_an_empty_answer_is_signed_too(self) -> None:
        unsigned = httpx2.Response(204)
        with fake_pay({CLOSE: unsigned}), pytest.raises(AnswerNotSigned):
            api().close_trade("abcdefgh2345")

    @pytest.mark.parametrize(
        "body", [b"[]", b"{", b'{"code_url": 1}'], ids=["list", "half", "kind"]
    )
    def test_a_signed_answer_that_says_nothing(self, body: bytes) -> None:
        made = httpx2.Response(200, content=body, headers=signed(body))
        with fake_pay({NATIVE: made}), pytest.raises(PayUnreachable):
            api().prepay(ORDER)


class TestErrors:
    @pytest.mark.parametrize(
        ("answer", "kind", "code"),
        [
            (refused("PARAM_ERROR"), PayRefused, "PARAM_ERROR"),
            (refused("SIGN_ERROR", 401), PayRefused, "SIGN_ERROR"),
            (refused("NO_AUTH", 403), PayRefused, "NO_AUTH"),
            (refused("NOAUTH", 403), PayRefused, "NO_AUTH"),
            (refused("ORDERPAID"), PayRefused, "ORDER_PAID"),
            (refused("ORDER_NOT_EXIST", 404), NoSuchTrade, "ORDER_NOT_EXIST"),
            (refused("ORDERNOTEXIST", 404), NoSuchTrade, "ORDER_NOT_EXIST"),
            (refused("RESOURCE_NOT_EXISTS", 404), NoSuchTrade, "RESOURCE_NOT_EXISTS"),
            (httpx2.Response(404), PayRefused, "HTTP_404"),
            (httpx2.Response(405, content=b"<html>"), PayRefused, "HTTP_405"),
            (refused("FREQUENCY_LIMITED", 429), PayUnreachable, "FREQUENCY_LIMITED"),
            (refused("RATELIMIT_EXCEEDED", 429), PayUnreachable, "FREQUENCY_LIMITED"),
            (refused("SYSTEM_ERROR", 500), PayUnreachable, "SYSTEM_ERROR"),
            (refused("SYSTEMERROR", 500), PayUnreachable, "SYSTEM_ERROR"),
            (refused("SERVICE_UNAVAILABLE", 503), PayUnreachable, "SERVICE_UNAVAILABLE"),
        ],
    )
    def test_each_has_its_code_and_an_advice(
        self, answer: httpx2.Response, kind: type[Exception], code: str
    ) -> None:
        with fake_pay({QUERY: answer}), pytest.raises(kind) as caught:
            api().query("abcdefgh2345")
        assert type(caught.value) is kind
        assert caught.value.code == code  # type: ignore[attr-defined]
        assert caught.value.advice  # type: ignore[attr-defined]

    def test_every_code_of_the_manual_has_an_advice(self) -> None:
        assert all(advice_for(code) is not UNKNOWN for code in ADVICE)
        assert advice_for("HTTP_404") is UNKNOWN
        assert advice_for("") == advice_for("UNREACHABLE")

    @pytest.mark.parametrize(
        ("answer", "calls", "is_sent"),
        [
            (httpx2.ConnectError("x"), 3, False),
            (httpx2.ReadTimeout("x"), 1, True),
            (refused("SYSTEM_ERROR", 500), 1, True),
            (refused("SERVICE_UNAVAILABLE", 503), 3, False),
        ],
        ids=["not-connected", "answer-lost", "500", "503"],
    )
    def test_what_may_have_arrived_is_not_repeated(
        self, answer: Any, calls: int, is_sent: bool
    ) -> None:
        with fake_pay({NATIVE: answer}) as fake, pytest.raises(PayUnreachable) as caught:
            api().prepay(ORDER)
        assert len(fake.calls) == calls
        assert caught.value.is_sent is is_sent

    def test_a_question_is_repeated_whatever_happens(self) -> None:
        with fake_pay({QUERY: [httpx2.ReadTimeout("x"), TRADE]}) as fake:
            assert api().query("abcdefgh2345").state == "NOTPAY"
        assert len(fake.calls) == 2

    def test_the_second_host_answers_when_the_first_is_away(self, settings: Any) -> None:
        settings.PAY_BACKUP_URL = "http://127.0.0.1:8001/backup"
        fake = FakePay()

        def answer(request: httpx2.Request) -> httpx2.Response:
            if not request.url.path.startswith("/backup"):
                raise httpx2.ConnectError("x")
            fake.answers = {"POST /backup": {"code_url": "weixin://wxpay/x"}}
            return fake(request)

        with client.using(httpx2.MockTransport(answer)):
            assert api().prepay(ORDER).code_url == "weixin://wxpay/x"
        assert fake.calls[0].url.path == "/backup/v3/pay/transactions/native"

    def test_nothing_secret_stands_in_an_error(self) -> None:
        with fake_pay({NATIVE: refused("PARAM_ERROR")}), pytest.raises(PayRefused) as caught:
            api().prepay(ORDER)
        assert "oPayer" not in repr(caught.value)
        assert API_V3_KEY not in repr(Credentials("1", "2", merchant_key(), API_V3_KEY))

    @pytest.mark.parametrize(
        ("app_id", "url"),
        [
            ("wxsbtest00000001", "https://api.mch.weixin.qq.com"),
            ("wx2421b1c4370ec43b", "http://127.0.0.1:8001/api.mch.weixin.qq.com"),
        ],
        ids=["sandbox-to-real", "real-to-sandbox"],
    )
    def test_worlds_are_kept_apart(self, settings: Any, app_id: str, url: str) -> None:
        settings.PAY_BASE_URL = url
        with fake_pay() as fake, pytest.raises(WrongWorld):
            api(Payee(app_id, "1900000001")).prepay(ORDER)
        assert fake.calls == []


class TestCertificates:
    def test_are_opened_and_prove_their_own_answer(self) -> None:
        pem = certificate_of(wechat_key())
        serial = signing.serial_of(signing.load_certificate(pem))
        box = sealed(pem, about="certificate")
        answer = {"data": [{"serial_no": serial, "encrypt_certificate": box}]}
        with fake_pay({CERTIFICATES: answer}, serial=serial):
            found = api(public_key_id="").certificates()
        assert [(one.serial, one.pem) for one in found] == [(serial, pem)]

    def test_signed_by_another_are_not_believed(self) -> None:
        pem = certificate_of(wechat_key())
        serial = signing.serial_of(signing.load_certificate(pem))
        box = sealed(pem, about="certificate")
        answer = {"data": [{"serial_no": serial, "encrypt_certificate": box}]}
        with (
            fake_pay({CERTIFICATES: answer}, serial=serial, key=merchant_key()),
            pytest.raises(AnswerNotSigned),
        ):
            api(public_key_id="").certificates()

    def test_another_api_v3_key_is_told_apart(self) -> None:
        box = sealed(certificate_of(wechat_key()), key="f" * 32, about="certificate")
        answer = {"data": [{"encrypt_certificate": box}]}
        with fake_pay({CERTIFICATES: answer}), pytest.raises(AnswerNotSigned) as caught:
            api(public_key_id="").certificates()
        assert caught.value.code == CANNOT_DECRYPT

    @pytest.mark.parametrize("data", [[{}], ["x"], [{"encrypt_certificate": {}}]])
    def test_rubbish(self, data: list[Any]) -> None:
        with fake_pay({CERTIFICATES: {"data": data}}), pytest.raises(PayUnreachable):
            api().certificates()


class TestBill:
    def test_is_fetched_and_its_hash_compared(self) -> None:
        text = bill_text(("abcdefgh2345", 99_800))
        with fake_pay(bill_answers(text)) as fake:
            file = api().trade_bill(date(2026, 3, 11))
            assert api().download(file) == text.lstrip("\ufeff")
        assert "bill_date=2026-03-11&bill_type=ALL&tar_type=GZIP" in str(fake.calls[0].url)
        values = parts_of(fake.calls[1].headers["Authorization"])
        path = "/v3/billdownload/file?token=abc&tartype=gzip"
        signed_text = signing.request_text(
            "GET", path, timestamp=values["timestamp"], nonce=values["nonce_str"], body=b""
        )
        assert signing.sign(merchant_key(), signed_text) == values["signature"]

    def test_another_content_is_refused(self) -> None:
        answers = bill_answers(bill_text(), sha="0" * 40)
        with fake_pay(answers), pytest.raises(PayUnreachable, match="announced"):
            api().download(api().trade_bill(date(2026, 3, 11)))

    def test_another_host_is_refused(self) -> None:
        answers = bill_answers(bill_text(), host="http://169.254.169.254")
        with fake_pay(answers) as fake, pytest.raises(PayUnreachable, match="another host"):
            api().download(api().trade_bill(date(2026, 3, 11)))
        assert len(fake.calls) == 1

    def test_a_damaged_file_is_refused(self) -> None:
        damaged = httpx2.Response(200, content=b"\x1f\x8bnot gzip")
        file = BillFile("http://127.0.0.1:8001/api.mch.weixin.qq.com/v3/billdownload/file?t=1", "0")
        with fake_pay({DOWNLOAD: damaged}), pytest.raises(PayUnreachable, match="damaged"):
            api().download(file)
