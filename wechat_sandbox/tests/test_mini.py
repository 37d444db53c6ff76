from __future__ import annotations

import hashlib
import hmac
import io
import json
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from wechat_sandbox.tests.factories import (
    LIN,
    PLATFORM,
    Shop,
    api,
    authorise,
    control,
    make_platform,
    platform_token,
)

pytestmark = pytest.mark.usefixtures("lin", "mini")

MINI = "wxsbmini0001"
SECRET = "a" * 32
PAGE = "pages/index/index"


@pytest.fixture
def mini(client: TestClient) -> None:
    body = {
        "name": "拾光点单",
        "kind": "mini",
        "secret": SECRET,
        "callback_url": "http://127.0.0.1:8000/hooks/wechat",
        "encrypt_mode": "plain",
        "push_format": "json",
        "open_account": "group",
        "pages": [PAGE, "pages/event/Show"],
    }
    control(client, "PUT", f"accounts/{MINI}", body)


def token(client: TestClient) -> str:
    body = {"grant_type": "client_credential", "appid": MINI, "secret": SECRET}
    return str(api(client, "/cgi-bin/stable_token", body)["access_token"])


def code(client: TestClient, kind: str = "login", slug: str = "lin") -> str:
    body = {"appid": MINI, "kind": kind}
    return str(control(client, "POST", f"people/{slug}/mini/code", body)["code"])


def login(client: TestClient, js_code: str, **changes: str) -> dict[str, Any]:
    query = {
        "appid": MINI,
        "secret": SECRET,
        "js_code": js_code,
        "grant_type": "authorization_code",
        **changes,
    }
    return api(client, "/sns/jscode2session", **query)


def call(client: TestClient, path: str, body: Any = None, **query: str) -> dict[str, Any]:
    return api(client, path, body, access_token=token(client), **query)


def openid(client: TestClient) -> str:
    return str(control(client, "GET", f"openids?appid={MINI}")["lin"])


class TestLogin:
    def test_once_within_five_minutes(self, client: TestClient) -> None:
        given = code(client)
        found = login(client, given)

        assert found["openid"] == openid(client)
        assert found["unionid"]
        assert len(found["session_key"]) == 24
        assert "errcode" not in found
        assert login(client, given)["errcode"] == 40163
        late = code(client)
        control(client, "POST", "clock", {"advance_s": 301})
        assert login(client, late)["errcode"] == 40029

    @pytest.mark.parametrize(
        ("changes", "errcode"),
        [
            ({"appid": "wxsbnobody1"}, 40013),
            ({"secret": "f" * 32}, 40125),
            ({"js_code": ""}, 41008),
            ({"js_code": "invented"}, 40029),
            ({"grant_type": "x"}, 40002),
        ],
    )
    def test_refusals(self, client: TestClient, changes: dict[str, str], errcode: int) -> None:
        assert login(client, **{"js_code": code(client), **changes})["errcode"] == errcode

    def test_a_hundred_a_minute(self, client: TestClient, sandbox: Any) -> None:
        name, minute = openid(client), str(int(sandbox.world.clock.now() // 60))
        path = "/sns/jscode2session#minute"
        for one in (minute, str(int(minute) + 1)):
            sandbox.world.store.insert("quota_used", appid=name, path=path, day=one, used=100)

        assert login(client, code(client))["errcode"] == 45011

    def test_a_blocked_person(self, client: TestClient) -> None:
        control(client, "PUT", "people", [{"slug": "lin", "tags": ["高风险"]}])

        assert login(client, code(client))["errcode"] == 40226

    def test_check_of_a_session(self, client: TestClient) -> None:
        key = login(client, code(client))["session_key"]
        good = hmac.new(key.encode(), b"", hashlib.sha256).hexdigest()
        query = {"openid": openid(client), "signature": good, "sig_method": "hmac_sha256"}

        assert call(client, "/wxa/checksession", **query)["errcode"] == 0
        login(client, code(client))
        assert call(client, "/wxa/checksession", **query)["errcode"] == 87009
        assert call(client, "/wxa/checksession", **{**query, "openid": "o"})["errcode"] == 40003

    def test_through_a_platform(self, client: TestClient, shop: Shop) -> None:
        make_platform(client)
        authorise(client, appid=MINI, push=False)
        query = {
            "appid": MINI,
            "js_code": code(client),
            "grant_type": "authorization_code",
            "component_appid": PLATFORM,
            "component_access_token": platform_token(client),
        }

        assert api(client, "/sns/component/jscode2session", **query)["openid"] == openid(client)


class TestPhoneNumber:
    def ask(self, client: TestClient, given: str) -> dict[str, Any]:
        return call(client, "/wxa/business/getuserphonenumber", {"code": given})

    def test_once_and_not_the_login_code(self, client: TestClient) -> None:
        control(client, "PUT", "people", [{"slug": "lin", "phone": "13580006666"}])
        given = code(client, "phone")
        found = self.ask(client, given)["phone_info"]

        assert found["phoneNumber"] == found["purePhoneNumber"] == "13580006666"
        assert found["countryCode"] == "86"
        assert found["watermark"]["appid"] == MINI
        assert self.ask(client, given)["errcode"] == 40029
        assert self.ask(client, code(client, "login"))["errcode"] == 40029
        late = code(client, "phone")
        control(client, "POST", "clock", {"advance_s": 301})
        assert self.ask(client, late)["errcode"] == 40029

    def test_free_ones_run_out(self, client: TestClient) -> None:
        body = {"appid": MINI, "path": "phone_numbers", "daily": 1}
        control(client, "PUT", "quotas", body)

        assert self.ask(client, code(client, "phone"))["errcode"] == 0
        assert self.ask(client, code(client, "phone"))["errcode"] == 1400001


def picture(client: TestClient, of: str = "/wxa/getwxacodeunlimit", **body: Any) -> Any:
    query = {"access_token": token(client)}
    return client.post(f"/api.weixin.qq.com{of}", params=query, json=body)


class TestCodes:
    def test_a_picture_that_leads_to_the_page(self, client: TestClient) -> None:
        answer = picture(client, scene="e.Ab3k9Q", page=PAGE, width=280)
        assert answer.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(answer.content)).size == (280, 280)
        (shown,) = client.get(f"{LIN}/_phone/api/codes").json()
        assert client.get(f"{LIN}{shown['picture']}").content[:3] == b"\xff\xd8\xff"
        found = client.post(f"{LIN}/_phone/api/scan", json={"content": shown["content"]}).json()

        assert found == {"kind": "mini", "appid": MINI, "path": PAGE, "query": "scene=e.Ab3k9Q"}
        body = {"content": shown["content"]}
        assert control(client, "POST", "people/lin/mini/open", body)["path"] == PAGE

    def test_clear_ground(self, client: TestClient) -> None:
        answer = picture(client, scene="a", is_hyaline=True, line_color={"r": 255, "g": 0, "b": 0})

        assert answer.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(answer.content)).mode == "RGBA"

    @pytest.mark.parametrize(
        ("body", "errcode"),
        [
            ({"scene": "x" * 33}, 40169),
            ({"scene": ""}, 40169),
            ({"scene": "a%20b"}, 40129),
            ({"scene": "茶"}, 40129),
            ({"scene": "scancode_time=1"}, 85096),
            ({"scene": "a", "page": "pages/none/none"}, 41030),
            ({"scene": "a", "page": f"{PAGE}?a=1"}, 41030),
            ({"scene": "a", "page": f"/{PAGE}"}, 40165),
            ({"scene": "a", "env_version": "beta"}, 85402),
            ({"scene": "a", "width": "wide"}, 40097),
        ],
    )
    def test_refusals_are_json(
        self, client: TestClient, body: dict[str, Any], errcode: int
    ) -> None:
        answer = picture(client, **body)

        assert answer.status_code == 200
        assert answer.json()["errcode"] == errcode

    def test_an_unpublished_page_when_it_is_not_checked(self, client: TestClient) -> None:
        answer = picture(client, scene="a", page="pages/none/none", check_path=False)

        assert answer.content.startswith(b"\xff\xd8\xff")

    def test_limited_codes_run_out(self, client: TestClient) -> None:
        control(client, "PUT", "quotas", {"appid": MINI, "path": "permanent_codes", "daily": 2})
        first = picture(client, "/wxa/getwxacode", path=f"{PAGE}?id=1")
        second = picture(client, "/cgi-bin/wxaapp/createwxaqrcode", path=f"{PAGE}?id=2")
        third = picture(client, "/wxa/getwxacode", path=f"{PAGE}?id=3")

        assert first.content.startswith(b"\xff\xd8\xff")
        assert second.content.startswith(b"\xff\xd8\xff")
        assert third.json()["errcode"] == 45029
        long = picture(client, "/cgi-bin/wxaapp/createwxaqrcode", path="x" * 129)
        assert long.json()["errcode"] == 40159

    def test_a_minute_limit(self, client: TestClient) -> None:
        body = {"appid": MINI, "path": "/wxa/getwxacodeunlimit", "minute": 1}
        control(client, "PUT", "quotas", body)
        picture(client, scene="a")

        assert picture(client, scene="a").json()["errcode"] == 45011
        control(client, "POST", "clock", {"advance_s": 61})
        assert picture(client, scene="a").content.startswith(b"\xff\xd8\xff")


class TestLinks:
    def test_a_link_opens_until_it_is_over(self, client: TestClient) -> None:
        body = {"path": PAGE, "query": "id=7", "expire_type": 1, "expire_interval": 1}
        link = call(client, "/wxa/generate_urllink", body)["url_link"]
        assert link.startswith("https://wxaurl.cn/")
        opened = control(client, "POST", "people/lin/mini/open", {"content": link})
        assert opened == {"appid": MINI, "path": PAGE, "query": "id=7"}
        asked = call(client, "/wxa/query_urllink", {"url_link": link})
        assert asked["url_link_info"]["query"] == "id=7"
        assert asked["quota_info"]["remain_visit_quota"] == 2_999_999
        control(client, "POST", "clock", {"advance_s": 86_401})

        answer = client.post("/_sandbox/api/people/lin/mini/open", json={"content": link})
        assert answer.status_code == 422

    def test_scheme_and_short_link(self, client: TestClient) -> None:
        made = call(client, "/wxa/generatescheme", {"jump_wxa": {"path": PAGE, "query": "a=1"}})
        assert made["openlink"].startswith("weixin://dl/business/?t=")
        asked = call(client, "/wxa/queryscheme", {"scheme": made["openlink"]})
        assert asked["scheme_info"]["path"] == PAGE
        body = {"page_url": f"{PAGE}?a=1", "page_title": "点单"}
        short = call(client, "/wxa/genwxashortlink", body)["link"]
        opened = control(client, "POST", "people/lin/mini/open", {"content": short})
        assert (opened["path"], opened["query"]) == (PAGE, "a=1")

    @pytest.mark.parametrize(
        ("path", "body", "errcode"),
        [
            ("generate_urllink", {"path": "pages/none"}, 40165),
            ("generate_urllink", {"path": PAGE, "query": "x" * 1025}, 40212),
            ("generate_urllink", {"path": PAGE, "env_version": "beta"}, 85402),
            ("generate_urllink", {"path": PAGE, "expire_type": 1, "expire_interval": 31}, 85401),
            ("generate_urllink", {"path": PAGE, "expire_time": 1}, 85401),
            ("generate_urllink", {"path": PAGE, "expire_type": 2}, 85407),
            ("query_urllink", {"url_link": "https://wxaurl.cn/none"}, 85403),
            ("genwxashortlink", {"page_url": "pages/none"}, 40066),
        ],
    )
    def test_refusals(
        self, client: TestClient, path: str, body: dict[str, Any], errcode: int
    ) -> None:
        assert call(client, f"/wxa/{path}", body)["errcode"] == errcode

    def test_so_many_a_day(self, client: TestClient) -> None:
        control(client, "PUT", "quotas", {"appid": MINI, "path": "links", "daily": 1})

        assert call(client, "/wxa/generate_urllink", {"path": PAGE})["errcode"] == 0
        assert call(client, "/wxa/generatescheme", {})["errcode"] == 44993


class TestContents:
    def check(self, client: TestClient, content: str, **changes: Any) -> dict[str, Any]:
        body = {
            "content": content,
            "version": 2,
            "scene": 2,
            "openid": openid(client),
            **changes,
        }
        return call(client, "/wxa/msg_sec_check", body)

    def test_success_does_not_mean_clean(self, client: TestClient) -> None:
        assert self.check(client, "你好")["errcode"] == 61010
        login(client, code(client))
        good, bad = self.check(client, "你好"), self.check(client, "有沙箱违规词")

        assert (good["errcode"], good["result"]) == (0, {"suggest": "pass", "label": 100})
        assert (bad["errcode"], bad["result"]["suggest"]) == (0, "risky")
        assert bad["trace_id"]
        control(client, "POST", "clock", {"advance_s": 2 * 3600 + 1})
        assert self.check(client, "你好")["errcode"] == 61010

    @pytest.mark.parametrize(
        ("changes", "errcode"),
        [
            ({"content": ""}, 44002),
            ({"content": "长" * 2501}, 45002),
            ({"scene": 9}, 40129),
            ({"openid": "o"}, 40003),
            ({"version": 1, "content": "沙箱违规词"}, 87014),
            ({"version": 1}, 0),
        ],
    )
    def test_refusals(self, client: TestClient, changes: dict[str, Any], errcode: int) -> None:
        login(client, code(client))

        assert self.check(client, **{"content": "x", **changes})["errcode"] == errcode

    def test_a_picture_is_judged_later(self, client: TestClient, shop: Shop) -> None:
        login(client, code(client))
        body = {
            "media_url": "http://127.0.0.1:8000/risky.jpg",
            "media_type": 2,
            "version": 2,
            "scene": 1,
            "openid": openid(client),
        }
        answer = call(client, "/wxa/media_check_async", body)
        control(client, "GET", "clock")
        event = json.loads(shop.pushes[-1].body)
        assert event["Event"] == "wxa_media_check"
        assert event["trace_id"] == answer["trace_id"]
        assert event["result"]["suggest"] == "risky"
        assert (
            call(client, "/wxa/media_check_async", {**body, "media_url": "x"})["errcode"] == 40066
        )
        codes = [call(client, "/wxa/media_check_async", body)["errcode"] for _ in range(20)]
        assert codes == [0] * 19 + [87020]


class TestMessages:
    def test_customer_service_without_following(self, client: TestClient, shop: Shop) -> None:
        body = {"touser": openid(client), "msgtype": "text", "text": {"content": "您好"}}
        path = "/cgi-bin/message/custom/send"
        assert call(client, path, body)["errcode"] == 45015
        control(client, "POST", "people/lin/messages", {"appid": MINI, "text": "在吗"})
        assert '"MsgType":"text"' in shop.pushes[0].body

        assert [call(client, path, body)["errcode"] for _ in range(6)] == [0] * 5 + [45047]
        news = {**body, "msgtype": "news", "news": {"articles": []}}
        assert call(client, path, news)["errcode"] == 40008
        assert call(client, "/cgi-bin/user/get")["errcode"] == 48001

    def test_subscription(self, client: TestClient, shop: Shop) -> None:
        name = "mini-notice-template-00001"
        one = {"template_id": name, "title": "取餐提醒", "content": "门店:{{thing1.DATA}}"}
        control(client, "PUT", f"accounts/{MINI}/notices", [one])
        choices = {"appid": MINI, "choices": {name: "accept"}}
        control(client, "POST", "people/lin/notices/decide", choices)
        body = {
            "touser": openid(client),
            "template_id": name,
            "page": f"{PAGE}?id=1",
            "data": {"thing1": {"value": "人民路店"}},
        }
        path = "/cgi-bin/message/subscribe/send"

        assert call(client, path, {**body, "page": "pages/none"})["errcode"] == 41030
        assert call(client, path, {**body, "miniprogram_state": "x"})["errcode"] == 40097
        assert call(client, path, body)["errcode"] == 0
        assert call(client, path, body)["errcode"] == 43101
        (shown,) = control(client, "GET", "people/lin/notices")
        assert shown["mini"] == {"appid": MINI, "pagepath": f"{PAGE}?id=1"}
        popup = json.loads(shop.pushes[0].body)
        assert popup["List"][0]["SubscribeStatusString"] == "accept"
