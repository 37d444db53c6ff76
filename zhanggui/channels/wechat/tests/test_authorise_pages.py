"""Authorising by scanning through the pages: begun, live, come back, taken back, set up."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, PlatformAuditEntry, Role
from zhanggui.accounts.tests.factories import make_merchant, make_platform_staff, make_staff
from zhanggui.channels.wechat.models import AuthorisationVisit as Visit
from zhanggui.channels.wechat.models import ChannelAccount, Component, Ending, Standing
from zhanggui.channels.wechat.tests.factories import (
    AES_KEY,
    SECRET,
    TOKEN,
    fake_wechat,
    make_authorised,
    make_component,
)
from zhanggui.core import clock

pytestmark = pytest.mark.django_db
HERE = "/m/tea/channels/wechat/"
APP_ID = "wxsb00000000000000bb"
ANSWERS = {
    "/cgi-bin/component/api_component_token": {
        "component_access_token": "ct",
        "expires_in": 7200,
    },
    "/cgi-bin/component/api_create_preauthcode": {"pre_auth_code": "pre@1", "expires_in": 1800},
    "/cgi-bin/component/api_query_auth": {
        "authorization_info": {
            "authorizer_appid": APP_ID,
            "authorizer_access_token": "at",
            "expires_in": 7200,
            "authorizer_refresh_token": "rt",
            "func_info": [{"funcscope_category": {"id": 1}}, {"funcscope_category": {"id": 15}}],
        }
    },
    "/cgi-bin/component/api_get_authorizer_info": {
        "authorizer_info": {
            "nick_name": "巷口面馆",
            "user_name": "gh_1",
            "principal_name": "巷口餐饮",
            "service_type_info": {"id": 2},
            "verify_type_info": {"id": 0},
        },
        "authorization_info": {
            "authorizer_appid": APP_ID,
            "func_info": [{"funcscope_category": {"id": 1}}],
        },
    },
}


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


@pytest.fixture
def component() -> Component:
    return make_component()


def begin(owner: Client) -> str:
    """Begin a visit; answers the path that WeChat's page leads back to."""
    with fake_wechat(**ANSWERS):
        page = owner.post(f"{HERE}authorise", follow=True).content.decode()
    assert "componentloginpage" in page
    back = re.search(r"redirect_uri=([^&]+)", page)
    assert back is not None
    return unquote(back[1]).removeprefix("http://127.0.0.1:8000")


@pytest.mark.spec("platform P18")
@pytest.mark.usefixtures("component")
class TestAuthorise:
    def test_the_return_connects_by_a_post(self, owner: Client, tea: Merchant) -> None:
        back = begin(owner)
        live = back.replace("/return", "/state")
        assert owner.get(live).status_code == 204

        page = owner.get(f"{back}?auth_code=queryauth@1&expires_in=600")
        assert page.status_code == 200
        assert not ChannelAccount.objects.exists()
        with fake_wechat(**ANSWERS):
            answer = owner.post(back, {"auth_code": "queryauth@1"})

        assert answer["Location"] == HERE
        account = ChannelAccount.objects.get()
        assert (account.app_id, account.merchant, account.name) == (APP_ID, tea, "巷口面馆")
        shown = owner.get(HERE).content.decode()
        assert "自定义菜单" in shown
        assert "巷口餐饮" in shown
        assert owner.get(live)["HX-Redirect"] == HERE

    def test_its_page_stays_when_it_is_loaded_anew(self, owner: Client, tea: Merchant) -> None:
        path = begin(owner).removesuffix("return")
        assert "componentloginpage" in owner.get(path).content.decode()
        other = Client()
        other.force_login(make_staff(tea, role=Role.OWNER))
        assert other.get(path).status_code == 404

        later = clock.now() + timedelta(minutes=31)
        with clock.at(later):
            over = owner.get(path).content.decode()
            assert owner.get(f"{path}state").status_code == 200
        assert "componentloginpage" not in over
        assert "重新发起授权" in over

    @pytest.mark.spec("repairs A8")
    def test_left_without_an_answer_connects_nothing(self, owner: Client) -> None:
        back = begin(owner)
        assert "auth_code" not in owner.get(back).content.decode()
        assert owner.post(back, {"auth_code": ""}).status_code == 302
        assert not ChannelAccount.objects.exists()

    def test_a_refusal_is_shown_live(self, owner: Client) -> None:
        live = begin(owner).replace("/return", "/state")
        Visit.objects.update(ending=Ending.REFUSED, refusal="E_ACCOUNT_TAKEN")
        assert "已" in owner.get(live).content.decode()

    def test_somebody_elses_visit_is_not_theirs(self, owner: Client, tea: Merchant) -> None:
        back = begin(owner)
        other = Client()
        other.force_login(make_staff(tea, role=Role.OWNER))
        with fake_wechat(**ANSWERS) as wechat:
            assert other.post(back, {"auth_code": "queryauth@1"}).status_code == 302
        assert wechat.calls == []
        assert not ChannelAccount.objects.exists()

    @pytest.mark.spec("repairs U-47")
    def test_withdrawn_is_said_with_the_way_out(
        self, owner: Client, tea: Merchant, component: Component
    ) -> None:
        account = make_authorised(component, merchant=tea)
        ChannelAccount.objects.filter(pk=account.pk).update(standing=Standing.REVOKED)
        assert "取消授权" in owner.get("/m/tea/").content.decode()
        shown = owner.get(HERE).content.decode()
        assert "取消授权" in shown
        assert f'action="{HERE}authorise"' in shown


def test_without_a_third_party_platform_it_is_not_offered(owner: Client) -> None:
    assert "扫码授权" not in owner.get(f"{HERE}connect").content.decode()
    assert owner.post(f"{HERE}authorise")["Location"] == f"{HERE}connect"


FORM = {
    "name": "掌柜平台",
    "app_id": "wxsbc000000000001",
    "secret": SECRET,
    "callback_token": TOKEN,
    "aes_key": AES_KEY,
}


class TestComponent:
    PAGE = "/platform/channels/wechat/third-party"

    @pytest.fixture
    def platform(self, client: Client) -> Client:
        client.force_login(make_platform_staff(role=Role.OWNER))
        return client

    def test_set_up_and_replaced(self, platform: Client) -> None:
        answer = platform.post(self.PAGE, FORM)
        assert answer.status_code == 302
        found = Component.objects.get()
        assert (found.is_active, found.unseal("secret")) == (True, SECRET)
        assert SECRET not in platform.get(self.PAGE).content.decode()

        platform.post(self.PAGE, FORM | {"app_id": "wxsbc000000000002"})

        assert Component.objects.get(is_active=True).app_id == "wxsbc000000000002"
        assert PlatformAuditEntry.objects.filter(action="wechat.component.changed").count() == 2

    def test_late_tickets_are_said(self, platform: Client) -> None:
        component = make_component()
        assert "收不到票据" not in platform.get(self.PAGE).content.decode()
        Component.objects.filter(pk=component.pk).update(
            ticket_at=clock.now() - timedelta(minutes=31)
        )
        assert "收不到票据" in platform.get(self.PAGE).content.decode()
