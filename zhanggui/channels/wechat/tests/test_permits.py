"""Permissions for subscription notifications: heard from events, each good for one message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.channels.wechat import permits
from zhanggui.channels.wechat.hooks import PushEvent
from zhanggui.channels.wechat.models import ChannelAccount, Form, Permit, TemplateBinding
from zhanggui.channels.wechat.push import read
from zhanggui.channels.wechat.tests.factories import make_account

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
def account() -> ChannelAccount:
    return make_account()


@pytest.fixture
def binding(account: ChannelAccount) -> TemplateBinding:
    return TemplateBinding.objects.create(
        account=account, form=Form.NOTICE, template_key="tests.notice", template_id="sub-1"
    )


def event(account: ChannelAccount, body: str, at: datetime = AT) -> PushEvent:
    """An event as the callback reads it."""
    message = read(body.replace("AT", str(int(at.timestamp()))))
    return PushEvent(
        account.pk, message.openid, None, message.name, message.details, message.sent_at
    )


def xml(name: str, parent: str, *items: tuple[str, str]) -> str:
    lists = "".join(
        f"<List><TemplateId>{one}</TemplateId><SubscribeStatusString>{status}"
        "</SubscribeStatusString><PopupScene>1</PopupScene></List>"
        for one, status in items
    )
    return (
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>o-1</FromUserName>"
        f"<CreateTime>AT</CreateTime><MsgType>event</MsgType><Event>{name}</Event>"
        f"<{parent}>{lists}</{parent}></xml>"
    )


def popup(*items: tuple[str, str]) -> str:
    return xml(permits.POPUP, "SubscribeMsgPopupEvent", *items)


def left(account: ChannelAccount) -> dict[str, int]:
    return permits.left(account, ["o-1"])


class TestHeard:
    def test_each_yes_allows_one_more_and_a_no_nothing(self, account: ChannelAccount) -> None:
        said = popup(("sub-1", "accept"), ("sub-2", "reject"), ("sub-3", "accept"))
        permits.popped_up(event(account, said))
        assert left(account) == {"sub-1": 1, "sub-3": 1}
        permits.popped_up(event(account, popup(("sub-1", "accept")), AT + timedelta(minutes=1)))
        assert left(account) == {"sub-1": 2, "sub-3": 1}

    def test_told_twice_it_counts_once(self, account: ChannelAccount) -> None:
        for _time in range(2):
            permits.popped_up(event(account, popup(("sub-1", "accept"))))
        assert left(account) == {"sub-1": 1}

    @pytest.mark.parametrize("is_array", [True, False])
    def test_as_json_with_an_object_or_an_array(
        self, account: ChannelAccount, is_array: bool
    ) -> None:
        item = '{"TemplateId":"sub-1","SubscribeStatusString":"accept","PopupScene":"0"}'
        more = f"[{item},{item.replace('sub-1', 'sub-2')}]" if is_array else item
        permits.popped_up(
            event(
                account,
                '{"ToUserName":"gh_1","FromUserName":"o-1","CreateTime":AT,"MsgType":"event",'
                f'"Event":"subscribe_msg_popup_event","List":{more}}}',
            )
        )
        assert left(account) == ({"sub-1": 1, "sub-2": 1} if is_array else {"sub-1": 1})

    def test_taken_back_all_are_gone_but_a_newer_one(self, account: ChannelAccount) -> None:
        permits.popped_up(event(account, popup(("sub-1", "accept"))))
        permits.popped_up(event(account, popup(("sub-1", "accept")), AT + timedelta(hours=2)))
        gone = xml(permits.CHANGED, "SubscribeMsgChangeEvent", ("sub-1", "reject"))
        permits.changed(event(account, gone, AT + timedelta(hours=1)))
        assert left(account) == {"sub-1": 1}
        permits.changed(event(account, gone, AT + timedelta(hours=3)))
        assert left(account) == {}


class TestTaken:
    def allow(self, account: ChannelAccount, many: int = 1) -> None:
        for place in range(many):
            at = AT + timedelta(seconds=place)
            permits.popped_up(event(account, popup(("sub-1", "accept")), at))

    def test_once_for_each(self, account: ChannelAccount, binding: TemplateBinding) -> None:
        self.allow(account, 2)
        taken = [permits.take(binding, "o-1", by=f"zm1.{n}") for n in range(3)]
        assert taken == [True, True, False]
        assert permits.taken_from("zm1.1") == "o-1"
        assert not permits.has(binding, "o-1")

    def test_not_another_persons(self, account: ChannelAccount, binding: TemplateBinding) -> None:
        self.allow(account)
        assert not permits.take(binding, "o-2", by="zm1.1")

    def test_a_lasting_one_stays(self, account: ChannelAccount, binding: TemplateBinding) -> None:
        self.allow(account)
        binding.is_lasting = True
        assert [permits.take(binding, "o-1", by=f"zm1.{n}") for n in range(3)] == [True] * 3
        assert left(account) == {"sub-1": 1}

    def test_given_back(self, account: ChannelAccount, binding: TemplateBinding) -> None:
        self.allow(account)
        permits.take(binding, "o-1", by="zm1.1")
        permits.give_back(["zm1.1", "zm1.2"])
        assert permits.take(binding, "o-1", by="zm1.3")

    def test_wechat_knows_better(self, account: ChannelAccount, binding: TemplateBinding) -> None:
        self.allow(account, 3)
        permits.take(binding, "o-1", by="zm1.1")
        permits.none_left(["zm1.1"])
        assert left(account) == {}
        assert Permit.objects.filter(used_by="zm1.1").exists()
