"""What a scan and a follow lead to, as the chat tells it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_operator
from zhanggui.channels.wechat import hooks
from zhanggui.channels.wechat.hooks import FollowEvent, ScanEvent
from zhanggui.channels.wechat.models import BODY_OF_MESSAGE, ChannelAccount, OutgoingMessage
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.core import clock, sealing, tenancy
from zhanggui.stamps import selectors, services
from zhanggui.stamps.models import ManagerBinding, ManagerInvitation
from zhanggui.stamps.registrations import scans
from zhanggui.stamps.services.managers import PURPOSE
from zhanggui.stamps.tests.factories import Shop, make_invitation, make_programme


def chat() -> list[str]:
    """Texts sent, oldest first."""
    return [_text(sent) for sent in OutgoingMessage.objects.order_by("pk")]


def _text(sent: OutgoingMessage) -> str:
    body = sealing.unseal(bytes(sent.body_sealed), column=BODY_OF_MESSAGE, merchant_id=None)
    return str(json.loads(body)["text"])


@pytest.fixture
def platform(shop: Shop) -> ChannelAccount:
    """The account the staff scans with."""
    return make_account(name="掌柜")


def scan(platform: ChannelAccount, invitation: ManagerInvitation, openid: str = "staff-1") -> None:
    """WeChat tells of a scan."""
    hooks.scan_handlers[PURPOSE](
        ScanEvent(
            account_id=platform.pk,
            openid=openid,
            scene_code_id=invitation.scene_code_id,
            merchant_id=invitation.merchant_id,
            subject_id=invitation.pk,
            is_new_follower=False,
            scanned_at=clock.now(),
        )
    )


class TestManagerScan:
    @pytest.mark.edge("binding new>ACTIVE")
    @pytest.mark.spec("stamps R04")
    def test_binds_and_tells_the_way_to_the_desk(
        self, shop: Shop, platform: ChannelAccount, settings: object
    ) -> None:
        scan(platform, make_invitation(shop.store))

        (text,) = chat()
        assert shop.store.name in text
        assert text.endswith('/staff/">打开门店管理页面</a>')
        assert len(selectors.managers_of(shop.store.pk)) == 2

    @pytest.mark.spec("stamps D06")
    def test_told_twice_binds_once(self, shop: Shop, platform: ChannelAccount) -> None:
        invitation = make_invitation(shop.store)
        for _ in range(2):
            scan(platform, invitation)

        assert ManagerBinding.objects.count() == 2
        assert len(chat()) == 2

    @pytest.mark.spec("stamps D04")
    def test_a_refusal_is_told_too(self, shop: Shop, platform: ChannelAccount) -> None:
        invitation = make_invitation(shop.store)
        services.revoke_invitation(invitation_id=invitation.pk, actor=ACTOR)
        scan(platform, invitation)

        assert "撤回" in chat()[0] or "作废" in chat()[0] or "撤销" in chat()[0]
        assert ManagerBinding.objects.count() == 1

    @pytest.mark.spec("stamps D03")
    def test_the_moment_of_the_scan_counts_not_that_of_the_job(
        self, shop: Shop, platform: ChannelAccount
    ) -> None:
        invitation = make_invitation(shop.store)
        event = ScanEvent(
            account_id=platform.pk,
            openid="staff-1",
            scene_code_id=invitation.scene_code_id,
            merchant_id=invitation.merchant_id,
            subject_id=invitation.pk,
            is_new_follower=True,
            scanned_at=invitation.created_at + timedelta(minutes=29),
        )
        with clock.at(invitation.created_at + timedelta(hours=2)):
            scans.manager_invitation_scanned(event)

        assert len(selectors.managers_of(shop.store.pk)) == 2


def follow(account: ChannelAccount) -> list[str]:
    """WeChat tells of a new follower."""
    event = FollowEvent(
        account_id=account.pk,
        openid="customer-1",
        merchant_id=account.merchant_id,
        is_first=True,
        followed_at=clock.now(),
    )
    for handler in hooks.follow_handlers:
        handler(event)
    return chat()


class TestFollow:
    def test_of_the_shops_account_shows_the_card(self, shop: Shop) -> None:
        (text,) = follow(make_account(merchant=shop.merchant))

        assert shop.merchant.name in text
        assert text.endswith(f'/w/{shop.merchant.slug}/">打开我的集章卡</a>')

    def test_of_an_operators_account_shows_its_shops(self, shop: Shop) -> None:
        operator = make_operator()
        served, own = make_merchant(operator=operator), make_merchant(operator=operator)
        for merchant in (served, own):
            with tenancy.merchant_scope(merchant.pk):
                make_programme()
        make_account(merchant=own)
        (text,) = follow(make_account(operator=operator))

        assert f"/w/{served.slug}/" in text
        assert own.slug not in text

    def test_without_a_programme_nothing_is_said(self, shop: Shop) -> None:
        services.pause_programme(programme_id=shop.programme.pk, actor=ACTOR)

        assert follow(make_account(merchant=shop.merchant)) == []

    def test_of_the_platforms_account_nothing_is_said(
        self, shop: Shop, platform: ChannelAccount
    ) -> None:
        assert follow(platform) == []
