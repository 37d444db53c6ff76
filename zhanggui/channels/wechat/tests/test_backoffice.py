"""The settings page of the official account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_operator, make_staff
from zhanggui.channels.wechat.models import (
    CallbackDelivery,
    ChannelAccount,
    DeliveryState,
    Follower,
)
from zhanggui.channels.wechat.permissions import MANAGE_ACCOUNT, VIEW_ACCOUNT
from zhanggui.channels.wechat.tests.factories import (
    AES_KEY,
    SECRET,
    TOKEN,
    TOKEN_PATH,
    fake_wechat,
    make_account,
)
from zhanggui.core import clock

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as TestResponse

pytestmark = pytest.mark.django_db
HERE = "/m/tea/channels/wechat/"
FORM = {
    "name": "茶舍",
    "app_id": "wxsb00000000000000aa",
    "secret": SECRET,
    "callback_token": TOKEN,
    "aes_key": AES_KEY,
}


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


def page(client: Client, path: str = HERE) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def told(response: TestResponse) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def make_delivery(account: ChannelAccount, **values: object) -> CallbackDelivery:
    return CallbackDelivery.objects.create(
        account=account,
        platform_key=f"k{CallbackDelivery.objects.count()}",
        kind="subscribe",
        body_sealed=b"x",
        sent_at=clock.now(),
        **values,
    )


class TestAccess:
    @pytest.mark.parametrize("action", ["", "connect"])
    def test_pages(self, client: Client, tea: Merchant, action: str) -> None:
        assert client.get(HERE + action).status_code == 302
        client.force_login(make_staff(make_merchant("coffee"), role=Role.OWNER))
        assert client.get(HERE + action).status_code == 404
        client.force_login(make_staff(tea))
        assert client.get(HERE + action).status_code == 403

    @pytest.mark.parametrize("action", ["connect", "disconnect", "test", "deliveries/1/replay"])
    def test_actions(self, client: Client, tea: Merchant, action: str) -> None:
        account = make_account(merchant=tea)
        client.force_login(make_staff(tea, VIEW_ACCOUNT.name))
        with fake_wechat() as fake:
            assert client.post(HERE + action).status_code == 403
        account.refresh_from_db()
        assert (account.is_connected, fake.calls) == (True, [])

    @pytest.mark.parametrize("action", ["disconnect", "test", "deliveries/1/replay"])
    def test_no_action_on_get(self, owner: Client, action: str) -> None:
        assert owner.get(HERE + action).status_code == 405

    @pytest.mark.parametrize("action", ["disconnect", "test", "deliveries/1/replay"])
    def test_nothing_to_act_on_is_404(self, owner: Client, action: str) -> None:
        make_account()  # the platform's is not this merchant's to touch
        assert owner.post(HERE + action).status_code == 404

    def test_viewer_sees_no_buttons(self, client: Client, tea: Merchant) -> None:
        make_delivery(make_account(merchant=tea))
        client.force_login(make_staff(tea, VIEW_ACCOUNT.name))
        assert "/channels/wechat/test" not in page(client)
        assert "/replay" not in page(client)


class TestPage:
    def test_without_an_account_offers_to_connect_one(self, owner: Client) -> None:
        assert f"{HERE}connect" in page(owner)

    @pytest.mark.spec("platform P18")
    def test_own_account_shows_health_and_no_secret(self, owner: Client, tea: Merchant) -> None:
        account = make_account(merchant=tea)
        Follower.objects.create(account=account, openid="a")
        Follower.objects.create(account=account, openid="b", is_following=False)
        make_delivery(account, state=DeliveryState.FAILED, error="LookupError: no")
        text = page(owner)
        assert f"/hooks/wechat/{account.app_id}/" in text
        assert "LookupError: no" in text
        assert "<dd>1</dd>" in text.replace("\n", "").replace(" ", "")
        for secret in (SECRET, TOKEN, AES_KEY):
            assert secret not in text

    @pytest.mark.spec("platform P18")
    def test_last_error_comes_with_its_advice(self, owner: Client, tea: Merchant) -> None:
        account = make_account(merchant=tea)
        account.last_error_code, account.last_error_at = 40164, clock.now()
        account.save()
        assert "40164" in page(owner)

    @pytest.mark.parametrize("by_operator", [True, False], ids=["operator", "platform"])
    def test_a_lent_account_shows_nothing_of_other_shops(
        self, client: Client, by_operator: bool
    ) -> None:
        operator = make_operator()
        merchant = make_merchant("tea", operator=operator)
        account = make_account(operator=operator if by_operator else None, name="联盟服务号")
        make_delivery(account, error="of another shop")
        client.force_login(make_staff(merchant, role=Role.OWNER))
        text = page(client)
        assert "联盟服务号" in text
        assert account.app_id not in text
        assert "of another shop" not in text


class TestConnect:
    def test_offers_fresh_secrets(self, owner: Client) -> None:
        first, second = page(owner, f"{HERE}connect"), page(owner, f"{HERE}connect")
        assert first != second

    def test_connects(self, owner: Client, tea: Merchant) -> None:
        with fake_wechat():
            response = owner.post(f"{HERE}connect", FORM)
        assert response["Location"] == HERE
        assert ChannelAccount.objects.get().merchant == tea

    def test_shows_no_stored_secret_when_they_are_changed(
        self, owner: Client, tea: Merchant
    ) -> None:
        make_account(merchant=tea)
        text = page(owner, f"{HERE}connect")
        for secret in (SECRET, f'"{TOKEN}"', AES_KEY):
            assert secret not in text

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"app_id": "gh_123"}, 422),
            ({"secret": "short"}, 422),
            ({"callback_token": "a b"}, 422),
            ({"aes_key": "k" * 42}, 422),
            ({"name": " "}, 422),
            ({}, 422),
        ],
        ids=["app-id", "secret", "token", "aes-key", "name", "wechat-says-no"],
    )
    def test_refuses(self, owner: Client, changes: dict[str, str], status: int) -> None:
        with fake_wechat(**{TOKEN_PATH: {"errcode": 40125, "errmsg": "x"}}) as fake:
            response = owner.post(f"{HERE}connect", FORM | changes)
        assert response.status_code == status
        assert len(fake.calls) == int(not changes)
        assert SECRET not in response.content.decode()
        assert not ChannelAccount.objects.exists()

    def test_of_an_app_id_used_elsewhere_is_a_conflict(self, owner: Client) -> None:
        make_account(merchant=make_merchant("coffee"), app_id=FORM["app_id"])
        with fake_wechat():
            assert owner.post(f"{HERE}connect", FORM).status_code == 409


class TestActions:
    def test_test_tells_how_it_went(self, owner: Client, tea: Merchant) -> None:
        make_account(merchant=tea)
        with fake_wechat():
            good = told(owner.post(f"{HERE}test"))
        with fake_wechat(**{TOKEN_PATH: {"errcode": 40125, "errmsg": "x"}}):
            bad = told(owner.post(f"{HERE}test"))
        assert len(good) == 1
        assert "40125" in bad[-1]

    def test_disconnect(self, owner: Client, tea: Merchant) -> None:
        account = make_account(merchant=tea)
        assert owner.post(f"{HERE}disconnect")["Location"] == HERE
        account.refresh_from_db()
        assert not account.is_connected

    def test_replay_lets_a_job_work_again(self, owner: Client, tea: Merchant) -> None:
        delivery = make_delivery(make_account(merchant=tea), state=DeliveryState.DONE)
        assert owner.post(f"{HERE}deliveries/{delivery.pk}/replay")["Location"] == HERE
        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.RECEIVED
        assert ProcrastinateJob.objects.get().args == {"delivery_id": delivery.pk}

    def test_replay_of_another_merchants_is_404(self, owner: Client, tea: Merchant) -> None:
        make_account(merchant=tea)
        foreign = make_delivery(make_account(merchant=make_merchant("coffee")))
        assert owner.post(f"{HERE}deliveries/{foreign.pk}/replay").status_code == 404
        assert not ProcrastinateJob.objects.exists()


def test_managers_may_look_but_not_touch(client: Client, tea: Merchant) -> None:
    client.force_login(make_staff(tea, role=Role.MANAGER))
    assert client.get(HERE).status_code == 200
    assert client.get(f"{HERE}connect").status_code == 403
    assert MANAGE_ACCOUNT.roles == frozenset()
