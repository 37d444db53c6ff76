from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from wechat_sandbox.components import Component
from wechat_sandbox.tests.factories import (
    APPID,
    CHEN,
    LIN,
    MAIN,
    PLATFORM,
    PRODUCT,
    Shop,
    as_platform,
    authorise,
    control,
    make_platform,
    platform_token,
)

pytestmark = pytest.mark.usefixtures("lin", "tea")

PC = "/mp.weixin.qq.com/cgi-bin/componentloginpage"
MOBILE = "/open.weixin.qq.com/wxaopen/safe/bindcomponent"
OLD_MOBILE = "/mp.weixin.qq.com/safe/bindcomponent"


@pytest.fixture
def platform(client: TestClient, sandbox: object) -> Component:
    return make_platform(client)


def link(client: TestClient, **changes: str) -> str:
    value = platform_token(client)
    return urlencode(
        {
            "component_appid": PLATFORM,
            "pre_auth_code": as_platform(client, "api_create_preauthcode", value)["pre_auth_code"],
            "redirect_uri": f"{PRODUCT}/m/tea/wechat/back?shop=7",
            "auth_type": "3",
            **changes,
        }
    )


def on_computer(client: TestClient, referer: str = f"{PRODUCT}/", **changes: str) -> str:
    query = link(client, **changes)
    answer = client.get(f"{MAIN}{PC}?{query}", headers={"Referer": referer})
    assert answer.status_code == 200
    return answer.text


def scanned(client: TestClient, page: str) -> str:
    found = re.search(r'data-token="([^"]+)"', page)
    assert found, page
    return f"/mp.weixin.qq.com/safe/bindcomponent/scan?token={found.group(1)}"


def state(client: TestClient, page: str) -> dict[str, Any]:
    token = scanned(client, page).partition("=")[2]
    url = f"{MAIN}/mp.weixin.qq.com/cgi-bin/componentlogin/state?token={token}"
    found: dict[str, Any] = client.get(url).json()
    return found


def decide(
    client: TestClient, address: str, *sets: int, decision: str = "allow", appid: str = APPID
) -> httpx2.Response:
    data = {"decision": decision, "appid": appid, "set": [str(one) for one in sets]}
    return client.post(address, data=data)


class TestOnAComputer:
    def test_scan_consent_and_back(
        self, client: TestClient, platform: Component, shop: Shop
    ) -> None:
        page = on_computer(client)
        assert state(client, page)["state"] == "open"
        (code,) = client.get(f"{LIN}/_phone/api/codes").json()
        assert code["name"] == "授权给 掌柜平台"
        assert client.get(f"{LIN}{code['picture']}").content.startswith(b"\x89PNG")
        found = client.post(f"{LIN}/_phone/api/scan", json={"content": code["content"]}).json()
        path = client.post(f"{LIN}/_phone/api/open", json={"url": found["url"]}).json()["path"]
        assert path == scanned(client, page)

        asked = client.get(f"{LIN}{path}")
        assert "拾光茶饮" in asked.text
        assert asked.text.count(" checked") == 11
        assert state(client, page)["state"] == "scanned"
        done = decide(client, f"{LIN}{path}", 1, 15)
        assert "授权成功" in done.text

        back = state(client, page)
        assert back["state"] == "done"
        assert back["location"].startswith(f"{PRODUCT}/m/tea/wechat/back?shop=7&auth_code=")
        query = parse_qs(urlsplit(back["location"]).query)
        assert query["expires_in"] == ["3600"]
        value = platform_token(client)
        info = as_platform(
            client, "api_query_auth", value, authorization_code=query["auth_code"][0]
        )["authorization_info"]
        assert [one["funcscope_category"]["id"] for one in info["func_info"]] == [1, 15]
        event = shop.pushes[-1].opened(platform)
        assert event["InfoType"] == "authorized"
        assert event["PreAuthCode"].startswith("preauthcode@@@")
        assert "已经用过" in client.get(f"{LIN}{path}").text

    def test_a_refusal_changes_nothing(
        self, client: TestClient, platform: Component, shop: Shop
    ) -> None:
        page = on_computer(client)
        decide(client, f"{LIN}{scanned(client, page)}", 1, decision="deny")

        assert state(client, page) == {"state": "refused", "location": ""}
        assert control(client, "GET", f"components/{PLATFORM}")["authorisations"] == []
        assert shop.pushes == []

    def test_a_pre_auth_code_serves_once_for_ten_minutes(
        self, client: TestClient, platform: Component
    ) -> None:
        query, headers = link(client), {"Referer": f"{PRODUCT}/"}
        page = client.get(f"{MAIN}{PC}?{query}", headers=headers).text
        decide(client, f"{LIN}{scanned(client, page)}", 1)
        again = client.get(f"{MAIN}{PC}?{query}", headers=headers)
        late = link(client)
        open_page = on_computer(client)
        control(client, "POST", "clock", {"advance_s": 601})

        assert "预授权码无效" in again.text
        assert "预授权码无效" in client.get(f"{MAIN}{PC}?{late}", headers=headers).text
        assert state(client, open_page)["state"] == "over"
        assert "已过期" in client.get(f"{LIN}{scanned(client, open_page)}").text

    @pytest.mark.parametrize(
        ("referer", "changes", "text"),
        [
            ("", {}, "授权发起页"),
            ("http://elsewhere.example/", {}, "授权发起页"),
            (f"{PRODUCT}/", {"redirect_uri": "http://elsewhere.example/"}, "回调地址不在"),
            (f"{PRODUCT}/", {"redirect_uri": "javascript:alert(1)"}, "回调地址不在"),
            (f"{PRODUCT}/", {"component_appid": "wxsbnobody1"}, "component_appid"),
            (f"{PRODUCT}/", {"pre_auth_code": "invented"}, "预授权码无效"),
        ],
        ids=["pasted", "other-page", "other-target", "script", "platform", "code"],
    )
    def test_wrong_links(
        self,
        client: TestClient,
        platform: Component,
        referer: str,
        changes: dict[str, str],
        text: str,
    ) -> None:
        assert text in on_computer(client, referer, **changes)

    def test_the_referer_check_can_be_switched_off(self, client: TestClient) -> None:
        make_platform(client, checks_referer=False)

        assert "等待扫码" in on_computer(client, "")

    def test_the_event_may_come_before_the_browser(self, client: TestClient, shop: Shop) -> None:
        make_platform(client, event_first=True)
        page = on_computer(client)
        decide(client, f"{LIN}{scanned(client, page)}", 1)

        assert len(shop.pushes) == 1

    def test_the_event_may_be_lost(
        self, client: TestClient, platform: Component, shop: Shop
    ) -> None:
        control(client, "POST", "callbacks/policy", {"appid": PLATFORM, "drop": 1})
        page = on_computer(client)
        decide(client, f"{LIN}{scanned(client, page)}", 1)

        assert "auth_code=" in state(client, page)["location"]
        assert shop.pushes == []


class TestWhoAndWhat:
    def test_only_accounts_of_the_administrator(
        self, client: TestClient, platform: Component
    ) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"admin": "lin"})
        address = scanned(client, on_computer(client))

        assert "没有可以授权的账号" in client.get(f"{CHEN}{address}").text
        assert "没有可以授权的账号" in decide(client, f"{CHEN}{address}", 1).text
        assert "拾光茶饮" in client.get(f"{LIN}{address}").text

    def test_one_of_several_is_chosen(self, client: TestClient, platform: Component) -> None:
        control(client, "PUT", "accounts/wxsbmini0001", {"name": "点单", "kind": "mini"})
        address = scanned(client, on_computer(client))
        asked = client.get(f"{LIN}{address}").text
        one = client.get(f"{LIN}{address}&appid=wxsbmini0001").text

        assert "选择要授权的账号" in asked
        assert "点单" in asked
        assert "小程序账号管理" in one
        assert "自定义菜单" not in one

    @pytest.mark.parametrize(
        ("changes", "seen"),
        [
            ({"auth_type": "1"}, "拾光茶饮"),
            ({"auth_type": "2"}, "点单"),
            ({"biz_appid": "wxsbmini0001", "auth_type": "1"}, "点单"),
            ({"biz_appid": "wxsbnobody1"}, "你不是这个账号的管理员"),
        ],
    )
    def test_kinds(
        self, client: TestClient, platform: Component, changes: dict[str, str], seen: str
    ) -> None:
        control(client, "PUT", "accounts/wxsbmini0001", {"name": "点单", "kind": "mini"})
        address = scanned(client, on_computer(client, **changes))
        answer = client.get(f"{LIN}{address}")

        assert seen in answer.text
        assert "选择要授权的账号" not in answer.text

    def test_wanted_sets(self, client: TestClient, platform: Component) -> None:
        page = on_computer(client, category_id_list="1|15|89")
        asked = client.get(f"{LIN}{scanned(client, page)}").text

        assert asked.count('type="checkbox"') == 3

    def test_sets_another_platform_holds_cannot_be_ticked(
        self, client: TestClient, platform: Component
    ) -> None:
        authorise(client, push=False)
        control(
            client,
            "PUT",
            "components/wxsbplatform2",
            {"login_domains": ["127.0.0.1:8000"], "checks_referer": False},
        )
        ticket = control(client, "POST", "components/wxsbplatform2/ticket", {"push": False})
        assert ticket["ticket"]
        page = on_computer(client)
        asked = client.get(f"{LIN}{scanned(client, page)}").text
        assert "已授权给其他平台" not in asked
        control(client, "POST", f"components/{PLATFORM}/revoke", {"appid": APPID})
        control(client, "POST", "components/wxsbplatform2/authorise", {"appid": APPID})
        asked = client.get(f"{LIN}{scanned(client, page)}").text

        assert asked.count("已授权给其他平台") == 2
        assert "权限集不能授权" in decide(client, f"{LIN}{scanned(client, page)}", 1).text

    def test_before_release_only_test_accounts(self, client: TestClient) -> None:
        make_platform(client, is_released=False)
        address = scanned(client, on_computer(client))
        assert "全网发布" in client.get(f"{LIN}{address}").text
        control(client, "PUT", f"components/{PLATFORM}", {"testers": [APPID]})

        assert "拾光茶饮" in client.get(f"{LIN}{address}").text

    def test_names_are_escaped(self, client: TestClient, platform: Component) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"name": "<script>x</script>"})
        answer = client.get(f"{LIN}{scanned(client, on_computer(client))}")

        assert "<script>x" not in answer.text


class TestOnAPhone:
    @pytest.mark.parametrize("path", [MOBILE, OLD_MOBILE])
    def test_asks_at_once_and_goes_back_on_the_phone(
        self, client: TestClient, platform: Component, path: str
    ) -> None:
        query = link(client, action="bindcomponent", no_scan="1")
        opened = client.get(f"{LIN}{path}?{query}")
        assert opened.status_code == 302
        address = f"{LIN}{opened.headers['location']}"
        assert "拾光茶饮" in client.get(address).text
        back = decide(client, address, 1)

        assert back.headers["location"].startswith(f"{LIN}/m/tea/wechat/back?shop=7&auth_code=")

    def test_not_outside_a_phone(self, client: TestClient, platform: Component) -> None:
        assert "请在微信客户端打开链接" in client.get(f"{MAIN}{MOBILE}?{link(client)}").text

    def test_a_link_of_the_product_stays_on_the_phone(
        self, client: TestClient, platform: Component
    ) -> None:
        target = f"{MAIN}{MOBILE}?{link(client)}#wechat_redirect"
        answer = client.get(f"{LIN}/login", params={"to": target})

        assert answer.headers["location"].startswith(f"{LIN}{MOBILE}?")
