"""Messages: written with the business, sent by a job, refusals recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest
import stamina
from django.db import transaction
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.channels.wechat import messages, retention, sending, tasks
from zhanggui.channels.wechat.errors import ChannelUnreachable
from zhanggui.channels.wechat.models import (
    CallbackDelivery,
    ChannelAccount,
    MessageState,
    OAuthState,
    OutgoingMessage,
)
from zhanggui.channels.wechat.tests.factories import (
    TEMPLATE_PATH,
    TEXT_PATH,
    fake_wechat,
    make_account,
    run_job,
    run_jobs,
)
from zhanggui.contacts.models import CustomerSession
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock, tenancy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def account() -> ChannelAccount:
    return make_account()


def write(account: ChannelAccount) -> OutgoingMessage:
    sent = messages.send_text(account_id=account.pk, openid="SECRET-openid", text="欢迎光临")
    return OutgoingMessage.objects.get(pk=sent)


class TestText:
    def test_is_sent_by_a_job(self, account: ChannelAccount) -> None:
        message = write(account)
        with fake_wechat() as fake:
            run_jobs()
        assert fake.body() == {
            "touser": "SECRET-openid",
            "msgtype": "text",
            "text": {"content": "欢迎光临"},
        }
        message.refresh_from_db()
        assert (message.state, message.error_code) == (MessageState.SENT, None)

    def test_the_job_carries_neither_openid_nor_text(self, account: ChannelAccount) -> None:
        message = write(account)
        assert ProcrastinateJob.objects.get().args == {"message_id": message.pk}
        assert "欢迎".encode() not in bytes(message.body_sealed)

    def test_goes_with_its_business_or_not_at_all(self, account: ChannelAccount) -> None:
        with transaction.atomic():
            write(account)
            transaction.set_rollback(True)
        assert not OutgoingMessage.objects.exists()
        assert not ProcrastinateJob.objects.exists()

    @pytest.mark.parametrize("code", [45015, 45047, 43004, 48002, 40003])
    def test_a_refusal_is_recorded_and_not_repeated(
        self, account: ChannelAccount, code: int
    ) -> None:
        message = write(account)
        with fake_wechat(**{TEXT_PATH: {"errcode": code, "errmsg": "x"}}) as fake:
            run_jobs()
            run_job(ProcrastinateJob.objects.get())
        message.refresh_from_db()
        assert (message.state, message.error_code) == (MessageState.REFUSED, code)
        assert fake.paths().count(TEXT_PATH) == 1

    def test_no_connection_brings_the_job_again(self, account: ChannelAccount) -> None:
        message = write(account)
        with fake_wechat(**{TEXT_PATH: [httpx2.ConnectError("x"), {"errcode": 0}]}):
            with pytest.raises(ChannelUnreachable):
                run_job(ProcrastinateJob.objects.get())
            message.refresh_from_db()
            assert message.state == MessageState.WAITING
            run_job(ProcrastinateJob.objects.get(), attempts=1)
        message.refresh_from_db()
        assert message.state == MessageState.SENT

    def test_the_last_try_gives_up(self, account: ChannelAccount) -> None:
        message = write(account)
        with fake_wechat(**{TEXT_PATH: httpx2.ConnectError("x")}):
            run_job(ProcrastinateJob.objects.get(), attempts=tasks.RETRIES)
        message.refresh_from_db()
        assert message.state == MessageState.FAILED

    def test_that_may_have_arrived_is_not_sent_twice(self, account: ChannelAccount) -> None:
        message = write(account)
        with fake_wechat(**{TEXT_PATH: httpx2.ReadTimeout("x")}):
            run_job(ProcrastinateJob.objects.get())
        message.refresh_from_db()
        assert message.state == MessageState.FAILED

    def test_of_a_disconnected_account_is_not_sent(self, account: ChannelAccount) -> None:
        message = write(account)
        ChannelAccount.objects.update(is_connected=False)
        with fake_wechat() as fake:
            run_jobs()
        message.refresh_from_db()
        assert (message.state, fake.calls) == (MessageState.REFUSED, [])

    def test_a_forgotten_message_is_no_error(self) -> None:
        sending.send(message_id=1, is_last_try=False)


class TestTemplate:
    def test_is_sent_with_an_id_that_stops_doubles(self, account: ChannelAccount) -> None:
        sent = messages.send_template(
            account_id=account.pk,
            openid="o",
            template_id="M1",
            data={"thing1": "集章成功"},
            url="http://127.0.0.1:8000/w/tea/",
        )
        with fake_wechat() as fake:
            run_jobs()
        assert fake.body() == {
            "touser": "o",
            "template_id": "M1",
            "client_msg_id": f"zg{sent}",
            "data": {"thing1": {"value": "集章成功"}},
            "url": "http://127.0.0.1:8000/w/tea/",
        }
        assert OutgoingMessage.objects.get().platform_id == "200228332"

    def test_is_repeated_after_a_lost_answer(self, account: ChannelAccount) -> None:
        messages.send_template(account_id=account.pk, openid="o", template_id="M", data={})
        with (
            fake_wechat(**{TEMPLATE_PATH: httpx2.ReadTimeout("x")}),
            pytest.raises(ChannelUnreachable),
        ):
            run_job(ProcrastinateJob.objects.get())
        assert OutgoingMessage.objects.get().state == MessageState.WAITING


class TestForgetting:
    def test_keeps_what_is_young(self, account: ChannelAccount, client: Client) -> None:
        merchant = make_merchant("tea")
        sign_in_customer(client, make_link(merchant, account.pk))
        write(account)
        self.rows(account)
        retention.forget()
        assert self.counts() == (1, 1, 1, 1)

    def test_deletes_what_is_old(self, account: ChannelAccount, client: Client) -> None:
        merchant = make_merchant("tea")
        sign_in_customer(client, make_link(merchant, account.pk))
        write(account)
        self.rows(account)
        with clock.at(clock.now() + timedelta(days=31)):
            run = tasks.forget.func
            run(timestamp=0)
        assert self.counts() == (0, 0, 0, 0)

    def rows(self, account: ChannelAccount) -> None:
        now = clock.now()
        CallbackDelivery.objects.create(
            account=account, platform_key="k", kind="text", body_sealed=b"x", sent_at=now
        )
        OAuthState.objects.create(
            state_digest=b"s", browser_digest=b"b", account=account, expires_at=now
        )

    def counts(self) -> tuple[int, int, int, int]:
        with tenancy.all_merchants("a test counts"):
            sessions = CustomerSession.objects.count()
        return (
            OutgoingMessage.objects.count(),
            CallbackDelivery.objects.count(),
            OAuthState.objects.count(),
            sessions,
        )
