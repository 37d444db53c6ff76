"""One door: the way is chosen, the message goes with its business, workers carry it out once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.db import transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.models import AuditEntry, Merchant
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.sms.models import OutgoingSms, SmsState
from zhanggui.channels.wechat.models import ChannelAccount, TemplateBinding
from zhanggui.channels.wechat.tests.factories import TEMPLATE_PATH, TEXT_PATH, fake_wechat
from zhanggui.contacts.models import Customer, CustomerState
from zhanggui.core import clock
from zhanggui.ledger import checks
from zhanggui.messaging import claiming, consents, receivers, sending, services, tasks, wallet
from zhanggui.messaging.errors import NotResendable
from zhanggui.messaging.models import (
    ConsentSource,
    Kind,
    Message,
    MessagingSettings,
    Purse,
    Route,
    Rule,
    State,
    Why,
)
from zhanggui.messaging.tests.factories import (
    OFFER,
    PROBE,
    bind,
    fake_sms,
    fill_purse,
    make_reader,
    send,
)

PHONE = "+8613800138000"
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def drain(merchant: Merchant) -> int:
    return sending.drain(merchant_id=merchant.pk)


def fresh(message: Message) -> Message:
    message.refresh_from_db()
    return message


def fate(message: Message) -> tuple[str, str, str]:
    row = fresh(message)
    return (row.route, row.state, row.error)


class TestSend:
    def test_is_written_with_its_job_and_nothing_in_clear(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        message = send(tea, receivers.Phone(PHONE))
        assert (message.route, message.state, message.segments) == (Route.SMS, State.QUEUED, 1)
        job = ProcrastinateJob.objects.get(task_name="messaging.drain")
        assert job.args == {"merchant_id": tea.pk}
        row = repr(Message.objects.values().get())
        assert "13800138000" not in row
        assert "新茶到了" not in row
        assert message.to_masked == "138****8000"

    def test_goes_with_its_business_or_not_at_all(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        with transaction.atomic():
            send(tea, receivers.Phone(PHONE))
            transaction.set_rollback(True)
        assert not Message.objects.exists()
        assert wallet.balance(Purse.SERVICE) == 10
        assert not ProcrastinateJob.objects.filter(task_name="messaging.drain").exists()

    def test_the_same_business_is_told_once(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        first = send(tea, receivers.Phone(PHONE))
        assert send(tea, receivers.Phone(PHONE)).pk == first.pk
        other = send(tea, receivers.Phone(PHONE), state="done")
        assert other.pk != first.pk
        assert wallet.balance(Purse.SERVICE) == 8

    def test_nothing_refuses_the_business(self, tea: Merchant) -> None:
        message = send(tea, receivers.Phone(PHONE))
        assert (message.state, message.error) == (State.SKIPPED, Why.NO_CREDIT)
        assert message.segments == 0
        assert drain(tea) == 0

    def test_a_template_nobody_registered_is_a_bug(self, tea: Merchant) -> None:
        with pytest.raises(LookupError):
            send(tea, receivers.Phone(PHONE), template="nobody.knows")


class TestWay:
    """WeChat before SMS, as far as shop and customer want it."""

    def test_wechat_comes_first_and_costs_nothing(
        self, tea: Merchant, account: ChannelAccount
    ) -> None:
        bind(account)
        fill_purse(tea, 10)
        message = send(tea, make_reader(tea, account, phone=PHONE))
        assert (message.route, message.segments) == (Route.WECHAT, 0)
        assert wallet.balance(Purse.SERVICE) == 10

    @pytest.mark.parametrize(
        "missing", ["binding", "follower", "link", "account", "rule", "gone-template", "refused"]
    )
    def test_else_sms(self, tea: Merchant, account: ChannelAccount, missing: str) -> None:
        fill_purse(tea, 10)
        if missing != "binding":
            bind(account)
        if missing == "gone-template":
            TemplateBinding.objects.update(state="gone")
        if missing == "account":
            ChannelAccount.objects.update(is_connected=False)
        if missing == "rule":
            Rule(template=PROBE.name, by_wechat=False, by_sms=True).save()
        has_link = missing != "link"
        reader = make_reader(
            tea, account if has_link else None, phone=PHONE, follows=missing != "follower"
        )
        if missing == "refused":
            consents.note(
                customer=reader,
                kind=Kind.SERVICE,
                route=Route.WECHAT,
                wants=False,
                source=ConsentSource.PAGE,
            )
        message = send(tea, reader)
        assert (message.route, message.state) == (Route.SMS, State.QUEUED)

    @pytest.mark.parametrize(
        ("case", "why"),
        [
            ("no-number", Why.NO_WAY),
            ("no-sms-rule", Why.NO_WAY),
            ("off", Why.OFF),
            ("refuses", Why.REFUSES),
            ("blocked", Why.GONE),
            ("no-provider", Why.NO_WAY),
        ],
    )
    def test_else_not_at_all_and_why(
        self, tea: Merchant, settings: Any, case: str, why: Why
    ) -> None:
        fill_purse(tea, 10)
        reader = make_reader(tea, phone="" if case == "no-number" else PHONE)
        if case in {"no-sms-rule", "off"}:
            Rule(template=PROBE.name, is_on=case != "off", by_sms=case == "off").save()
        if case == "refuses":
            consents.note(
                customer=reader,
                kind=Kind.SERVICE,
                route=Route.SMS,
                wants=False,
                source=ConsentSource.STAFF,
                actor=ACTOR,
            )
        if case == "blocked":
            Customer.objects.filter(pk=reader.pk).update(state=CustomerState.BLOCKED)
            reader.refresh_from_db()
        if case == "no-provider":
            settings.SMS_PROVIDER = ""
        message = send(tea, reader)
        assert (message.state, message.error) == (State.SKIPPED, why)
        assert wallet.balance(Purse.SERVICE) == 10

    def test_marketing_needs_a_yes_unless_the_shop_has_one(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        fill_purse(tea, 10, Purse.MARKETING)
        with clock.at(NOON):
            reader = make_reader(tea, phone=PHONE)
            offer = {"template": OFFER.name, "data": {"what": "九折"}}
            assert send(tea, reader, "a", **offer).error == Why.NO_CONSENT
            MessagingSettings(needs_consent=False, marketing_a_day=3).save()
            assert send(tea, reader, "b", **offer).state == State.QUEUED
            consents.note(
                customer=reader,
                kind=Kind.MARKETING,
                route=Route.SMS,
                wants=False,
                source=ConsentSource.PAGE,
            )
            assert send(tea, reader, "c", **offer).error == Why.REFUSES
            assert send(tea, reader, "d").state == State.QUEUED


class TestCapsAndHours:
    @pytest.mark.spec("platform P29")
    def test_marketing_waits_for_the_morning_and_service_does_not(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        fill_purse(tea, 10, Purse.MARKETING)
        MessagingSettings(needs_consent=False).save()
        night = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)  # 22:30 in China
        with clock.at(night):
            reader = make_reader(tea, phone=PHONE)
            offer = send(tea, reader, template=OFFER.name, data={"what": "九折"})
            plain = send(tea, reader, "record:2")
            assert offer.due_at == datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
            assert plain.due_at <= night
            with fake_sms() as gateway:
                assert drain(tea) == 1
        assert len(gateway.texts) == 1
        with clock.at(datetime(2026, 3, 3, 0, 1, tzinfo=UTC)), fake_sms() as gateway:
            assert drain(tea) == 1
        assert gateway.texts[0]["text"].endswith("九折 拒收请回复TD")

    @pytest.mark.spec("platform P29")
    def test_a_customer_gets_so_many_a_day(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        MessagingSettings(service_a_day=2).save()
        with clock.at(NOON):
            reader = make_reader(tea, phone=PHONE)
            states = [send(tea, reader, f"record:{n}").error for n in range(4)]
            assert states == ["", "", Why.CAPPED, Why.CAPPED]
            assert send(tea, make_reader(tea, phone="+8613800138001"), "x").state == State.QUEUED
        with clock.at(NOON + timedelta(days=1)):
            assert send(tea, reader, "record:9").state == State.QUEUED
        assert wallet.balance(Purse.SERVICE) == 6


class TestDrain:
    def test_a_template_message_with_its_values(
        self, tea: Merchant, account: ChannelAccount
    ) -> None:
        bind(account)
        message = send(tea, make_reader(tea, account), path="/w/tea/")
        with fake_wechat() as wechat:
            assert drain(tea) == 1
        body = wechat.body()
        assert body["touser"] == f"reader-{message.customer_id}"
        assert body["client_msg_id"] == f"zm{tea.pk}.{message.pk}"
        assert body["data"] == {
            "thing1": {"value": "新茶到了"},
            "time2": {"value": "2026年3月1日 12:00"},
            "const3": {"value": "茶"},
        }
        assert body["url"].endswith("/w/tea/")
        row = fresh(message)
        assert (row.state, row.platform_id, row.attempt) == (State.SENT, "200228332", 1)
        assert drain(tea) == 0

    def test_a_text_message_is_settled(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        long = "很" * 70
        message = send(tea, make_reader(tea, phone=PHONE), data={"what": long, "when": ""})
        assert message.segments == 2
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (8, 2)
        with fake_sms() as gateway:
            drain(tea)
        (text,) = gateway.texts
        assert text["text"] == f"【掌柜】{tea.name}: {long}, 林小雨!"
        assert fate(message) == (Route.SMS, State.SENT, "")
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (8, 0)
        assert checks.findings() == []

    def test_a_refused_one_costs_nothing(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        message = send(tea, make_reader(tea, phone=PHONE))
        with fake_sms() as gateway:
            gateway.status = 422
            drain(tea)
        row = fresh(message)
        assert (row.state, row.error, row.error_kind) == (
            State.REFUSED,
            "BAD_NUMBER",
            "SmsBadNumber",
        )
        assert row.segments == 0
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (10, 0)
        assert checks.findings() == []

    def test_no_provider_answers_and_nothing_is_lost(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        with clock.at(NOON):
            message = send(tea, make_reader(tea, phone=PHONE))
        moment = NOON
        with fake_sms() as gateway:
            gateway.error = httpx2.ConnectError("down")
            for wait in (0, 30, 60, 120, 240, 600, 600):
                moment += timedelta(seconds=wait)
                with clock.at(moment - timedelta(seconds=1)):
                    assert drain(tea) == (1 if wait == 0 and moment > NOON else 0)
                with clock.at(moment):
                    assert drain(tea) == 1
            assert fate(message) == (Route.SMS, State.QUEUED, "no connection")
            assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (9, 1)
            gateway.error = None
            with clock.at(moment + timedelta(minutes=10)):
                assert drain(tea) == 1
        assert fate(message) == (Route.SMS, State.SENT, "")
        assert len(gateway.texts) == 1
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (9, 0)

    def test_after_a_day_of_silence_it_would_only_confuse(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        with clock.at(NOON):
            message = send(tea, make_reader(tea, phone=PHONE))
        with fake_sms() as gateway:
            gateway.error = httpx2.ConnectError("down")
            for hours in (0, 23, 25):
                with clock.at(NOON + timedelta(hours=hours)):
                    drain(tea)
        assert fate(message) == (Route.SMS, State.SKIPPED, Why.TOO_LATE)
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (10, 0)
        assert checks.findings() == []

    def test_nobody_knows_and_it_is_not_repeated(self, tea: Merchant, settings: Any) -> None:
        fill_purse(tea, 10)
        message = send(tea, make_reader(tea, phone=PHONE))
        out_id = f"zm{tea.pk}.{message.pk}"
        OutgoingSms.objects.create(
            purpose="notice",
            phone_sealed=b"",
            phone_masked="",
            provider="tencent",
            out_id=out_id,
            body_sealed=b"x",
            state=SmsState.HANDING,
        )
        settings.SMS_PROVIDER = "tencent"
        drain(tea)
        assert fate(message) == (Route.SMS, State.UNSURE, "interrupted")
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (9, 0)

    def test_a_follower_who_is_no_customer_reads_it_in_the_chat(
        self, tea: Merchant, account: ChannelAccount
    ) -> None:
        message = send(tea, receivers.Follower(account.pk, "staff-1", "周店长"))
        with fake_wechat() as wechat:
            drain(tea)
        assert wechat.paths()[-1] == TEXT_PATH
        assert wechat.body() == {
            "touser": "staff-1",
            "msgtype": "text",
            "text": {"content": f"{tea.name}: 新茶到了, 周店长!"},
        }
        assert fate(message) == (Route.WECHAT, State.SENT, "")

    def test_what_waited_too_long_is_not_sent(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        with clock.at(NOON):
            message = send(tea, make_reader(tea, phone=PHONE))
        with clock.at(NOON + timedelta(hours=25)):
            drain(tea)
        assert fate(message) == (Route.SMS, State.SKIPPED, Why.TOO_LATE)
        assert wallet.balance(Purse.SERVICE) == 10

    def test_the_shops_own_words(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        Rule(template=PROBE.name, by_sms=True, words="{customer}，{what}。{shop}敬上").save()
        send(tea, make_reader(tea, phone=PHONE))
        with fake_sms() as gateway:
            drain(tea)
        assert gateway.texts[0]["text"] == f"【掌柜】林小雨，新茶到了。{tea.name}敬上"


class TestFallBack:
    @pytest.fixture
    def message(self, tea: Merchant, account: ChannelAccount) -> Message:
        bind(account)
        fill_purse(tea, 10)
        return send(tea, make_reader(tea, account, phone=PHONE))

    @pytest.mark.parametrize("code", [43004, 43101, 45047, 40037, 48001])
    def test_what_wechat_refuses_goes_by_sms(
        self, tea: Merchant, message: Message, code: int
    ) -> None:
        with fake_wechat(**{TEMPLATE_PATH: {"errcode": code, "errmsg": "no"}}):
            assert sending.send_batch(tea) == 1
        row = fresh(message)
        assert (row.route, row.state, row.wechat_error) == (Route.SMS, State.QUEUED, str(code))
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (9, 1)
        with fake_sms() as gateway:
            drain(tea)
        assert len(gateway.texts) == 1
        assert fate(message) == (Route.SMS, State.SENT, "")
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (9, 0)
        assert checks.findings() == []

    @pytest.mark.parametrize("case", ["rule", "settings", "credit"])
    def test_or_stays_refused(self, tea: Merchant, message: Message, case: str) -> None:
        if case == "rule":
            Rule(template=PROBE.name, by_sms=False).save()
        elif case == "settings":
            MessagingSettings(sms_after_wechat=False).save()
        else:
            wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=10, cause="x")
        with fake_wechat(**{TEMPLATE_PATH: {"errcode": 43004, "errmsg": "no"}}):
            drain(tea)
        assert fate(message) == (Route.WECHAT, State.REFUSED, "43004")
        assert not OutgoingSms.objects.exists()

    def test_a_minutes_limit_only_waits(self, tea: Merchant, message: Message) -> None:
        with fake_wechat(**{TEMPLATE_PATH: {"errcode": 45011, "errmsg": "slow"}}):
            assert sending.send_batch(tea) == 1
        row = fresh(message)
        assert (row.route, row.state) == (Route.WECHAT, State.QUEUED)
        assert row.due_at > clock.now()

    def test_no_answer_is_asked_again_with_the_same_number(
        self, tea: Merchant, message: Message
    ) -> None:
        now = clock.now()
        with fake_wechat(**{TEMPLATE_PATH: httpx2.ReadTimeout("slow")}):
            drain(tea)
        assert fresh(message).state == State.QUEUED
        with clock.at(now + timedelta(seconds=40)), fake_wechat() as wechat:
            drain(tea)
        assert json.loads(wechat.calls[-1].content)["client_msg_id"] == f"zm{tea.pk}.{message.pk}"
        assert fresh(message).state == State.SENT


class TestClaims:
    def test_a_killed_workers_messages_are_carried_on(
        self, tea: Merchant, account: ChannelAccount
    ) -> None:
        bind(account)
        with clock.at(NOON):
            message = send(tea, make_reader(tea, account))
            assert claiming.take() is not None
            assert claiming.take() is None
        with clock.at(NOON + timedelta(seconds=119)):
            assert drain(tea) == 0
        with clock.at(NOON + timedelta(seconds=121)), fake_wechat():
            assert drain(tea) == 1
        assert fresh(message).state == State.SENT

    def test_after_nine_minutes_nobody_knows(self, tea: Merchant, account: ChannelAccount) -> None:
        bind(account)
        with clock.at(NOON):
            message = send(tea, make_reader(tea, account))
            claiming.take()
        with clock.at(NOON + timedelta(minutes=10)), fake_wechat() as wechat:
            drain(tea)
        assert fate(message) == (Route.WECHAT, State.UNSURE, "interrupted")
        assert TEMPLATE_PATH not in wechat.paths()

    def test_a_slow_worker_books_nothing_after_its_time(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        with clock.at(NOON):
            message = send(tea, make_reader(tea, phone=PHONE))
            slow = claiming.take()
        assert slow is not None
        with clock.at(NOON + timedelta(minutes=3)), fake_sms():
            drain(tea)
        from zhanggui.messaging.outcomes import Outcome

        assert claiming.note(slow.claim, [(message, Outcome(State.REFUSED, "late"))]) == set()
        assert fresh(message).state == State.SENT
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (9, 0)

    def test_the_sweep_wakes_a_worker_for_whoever_has_work(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        send(tea, receivers.Phone(PHONE))
        ProcrastinateJob.objects.all().delete()
        tasks.sweep(timestamp=0)
        assert ProcrastinateJob.objects.get().args == {"merchant_id": tea.pk}


class TestResend:
    def test_once_more_as_a_new_message(self, tea: Merchant) -> None:
        reader = make_reader(tea, phone=PHONE)
        old = send(tea, reader)
        assert old.error == Why.NO_CREDIT
        fill_purse(tea, 10)
        new = services.resend(merchant=tea, message_id=old.pk, actor=ACTOR)
        assert (new.state, new.resent_from) == (State.QUEUED, old.pk)
        with pytest.raises(NotResendable):
            services.resend(merchant=tea, message_id=old.pk, actor=ACTOR)
        assert Message.objects.count() == 2
        assert AuditEntry.objects.filter(action="messaging.message.resent").count() == 1

    def test_not_what_is_on_its_way(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        old = send(tea, make_reader(tea, phone=PHONE))
        with pytest.raises(NotResendable):
            services.resend(merchant=tea, message_id=old.pk, actor=ACTOR)
        assert wallet.balance(Purse.SERVICE) == 9
