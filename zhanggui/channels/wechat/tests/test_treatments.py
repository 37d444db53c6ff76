"""What every code of WeChat's table does to a call, to the next call, and to a message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import stamina
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.channels.wechat import api, messages, records, sending
from zhanggui.channels.wechat.client.sendables import Text
from zhanggui.channels.wechat.errorcodes import (
    CODES,
    OF_ONE_RECEIVER,
    PAUSES_S,
    Treatment,
)
from zhanggui.channels.wechat.errors import (
    AuthorisationLost,
    ChannelBusy,
    ChannelError,
    ChannelRefused,
    ChannelUnreachable,
    MerchantMustAct,
    QuotaUsedUp,
    TokenExpired,
)
from zhanggui.channels.wechat.models import (
    ApiCall,
    CallDay,
    ChannelAccount,
    MessageState,
    OutgoingMessage,
)
from zhanggui.channels.wechat.tests.factories import (
    TEXT_PATH,
    TOKEN_PATH,
    FakeWechat,
    fake_wechat,
    make_account,
    run_job,
    run_jobs,
)
from zhanggui.core import clock

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
ATTEMPTS = 3
LOST = {61003, 61023}
WAITS = [
    *((code, timedelta(seconds=pause)) for code, pause in PAUSES_S.items()),
    *((code, MIDNIGHT - NOON) for code in (45009, 44993)),
]


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=ATTEMPTS):
        yield


@pytest.fixture
def account() -> ChannelAccount:
    return make_account()


def codes(treatment: Treatment) -> list[int]:
    return sorted(number for number, code in CODES.items() if code.treatment is treatment)


def refused_by(account: ChannelAccount, code: int) -> tuple[ChannelError, FakeWechat]:
    """Make one call that WeChat always answers with this code."""
    answer = {"errcode": code, "errmsg": "no rid: 1a2b-3c4d-5e6f"}
    tokens = [{"access_token": f"{code}-{number}", "expires_in": 7200} for number in range(3)]
    with (
        fake_wechat(**{TEXT_PATH: answer, TOKEN_PATH: tokens}) as fake,
        pytest.raises(ChannelError) as caught,
    ):
        api.for_account(account).custom_send("o", Text("x"))
    return caught.value, fake


class TestGateway:
    """Through ``api.for_account``, as every part of the product calls."""

    def check(self, account: ChannelAccount, code: int, kind: type[ChannelError]) -> FakeWechat:
        CallDay.objects.all().delete()
        error, fake = refused_by(account, code)
        assert (type(error), error.code) == (kind, code)
        assert error.advice == CODES[code].advice
        call = ApiCall.objects.filter(path=TEXT_PATH).latest("pk")
        assert (call.code, call.rid) == (code, "1a2b-3c4d-5e6f")
        return fake

    def test_the_table_holds_every_treatment(self) -> None:
        assert all(codes(treatment) for treatment in Treatment)
        assert set(PAUSES_S) == set(codes(Treatment.BACK_OFF))

    def test_a_moments_trouble_is_tried_again_by_itself(self, account: ChannelAccount) -> None:
        for code in codes(Treatment.RETRY):
            fake = self.check(account, code, ChannelUnreachable)
            assert fake.paths().count(TEXT_PATH) == ATTEMPTS

    def test_a_dead_token_is_worth_one_fresh_one(self, account: ChannelAccount) -> None:
        for code in codes(Treatment.REFRESH):
            fake = self.check(account, code, TokenExpired)
            assert fake.paths().count(TEXT_PATH) == 2
            assert TOKEN_PATH in fake.paths()

    def test_too_many_is_not_tried_again(self, account: ChannelAccount) -> None:
        for code in codes(Treatment.BACK_OFF):
            fake = self.check(account, code, ChannelBusy)
            assert fake.paths().count(TEXT_PATH) == 1

    def test_a_used_up_day_neither(self, account: ChannelAccount) -> None:
        for code in codes(Treatment.MIDNIGHT):
            fake = self.check(account, code, QuotaUsedUp)
            assert fake.paths().count(TEXT_PATH) == 1

    def test_what_the_merchant_must_settle_stands_on_the_accounts_page(
        self, account: ChannelAccount
    ) -> None:
        for code in codes(Treatment.ASK):
            fake = self.check(account, code, AuthorisationLost if code in LOST else MerchantMustAct)
            assert fake.paths().count(TEXT_PATH) == 1
            account.refresh_from_db()
            assert account.last_error_code == code

    def test_everything_else_is_said_once(self, account: ChannelAccount) -> None:
        for code in codes(Treatment.GIVE_UP):
            fake = self.check(account, code, ChannelRefused)
            assert fake.paths().count(TEXT_PATH) == 1

    def test_trouble_of_one_receiver_is_none_of_the_account(self, account: ChannelAccount) -> None:
        for code in OF_ONE_RECEIVER:
            refused_by(account, code)
        account.refresh_from_db()
        assert account.last_error_at is None

    def test_a_code_nobody_knows_stands_on_the_accounts_page(self, account: ChannelAccount) -> None:
        error, fake = refused_by(account, 12345)
        assert (type(error), fake.paths().count(TEXT_PATH)) == (ChannelRefused, 1)
        account.refresh_from_db()
        assert account.last_error_code == 12345


class TestStops:
    """The next call of the same kind is not made at all."""

    @pytest.mark.parametrize(("code", "pause"), WAITS)
    def test_no_call_before_its_time(
        self, account: ChannelAccount, code: int, pause: timedelta
    ) -> None:
        with fake_wechat(**{TEXT_PATH: [{"errcode": code}, {"errcode": 0}]}) as fake:
            for late in (timedelta(0), pause / 2):
                with clock.at(NOON + late):
                    if late and code in OF_ONE_RECEIVER:
                        continue
                    with pytest.raises((ChannelBusy, QuotaUsedUp)) as caught:
                        api.for_account(account).custom_send("o", Text("x"))
                    assert caught.value.code == code
                    assert caught.value.until == NOON + pause  # type: ignore[attr-defined]
            assert fake.paths().count(TEXT_PATH) == 1
            with clock.at(NOON + pause):
                api.for_account(account).custom_send("o", Text("x"))
        assert ApiCall.objects.filter(path=TEXT_PATH).count() == 2

    def test_a_limit_of_one_person_stops_nobody_else(self, account: ChannelAccount) -> None:
        with fake_wechat(**{TEXT_PATH: [{"errcode": 43108}, {"errcode": 0}]}), clock.at(NOON):
            with pytest.raises(ChannelBusy):
                api.for_account(account).custom_send("o", Text("x"))
            api.for_account(account).custom_send("p", Text("x"))


class TestMessage:
    """What ``messages`` wrote down."""

    def write(self, account: ChannelAccount, **more: timedelta) -> OutgoingMessage:
        sent = messages.send_text(account_id=account.pk, openid="o", text="欢迎光临", **more)
        return OutgoingMessage.objects.get(pk=sent)

    @pytest.mark.parametrize(("code", "pause"), WAITS)
    def test_waits_as_long_as_wechat_does(
        self, account: ChannelAccount, code: int, pause: timedelta
    ) -> None:
        with fake_wechat(**{TEXT_PATH: [{"errcode": code}, {"errcode": 0}]}) as fake:
            with clock.at(NOON):
                message = self.write(account)
                run_jobs()
                message.refresh_from_db()
                assert (message.state, message.error_code) == (MessageState.WAITING, code)
                assert message.due_at == NOON + pause
                assert sending.wake() == 0
            with clock.at(NOON + pause):
                assert sending.wake() == 1
                run_jobs()
        message.refresh_from_db()
        assert (message.state, message.error_code) == (MessageState.SENT, None)
        assert fake.paths().count(TEXT_PATH) == 2

    @pytest.mark.parametrize(("code", "pause"), WAITS)
    def test_is_woken_when_a_short_wait_is_over(
        self, account: ChannelAccount, code: int, pause: timedelta
    ) -> None:
        """By a job of that moment; midnight is left to the sweep of every minute."""
        with fake_wechat(**{TEXT_PATH: {"errcode": code}}), clock.at(NOON):
            written = [self.write(account).pk, self.write(account).pk]
            for job in ProcrastinateJob.objects.filter(task_name="wechat.send_message"):
                run_job(job)
        due = OutgoingMessage.objects.filter(pk__in=written).values_list("due_at", flat=True)
        assert set(due) == {NOON + pause}
        began = datetime.now(UTC)
        woken = ProcrastinateJob.objects.filter(task_name="wechat.send_due")
        waits = [(job.scheduled_at - began).total_seconds() for job in woken if job.scheduled_at]
        if pause > timedelta(minutes=2):
            assert waits == []
        else:
            (wait_s,) = waits
            assert pause.total_seconds() - 5 < wait_s <= pause.total_seconds()

    def test_does_not_wait_longer_than_it_is_wanted(self, account: ChannelAccount) -> None:
        with clock.at(NOON), fake_wechat(**{TEXT_PATH: {"errcode": 45009}}) as fake:
            message = self.write(account, lasts=timedelta(minutes=5))
            run_jobs()
        message.refresh_from_db()
        assert (message.state, message.error_code) == (MessageState.LATE, 45009)
        assert fake.paths().count(TEXT_PATH) == 1

    def test_is_not_sent_when_its_job_comes_too_late(self, account: ChannelAccount) -> None:
        with clock.at(NOON):
            message = self.write(account, lasts=timedelta(minutes=5))
        with clock.at(NOON + timedelta(minutes=6)), fake_wechat() as fake:
            run_jobs()
        message.refresh_from_db()
        assert (message.state, fake.calls) == (MessageState.LATE, [])

    @pytest.mark.parametrize("code", [40001, 48001, 45015])
    def test_is_refused_by_everything_that_waiting_does_not_mend(
        self, account: ChannelAccount, code: int
    ) -> None:
        message = self.write(account)
        with fake_wechat(**{TEXT_PATH: {"errcode": code}}):
            run_jobs()
        message.refresh_from_db()
        assert (message.state, message.error_code) == (MessageState.REFUSED, code)


def test_collected_calls_are_written_together_and_stop_at_once(account: ChannelAccount) -> None:
    with clock.at(NOON), fake_wechat(**{TEXT_PATH: [{"errcode": 0}, {"errcode": 45009}]}) as fake:
        with records.collecting():
            calls = api.for_many(account)
            calls.custom_send("o", Text("x"))
            for _time in range(3):
                with pytest.raises(QuotaUsedUp):
                    calls.custom_send("o", Text("x"))
            assert not ApiCall.objects.exists()
        day = CallDay.objects.get(path=TEXT_PATH)
    assert fake.paths().count(TEXT_PATH) == 2
    assert (day.used, day.failed, day.stopped_until, day.stopped_by) == (2, 1, MIDNIGHT, 45009)
    assert list(ApiCall.objects.filter(path=TEXT_PATH).values_list("code", flat=True)) == [0, 45009]


def test_a_run_knows_what_another_process_heard(account: ChannelAccount) -> None:
    with clock.at(NOON), fake_wechat(**{TEXT_PATH: {"errcode": 45009}}) as fake:
        with pytest.raises(QuotaUsedUp):
            api.for_account(account).custom_send("o", Text("x"))
        with records.collecting() as collected:
            collected.look(account.app_id)
            with pytest.raises(QuotaUsedUp):
                api.for_many(account).custom_send("o", Text("x"))
    assert fake.paths().count(TEXT_PATH) == 1
