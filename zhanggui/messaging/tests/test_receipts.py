"""What channels tell later: arrived or not, and people who answer stop."""

from __future__ import annotations

import pytest

from zhanggui.accounts.models import Merchant
from zhanggui.channels.sms.hooks import Receipt, Reply
from zhanggui.channels.wechat.hooks import PushEvent
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.tests.factories import fake_wechat, make_account
from zhanggui.contacts import selectors as contacts
from zhanggui.core import clock
from zhanggui.messaging import receipts, sending
from zhanggui.messaging.models import Consent, Message, Route, State
from zhanggui.messaging.tests.factories import (
    bind,
    fake_sms,
    fill_purse,
    make_message,
    make_reader,
    send,
)

PHONE = "+8613800138000"


def event(account: ChannelAccount, status: str, number: str = "200228332") -> PushEvent:
    return PushEvent(
        account.pk,
        "reader",
        account.merchant_id,
        "templatesendjobfinish",
        {"MsgID": number, "Status": status},
        clock.now(),
    )


class TestWechat:
    @pytest.mark.parametrize(
        ("status", "state", "error"),
        [
            ("success", State.DELIVERED, ""),
            ("failed:user block", State.LOST, "43019"),
            ("failed: system failed", State.LOST, "-1"),
        ],
    )
    def test_tells_what_became_of_it(
        self, tea: Merchant, account: ChannelAccount, status: str, state: State, error: str
    ) -> None:
        bind(account)
        message = send(tea, make_reader(tea, account))
        with fake_wechat():
            sending.drain(merchant_id=tea.pk)
        for _ in range(2):
            receipts.of_wechat(event(account, status))
        message.refresh_from_db()
        assert (message.state, message.error) == (state, error)

    def test_of_an_account_that_serves_many(self, tea: Merchant) -> None:
        lender = make_account()
        made = make_message(tea, state=State.SENT, route=Route.WECHAT, platform_id="7")
        receipts.of_wechat(event(lender, "success", "7"))
        made.refresh_from_db()
        assert made.state == State.DELIVERED

    def test_a_number_nobody_knows_changes_nothing(
        self, tea: Merchant, account: ChannelAccount
    ) -> None:
        made = make_message(tea, state=State.SENT, route=Route.WECHAT, platform_id="7")
        receipts.of_wechat(event(account, "success", "8"))
        receipts.of_wechat(event(account, "success", ""))
        made.refresh_from_db()
        assert made.state == State.SENT


class TestSms:
    def test_first_word_holds(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        message = send(tea, make_reader(tea, phone=PHONE))
        with fake_sms():
            sending.drain(merchant_id=tea.pk)
        number = f"zm{tea.pk}.{message.pk}"
        receipts.of_sms([Receipt(number, False, "MK:0001", clock.now())])
        receipts.of_sms([Receipt(number, True, "DELIVRD", clock.now())])
        receipts.of_sms([Receipt("zg12", True, "DELIVRD", clock.now())])
        message.refresh_from_db()
        assert (message.state, message.error) == (State.LOST, "MK:0001")

    @pytest.mark.parametrize(
        ("text", "is_stop"), [("TD", True), ("退订", True), ("td.", True), ("好的谢谢", False)]
    )
    def test_whoever_answers_stop_gets_no_more(
        self, tea: Merchant, text: str, is_stop: bool
    ) -> None:
        make_reader(tea, phone=PHONE)
        receipts.of_reply(Reply(PHONE, text, (tea.pk,), clock.now()))
        assert Consent.objects.filter(kind="marketing", wants=False).exists() is is_stop

    def test_a_number_of_nobody(self, tea: Merchant) -> None:
        receipts.of_reply(Reply(PHONE, "TD", (tea.pk,), clock.now()))
        assert contacts.holder_of(PHONE) is None
        assert not Consent.objects.exists()
        assert not Message.objects.exists()
