"""What goes wrong at WeChat, provoked in the sandbox, and what the shop sees of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import stamina
from django.test import Client

from tests.channels.conftest import Stage
from wechat_sandbox.played.errors import TEXTS
from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_staff
from zhanggui.billing.tests.factories import make_subscriber
from zhanggui.channels.wechat import api, records
from zhanggui.channels.wechat.client.http import next_midnight
from zhanggui.channels.wechat.client.sendables import Text
from zhanggui.channels.wechat.errorcodes import CODES
from zhanggui.channels.wechat.errors import ChannelError
from zhanggui.channels.wechat.models import ApiCall, ChannelAccount
from zhanggui.channels.wechat.tests.factories import TEMPLATE_PATH, TEXT_PATH, TOKEN_PATH
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import clock, tenancy
from zhanggui.messaging import sending
from zhanggui.messaging.models import Message, State
from zhanggui.messaging.tests.factories import bind, make_reader, register_probes, send

PEOPLE = ("lin", "chen", "wu")


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def tea(stage: Stage) -> Iterator[Merchant]:
    register_probes()
    merchant = make_subscriber()
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


@pytest.fixture
def account(stage: Stage, tea: Merchant) -> ChannelAccount:
    """An account with three followers and a template that carries a message of ours."""
    stage.add_people(*PEOPLE)
    account = stage.add_account(tea)
    binding = bind(account)
    binding.template_id = "t" * 43
    binding.save()
    stage.control(
        "PUT",
        f"accounts/{account.app_id}",
        {
            "templates": [
                {
                    "template_id": binding.template_id,
                    "title": "通知",
                    "content": "事项:{{thing1.DATA}}\n时间:{{time2.DATA}}\n",
                }
            ]
        },
    )
    for slug in PEOPLE:
        stage.control("POST", f"people/{slug}/follow", {"appid": account.app_id})
    return account


def write_to_all(stage: Stage, tea: Merchant, account: ChannelAccount) -> None:
    for slug in PEOPLE:
        reader = make_reader(tea, account)
        openid = stage.openid(account, slug)
        IdentityLink.objects.filter(customer=reader).update(openid=openid)
        send(tea, reader, f"record:{slug}")


def states() -> list[str]:
    return sorted(Message.objects.values_list("state", flat=True))


def notices_of(stage: Stage, account: ChannelAccount) -> int:
    chats = [stage.control("GET", f"people/{slug}/chats/{account.app_id}") for slug in PEOPLE]
    return str(chats).count("'template'")


def test_every_code_we_treat_can_be_provoked(stage: Stage, account: ChannelAccount) -> None:
    assert set(CODES) == set(TEXTS) - {0}
    told = []
    for code in CODES:
        stage.control("POST", "faults", {"path": TEXT_PATH, "errcode": code, "times": 2})
        with records.collecting(), pytest.raises(ChannelError) as caught:
            api.for_many(account).custom_send("o", Text("x"))
        stage.control("DELETE", "faults")
        records.open_again(account.app_id)
        told.append(caught.value.code)
    assert told == list(CODES)


class TestMessages:
    def test_a_token_revoked_in_the_middle_loses_nothing(
        self, stage: Stage, tea: Merchant, account: ChannelAccount, client: Client
    ) -> None:
        write_to_all(stage, tea, account)
        stage.control("POST", "faults", {"path": TEMPLATE_PATH, "errcode": 40001, "times": 1})
        sending.drain(merchant_id=tea.pk)
        assert states() == [State.SENT] * 3
        assert notices_of(stage, account) == 3
        client.force_login(make_staff(tea, role=Role.OWNER))
        assert "40001" in client.get(f"/m/{tea.slug}/channels/wechat/").content.decode()

    def test_a_used_up_day_waits_and_goes_out_after_midnight(
        self, stage: Stage, tea: Merchant, account: ChannelAccount, client: Client
    ) -> None:
        write_to_all(stage, tea, account)
        quota = {"appid": account.app_id, "path": TEMPLATE_PATH}
        stage.control("PUT", "quotas", {**quota, "daily": 1})
        sending.drain(merchant_id=tea.pk)
        assert states() == [State.QUEUED, State.QUEUED, State.SENT]
        client.force_login(make_staff(tea, role=Role.OWNER))
        assert "等到" in client.get(f"/m/{tea.slug}/messages/").content.decode()
        stage.control("PUT", "quotas", {**quota, "daily": 100})
        with clock.at(next_midnight()):
            sending.drain(merchant_id=tea.pk)
        assert states() == [State.SENT] * 3
        assert notices_of(stage, account) == 3

    def test_a_used_up_minute_waits_a_minute(
        self, stage: Stage, tea: Merchant, account: ChannelAccount
    ) -> None:
        write_to_all(stage, tea, account)
        stage.control("POST", "faults", {"path": TEMPLATE_PATH, "errcode": 45011, "times": 1})
        sending.drain(merchant_id=tea.pk)
        assert states() == [State.QUEUED] * 3
        with clock.at(clock.now() + timedelta(seconds=61)):
            sending.drain(merchant_id=tea.pk)
        assert states() == [State.SENT] * 3

    def test_an_answer_that_got_lost_doubles_nothing(
        self, stage: Stage, tea: Merchant, account: ChannelAccount
    ) -> None:
        write_to_all(stage, tea, account)
        fault = {"path": TEMPLATE_PATH, "http_status": 502, "after": True, "times": 1}
        stage.control("POST", "faults", fault)
        sending.drain(merchant_id=tea.pk)
        with clock.at(clock.now() + timedelta(seconds=40)):
            sending.drain(merchant_id=tea.pk)
        assert states() == [State.SENT] * 3
        assert notices_of(stage, account) == 3
        assert ApiCall.objects.filter(path=TEMPLATE_PATH).count() == 4

    def test_a_frozen_secret_stands_on_the_page_with_what_to_do(
        self, stage: Stage, tea: Merchant, account: ChannelAccount, client: Client
    ) -> None:
        write_to_all(stage, tea, account)
        stage.control("POST", "faults", {"path": TOKEN_PATH, "errcode": 40243, "times": 3})
        sending.drain(merchant_id=tea.pk)
        client.force_login(make_staff(tea, role=Role.OWNER))
        page = client.get(f"/m/{tea.slug}/channels/wechat/").content.decode()
        assert str(CODES[40243].advice) in page
        assert str(CODES[40243].advice) in client.get(f"/m/{tea.slug}/messages/").content.decode()
