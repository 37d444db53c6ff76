"""Mailings: whom they reach, what they set aside, how they run, how they end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.tests.factories import fake_wechat
from zhanggui.contacts.models import Customer, CustomerState
from zhanggui.core import clock
from zhanggui.files.models import Task
from zhanggui.files.services import running
from zhanggui.ledger import checks
from zhanggui.messaging import campaigns, consents, mass, routing, sending, tasks, wallet
from zhanggui.messaging.errors import (
    MailingMoved,
    NobodyReached,
    NoCredit,
    TemplateNotForMany,
    WordsMissing,
)
from zhanggui.messaging.models import (
    Campaign,
    CampaignState,
    ConsentSource,
    Kind,
    Message,
    MessageDay,
    MessagingSettings,
    Purse,
    Route,
    State,
    Why,
)
from zhanggui.messaging.tests.factories import (
    OFFER,
    PROBE,
    bind,
    fake_sms,
    fill_purse,
    make_mailing,
    make_reader,
)

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def phone(n: int) -> str:
    return f"+86138001380{n:02d}"


def probe(**values: Any) -> Campaign:
    body = {"what": "清明歇业", "when": "4 月 5 日"}
    return make_mailing(**{"template": PROBE.name, "body": body, **values})


def offer(**values: Any) -> Campaign:
    return make_mailing(template=OFFER.name, body={"what": "{customer}，九折"}, **values)


class TestEstimate:
    def test_counts_ways_segments_and_reasons(self, tea: Merchant, account: ChannelAccount) -> None:
        bind(account)
        make_reader(tea, account, phone=phone(1))
        make_reader(tea, phone=phone(2))
        make_reader(tea, phone=phone(3), name="长" * 60)
        make_reader(tea)
        no = make_reader(tea, phone=phone(4))
        consents.note(
            customer=no,
            kind=Kind.SERVICE,
            route=Route.SMS,
            wants=False,
            source=ConsentSource.PAGE,
        )
        blocked = make_reader(tea, phone=phone(5))
        Customer.objects.filter(pk=blocked.pk).update(state=CustomerState.BLOCKED)
        found = mass.estimate(routing.house_of(tea), probe())
        assert found == mass.Estimate(
            people=5, wechat=1, sms=2, segments=3, no_way=1, no_consent=0, refuses=1
        )

    def test_marketing_goes_to_those_who_agreed(self, tea: Merchant) -> None:
        yes, _nothing = make_reader(tea, phone=phone(1)), make_reader(tea, phone=phone(2))
        consents.note(
            customer=yes,
            kind=Kind.MARKETING,
            route=Route.SMS,
            wants=True,
            source=ConsentSource.STAFF,
            actor=ACTOR,
        )
        house = routing.house_of(tea)
        assert mass.estimate(house, offer()).sms == 1
        assert mass.estimate(house, offer()).no_consent == 1

    def test_the_estimate_is_what_is_then_set_aside_and_sent(self, tea: Merchant) -> None:
        """The count in the database equals the count of the words that go out."""
        MessagingSettings(needs_consent=False).save()
        fill_purse(tea, 100, Purse.MARKETING)
        for n, name in enumerate(("林", "欧阳修远", "很" * 45, "茶" * 80)):
            make_reader(tea, phone=phone(n), name=name)
        with clock.at(NOON):
            row = offer(state=CampaignState.QUEUING)
            estimate = mass.estimate(routing.house_of(tea), row)
            campaigns.put_in_queue(tea, row)
            with fake_sms() as gateway:
                sending.drain(merchant_id=tea.pk)
        from zhanggui.messaging import segments

        sent = sum(segments.count(one["text"]) for one in gateway.texts)
        assert sent == estimate.segments == 100 - wallet.balance(Purse.MARKETING)
        assert checks.findings() == []


class TestRun:
    @pytest.fixture
    def row(self, tea: Merchant, account: ChannelAccount) -> Campaign:
        bind(account)
        fill_purse(tea, 10)
        for n in range(3):
            make_reader(tea, account, phone=phone(n))
        make_reader(tea, phone=phone(9))
        return probe()

    def confirm(self, tea: Merchant, row: Campaign) -> Task:
        campaigns.confirm(merchant=tea, campaign_id=row.pk, actor=ACTOR)
        row.refresh_from_db()
        return Task.objects.get(arguments__mailing=row.pk)

    def test_is_a_task_that_writes_and_sends_all(self, tea: Merchant, row: Campaign) -> None:
        with clock.at(NOON):
            task = self.confirm(tea, row)
            with fake_wechat() as wechat, fake_sms() as gateway:
                running.run(task_id=task.pk)
        task.refresh_from_db()
        row.refresh_from_db()
        assert (task.state, row.state) == ("done", CampaignState.DONE)
        assert (row.wechat, row.sms, row.segments) == (3, 1, 1)
        assert task.result == {"sent": 4}
        assert len(wechat.calls) == 4  # the token, then three messages
        assert len(gateway.texts) == 1
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (9, 0)
        assert MessageDay.objects.count() == 4
        assert checks.findings() == []

    def test_begins_once(self, tea: Merchant, row: Campaign) -> None:
        self.confirm(tea, row)
        with pytest.raises(MailingMoved):
            campaigns.confirm(merchant=tea, campaign_id=row.pk, actor=ACTOR)
        assert Task.objects.count() == 1

    def test_a_second_run_writes_nothing_again(self, tea: Merchant, row: Campaign) -> None:
        with clock.at(NOON):
            task = self.confirm(tea, row)
            campaigns.put_in_queue(tea, row)
            with fake_wechat(), fake_sms() as gateway:
                running.run(task_id=task.pk)
        assert Message.objects.count() == 4
        assert len(gateway.texts) == 1

    def test_cancelled_in_the_middle_the_rest_stays(self, tea: Merchant, row: Campaign) -> None:
        with clock.at(NOON):
            self.confirm(tea, row)
            campaigns.put_in_queue(tea, row)
            Message.objects.filter(route=Route.WECHAT).update(state=State.SENT)
            campaigns.cancel(merchant=tea, campaign_id=row.pk, actor=ACTOR)
            with fake_sms() as gateway:
                assert sending.drain(merchant_id=tea.pk) == 0
        assert gateway.texts == []
        assert campaigns.figures(row) == {"sent": 3, "cancelled": 1}
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (10, 0)
        with pytest.raises(MailingMoved):
            campaigns.cancel(merchant=tea, campaign_id=row.pk, actor=ACTOR)
        assert checks.findings() == []

    def test_credit_that_went_elsewhere_stops_it_before_anything_is_written(
        self, tea: Merchant, row: Campaign
    ) -> None:
        with clock.at(NOON):
            task = self.confirm(tea, row)
            wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=10, cause="x")
            running.run(task_id=task.pk)
        task.refresh_from_db()
        row.refresh_from_db()
        assert (task.state, task.error_code) == ("failed", "E_SMS_CREDIT")
        assert row.state == CampaignState.CANCELLED
        assert not Message.objects.exists()

    def test_a_customers_cap_holds_over_mailings(self, tea: Merchant, row: Campaign) -> None:
        MessagingSettings(service_a_day=1).save()
        with clock.at(NOON):
            for one in (row, probe()):
                self.confirm(tea, one)
                campaigns.put_in_queue(tea, one)
        skipped = Message.objects.filter(state=State.SKIPPED)
        assert set(skipped.values_list("error", flat=True)) == {Why.CAPPED}
        assert skipped.count() == 4

    def test_at_night_marketing_waits_and_the_sweep_ends_it(self, tea: Merchant) -> None:
        MessagingSettings(needs_consent=False).save()
        fill_purse(tea, 10, Purse.MARKETING)
        make_reader(tea, phone=phone(1))
        row = offer()
        with clock.at(datetime(2026, 3, 2, 15, 0, tzinfo=UTC)):  # 23:00 in China
            task = self.confirm(tea, row)
            running.run(task_id=task.pk)
        row.refresh_from_db()
        assert row.state == CampaignState.SENDING
        with clock.at(datetime(2026, 3, 3, 0, 1, tzinfo=UTC)), fake_sms() as gateway:
            sending.drain(merchant_id=tea.pk)
            tasks.sweep(timestamp=0)
        row.refresh_from_db()
        assert row.state == CampaignState.DONE
        assert "林小雨，九折 拒收请回复TD" in gateway.texts[0]["text"]


class TestDraft:
    def test_only_what_a_mailing_can_carry(self, tea: Merchant) -> None:
        values: dict[str, Any] = {"name": "x", "segment_id": None, "actor": ACTOR}
        with pytest.raises(TemplateNotForMany):
            campaigns.draft(template="nobody.knows", body={}, **values)
        with pytest.raises(WordsMissing):
            campaigns.draft(template=PROBE.name, body={"what": "x"}, **values)
        assert not Campaign.objects.exists()

    def test_nobody_there(self, tea: Merchant) -> None:
        with pytest.raises(NobodyReached):
            campaigns.confirm(merchant=tea, campaign_id=probe().pk, actor=ACTOR)

    def test_too_little_credit(self, tea: Merchant) -> None:
        make_reader(tea, phone=phone(1))
        with pytest.raises(NoCredit):
            campaigns.confirm(merchant=tea, campaign_id=probe().pk, actor=ACTOR)
