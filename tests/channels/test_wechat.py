"""The WeChat channel against the sandbox: another program's reading of the same documents."""

from __future__ import annotations

from typing import Any

import pytest
import stamina

from tests.channels.conftest import Stage
from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.channels.wechat import hooks, messages, oauth, services, tokens
from zhanggui.channels.wechat.models import (
    CallbackDelivery,
    ChannelAccount,
    DeliveryState,
    Follower,
    MessageState,
    OAuthState,
    OutgoingMessage,
    PersonIdentity,
)
from zhanggui.channels.wechat.tests.factories import QR_PATH, run_jobs
from zhanggui.contacts.models import Customer, CustomerSession
from zhanggui.core import tenancy


@pytest.fixture
def tea(stage: Stage) -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.fixture
def account(stage: Stage, tea: Merchant) -> ChannelAccount:
    stage.add_people("lin", "chen")
    return stage.add_account(tea)


def customers(merchant: Merchant) -> list[str]:
    with tenancy.merchant_scope(merchant.pk):
        return sorted(Customer.objects.values_list("name", flat=True))


class TestToken:
    def test_is_fetched_and_used(self, stage: Stage, account: ChannelAccount) -> None:
        services.test_account(account=account)
        code = services.create_scene_code(
            account=account, purpose="t", merchant_id=None, subject_id=None, expires_in_s=86400
        )
        assert code.url.startswith("http://weixin.qq.com/q/")

    def test_a_dead_one_is_renewed_once(self, stage: Stage, account: ChannelAccount) -> None:
        tokens.access_token(account.pk)
        stage.control("POST", "faults", {"path": QR_PATH, "errcode": 40001, "times": 1})
        services.create_scene_code(
            account=account, purpose="t", merchant_id=None, subject_id=None, expires_in_s=86400
        )

    def test_busy_is_tried_again(self, stage: Stage, account: ChannelAccount) -> None:
        stage.control("POST", "faults", {"path": QR_PATH, "errcode": -1, "times": 1})
        with stamina.set_testing(True, attempts=3):
            services.create_scene_code(
                account=account, purpose="t", merchant_id=None, subject_id=None, expires_in_s=600
            )


class TestCallbacks:
    def test_the_address_passes_the_console(self, stage: Stage, account: ChannelAccount) -> None:
        assert stage.control("POST", f"accounts/{account.app_id}/check") == {
            "ok": True,
            "problem": "",
        }

    def test_following_and_leaving(self, stage: Stage, account: ChannelAccount) -> None:
        answer = stage.control("POST", "people/lin/follow", {"appid": account.app_id})
        assert answer["callback"]["outcome"] == "accepted"
        run_jobs()
        assert Follower.objects.get().is_following
        assert Follower.objects.get().openid == stage.openid(account, "lin")
        stage.control("POST", "clock", {"advance_s": 2})
        stage.control("POST", "people/lin/unfollow", {"appid": account.app_id})
        run_jobs()
        assert not Follower.objects.get().is_following

    @pytest.mark.parametrize(
        ("policy", "stored"),
        [({"duplicate": True}, 1), ({"wrong_signature": True}, 0)],
        ids=["twice", "forged"],
    )
    def test_faults_on_the_way(
        self, stage: Stage, account: ChannelAccount, policy: dict[str, Any], stored: int
    ) -> None:
        stage.control("POST", "callbacks/policy", {"appid": account.app_id, **policy})
        stage.control("POST", "people/lin/follow", {"appid": account.app_id})
        assert CallbackDelivery.objects.count() == stored

    def test_scanning_follows_and_tells_the_handler(
        self, stage: Stage, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[hooks.ScanEvent] = []
        monkeypatch.setattr(hooks, "scan_handlers", {"test.scan": told.append})
        code = services.create_scene_code(
            account=account, purpose="test.scan", merchant_id=3, subject_id=4, expires_in_s=600
        )
        for _time in range(2):
            stage.control("POST", "people/lin/scan", {"content": code.url})
            stage.control("POST", "clock", {"advance_s": 2})
            run_jobs()
        assert [(event.subject_id, event.is_new_follower) for event in told] == [
            (4, True),
            (4, False),
        ]
        states = set(CallbackDelivery.objects.values_list("state", flat=True))
        assert states == {DeliveryState.DONE}


class TestMessages:
    def test_reach_the_chat(self, stage: Stage, account: ChannelAccount) -> None:
        stage.control("POST", "people/lin/follow", {"appid": account.app_id})
        openid = stage.openid(account, "lin")
        messages.send_text(account_id=account.pk, openid=openid, text="欢迎，茶已备好")
        run_jobs()
        chat = stage.control("GET", f"people/lin/chats/{account.app_id}")
        assert "欢迎，茶已备好" in str(chat)
        assert OutgoingMessage.objects.get().state == MessageState.SENT

    def test_after_two_days_of_silence_are_refused(
        self, stage: Stage, account: ChannelAccount
    ) -> None:
        stage.control("POST", "people/lin/follow", {"appid": account.app_id})
        stage.control("POST", "clock", {"advance_s": 49 * 3600})
        openid = stage.openid(account, "lin")
        messages.send_text(account_id=account.pk, openid=openid, text="还在吗")
        run_jobs()
        message = OutgoingMessage.objects.get()
        assert (message.state, message.error_code) == (MessageState.REFUSED, 45015)


class TestSignIn:
    def test_first_visit_asks_later_ones_are_silent(
        self, stage: Stage, account: ChannelAccount, tea: Merchant
    ) -> None:
        start = oauth.customer_start_url(tea, "/w/tea/")
        for visits in (1, 2):
            page = stage.browse("lin", start)
            assert page.url.path == "/w/tea/"
            with tenancy.merchant_scope(tea.pk):
                assert CustomerSession.objects.count() == visits
        assert customers(tea) == ["LIN"]
        scopes = list(OAuthState.objects.order_by("pk").values_list("scope", flat=True))
        assert scopes == ["snsapi_base", "snsapi_userinfo", "snsapi_base"]

    def test_two_phones_are_two_customers(
        self, stage: Stage, account: ChannelAccount, tea: Merchant
    ) -> None:
        for slug in ("lin", "chen"):
            stage.browse(slug, oauth.customer_start_url(tea, "/w/tea/"))
        assert customers(tea) == ["CHEN", "LIN"]

    def test_refusing_shows_a_page(
        self, stage: Stage, account: ChannelAccount, tea: Merchant
    ) -> None:
        page = stage.browse("lin", oauth.customer_start_url(tea, "/w/tea/"), decision="deny")
        assert page.status_code == 403
        assert customers(tea) == []

    def test_a_stolen_return_address_signs_nobody_in(
        self, stage: Stage, account: ChannelAccount, tea: Merchant
    ) -> None:
        start = oauth.customer_start_url(tea, "/w/tea/")
        origin = "http://lin.localhost:8001"
        to_wechat = stage.http.get(f"{origin}{start}").headers["Location"]
        back = stage.http.get(to_wechat).headers["Location"]
        stage.browse("chen", oauth.customer_start_url(tea, "/w/tea/"))
        with tenancy.merchant_scope(tea.pk):
            before = CustomerSession.objects.count()
        stolen = stage.http.get(back.replace("//lin.", "//chen."))
        assert stolen.status_code == 403
        with tenancy.merchant_scope(tea.pk):
            assert CustomerSession.objects.count() == before

    def test_staff_comes_through_the_platform(self, stage: Stage, account: ChannelAccount) -> None:
        platform = stage.add_account()
        page = stage.browse("lin", oauth.staff_start_url("/staff/"))
        assert page.url.path == "/staff/"
        identity = PersonIdentity.objects.get()
        assert identity.account_id == platform.pk
        assert identity.openid == stage.openid(platform, "lin")
        assert identity.openid != stage.openid(account, "lin")
        assert identity.person.name == "LIN"
