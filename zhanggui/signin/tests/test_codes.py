"""Codes by SMS: slots claimed before sending, five tries, one purpose, nothing in clear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zhanggui.accounts.models import phone_hash
from zhanggui.channels.sms.errors import SmsBudgetSpent, SmsStopped
from zhanggui.channels.sms.models import OutgoingSms, SmsDay, SmsState, SmsStop
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.core.models import LimitCounter
from zhanggui.signin.errors import (
    CodeBurnt,
    CodeOver,
    CodesSpent,
    CodeTooSoon,
    CodeWrong,
    PictureOver,
    PictureWrong,
)
from zhanggui.signin.models import Purpose, SmsCode
from zhanggui.signin.services import codes, pictures
from zhanggui.signin.services.pictures import Challenge
from zhanggui.signin.tests.inbox import Inbox, answer_of

pytestmark = pytest.mark.django_db
PHONE = "+8613800138000"
IP = "203.0.113.7"
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def challenge() -> Challenge:
    token = pictures.new_picture("mine")
    return Challenge(token, answer_of(token), "mine")


def send(
    phone: str = PHONE,
    purpose: Purpose = Purpose.LOGIN,
    ip: str | None = IP,
    *,
    is_known: bool = True,
) -> int:
    return codes.send_code(
        phone=phone, purpose=purpose, challenge=challenge(), ip=ip, is_known=is_known
    )


def check(digits: str, phone: str = PHONE, purpose: Purpose = Purpose.LOGIN) -> None:
    codes.check_code(phone=phone, purpose=purpose, digits=digits, ip=IP)


def wrong(inbox: Inbox) -> str:
    return "000000" if inbox.code(PHONE) != "000000" else "111111"


@pytest.mark.spec("repairs U-4", "platform P30")
class TestCheck:
    def test_six_digits_that_work_once(self, inbox: Inbox) -> None:
        send()
        digits = inbox.code(PHONE)
        check(f" {digits[:3]} {digits[3:]} ")
        with pytest.raises(CodeOver):
            check(digits)

    @pytest.mark.parametrize(("minutes", "is_good"), [(4.99, True), (5, False)])
    def test_last_five_minutes(self, inbox: Inbox, minutes: float, is_good: bool) -> None:
        with clock.at(START):
            send()
        with clock.at(START + timedelta(minutes=minutes)):
            if is_good:
                check(inbox.code(PHONE))
            else:
                with pytest.raises(CodeOver):
                    check(inbox.code(PHONE))

    def test_the_sixth_try_fails_with_the_right_code_and_a_new_one_works(
        self, inbox: Inbox
    ) -> None:
        """T-3."""
        with clock.at(START):
            send()
            digits = inbox.code(PHONE)
            for _ in range(4):
                with pytest.raises(CodeWrong):
                    check(wrong(inbox))
            with pytest.raises(CodeBurnt):
                check(wrong(inbox))
            with pytest.raises(CodeBurnt):
                check(digits)
        with clock.at(START + timedelta(seconds=61)):
            send()
            check(inbox.code(PHONE))

    def test_the_fifth_try_may_be_right(self, inbox: Inbox) -> None:
        send()
        for _ in range(4):
            with pytest.raises(CodeWrong):
                check(wrong(inbox))
        check(inbox.code(PHONE))

    @pytest.mark.parametrize("other", [Purpose.RESET, Purpose.REGISTER, Purpose.CHANGE_PHONE])
    def test_is_good_for_one_purpose_only(self, inbox: Inbox, other: Purpose) -> None:
        """T-4."""
        send(purpose=Purpose.LOGIN)
        with pytest.raises(CodeWrong):
            check(inbox.code(PHONE), purpose=other)
        check(inbox.code(PHONE))

    def test_is_good_for_one_phone_only(self, inbox: Inbox) -> None:
        send()
        send(phone="+8613900139000")
        with pytest.raises(CodeWrong):
            check(inbox.code(PHONE), phone="+8613900139000")

    def test_a_new_code_replaces_the_old_one(self, inbox: Inbox) -> None:
        with clock.at(START):
            send()
            old = inbox.code(PHONE)
        with clock.at(START + timedelta(seconds=61)):
            send()
            if inbox.code(PHONE) != old:
                with pytest.raises(CodeWrong):
                    check(old)
            check(inbox.code(PHONE))

    def test_nothing_is_kept_in_clear(self, inbox: Inbox) -> None:
        send()
        row = SmsCode.objects.values().get()
        digits = inbox.code(PHONE)
        assert digits not in repr(row)
        assert PHONE not in repr(row)
        message = OutgoingSms.objects.values().get()
        assert digits not in repr(message)
        assert "13800138000" not in repr(message)
        assert message["phone_masked"] == "138****8000"

    def test_tries_of_one_address_are_limited(self) -> None:
        for _ in range(60):
            with pytest.raises(CodeWrong):
                check("000000")
        with pytest.raises(CodesSpent):
            check("000000")


@pytest.mark.spec("repairs A4", "repairs U-5", "platform P30")
class TestSend:
    def test_says_what_it_is_for(self, inbox: Inbox) -> None:
        assert send(purpose=Purpose.RESET) == 60
        (text,) = inbox.texts(PHONE)
        assert text.startswith("【掌柜】验证码")
        assert "重设密码" in text

    def test_needs_the_right_picture_first(self) -> None:
        token = pictures.new_picture("mine")
        for typed, refusal in (("ZZZZ", PictureWrong), (answer_of(token), PictureOver)):
            with pytest.raises(refusal):
                codes.send_code(
                    phone=PHONE,
                    purpose=Purpose.LOGIN,
                    challenge=Challenge(token, typed, "mine"),
                    ip=IP,
                )
        assert not OutgoingSms.objects.exists()
        assert not SmsCode.objects.exists()

    def test_waits_sixty_seconds(self) -> None:
        with clock.at(START):
            send()
        with clock.at(START + timedelta(seconds=59)), pytest.raises(CodeTooSoon) as refusal:
            send()
        assert refusal.value.retry_after_s == 1
        with clock.at(START + timedelta(seconds=60)):
            send()
        assert OutgoingSms.objects.count() == 2

    def test_five_an_hour_for_a_number(self) -> None:
        for number in range(5):
            with clock.at(START + timedelta(minutes=2 * number)):
                send(ip=None)
        with clock.at(START + timedelta(minutes=12)), pytest.raises(CodesSpent):
            send(ip=None)
        assert OutgoingSms.objects.count() == 5
        with clock.at(START + timedelta(minutes=70)):
            send(ip=None)

    def test_ten_a_day_for_a_number(self) -> None:
        for number in range(10):
            with clock.at(START + timedelta(minutes=61 * number)):
                send(ip=None)
        with clock.at(START + timedelta(hours=12)), pytest.raises(CodesSpent):
            send(ip=None)
        with clock.at(START + timedelta(hours=36)):
            send(ip=None)

    def test_twenty_an_hour_for_an_address(self) -> None:
        for number in range(20):
            send(phone=f"+861380013{number:04d}")
        with pytest.raises(CodesSpent):
            send(phone="+8613800139999")
        send(phone="+8613800139999", ip="203.0.113.8")

    def test_an_ipv6_network_is_one_address(self) -> None:
        for number in range(20):
            send(phone=f"+861380013{number:04d}", ip=f"2001:db8:1:2::{number:x}")
        with pytest.raises(CodesSpent):
            send(phone="+8613800139999", ip="2001:db8:1:2:ffff::1")
        send(phone="+8613800139999", ip="2001:db8:1:3::1")

    def test_a_number_nobody_has_costs_nothing_but_counts_alike(self) -> None:
        send(is_known=False)
        message = OutgoingSms.objects.get()
        assert (message.state, message.body_sealed) == (SmsState.REFUSED, None)
        assert bytes(message.phone_sealed) == b""
        assert not SmsDay.objects.filter(owner="platform").exists()
        assert SmsCode.objects.count() == 1
        with pytest.raises(CodeTooSoon):
            send(is_known=False)
        assert LimitCounter.objects.filter(subject=phone_hash(PHONE).hex()).count() == 2

    @pytest.mark.spec("repairs U-6")
    def test_a_spent_budget_does_not_tell_who_is_registered(self, settings: Any) -> None:
        settings.SMS_DAILY_BUDGET = 1
        send()
        for number, is_known in (("+8613800138001", True), ("+8613800138002", False)):
            with pytest.raises(SmsBudgetSpent):
                send(phone=number, is_known=is_known)

    def test_the_kill_switch_stops_everything_before_anything_is_spent(self) -> None:
        SmsStop.objects.create(reason="attack")
        with pytest.raises(SmsStopped):
            send()
        assert not SmsCode.objects.exists()
        assert not LimitCounter.objects.exists()

    def test_old_codes_are_forgotten(self) -> None:
        with clock.at(START):
            send()
        with clock.at(START + timedelta(hours=23)):
            assert codes.forget() == 0
        with clock.at(START + timedelta(days=1, minutes=6)):
            assert codes.forget() == 1


def test_refusals_say_how_long() -> None:
    refusal: DomainError = CodesSpent(retry_after_s=600, minutes=10)
    assert "10" in refusal.message
