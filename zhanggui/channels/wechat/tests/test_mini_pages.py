"""The page of a mini program: connected both ways, its health, its codes, who may what."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import httpx2
import pytest
from django.test import Client

from zhanggui.accounts.models import AuditEntry, Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_operator, make_staff
from zhanggui.channels.wechat import minis
from zhanggui.channels.wechat.models import ChannelAccount, Kind, MiniCode, Standing
from zhanggui.channels.wechat.tests.factories import (
    AES_KEY,
    INFO_PATH,
    QUERY_AUTH_PATH,
    SECRET,
    TOKEN,
    fake_wechat,
    make_account,
    make_component,
)
from zhanggui.core import tenancy

pytestmark = pytest.mark.django_db
HERE = "/m/tea/channels/wechat/mini/"
APP_ID = "wxsb00000000000000cc"
CODE_PATH = "/wxa/getwxacodeunlimit"
JPEG = b"\xff\xd8\xff picture"
FORM = {
    "name": "茶舍小程序",
    "app_id": APP_ID,
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


@pytest.fixture
def mini(tea: Merchant) -> ChannelAccount:
    account = make_account(merchant=tea, name="茶舍小程序")
    ChannelAccount.objects.filter(pk=account.pk).update(kind=Kind.MINI)
    account.refresh_from_db()
    return account


def drawn(**_given: Any) -> httpx2.Response:
    return httpx2.Response(200, content=JPEG, headers={"Content-Type": "image/jpeg"})


@pytest.mark.spec("platform P18")
class TestConnecting:
    def test_by_app_id_and_secret(self, owner: Client, tea: Merchant) -> None:
        assert "还没有小程序" in owner.get(HERE).content.decode()
        assert "接入小程序" in owner.get(f"{HERE}connect").content.decode()
        with fake_wechat():
            answer = owner.post(f"{HERE}connect", FORM)
        assert answer["Location"] == HERE
        account = ChannelAccount.objects.get()
        assert (account.kind, account.merchant, account.app_id) == (Kind.MINI, tea, APP_ID)
        shown = owner.get(HERE).content.decode()
        assert APP_ID in shown
        assert SECRET not in shown
        # the official account of the shop is another one
        assert APP_ID not in owner.get("/m/tea/channels/wechat/").content.decode()

    def test_by_authorisation(self, owner: Client, tea: Merchant) -> None:
        make_component()
        answers: dict[str, Any] = {
            QUERY_AUTH_PATH: {
                "authorization_info": {
                    "authorizer_appid": APP_ID,
                    "authorizer_access_token": "at",
                    "expires_in": 7200,
                    "authorizer_refresh_token": "rt",
                    "func_info": [{"funcscope_category": {"id": 18}}],
                }
            },
            INFO_PATH: {
                "authorizer_info": {
                    "nick_name": "茶舍小程序",
                    "user_name": "gh_2",
                    "principal_name": "茶舍",
                    "service_type_info": {"id": 0},
                    "verify_type_info": {"id": 0},
                    "MiniProgramInfo": {"categories": []},
                },
                "authorization_info": {
                    "authorizer_appid": APP_ID,
                    "func_info": [{"funcscope_category": {"id": 18}}],
                },
            },
        }
        with fake_wechat(**answers):
            page = owner.post(f"{HERE}authorise", follow=True).content.decode()
            assert "auth_type=2" in page
            back = re.search(r"redirect_uri=([^&]+)", page)
            assert back is not None
            path = unquote(back[1]).removeprefix("http://127.0.0.1:8000")
            left = owner.get(path).content.decode()
            assert f'href="{HERE}connect"' in left
            answer = owner.post(path, {"auth_code": "queryauth@1"})
        assert answer["Location"] == HERE
        account = ChannelAccount.objects.get()
        assert (account.kind, account.merchant) == (Kind.MINI, tea)
        assert account.function_ids == [18]
        assert f'action="{HERE}authorise"' in owner.get(HERE).content.decode()

    def test_tested_and_disconnected(self, owner: Client, mini: ChannelAccount) -> None:
        with fake_wechat():
            assert owner.post(f"{HERE}test")["Location"] == HERE
        assert owner.post(f"{HERE}disconnect")["Location"] == HERE
        mini.refresh_from_db()
        assert mini.is_connected is False

    def test_withdrawn_is_said_where_people_look(self, owner: Client, mini: ChannelAccount) -> None:
        ChannelAccount.objects.update(standing=Standing.REVOKED)
        home = owner.get("/m/tea/").content.decode()
        assert "茶舍小程序" in home
        assert f'href="{HERE}"' in home
        assert "取消授权" in owner.get(HERE).content.decode()


class TestServing:
    def test_own_then_operators_then_platforms(self) -> None:
        operator = make_operator("sun")
        shop = make_merchant("shop", operator=operator)
        found: list[ChannelAccount | None] = [minis.serving(shop)]
        for more in ({}, {"operator": operator}, {"merchant": shop}):
            account = make_account(**more)
            ChannelAccount.objects.filter(pk=account.pk).update(kind=Kind.MINI)
            found.append(minis.serving(shop))
            assert found[-1] == account
        assert found[0] is None


class TestCodes:
    def test_made_shown_and_put_away(
        self, owner: Client, tea: Merchant, mini: ChannelAccount
    ) -> None:
        form = {"name": "窗口立牌", "page": "pages/index/index", "target": "stamps.wallet"}
        with fake_wechat(**{CODE_PATH: drawn()}) as fake:
            assert owner.post(f"{HERE}codes/new", form)["Location"] == HERE
        with tenancy.merchant_scope(tea.pk):
            code = MiniCode.objects.get()
        asked = fake.body()
        assert (asked["scene"], asked["page"]) == (code.scene, "pages/index/index")
        assert re.fullmatch(r"[0-9a-z]{16}", code.scene)
        shown = owner.get(HERE).content.decode()
        assert "窗口立牌" in shown
        assert "/w/tea/" in shown
        picture = owner.get(f"{HERE}codes/{code.pk}/picture")
        assert (picture.content, picture["Content-Type"]) == (JPEG, "image/jpeg")
        owner.post(f"{HERE}codes/{code.pk}/archive")
        assert "窗口立牌" not in owner.get(HERE).content.decode()
        with tenancy.merchant_scope(tea.pk):
            actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
        assert actions[-2:] == ["wechat.mini_code.created", "wechat.mini_code.archived"]

    @pytest.mark.parametrize(
        ("form", "answer"),
        [
            ({"name": "窗口立牌", "page": "?x"}, None),
            ({"name": ""}, None),
            ({"name": "窗口立牌"}, {"errcode": 41030, "errmsg": "invalid page"}),
        ],
        ids=["wrong-page", "no-name", "refused"],
    )
    def test_what_does_not_work_keeps_nothing(
        self,
        owner: Client,
        tea: Merchant,
        mini: ChannelAccount,
        form: dict[str, str],
        answer: Any,
    ) -> None:
        with fake_wechat(**{CODE_PATH: answer or drawn()}):
            page = owner.post(f"{HERE}codes/new", form, follow=True).content.decode()
        assert "zg-toast" in page
        with tenancy.merchant_scope(tea.pk):
            assert not MiniCode.objects.exists()

    def test_another_shops_code_is_not_there(self, owner: Client, mini: ChannelAccount) -> None:
        other = make_merchant("coffee")
        with tenancy.merchant_scope(other.pk):
            code = MiniCode(account=mini, scene="x", name="x", picture=b"x")
            code.save()
        for page in ("picture", "archive"):
            path = f"{HERE}codes/{code.pk}/{page}"
            answer = owner.get(path) if page == "picture" else owner.post(path)
            assert answer.status_code == 404
