"""What the chats tell of a customer: only the merchant's own, and gone when the person asks."""

from __future__ import annotations

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff
from zhanggui.channels.wechat import customers, messages
from zhanggui.channels.wechat.models import ChannelAccount, Follower, OutgoingMessage
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.contacts.models import IdentityLink
from zhanggui.contacts.services import request_erasure
from zhanggui.contacts.tests.factories import make_link
from zhanggui.core import tenancy

pytestmark = pytest.mark.django_db


@pytest.fixture
def shared() -> ChannelAccount:
    """An account of the platform, through which two merchants speak."""
    return make_account()


def known_at(merchant: Merchant, account: ChannelAccount) -> IdentityLink:
    with tenancy.merchant_scope(merchant.pk):
        return make_link(merchant, account_id=account.pk, openid="o-both")


def tell(merchant: Merchant, account: ChannelAccount, text: str) -> None:
    with tenancy.merchant_scope(merchant.pk):
        messages.send_text(account_id=account.pk, openid="o-both", text=text)


class TestSharedAccount:
    def test_the_story_shows_the_own_messages_only(
        self, client: Client, shared: ChannelAccount
    ) -> None:
        tea, nail = make_merchant("tea"), make_merchant("nail")
        link = known_at(tea, shared)
        known_at(nail, shared)
        tell(tea, shared, messages.link("您的新茶到了", "/w/tea/?key=SECRET"))
        tell(nail, shared, "您约了美甲")
        client.force_login(make_staff(tea, role=Role.OWNER))
        page = client.get(f"/m/tea/customers/{link.customer_id}/").content.decode()
        assert "您的新茶到了" in page
        assert "您约了美甲" not in page
        assert "SECRET" not in page

    def test_erasing_leaves_the_other_merchants_messages(self, shared: ChannelAccount) -> None:
        tea, nail = make_merchant("tea"), make_merchant("nail")
        link = known_at(tea, shared)
        known_at(nail, shared)
        tell(tea, shared, "一")
        tell(nail, shared, "二")
        Follower.objects.create(account=shared, openid="o-both")
        with tenancy.merchant_scope(tea.pk):
            assert [row[1] for row in customers.sheets(link.customer_id)[0].rows] == ["一"]
            request_erasure(
                customer_id=link.customer_id,
                typed=link.customer.number,
                at_once=True,
                actor=ACTOR,
            )
        assert OutgoingMessage.objects.get().merchant_id == nail.pk
        assert Follower.objects.exists()


def test_erasing_forgets_the_follower_of_the_own_account() -> None:
    tea = make_merchant("tea")
    account = make_account(merchant=tea)
    link = known_at(tea, account)
    Follower.objects.create(account=account, openid="o-both")
    messages.send_text(account_id=account.pk, openid="o-both", text="欢迎")  # of no scope
    with tenancy.merchant_scope(tea.pk):
        request_erasure(
            customer_id=link.customer_id, typed=link.customer.number, at_once=True, actor=ACTOR
        )
    assert not OutgoingMessage.objects.exists()
    assert not Follower.objects.exists()


def test_a_name_is_no_link() -> None:
    shown = messages.link('茶</a><a href="https://evil.example">领奖', "/w/tea/")
    assert shown.count("<a ") == 1
