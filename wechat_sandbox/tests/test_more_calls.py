from __future__ import annotations

import hashlib
from typing import Any

import pytest
from starlette.testclient import TestClient

from wechat_sandbox.accounts import Account
from wechat_sandbox.tests.factories import (
    APPID,
    LIN,
    PRODUCT,
    SECRET,
    api,
    authorise,
    control,
    follow,
    make_platform,
    openid,
    token,
)

pytestmark = pytest.mark.usefixtures("tea", "lin")

OLD = "wxsbold00001"


def call(client: TestClient, path: str, body: Any = None, **query: str) -> dict[str, Any]:
    return api(client, path, body, access_token=token(client), **query)


class TestMigration:
    def convert(self, client: TestClient, *names: str, source: str = OLD) -> dict[str, Any]:
        body = {"from_appid": source, "openid_list": list(names)}
        return call(client, "/cgi-bin/changeopenid", body)

    @pytest.fixture
    def moved(self, client: TestClient) -> dict[str, str]:
        control(client, "PUT", f"accounts/{OLD}", {"name": "旧号"})
        control(client, "POST", "follows", {"appid": OLD, "people": ["lin"]})
        control(client, "PUT", f"accounts/{APPID}/migration", {"from_appid": OLD})
        found: dict[str, str] = control(client, "GET", f"openids?appid={OLD}")
        return found

    def test_each_openid_has_its_own_answer(
        self, client: TestClient, moved: dict[str, str]
    ) -> None:
        found = self.convert(client, moved["lin"], moved["chen"], "oNobody")

        assert found["errcode"] == 0
        assert found["result_list"] == [
            {"ori_openid": moved["lin"], "new_openid": openid(client), "err_msg": "ok"},
            {"ori_openid": moved["chen"], "err_msg": "ori_openid error"},
            {"ori_openid": "oNobody", "err_msg": "ori_openid error"},
        ]
        info = call(client, "/cgi-bin/user/info", openid=openid(client))
        assert info["subscribe_scene"] == "ADD_SCENE_ACCOUNT_MIGRATION"

    def test_the_original_id_does_as_well(self, client: TestClient, moved: dict[str, str]) -> None:
        original = control(client, "GET", f"accounts/{OLD}")["original_id"]

        assert self.convert(client, moved["lin"], source=original)["errcode"] == 0

    def test_until_the_fifteenth_day(self, client: TestClient, moved: dict[str, str]) -> None:
        control(client, "POST", "clock", {"advance_s": 15 * 86_400 - 60})
        assert self.convert(client, moved["lin"])["errcode"] == 0
        control(client, "POST", "clock", {"advance_s": 120})

        assert self.convert(client, moved["lin"])["errcode"] == 63183

    def test_refusals(self, client: TestClient, moved: dict[str, str]) -> None:
        assert self.convert(client, "o", source="wxsbnobody1")["errcode"] == 63178
        assert self.convert(client, "o", source=APPID)["errcode"] == 63183
        assert self.convert(client)["errcode"] == 63182
        assert self.convert(client, *["o"] * 101)["errcode"] == 40032


class TestShortKeys:
    def test_kept_for_a_while(self, client: TestClient) -> None:
        body = {"long_data": "长" * 100, "expire_seconds": 60}
        key = call(client, "/cgi-bin/shorten/gen", body)["short_key"]
        found = call(client, "/cgi-bin/shorten/fetch", {"short_key": key})

        assert len(key) == 15
        assert found["long_data"] == "长" * 100
        assert 58 <= found["expire_seconds"] <= 60
        control(client, "POST", "clock", {"advance_s": 61})
        assert call(client, "/cgi-bin/shorten/fetch", {"short_key": key})["errcode"] == 47003

    @pytest.mark.parametrize(
        ("body", "errcode"),
        [
            ({"long_data": ""}, 47003),
            ({"long_data": "x" * 4097}, 9410010),
            ({"long_data": "x", "expire_seconds": 2_592_001}, 9410011),
            ({"long_data": "x", "expire_seconds": "1"}, 47003),
        ],
    )
    def test_refusals(self, client: TestClient, body: dict[str, Any], errcode: int) -> None:
        assert call(client, "/cgi-bin/shorten/gen", body)["errcode"] == errcode


class TestQuestions:
    def test_a_failed_call_by_its_number(self, client: TestClient) -> None:
        failed = call(client, "/cgi-bin/user/info", openid="oNobody")
        rid = failed["errmsg"].rpartition("rid: ")[2]
        found = call(client, "/cgi-bin/openapi/rid/get", {"rid": rid})["request"]

        assert found["request_url"].startswith("/cgi-bin/user/info?")
        assert token(client) not in found["request_url"]
        assert "40003" in found["response_body"]
        assert call(client, "/cgi-bin/openapi/rid/get", {"rid": "x"})["errcode"] == 76001

    def test_check_of_the_callback_host(self, client: TestClient) -> None:
        body = {"action": "all", "check_operator": "DEFAULT"}
        found = call(client, "/cgi-bin/callback/check", body)

        assert found["dns"][0]["ip"] == found["ping"][0]["ip"] == "127.0.0.1"
        body["action"] = "dance"
        assert call(client, "/cgi-bin/callback/check", body)["errcode"] == 40035

    def test_addresses(self, client: TestClient) -> None:
        assert call(client, "/cgi-bin/getcallbackip")["ip_list"] == ["127.0.0.1"]
        assert call(client, "/cgi-bin/get_api_domain_ip")["ip_list"] == ["127.0.0.1"]

    def test_a_frozen_secret(self, client: TestClient) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"is_frozen": True})
        query = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}

        assert api(client, "/cgi-bin/token", **query)["errcode"] == 40243


def config(client: TestClient, host: str = LIN, **changes: str) -> dict[str, Any]:
    ticket = call(client, "/cgi-bin/ticket/getticket", type="jsapi")["ticket"]
    url = changes.pop("signed", f"{PRODUCT}/w/tea/?a=1")
    text = f"jsapi_ticket={ticket}&noncestr=n1&timestamp=1700000000&url={url}"
    given = {
        "appId": APPID,
        "nonceStr": "n1",
        "timestamp": "1700000000",
        "signature": hashlib.sha1(text.encode()).hexdigest(),  # noqa: S324
        "url": f"{LIN}/w/tea/?a=1#top",
        "jsApiList": ["scanQRCode", "startRecord"],
        **changes,
    }
    found: dict[str, Any] = client.post(f"{host}/_phone/api/jssdk/config", json=given).json()
    return found


class TestJsSdk:
    @pytest.fixture(autouse=True)
    def secure_domain(self, client: TestClient, tea: Account) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"js_domains": ["127.0.0.1:8000"]})

    def test_tickets(self, client: TestClient) -> None:
        first = call(client, "/cgi-bin/ticket/getticket", type="jsapi")
        again = call(client, "/cgi-bin/ticket/getticket", type="jsapi")
        card = call(client, "/cgi-bin/ticket/getticket", type="wx_card")

        assert first["ticket"] == again["ticket"] != card["ticket"]
        assert call(client, "/cgi-bin/ticket/getticket", type="x")["errcode"] == 40097
        control(client, "POST", "clock", {"advance_s": 7201})
        assert call(client, "/cgi-bin/ticket/getticket", type="jsapi")["ticket"] != first["ticket"]

    def test_a_good_signature(self, client: TestClient) -> None:
        found = config(client)

        assert (found["problem"], found["allowed"]) == ("", ["scanQRCode"])

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"signed": f"{PRODUCT}/w/tea/"}, "config:invalid signature"),
            ({"signed": f"{PRODUCT}/w/tea/?a=1#top"}, "config:invalid signature"),
            ({"nonceStr": "n2"}, "config:invalid signature"),
            ({"appId": "wxsbnobody1"}, "config:invalid appid"),
            ({"url": "http://elsewhere.example/"}, "config:invalid url domain"),
        ],
    )
    def test_problems(self, client: TestClient, changes: dict[str, str], problem: str) -> None:
        found = config(client, **changes)

        assert (found["problem"], found["allowed"]) == (problem, [])

    def test_the_domain_of_the_platform_counts_too(self, client: TestClient) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"js_domains": []})
        assert config(client)["problem"] == "config:invalid url domain"
        make_platform(client)
        authorise(client, push=False)

        assert config(client)["problem"] == ""

    def test_a_chosen_picture_reaches_the_account(self, client: TestClient) -> None:
        body = {"appid": APPID, "data": "data:image/png;base64,iVBORw0KGgo="}
        made = client.post(f"{LIN}/_phone/api/jssdk/images", json=body).json()["serverId"]
        query = {"access_token": token(client), "media_id": made}
        got = client.get("/api.weixin.qq.com/cgi-bin/media/get", params=query)
        assert got.content == b"\x89PNG\r\n\x1a\n"
        url = f"{LIN}/_phone/api/jssdk/images/{made}?appid={APPID}"
        assert client.get(url).json()["data"] == body["data"]
        assert client.get(f"{LIN}/_phone/api/jssdk/images/x?appid={APPID}").status_code == 422
        for wrong in ("nonsense", "data:text/html;base64,PGI+", "data:image/png;base64,!"):
            answer = client.post(
                f"{LIN}/_phone/api/jssdk/images", json={"appid": APPID, "data": wrong}
            )
            assert answer.status_code == 422

    def test_the_script(self, client: TestClient) -> None:
        for host in ("", LIN):
            answer = client.get(f"{host}/res.wx.qq.com/open/js/jweixin-1.6.0.js")
            assert "javascript" in answer.headers["content-type"]
        assert client.get("/res.wx.qq.com/open/js/other.js").status_code == 404


class TestPhoneSettings:
    def test_messages_off_and_notices_withdrawn(self, client: TestClient) -> None:
        follow(client, silent=True)
        name = "notice-template-000000001"
        one = {"template_id": name, "title": "订单", "content": "店:{{thing1.DATA}}"}
        control(client, "PUT", f"accounts/{APPID}/notices", [one])
        asked = client.post(
            f"{LIN}/_phone/api/notices/ask", json={"appid": APPID, "templates": [name]}
        ).json()
        assert asked["templates"][0]["title"] == "订单"
        body = {"appid": APPID, "choices": {name: "accept"}}
        client.post(f"{LIN}/_phone/api/notices/decide", json=body)
        client.post(f"{LIN}/_phone/api/accounts/{APPID}/mute", json={"on": True})
        url = f"{LIN}/_phone/api/accounts/{APPID}/settings"
        assert client.get(url).json() == {
            "muted": True,
            "notices": [{"id": name, "title": "订单", "remaining": 1, "is_long": False}],
        }
        client.post(f"{LIN}/_phone/api/accounts/{APPID}/withdraw", json={"template_id": name})
        client.get("/_sandbox/health")
        assert client.get(url).json()["notices"] == []
        for wrong in ([], ["unknown"], [name] * 4):
            answer = client.post(
                f"{LIN}/_phone/api/notices/ask", json={"appid": APPID, "templates": wrong}
            )
            assert answer.status_code == 422

    def test_accounts_in_care_and_taking_one_back(self, client: TestClient) -> None:
        make_platform(client)
        authorise(client, func_ids=[1, 15], push=False)
        (one,) = client.get(f"{LIN}/_phone/api/authorisations").json()
        assert one["platforms"][0]["sets"] == ["消息管理", "自定义菜单"]
        control(client, "PUT", f"accounts/{APPID}", {"admin": "chen"})
        assert client.get(f"{LIN}/_phone/api/authorisations").json() == []
        body = {"appid": APPID, "component": "wxsbplatform1"}
        url = "_phone/api/authorisations/revoke"
        assert client.post(f"{LIN}/{url}", json=body).status_code == 422
        client.post(f"http://chen.localhost:8001/{url}", json=body)
        client.get("/_sandbox/health")
        assert control(client, "GET", "components/wxsbplatform1")["authorisations"] == []
