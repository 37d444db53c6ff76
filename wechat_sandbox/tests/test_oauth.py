from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from wechat_sandbox.tests.factories import APPID, CHEN, LIN, MAIN, SECRET, api, control, openid

pytestmark = pytest.mark.usefixtures("tea", "lin")

GOOD = {
    "appid": APPID,
    "redirect_uri": "http://127.0.0.1:8000/oauth?next=card",
    "response_type": "code",
    "scope": "snsapi_base",
    "state": "abc123",
}


def visit(client: TestClient, *, host: str = LIN, **changes: str | None) -> httpx2.Response:
    values = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return client.get(f"{host}/open.weixin.qq.com/connect/oauth2/authorize?{urlencode(values)}")


def decide(client: TestClient, decision: str) -> httpx2.Response:
    query = urlencode({**GOOD, "scope": "snsapi_userinfo"})
    url = f"{LIN}/open.weixin.qq.com/connect/oauth2/authorize?{query}"
    return client.post(url, data={"decision": decision})


def returned(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


def exchange(client: TestClient, code: str, **changes: str) -> dict[str, Any]:
    given = {"appid": APPID, "secret": SECRET, "code": code, "grant_type": "authorization_code"}
    return api(client, "/sns/oauth2/access_token", **{**given, **changes})


class TestAuthorize:
    def test_base_is_silent_and_comes_back_on_the_same_phone(self, client: TestClient) -> None:
        answer = visit(client)

        assert answer.headers["location"].startswith(f"{LIN}/oauth?next=card&code=")
        assert returned(answer)["state"] == "abc123"

    def test_the_host_tells_the_person(self, client: TestClient) -> None:
        code = returned(visit(client, host=CHEN))["code"]

        assert exchange(client, code)["openid"] == openid(client, "chen")

    def test_outside_a_phone_there_is_nobody(self, client: TestClient) -> None:
        answer = visit(client, host=MAIN)

        assert answer.status_code == 200
        assert "请在微信客户端打开链接" in answer.text

    def test_userinfo_asks_once(self, client: TestClient) -> None:
        asked = visit(client, scope="snsapi_userinfo")
        assert "申请获取以下权限" in asked.text
        assert "拾光茶饮" in asked.text
        allowed = decide(client, "allow")

        assert returned(allowed)["code"]
        assert returned(visit(client, scope="snsapi_userinfo"))["code"]
        assert "允许" in visit(client, scope="snsapi_userinfo", forcePopup="true").text

    def test_a_refusal_brings_the_state_only(self, client: TestClient) -> None:
        assert returned(decide(client, "deny")) == {"next": "card", "state": "abc123"}

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"appid": None}, "10012"),
            ({"appid": "wxsbnobody1"}, "10012"),
            ({"redirect_uri": None}, "10011"),
            ({"redirect_uri": "http://evil.example/"}, "10003"),
            ({"redirect_uri": "http://127.0.0.1:80000/"}, "10003"),
            ({"redirect_uri": "javascript:alert(1)"}, "10003"),
            ({"scope": None}, "10010"),
            ({"scope": "snsapi_login"}, "10005"),
            ({"state": "a-b"}, "10013"),
            ({"state": "a" * 129}, "10013"),
            ({"response_type": "token"}, "response_type"),
            ({"sandbox_fragment": "missing"}, "#wechat_redirect"),
        ],
    )
    def test_wrong_links(
        self, client: TestClient, changes: dict[str, str | None], text: str
    ) -> None:
        answer = visit(client, host=LIN, **changes)

        assert answer.status_code == 200
        assert text in answer.text

    def test_the_order_of_the_parameters_matters(self, client: TestClient) -> None:
        turned = urlencode(dict(reversed(GOOD.items())))
        answer = client.get(f"{LIN}/open.weixin.qq.com/connect/oauth2/authorize?{turned}")

        assert "链接参数顺序错误" in answer.text

    def test_an_account_of_another_kind(self, client: TestClient) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"kind": "subscription"})

        assert "10016" in visit(client).text

    def test_texts_of_others_are_escaped(self, client: TestClient) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"name": "<script>x</script>"})
        answer = visit(client, scope="snsapi_userinfo", state="abc")

        assert "<script>x" not in answer.text
        assert "&lt;script&gt;x" in answer.text


class TestSnapshot:
    def test_somebody_made_up(self, client: TestClient) -> None:
        assert "快照页" in visit(client, scope="snsapi_userinfo").text
        given = exchange(client, returned(decide(client, "snapshot"))["code"])
        assert given["is_snapshotuser"] == 1
        assert given["openid"] != openid(client)
        assert "unionid" not in given
        query = {"access_token": given["access_token"], "openid": given["openid"]}
        found = api(client, "/sns/userinfo", **query)

        assert (found["nickname"], found["headimgurl"]) == ("微信用户", "")
        assert "申请获取以下权限" in visit(client, scope="snsapi_userinfo").text

    def test_a_page_error_on_demand(self, client: TestClient) -> None:
        path = "/open.weixin.qq.com/connect/oauth2/authorize"
        control(client, "POST", "faults", {"path": path, "errcode": 10004})

        assert "封禁" in visit(client).text
        assert returned(visit(client))["code"]


class TestExchange:
    def test_once(self, client: TestClient) -> None:
        code = returned(visit(client))["code"]
        answer = exchange(client, code)

        assert answer["openid"] == openid(client)
        assert answer["scope"] == "snsapi_base"
        assert answer["expires_in"] == 7200
        assert "unionid" not in answer
        assert exchange(client, code)["errcode"] == 40163

    def test_within_five_minutes(self, client: TestClient) -> None:
        code = returned(visit(client))["code"]
        control(client, "POST", "clock", {"advance_s": 301})

        assert exchange(client, code)["errcode"] == 42003

    @pytest.mark.parametrize(
        ("changes", "errcode"),
        [
            ({"code": "invented"}, 40029),
            ({"code": ""}, 41008),
            ({"secret": "f" * 32}, 40125),
            ({"appid": "wxsbnobody1"}, 40013),
            ({"grant_type": "x"}, 40002),
        ],
    )
    def test_refusals_leave_the_code_usable(
        self, client: TestClient, changes: dict[str, str], errcode: int
    ) -> None:
        code = returned(visit(client))["code"]

        assert exchange(client, **{"code": code, **changes})["errcode"] == errcode
        assert "openid" in exchange(client, code)

    def test_a_code_of_another_account(self, client: TestClient) -> None:
        control(client, "PUT", "accounts/wxsbbook0001", {"secret": SECRET})
        code = returned(visit(client))["code"]

        assert exchange(client, code, appid="wxsbbook0001")["errcode"] == 40029

    def test_the_list_of_addresses_does_not_guard_it(self, client: TestClient) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"allow_ips": []})

        assert "openid" in exchange(client, returned(visit(client))["code"])


class TestUserInfo:
    def test_after_consent(self, client: TestClient) -> None:
        given = exchange(client, returned(decide(client, "allow"))["code"])
        query = {"access_token": given["access_token"], "openid": given["openid"]}
        found = api(client, "/sns/userinfo", **query)

        assert found["nickname"] == "林小满"
        assert found["unionid"] == given["unionid"]
        assert (found["sex"], found["city"]) == (0, "")
        picture = client.get(found["headimgurl"])
        assert picture.headers["content-type"] == "image/svg+xml"
        assert "满" in picture.text
        assert api(client, "/sns/auth", **query)["errcode"] == 0

    def test_not_after_a_silent_visit(self, client: TestClient) -> None:
        given = exchange(client, returned(visit(client))["code"])
        query = {"access_token": given["access_token"], "openid": given["openid"]}

        assert api(client, "/sns/userinfo", **query)["errcode"] == 48001
        assert api(client, "/sns/auth", **query)["errcode"] == 0

    def test_refusals(self, client: TestClient) -> None:
        given = exchange(client, returned(decide(client, "allow"))["code"])
        good = {"access_token": given["access_token"], "openid": given["openid"]}

        codes = [
            api(client, "/sns/userinfo", **{**good, **changes})["errcode"]
            for changes in (
                {"access_token": ""},
                {"access_token": "made-up"},
                {"openid": ""},
                {"openid": openid(client, "chen")},
            )
        ]
        assert codes == [41001, 40001, 41009, 40003]
        control(client, "POST", "clock", {"advance_s": 7201})
        assert api(client, "/sns/userinfo", **good)["errcode"] == 42001

    def test_refresh(self, client: TestClient) -> None:
        given = exchange(client, returned(visit(client))["code"])
        query = {
            "appid": APPID,
            "grant_type": "refresh_token",
            "refresh_token": given["refresh_token"],
        }
        fresh = api(client, "/sns/oauth2/refresh_token", **query)

        assert fresh["openid"] == given["openid"]
        assert fresh["access_token"] != given["access_token"]
        query["refresh_token"] = "made-up"
        assert api(client, "/sns/oauth2/refresh_token", **query)["errcode"] == 40030
        query["refresh_token"] = given["refresh_token"]
        control(client, "POST", "clock", {"advance_s": 31 * 86400})
        assert api(client, "/sns/oauth2/refresh_token", **query)["errcode"] == 42002
