"""What providers push: matched late, early, twice, by their number or by ours; replies."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.test import Client
from django.utils import translation

from zhanggui.channels.sms import client as sms_client
from zhanggui.channels.sms import hooks, receipts, services
from zhanggui.channels.sms.models import OutgoingSms, SmsPurpose, SmsReceipt, SmsState
from zhanggui.channels.sms.tests.test_client import ACCOUNT, ALIYUN, sent
from zhanggui.core import clock

pytestmark = pytest.mark.django_db
PHONE = "+8613800138000"
SID = "5000:1045710669157053657849499619"


@pytest.fixture(autouse=True)
def providers(settings: Any) -> None:
    settings.SMS_PROVIDER = "tencent"
    settings.SMS_TENCENT, settings.SMS_ALIYUN = ACCOUNT, ALIYUN


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the modules above were told."""
    told: list[Any] = []
    monkeypatch.setattr(hooks, "_receipts", [told.extend])
    monkeypatch.setattr(hooks, "_replies", [told.append])
    return told


def answers(content: Any, status: int = 200) -> httpx2.MockTransport:
    return httpx2.MockTransport(lambda _request: httpx2.Response(status, json=content))


def hand_over(
    out_id: str = "m1.7",
    content: Any = None,
    purpose: SmsPurpose = SmsPurpose.CODE,
    merchant_id: int = 1,
) -> OutgoingSms:
    with sms_client.using(answers(content or sent())):
        return services.hand_over(
            phone=PHONE,
            text="您好",
            params={"text": "您好"},
            template="",
            purpose=purpose,
            merchant_id=merchant_id,
            out_id=out_id,
        )


def push(client: Client, body: Any, provider: str = "tencent", token: str = "") -> Any:
    token = token or receipts.tokens_of(provider)[0]
    content = body if isinstance(body, str) else json.dumps(body)
    return client.post(f"/hooks/sms/{provider}/{token}", content, content_type="application/json")


def report(status: str = "SUCCESS", sid: str = SID, code: str = "DELIVRD") -> dict[str, str]:
    return {
        "user_receive_time": "2026-03-01 17:00:05",
        "nationcode": "86",
        "mobile": "13800138000",
        "report_status": status,
        "errmsg": code,
        "description": "",
        "sid": sid,
    }


class TestHandOver:
    def test_is_sent_once_for_an_out_id(self) -> None:
        first = hand_over()
        assert (first.state, first.provider_id, first.segments) == (SmsState.SENT, SID, 2)
        again = hand_over(content={"Response": {"Error": {"Code": "must not be asked"}}})
        assert again.pk == first.pk
        assert again.state == SmsState.SENT

    def test_a_killed_worker_leaves_it_unknown(self) -> None:
        made = hand_over()
        OutgoingSms.objects.filter(pk=made.pk).update(
            state=SmsState.HANDING, body_sealed=b"x", provider_id=""
        )
        again = hand_over(content={"Response": {"Error": {"Code": "must not be asked"}}})
        assert (again.state, again.error) == (SmsState.FAILED, "interrupted")

    def test_a_refusal_keeps_its_kind_and_advice(self) -> None:
        made = hand_over(content=sent("FailedOperation.PhoneNumberInBlacklist"))
        assert (made.state, made.error_kind) == (SmsState.REFUSED, "SmsBlocked")
        with translation.override("en"):
            assert "blocked" in str(made.advice)

    def test_takes_nothing_of_the_days_budget(self, settings: Any) -> None:
        settings.SMS_MERCHANT_BUDGET = 0
        assert hand_over().state == SmsState.SENT


class TestPush:
    def test_a_receipt_is_matched_by_the_providers_number(
        self, client: Client, heard: list[Any]
    ) -> None:
        made = hand_over()
        response = push(client, [report()])
        assert response.json() == {"result": 0, "errmsg": "OK"}
        made.refresh_from_db()
        assert made.state == SmsState.DELIVERED
        assert made.receipt_at == datetime(2026, 3, 1, 9, 0, 5, tzinfo=UTC)
        assert [(one.out_id, one.is_delivered) for one in heard] == [("m1.7", True)]

    def test_twice_is_once_and_the_first_decides(self, client: Client, heard: list[Any]) -> None:
        made = hand_over()
        push(client, [report("FAIL", code="MK:0001"), report()])
        push(client, [report()])
        made.refresh_from_db()
        assert (made.state, made.error) == (SmsState.LOST, "MK:0001")
        assert len(heard) == 1

    def test_an_early_one_waits_for_its_message(self, client: Client, heard: list[Any]) -> None:
        push(client, [report()])
        push(client, [report()])
        assert SmsReceipt.objects.count() == 1
        made = hand_over()
        assert made.state == SmsState.DELIVERED
        assert not SmsReceipt.objects.exists()
        assert len(heard) == 1

    def test_aliyun_brings_our_own_number_back(
        self, client: Client, settings: Any, heard: list[Any]
    ) -> None:
        settings.SMS_PROVIDER = "aliyun"
        made = hand_over(content={"Code": "OK", "BizId": "9006195^0"})
        body = {
            "phone_number": "13800138000",
            "send_time": "2026-03-01 17:00:00",
            "report_time": "2026-03-01 17:00:05",
            "success": True,
            "err_code": "DELIVERED",
            "err_msg": "用户接收成功",
            "sms_size": "2",
            "biz_id": "something else",
            "out_id": "m1.7",
        }
        response = push(client, [body], "aliyun")
        assert response.json() == {"code": 0, "msg": "OK"}
        made.refresh_from_db()
        assert (made.state, made.segments) == (SmsState.DELIVERED, 2)
        assert len(heard) == 1

    def test_what_we_gave_up_on_is_settled_by_a_receipt(self, client: Client) -> None:
        made = hand_over()
        OutgoingSms.objects.filter(pk=made.pk).update(state=SmsState.FAILED)
        push(client, [report()])
        made.refresh_from_db()
        assert made.state == SmsState.DELIVERED

    @pytest.mark.parametrize(
        ("provider", "token", "status"),
        [("tencent", "x" * 40, 404), ("nobody", "", 404), ("sandbox", "", 404)],
    )
    def test_a_wrong_address_does_not_exist(
        self, client: Client, provider: str, token: str, status: int
    ) -> None:
        made = hand_over()
        assert push(client, [report()], provider, token).status_code == status
        made.refresh_from_db()
        assert made.state == SmsState.SENT

    def test_the_token_of_one_provider_is_not_the_others(self, client: Client) -> None:
        token = receipts.tokens_of("aliyun")[0]
        assert push(client, [report()], "tencent", token).status_code == 404

    @pytest.mark.parametrize("body", ["", "nonsense", "7", '"text"'])
    def test_what_cannot_be_read_is_refused(self, client: Client, body: str) -> None:
        assert push(client, body).status_code == 400

    def test_strange_items_are_left_out(self, client: Client, heard: list[Any]) -> None:
        hand_over()
        strange: list[Any] = [7, None, {}, {"report_status": "SUCCESS"}, report()]
        assert push(client, strange).status_code == 200
        assert len(heard) == 1


class TestReplies:
    def test_are_told_with_the_merchants_they_may_mean(
        self, client: Client, heard: list[Any]
    ) -> None:
        with clock.at(datetime(2026, 1, 1, tzinfo=UTC)):
            hand_over("m3.1", purpose=SmsPurpose.MARKETING, merchant_id=3)
        with clock.at(datetime(2026, 3, 1, tzinfo=UTC)):
            hand_over("m1.1", purpose=SmsPurpose.MARKETING, merchant_id=1)
            hand_over("m2.1", purpose=SmsPurpose.CODE, merchant_id=2)
        with clock.at(datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=1)):
            push(
                client,
                {
                    "extend": "",
                    "mobile": "13800138000",
                    "nationcode": "86",
                    "sign": "掌柜",
                    "text": " TD ",
                    "time": "2026-03-01 09:00:00",
                },
            )
        (reply,) = heard
        assert (reply.phone, reply.text, reply.merchant_ids) == (PHONE, "TD", (1,))

    def test_aliyun_words_them_otherwise(self, client: Client, heard: list[Any]) -> None:
        push(
            client,
            [{"phone_number": "13800138000", "content": "TD", "send_time": "x"}],
            "aliyun",
        )
        assert heard[0].phone == PHONE

    def test_no_number_no_reply(self, client: Client, heard: list[Any]) -> None:
        push(client, [{"phone_number": "nobody", "content": "TD"}], "aliyun")
        assert heard == []
