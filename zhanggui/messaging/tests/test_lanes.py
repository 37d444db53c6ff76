"""Who goes first, and what a limit of WeChat does to a mailing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx2
import pytest
import stamina
from django.db import connection
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_staff
from zhanggui.billing.tests.factories import make_subscriber
from zhanggui.channels.wechat.errorcodes import CODES
from zhanggui.channels.wechat.models import ApiCall, ChannelAccount
from zhanggui.channels.wechat.tests.factories import TEMPLATE_PATH, fake_wechat, make_account
from zhanggui.core import clock, tenancy
from zhanggui.messaging import claiming, sending, tasks
from zhanggui.messaging.models import (
    Campaign,
    CampaignState,
    Message,
    MessagingSettings,
    Route,
    Rule,
    State,
)
from zhanggui.messaging.tests.factories import (
    PROBE,
    bind,
    fake_sms,
    fill_purse,
    make_message,
    make_reader,
    register_probes,
    send,
)

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
MAILED = 8  # so few that the worker carries them itself, inside the test's transaction


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def tea() -> Iterator[Merchant]:
    register_probes()
    merchant = make_subscriber()
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


@pytest.fixture
def account(tea: Merchant) -> ChannelAccount:
    found = make_account(merchant=tea)
    bind(found)
    return found


_names = count(1)


@pytest.fixture
def campaign(tea: Merchant, account: ChannelAccount) -> Campaign:
    """A mailing in progress: its messages are due, nobody has taken them yet."""
    row = Campaign(
        name="新茶",
        template=PROBE.name,
        body={"what": "新茶", "when": "12:00"},
        state=CampaignState.SENDING,
        due_at=NOON,
        created_by="x",
    )
    row.save()
    for _number in range(MAILED):
        make_message(
            tea,
            customer=make_reader(tea, account, name=f"客{next(_names)}"),
            campaign=row,
            route=Route.WECHAT,
            due_at=NOON - timedelta(hours=1),
            created_at=NOON,
        )
    return row


def names(batch: claiming.Batch | None) -> list[int | None]:
    assert batch is not None
    return [message.campaign_id for message in batch.messages]


class TestOrder:
    def test_a_single_message_goes_before_a_mailing_that_waited_longer(
        self, tea: Merchant, account: ChannelAccount, campaign: Campaign
    ) -> None:
        with clock.at(NOON):
            assert names(claiming.take(4)) == [campaign.pk] * 4
            notice = send(tea, make_reader(tea, account))
            assert names(claiming.take(4)) == [None]
            assert names(claiming.take(3)) == [campaign.pk] * 3
            with fake_wechat():
                sending.drain(merchant_id=tea.pk)
        assert Message.objects.get(pk=notice.pk).state == State.SENDING  # somebody else has it

    def test_the_job_of_a_single_message_leaves_mailings_alone(
        self, tea: Merchant, account: ChannelAccount, campaign: Campaign
    ) -> None:
        with clock.at(NOON), fake_wechat() as wechat:
            send(tea, make_reader(tea, account))
            tasks.drain(merchant_id=tea.pk)
            assert wechat.paths().count(TEMPLATE_PATH) == 1
            tasks.drain_mailings(merchant_id=tea.pk)
            assert wechat.paths().count(TEMPLATE_PATH) == 1 + MAILED
        assert set(Message.objects.values_list("state", flat=True)) == {State.SENT}

    def test_a_notice_of_the_middle_of_a_mailing_is_the_next_to_go(
        self, tea: Merchant, account: ChannelAccount, campaign: Campaign
    ) -> None:
        """The mailing goes in batches; what was written meanwhile comes before the next one."""
        notice: list[Message] = []
        given: list[str] = []

        def answer(request: httpx2.Request) -> dict[str, object]:
            given.append(json.loads(request.content)["client_msg_id"])
            if len(given) == 2:
                notice.append(send(tea, make_reader(tea, account)))
            return {"errcode": 0, "errmsg": "ok", "msgid": len(given)}

        with (
            clock.at(NOON),
            fake_wechat(**{TEMPLATE_PATH: answer}),
            sending.running(tea) as run,
        ):
            while run.batch(4):
                pass
        assert given.index(f"zm{tea.pk}.{notice[0].pk}") == 4

    def test_each_kind_is_found_by_an_index(self, tea: Merchant, campaign: Campaign) -> None:
        values: dict[str, int | str | datetime] = {
            "merchant": tea.pk,
            "now": NOON,
            "until": NOON,
            "claim": "x",
            "most": 5,
            "by_wechat": True,
        }
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            for statement, index in (
                (claiming._CLAIM_SINGLE, "messages_on_their_way"),
                (claiming._CLAIM_MAILED, "mailings_on_their_way"),
            ):
                cursor.execute(f"EXPLAIN {statement}", values)
                plan = "\n".join(line for (line,) in cursor.fetchall())
                assert index in plan
                assert "Sort" not in plan

    def test_the_sweep_wakes_one_worker_for_each_kind(
        self, tea: Merchant, account: ChannelAccount, campaign: Campaign
    ) -> None:
        with clock.at(NOON):
            send(tea, make_reader(tea, account))
            ProcrastinateJob.objects.all().delete()
            for _time in range(2):
                assert sending.sweep() == 1
        jobs = ProcrastinateJob.objects.order_by("pk").values_list("task_name", "priority")
        assert sorted(set(jobs)) == [("messaging.drain", 0), ("messaging.drain_mailings", -10)]
        assert [name for name, _priority in jobs].count("messaging.drain_mailings") == 1

    def test_enough_runs_for_mailings_leave_the_other_places_free(
        self, tea: Merchant, campaign: Campaign
    ) -> None:
        for _place in range(sending.MAILINGS_AT_ONCE):
            assert sending._mailings.acquire(blocking=False)
        try:
            assert sending.drain_mailings(merchant_id=tea.pk) == 0
        finally:
            sending._mailings.release(sending.MAILINGS_AT_ONCE)


class TestLimits:
    def test_a_used_up_day_lets_a_mailing_wait_for_midnight(
        self, tea: Merchant, campaign: Campaign, client: Client
    ) -> None:
        answers = [*([{"errcode": 0, "msgid": 1}] * 3), {"errcode": 45009, "errmsg": "quota"}]
        with (
            clock.at(NOON),
            fake_wechat(**{TEMPLATE_PATH: answers}) as wechat,
            sending.running(tea) as run,
        ):
            assert (run.batch(), run.batch()) == (MAILED, 0)
        sent = Message.objects.filter(state=State.SENT).count()
        waiting = Message.objects.filter(state=State.QUEUED)
        assert sent == 3
        assert set(waiting.values_list("due_at", "error")) == {(MIDNIGHT, "45009")}
        assert ApiCall.objects.filter(path=TEMPLATE_PATH).count() == wechat.paths().count(
            TEMPLATE_PATH
        )
        with clock.at(NOON):
            client.force_login(make_staff(tea, role=Role.OWNER))
            log = client.get(f"/m/{tea.slug}/messages/").content.decode()
            assert log.count("等到") == MAILED - 3
            assert str(CODES[45009].advice) in log
        with clock.at(MIDNIGHT), fake_wechat():
            sending.drain(merchant_id=tea.pk)
        assert Message.objects.filter(state=State.SENT).count() == MAILED

    def test_those_that_nobody_has_taken_wait_as_well(
        self, tea: Merchant, campaign: Campaign
    ) -> None:
        MessagingSettings(sms_after_wechat=False).save()
        with (
            clock.at(NOON),
            fake_wechat(**{TEMPLATE_PATH: {"errcode": 45009}}) as wechat,
            sending.running(tea) as run,
        ):
            assert (run.batch(2), run.batch(2)) == (2, 0)
        assert wechat.paths().count(TEMPLATE_PATH) == 1
        assert Message.objects.filter(state=State.QUEUED, due_at=MIDNIGHT).count() == MAILED

    def test_or_go_by_sms_where_the_shop_wants_that(
        self, tea: Merchant, account: ChannelAccount
    ) -> None:
        Rule(template=PROBE.name, by_wechat=True, by_sms=True, is_on=True).save()
        fill_purse(tea, 10)
        with clock.at(NOON), fake_wechat(**{TEMPLATE_PATH: {"errcode": 45009}}), fake_sms() as sms:
            send(tea, make_reader(tea, account, phone="+8613800138000"))
            sending.drain(merchant_id=tea.pk)
        assert len(sms.texts) == 1
        assert Message.objects.get().route == Route.SMS

    def test_a_used_up_minute_holds_a_mailing_back_and_is_asked_once(
        self, tea: Merchant, campaign: Campaign
    ) -> None:
        with clock.at(NOON), fake_wechat(**{TEMPLATE_PATH: {"errcode": 45011}}) as wechat:
            with sending.running(tea) as run:
                assert (run.batch(4), run.batch(4)) == (4, 0)
            sending.drain(merchant_id=tea.pk)
        assert wechat.paths().count(TEMPLATE_PATH) == 1
        assert not Message.objects.exclude(state=State.QUEUED).exists()
        with clock.at(NOON + timedelta(seconds=61)), fake_wechat():
            sending.drain(merchant_id=tea.pk)
        assert Message.objects.filter(state=State.SENT).count() == MAILED
