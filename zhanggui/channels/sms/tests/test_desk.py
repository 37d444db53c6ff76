"""The platform's page of SMS providers: state, error with advice, test, receipts; no secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import httpx2
import pytest
import stamina
from django.test import Client

from zhanggui.accounts.models import PlatformAuditEntry, Role
from zhanggui.accounts.tests.factories import make_platform_staff
from zhanggui.channels.sms import client as sms_client
from zhanggui.channels.sms import desk, receipts, services
from zhanggui.channels.sms.errors import SmsNoBalance, SmsOverLimit, SmsUnreachable
from zhanggui.channels.sms.models import OutgoingSms, ProviderHealth, SmsPurpose, SmsState
from zhanggui.core import clock

pytestmark = pytest.mark.django_db
PHONE = "+8613800138000"
PAGE = "/platform/sms/providers"
SECRET = "a-key-nobody-may-see"
_serials = count(1)


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_platform_staff(role=Role.OWNER))
    return client


@pytest.fixture
def tencent(settings: Any) -> None:
    settings.SMS_PROVIDER = "tencent"
    settings.SMS_TENCENT = replace(
        settings.SMS_TENCENT,
        secret_id=SECRET,
        secret_key=SECRET,
        app_id="1400006666",
        sign_name="清岚茶事",
        templates={"code": "1", "notice": "2", "marketing": "3"},
    )


def says(code: str) -> Callable[[httpx2.Request], httpx2.Response]:
    """Tencent's answer; ``Ok``, an error of one number, or one of the account."""

    def answer(_request: httpx2.Request) -> httpx2.Response:
        if code == "down":
            raise httpx2.ConnectError("no connection")
        status = {"Code": code, "SerialNo": f"2640:{next(_serials)}", "Fee": 1}
        return httpx2.Response(200, json={"Response": {"SendStatusSet": [status]}})

    return answer


def hand_over(code: str, out_id: str = "zm1.1") -> OutgoingSms:
    with sms_client.using(httpx2.MockTransport(says(code))):
        return services.hand_over(
            phone=PHONE,
            text="你好",
            params={"text": "你好"},
            template="tests.probe",
            purpose=SmsPurpose.NOTICE,
            merchant_id=1,
            out_id=out_id,
        )


EMPTY = "FailedOperation.InsufficientBalanceInSmsPackage"
LIMIT = "LimitExceeded.PhoneNumberDailyLimit"


@pytest.mark.usefixtures("tencent")
class TestHealth:
    def test_who_takes_messages_is_well(self) -> None:
        hand_over("Ok")
        found = ProviderHealth.objects.get(provider="tencent")
        assert (found.is_down, found.error) == (False, "")
        assert found.ok_at is not None

    @pytest.mark.parametrize(("code", "error"), [("down", SmsUnreachable), (EMPTY, SmsNoBalance)])
    def test_who_takes_none_is_down_until_it_does(self, code: str, error: type[Exception]) -> None:
        for n in range(2):
            with pytest.raises(error):
                hand_over(code, f"zm1.{n}")
        found = ProviderHealth.objects.get()
        assert (found.failures, found.error_kind) == (2, error.__name__)
        assert desk.down().get() == found
        hand_over("Ok", "zm1.0")
        assert not desk.down().exists()

    def test_a_wrong_number_is_not_the_providers_fault(self) -> None:
        hand_over("InvalidParameterValue.IncorrectPhoneNumber")
        assert not ProviderHealth.objects.exists()

    def test_what_waits_is_sent_once_with_the_same_number(self) -> None:
        for code, error in ((EMPTY, SmsNoBalance), (LIMIT, SmsOverLimit)):
            with pytest.raises(error):
                hand_over(code)
            waiting = OutgoingSms.objects.get()
            assert (waiting.state, waiting.error) == (SmsState.WAITING, code)
        assert hand_over("Ok").state == SmsState.SENT
        assert hand_over("Ok").pk == OutgoingSms.objects.get().pk

    def test_a_code_for_signing_in_does_not_wait(self) -> None:
        message = services.send(phone=PHONE, text="048213", purpose=SmsPurpose.CODE)
        with sms_client.using(httpx2.MockTransport(says(EMPTY))):
            services.deliver(message_id=message.pk, is_last_try=False)
        message.refresh_from_db()
        assert message.state == SmsState.REFUSED


@pytest.mark.usefixtures("tencent")
class TestPage:
    def test_shows_state_error_and_advice_but_no_secret(self, staff: Client) -> None:
        with pytest.raises(SmsNoBalance):
            hand_over(EMPTY)
        page = staff.get(PAGE).content.decode()
        assert EMPTY in page
        assert "余额" in page
        assert "清岚茶事" in page
        assert SECRET not in page
        assert "腾讯云" in page
        assert "短信服务商现在发不出短信" in staff.get("/platform/overview/").content.decode()
        hand_over("Ok")
        assert "短信服务商现在发不出短信" not in staff.get("/platform/overview/").content.decode()

    def test_says_what_is_not_set(self, staff: Client, settings: Any) -> None:
        settings.SMS_TENCENT = replace(settings.SMS_TENCENT, secret_key="", templates={"code": "1"})
        (first, *_rest) = [one for one, _form in staff.get(PAGE).context["desks"]]
        assert [one.is_set for one in first.settings] == [True, False, True, True, False]
        assert first.state[0] == "danger"

    def test_missing_receipts_are_told(self, staff: Client) -> None:
        now = clock.now()
        with clock.at(now - timedelta(minutes=20)):
            for n in range(6):
                hand_over("Ok", f"zm1.{n}")
        (first, *_rest) = [one for one, _form in staff.get(PAGE).context["desks"]]
        assert (first.out, first.silent, first.has_lost_receipts) == (6, 6, True)
        address = f"/hooks/sms/tencent/{receipts.tokens_of('tencent')[0]}"
        reports = [{"sid": "", "ext": f"zm1.{n}", "report_status": "SUCCESS"} for n in range(6)]
        staff.post(address, json.dumps(reports), content_type="application/json")
        (first, *_rest) = [one for one, _form in staff.get(PAGE).context["desks"]]
        assert (first.arrived, first.silent, first.has_lost_receipts) == (6, 0, False)
        assert first.health.receipts_at is not None

    @pytest.mark.parametrize(("code", "state"), [("Ok", "sent"), (EMPTY, "refused")])
    def test_a_test_goes_out_at_once_and_says_what_came(
        self, staff: Client, code: str, state: str
    ) -> None:
        with sms_client.using(httpx2.MockTransport(says(code))):
            answer = staff.post(f"{PAGE}/tencent/test", {"phone": "13800138000"}, follow=True)
        message = OutgoingSms.objects.get()
        assert (message.state, message.provider) == (state, "tencent")
        assert message.body_sealed is None
        if code != "Ok":
            assert EMPTY in answer.content.decode()
        assert PlatformAuditEntry.objects.get().action == "sms.test.sent"

    def test_a_test_needs_a_number_and_there_are_ten_an_hour(self, staff: Client) -> None:
        assert staff.post(f"{PAGE}/tencent/test", {"phone": "1"}).status_code == 422
        assert staff.post(f"{PAGE}/nobody/test", {"phone": "13800138000"}).status_code == 404
        with sms_client.using(httpx2.MockTransport(says("Ok"))):
            codes = [
                staff.post(f"{PAGE}/tencent/test", {"phone": "13800138000"}).status_code
                for _time in range(11)
            ]
        assert codes == [302] * 10 + [429]
        assert OutgoingSms.objects.count() == 10
