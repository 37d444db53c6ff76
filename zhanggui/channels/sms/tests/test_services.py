"""Messages written down, handed over by a job, under a budget and an emergency switch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import stamina
from django.db import transaction
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.hooks import notify_person
from zhanggui.accounts.models import PlatformAuditEntry, Role
from zhanggui.accounts.tests.factories import make_person, make_platform_staff
from zhanggui.channels.sms import client as sms_client
from zhanggui.channels.sms import retention, services
from zhanggui.channels.sms.errors import SmsBudgetSpent, SmsNotSetUp, SmsStopped, SmsUnreachable
from zhanggui.channels.sms.models import (
    BODY_COLUMN,
    OutgoingSms,
    SmsDay,
    SmsPurpose,
    SmsState,
    SmsStop,
)
from zhanggui.core import clock, sealing

pytestmark = pytest.mark.django_db
PHONE = "+8613800138000"
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


def write(**more: Any) -> OutgoingSms:
    fields = {"phone": PHONE, "text": "验证码 048213", "purpose": SmsPurpose.CODE}
    return services.send(**{**fields, **more})


def deliver(message: OutgoingSms, status: int = 200, *, is_last_try: bool = False) -> OutgoingSms:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        if not status:
            raise httpx2.ConnectError("no connection")
        return httpx2.Response(status, json={"id": "sms1", "code": "BAD_NUMBER"})

    try:
        with sms_client.using(httpx2.MockTransport(answer)):
            services.deliver(message_id=message.pk, is_last_try=is_last_try)
    finally:
        message.refresh_from_db()
    return message


class TestSend:
    def test_is_written_with_its_job_and_nothing_in_clear(self) -> None:
        message = write()
        assert (message.state, message.phone_masked) == (SmsState.WAITING, "138****8000")
        job = ProcrastinateJob.objects.get()
        assert (job.task_name, job.args) == ("sms.send_message", {"message_id": message.pk})
        row = repr(OutgoingSms.objects.values().get())
        assert "048213" not in row
        assert "13800138000" not in row

    def test_goes_with_its_business_or_not_at_all(self) -> None:
        with transaction.atomic():
            write()
            transaction.set_rollback(True)
        assert not OutgoingSms.objects.exists()
        assert not SmsDay.objects.exists()

    @pytest.mark.spec("repairs U-5")
    def test_the_days_budget_is_never_exceeded(self, settings: Any) -> None:
        settings.SMS_DAILY_BUDGET = 2
        with clock.at(START):
            write()
            write()
            with pytest.raises(SmsBudgetSpent):
                write()
        assert OutgoingSms.objects.count() == 2
        with clock.at(START + timedelta(hours=7)):  # 00:00 in China
            write()

    def test_each_merchant_has_its_own_budget(self, settings: Any) -> None:
        settings.SMS_MERCHANT_BUDGET = 1
        write(merchant_id=1)
        with pytest.raises(SmsBudgetSpent):
            write(merchant_id=1)
        write(merchant_id=2)
        write()

    @pytest.mark.parametrize("how", ["page", "environment", "nobody"])
    def test_the_switch_stops_it(self, settings: Any, how: str) -> None:
        settings.SMS_IS_STOPPED = how == "environment"
        settings.SMS_PROVIDER = "" if how == "nobody" else "sandbox"
        if how == "page":
            SmsStop.objects.create(reason="x")
        with pytest.raises(SmsNotSetUp if how == "nobody" else SmsStopped):
            write()
        assert not OutgoingSms.objects.exists()


class TestDeliver:
    def test_is_sent_and_its_words_are_wiped(self) -> None:
        message = deliver(write())
        assert (message.state, message.provider_id) == (SmsState.SENT, "sms1")
        assert message.body_sealed is None

    def test_runs_once(self) -> None:
        message = deliver(write())
        with sms_client.using(httpx2.MockTransport(lambda _request: httpx2.Response(500))):
            services.deliver(message_id=message.pk, is_last_try=False)
        services.deliver(message_id=0, is_last_try=False)

    def test_a_refusal_is_kept_with_its_code(self) -> None:
        message = deliver(write(), 422)
        assert (message.state, message.error) == (SmsState.REFUSED, "BAD_NUMBER")

    def test_no_connection_brings_the_job_again(self) -> None:
        message = write()
        with pytest.raises(SmsUnreachable):
            deliver(message, 0)
        assert message.state == SmsState.WAITING
        assert deliver(message, 0, is_last_try=True).state == SmsState.FAILED

    def test_an_old_code_is_not_sent_any_more(self) -> None:
        with clock.at(START):
            message = write()
        with clock.at(START + timedelta(minutes=5)):
            assert deliver(message).state == SmsState.FAILED

    def test_is_forgotten_after_ninety_days(self) -> None:
        with clock.at(START):
            write()
        with clock.at(START + timedelta(days=89)):
            assert retention.forget() == 0
        with clock.at(START + timedelta(days=91)):
            assert retention.forget() == 1


class TestNotice:
    def test_a_person_is_told(self) -> None:
        notify_person(make_person(phone=PHONE), "你好")
        message = OutgoingSms.objects.get()
        assert message.purpose == SmsPurpose.NOTICE
        body = sealing.unseal(
            bytes(message.body_sealed or b""), column=BODY_COLUMN, merchant_id=None
        )
        # the signature stands in the words; a provider puts its own before the template
        assert json.loads(body) == {"text": "【掌柜】你好", "params": {"text": "你好"}}

    def test_where_nothing_can_be_sent_the_business_goes_on(self, settings: Any) -> None:
        settings.SMS_DAILY_BUDGET = 0
        notify_person(make_person(phone=PHONE), "你好")
        notify_person(make_person(phone=None), "你好")
        assert not OutgoingSms.objects.exists()


class TestPage:
    @pytest.fixture
    def staff(self, client: Client) -> Client:
        client.force_login(make_platform_staff(role=Role.OWNER))
        return client

    def test_shows_masked_numbers_and_states(self, staff: Client) -> None:
        deliver(write(), 422)
        page = staff.get("/platform/sms/").content.decode()
        assert "138****8000" in page
        assert "13800138000" not in page
        assert "BAD_NUMBER" in page
        assert "138****8000" not in staff.get("/platform/sms/?state=sent").content.decode()

    def test_the_switch_stops_and_resumes(self, staff: Client) -> None:
        staff.post("/platform/sms/stop", {"reason": "有人刷短信"})
        staff.post("/platform/sms/stop", {"reason": "again"})
        assert "有人刷短信" in staff.get("/platform/sms/").content.decode()
        with pytest.raises(SmsStopped):
            write()
        staff.post("/platform/sms/resume")
        write()
        found = PlatformAuditEntry.objects.filter(action__startswith="sms.")
        assert list(found.order_by("pk").values_list("action", flat=True)) == [
            "sms.sending.stopped",
            "sms.sending.resumed",
        ]

    def test_a_stop_needs_a_reason(self, staff: Client) -> None:
        assert staff.post("/platform/sms/stop", {"reason": ""}).status_code == 422
        assert not SmsStop.objects.exists()
