"""Subscription notifications and messages of the mini program as ways of the one door (P27)."""

from __future__ import annotations

from datetime import timedelta

import httpx2
import pytest

from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat.hooks import PushEvent
from zhanggui.channels.wechat.models import ChannelAccount, Form, Kind, Permit, TemplateBinding
from zhanggui.channels.wechat.tests.factories import TEMPLATE_PATH, fake_wechat, make_account
from zhanggui.contacts.models import Customer, IdentityLink, LinkKind
from zhanggui.core import clock, tenancy
from zhanggui.ledger import checks
from zhanggui.messaging import claiming, consents, receipts, sending, wallet
from zhanggui.messaging.models import (
    ConsentSource,
    Message,
    MessagingSettings,
    Purse,
    Route,
    Rule,
    State,
    Why,
)
from zhanggui.messaging.models import Kind as MessageKind
from zhanggui.messaging.tests.factories import (
    PROBE,
    bind,
    fake_sms,
    fill_purse,
    make_reader,
    send,
)

PHONE = "+8613800138000"
NOTIFY = "/cgi-bin/message/subscribe/bizsend"
MINI_SEND = "/cgi-bin/message/subscribe/send"
OK = {"errcode": 0, "errmsg": "ok", "msgid": 4711}


@pytest.fixture
def mini(tea: Merchant) -> ChannelAccount:
    """The merchant's mini program."""
    return make_account(merchant=tea, kind=Kind.MINI)


def notice(account: ChannelAccount, *, is_lasting: bool = False) -> TemplateBinding:
    """A subscription template that carries the probe."""
    row = bind(account)
    row.form, row.template_id, row.is_lasting = Form.NOTICE, f"sub-{account.pk}", is_lasting
    row.save()
    return row


def allow(binding: TemplateBinding, customer: Customer, many: int = 1) -> None:
    """A customer said yes in WeChat's dialog."""
    link = IdentityLink.objects.get(customer=customer, account_id=binding.account_id)
    for place in range(many):
        Permit.objects.create(
            account_id=binding.account_id,
            openid=link.openid,
            template_id=binding.template_id,
            given_at=clock.now() + timedelta(seconds=place),
        )


def link(customer: Customer, mini: ChannelAccount) -> None:
    """The customer opened the mini program."""
    with tenancy.merchant_scope(customer.merchant_id):
        IdentityLink(
            customer=customer,
            account_id=mini.pk,
            openid=f"mini-{customer.pk}",
            kind=LinkKind.MINI_PROGRAM,
        ).save()


def fresh(message: Message) -> Message:
    message.refresh_from_db()
    return message


def free() -> int:
    return Permit.objects.filter(used_by="", ended_at=None).count()


class TestChoice:
    def test_to_somebody_who_does_not_follow_but_allowed_it(
        self, tea: Merchant, account: ChannelAccount
    ) -> None:
        binding = notice(account)
        reader = make_reader(tea, account, follows=False)
        allow(binding, reader)
        message = send(tea, reader)
        assert (message.route, message.state, message.segments) == (Route.NOTICE, State.QUEUED, 0)
        assert free() == 0

    def test_a_follower_gets_a_template_message_and_keeps_the_permission(
        self, tea: Merchant, account: ChannelAccount
    ) -> None:
        binding = notice(account)
        TemplateBinding.objects.create(
            account=account, template_key=PROBE.name, template_id="tm-1", mapping={}
        )
        reader = make_reader(tea, account)
        allow(binding, reader)
        assert send(tea, reader).route == Route.WECHAT
        assert free() == 1

    def test_each_permission_is_good_for_one_then_sms_then_nothing(
        self, tea: Merchant, account: ChannelAccount
    ) -> None:
        fill_purse(tea, 1)
        binding = notice(account)
        reader = make_reader(tea, account, phone=PHONE, follows=False)
        allow(binding, reader, 2)
        found = [send(tea, reader, f"record:{n}") for n in range(4)]
        assert [one.route for one in found] == [Route.NOTICE, Route.NOTICE, Route.SMS, Route.SMS]
        assert [one.state for one in found] == [State.QUEUED] * 3 + [State.SKIPPED]
        assert found[3].error == Why.NO_CREDIT

    def test_a_lasting_one_is_never_used_up_and_comes_first(
        self, tea: Merchant, account: ChannelAccount, mini: ChannelAccount
    ) -> None:
        once, lasting = notice(account), notice(mini, is_lasting=True)
        reader = make_reader(tea, account, follows=False)
        link(reader, mini)
        allow(once, reader)
        allow(lasting, reader)
        routes = {send(tea, reader, f"record:{n}").route for n in range(3)}
        assert routes == {Route.MINI}
        assert free() == 2

    @pytest.mark.parametrize(
        ("case", "why"),
        [
            ("no-permit", Why.NO_PERMIT),
            ("rule", Why.NO_WAY),
            ("refuses", Why.REFUSES),
            ("gone", Why.NO_WAY),
            ("capped", Why.CAPPED),
        ],
    )
    def test_else_not_at_all_and_why(
        self, tea: Merchant, account: ChannelAccount, case: str, why: Why
    ) -> None:
        binding = notice(account)
        reader = make_reader(tea, account, follows=False)
        if case != "no-permit":
            allow(binding, reader)
        if case == "rule":
            Rule(template=PROBE.name, by_notice=False).save()
        if case == "refuses":
            consents.note(
                customer=reader,
                kind=MessageKind.SERVICE,
                route=Route.WECHAT,
                wants=False,
                source=ConsentSource.PAGE,
            )
        if case == "gone":
            TemplateBinding.objects.update(state="gone")
        if case == "capped":
            MessagingSettings(service_a_day=0).save()
        message = send(tea, reader)
        assert (message.state, message.error) == (State.SKIPPED, why)
        assert free() == (0 if case == "no-permit" else 1)


class TestCarried:
    @pytest.fixture
    def binding(self, account: ChannelAccount) -> TemplateBinding:
        return notice(account)

    @pytest.fixture
    def message(self, tea: Merchant, account: ChannelAccount, binding: TemplateBinding) -> Message:
        fill_purse(tea, 10)
        reader = make_reader(tea, account, phone=PHONE, follows=False)
        allow(binding, reader)
        return send(tea, reader, path="/w/tea/")

    def test_with_its_values_and_where_a_tap_leads(self, tea: Merchant, message: Message) -> None:
        with fake_wechat(**{NOTIFY: OK}) as wechat:
            assert sending.drain(merchant_id=tea.pk) == 1
        body = wechat.body()
        assert wechat.paths()[-1] == NOTIFY
        assert body["touser"] == f"reader-{message.customer_id}"
        assert body["data"]["thing1"] == {"value": "新茶到了"}
        assert body["page"].endswith("/w/tea/")
        row = fresh(message)
        assert (row.state, row.platform_id) == (State.SENT, "4711")
        assert free() == 0

    def test_by_the_mini_program(
        self, tea: Merchant, account: ChannelAccount, mini: ChannelAccount
    ) -> None:
        binding = notice(mini)
        reader = make_reader(tea, account, follows=False)
        link(reader, mini)
        allow(binding, reader)
        message = send(tea, reader)
        with fake_wechat(**{MINI_SEND: OK}) as wechat:
            sending.drain(merchant_id=tea.pk)
        body = wechat.body()
        assert (body["touser"], body["miniprogram_state"]) == (f"mini-{reader.pk}", "formal")
        assert (fresh(message).route, message.state) == (Route.MINI, State.SENT)

    @pytest.mark.parametrize(("code", "is_kept"), [(47003, True), (43101, False)])
    def test_refused_it_goes_by_sms_and_the_permission_comes_back_if_there_was_one(
        self, tea: Merchant, message: Message, code: int, is_kept: bool
    ) -> None:
        with fake_wechat(**{NOTIFY: {"errcode": code, "errmsg": "no"}}), fake_sms() as gateway:
            sending.drain(merchant_id=tea.pk)
        row = fresh(message)
        assert (row.route, row.state, row.wechat_error) == (Route.SMS, State.SENT, str(code))
        assert len(gateway.texts) == 1
        assert free() == (1 if is_kept else 0)
        assert wallet.balance(Purse.SERVICE) == 9
        assert checks.findings() == []

    def test_no_answer_is_never_repeated(self, tea: Merchant, message: Message) -> None:
        with fake_wechat(**{NOTIFY: httpx2.ReadTimeout("slow")}) as wechat:
            sending.drain(merchant_id=tea.pk)
            sending.drain(merchant_id=tea.pk)
        assert wechat.paths().count(NOTIFY) == 1
        assert fresh(message).state == State.UNSURE
        assert free() == 0

    @pytest.mark.parametrize(("code", "state"), [("0", State.DELIVERED), ("20003", State.LOST)])
    def test_its_receipt(self, tea: Merchant, message: Message, code: str, state: State) -> None:
        with fake_wechat(**{NOTIFY: OK}):
            sending.drain(merchant_id=tea.pk)
        told = {
            "SubscribeMsgSentEvent.List.TemplateId": "sub",
            "SubscribeMsgSentEvent.List.MsgID": "4711",
            "SubscribeMsgSentEvent.List.ErrorCode": code,
        }
        account_id = TemplateBinding.objects.get().account_id
        event = PushEvent(account_id, "o", tea.pk, "subscribe_msg_sent_event", told, clock.now())
        receipts.of_notice(event)
        assert fresh(message).state == state

    def test_too_old_it_gives_the_permission_back(self, tea: Merchant, message: Message) -> None:
        with clock.at(clock.now() + timedelta(hours=25)), fake_wechat():
            sending.drain(merchant_id=tea.pk)
        assert (fresh(message).state, message.error) == (State.SKIPPED, Why.TOO_LATE)
        assert free() == 1

    def test_left_by_a_killed_worker_nobody_knows(self, tea: Merchant, message: Message) -> None:
        now = clock.now()
        assert claiming.take() is not None
        with clock.at(now + timedelta(seconds=130)), fake_wechat() as wechat:
            sending.drain(merchant_id=tea.pk)
        assert NOTIFY not in wechat.paths()
        assert TEMPLATE_PATH not in wechat.paths()
        assert fresh(message).state == State.UNSURE
