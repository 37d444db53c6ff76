from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from wechat_sandbox import Sandbox, create_app, people
from wechat_sandbox.accounts import Account
from wechat_sandbox.rewrite import AUTHORIZE
from wechat_sandbox.serving import free_port
from wechat_sandbox.tests.factories import (
    APPID,
    CHEN,
    LIN,
    MAIN,
    PRODUCT,
    Shop,
    chat,
    follow,
    scene_code,
)

pytestmark = pytest.mark.usefixtures("lin")


class TestInAppBrowser:
    def test_the_product_sees_its_own_address_and_wechat(
        self, client: TestClient, shop: Shop
    ) -> None:
        client.post(
            f"{LIN}/w/tea/card?a=1&b=%E8%8C%B6",
            content=b"x=1",
            headers={
                "Origin": LIN,
                "Referer": f"{LIN}/w/tea/",
                "User-Agent": "a computer",
                "Cookie": "from=computer",
                "Sec-Fetch-Dest": "iframe",
                "X-Forwarded-Host": "evil.example",
            },
        )

        (asked,) = shop.requests
        headers = asked["headers"]
        assert (asked["path"], asked["query"], asked["body"]) == (
            "/w/tea/card",
            "a=1&b=%E8%8C%B6",
            "x=1",
        )
        assert headers["host"] == "127.0.0.1:8000"
        assert headers["origin"] == PRODUCT
        assert headers["referer"] == f"{PRODUCT}/w/tea/"
        assert "iPhone" in headers["user-agent"]
        assert "MicroMessenger" in headers["user-agent"]
        assert headers["sec-fetch-dest"] == "document"
        assert "cookie" not in headers
        assert "x-forwarded-host" not in headers

    def test_a_strange_origin_stays_strange(self, client: TestClient, shop: Shop) -> None:
        client.post(f"{LIN}/w/", headers={"Origin": CHEN, "Referer": f"{LIN}/_phone/"})

        assert shop.requests[0]["headers"]["origin"] == CHEN
        assert "referer" not in shop.requests[0]["headers"]

    def test_each_person_has_their_own_cookies(self, client: TestClient, shop: Shop) -> None:
        for host in (LIN, CHEN, LIN, CHEN):
            answer = client.get(f"{host}/w/")
            assert "set-cookie" not in answer.headers

        sent = [one["headers"].get("cookie") for one in shop.requests]
        assert sent == [None, None, "session=of-iPhone", "session=of-Linux"]

    def test_cookies_keep_to_their_path_and_can_be_forgotten(
        self, client: TestClient, shop: Shop
    ) -> None:
        client.get(f"{LIN}/")
        client.get(f"{LIN}/deep/er/page")
        client.get(f"{LIN}/deep/erring")
        assert client.post(f"{LIN}/_phone/api/signout").json() == {"forgotten": 2}
        client.get(f"{LIN}/deep/er")

        sent = [one["headers"].get("cookie") for one in shop.requests]
        assert sent == [None, "deep=1; session=of-iPhone", "session=of-iPhone", None]

    def test_pages_are_adapted(self, client: TestClient) -> None:
        answer = client.get(f"{LIN}/w/")

        assert f'href="{LIN}/next"' in answer.text
        assert f'src="{LIN}/mp.weixin.qq.com/cgi-bin/showqrcode?ticket=x"' in answer.text
        assert f"href='{MAIN}/_sandbox/calls'" in answer.text
        assert f"<p>{PRODUCT}/next</p>" in answer.text
        assert f'href="{PRODUCT}1/"' in answer.text
        assert "x-frame-options" not in answer.headers
        policy = answer.headers["content-security-policy"]
        assert policy == f"default-src 'self'; img-src {LIN}"

    def test_other_bodies_pass_as_they_are(self, client: TestClient) -> None:
        answer = client.get(f"{LIN}/picture")

        assert answer.content == b"\x89PNG...."
        assert answer.headers["content-type"] == "image/png"

    @pytest.mark.parametrize(
        ("target", "location"),
        [
            (f"{PRODUCT}/w/?a=1", f"{LIN}/w/?a=1"),
            ("/w/", "/w/"),
            (
                f"{MAIN}{AUTHORIZE}?appid=x#wechat_redirect",
                f"{LIN}{AUTHORIZE}?appid=x#wechat_redirect",
            ),
            (
                f"http://localhost:8001{AUTHORIZE}?appid=x",
                f"{LIN}{AUTHORIZE}?appid=x&sandbox_fragment=missing",
            ),
            (
                "https://example.com/a?b=c",
                "/_phone/external?url=https%3A%2F%2Fexample.com%2Fa%3Fb%3Dc",
            ),
        ],
        ids=["product", "relative", "oauth", "oauth-without-fragment", "elsewhere"],
    )
    def test_redirects(self, client: TestClient, target: str, location: str) -> None:
        answer = client.get(f"{LIN}/login?to={quote(target, safe='')}")

        assert answer.headers["location"] == location

    def test_the_root_is_the_phone_in_the_address_bar_and_the_product_in_its_frame(
        self, client: TestClient, shop: Shop
    ) -> None:
        typed = client.get(f"{LIN}/?open=%2Fw", headers={"Sec-Fetch-Dest": "document"})
        framed = client.get(f"{LIN}/", headers={"Sec-Fetch-Dest": "iframe"})

        assert typed.headers["location"] == "/_phone/?open=%2Fw"
        assert framed.status_code == 200
        assert [one["path"] for one in shop.requests] == ["/"]

    def test_a_product_that_is_not_there(self) -> None:
        gone = create_app(product=f"http://127.0.0.1:{free_port()}")
        people.save_all(gone.world.store, [{"slug": "lin", "nickname": "林小满"}])
        client = TestClient(gone, base_url=MAIN)

        page = client.get(f"{LIN}/w/", headers={"Accept": "text/html"})
        assert page.status_code == 502
        assert "重试" in page.text
        assert client.get(f"{LIN}/w/").text == "商家系统没有回答"
        gone.world.store.close()

    @pytest.mark.parametrize("path", ["/w/", "/_phone/"])
    def test_nobody_has_that_phone(self, client: TestClient, path: str) -> None:
        answer = client.get("http://nobody.localhost:8001/_phone/api/state")
        page = client.get(f"http://nobody.localhost:8001{path}")

        assert answer.status_code == page.status_code == 404
        assert "没有这部手机" in page.text


def state(client: TestClient, host: str = LIN) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{host}/_phone/api/state").json()
    return found


class TestPhone:
    def test_pages_come_with_a_strict_policy(self, client: TestClient) -> None:
        for url in (f"{LIN}/_phone/", f"{MAIN}/", f"{MAIN}/_sandbox/calls"):
            answer = client.get(url)
            assert answer.status_code == 200
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert "<style" not in answer.text
            assert " style=" not in answer.text

    def test_state_changes_only_when_something_happens(
        self, client: TestClient, tea: Account
    ) -> None:
        first = state(client)
        url = f"{LIN}/_phone/api/state?since={first['version']}"
        assert client.get(url).status_code == 204
        other = state(client, CHEN)["version"]
        follow(client, silent=True)

        second = client.get(url).json()
        assert [one["appid"] for one in second["chats"]] == [APPID]
        assert state(client, CHEN)["version"] == other

    def test_scan_then_follow(self, client: TestClient, tea: Account, shop: Shop) -> None:
        made = scene_code(client)
        codes = client.get(f"{LIN}/_phone/api/codes").json()
        assert [(one["content"], one["name"]) for one in codes] == [(made["url"], "拾光茶饮")]
        assert [one["about"] for one in codes] == [tea.about]
        seen = client.post(f"{LIN}/_phone/api/scan", json={"content": made["url"]}).json()
        assert seen == {
            "kind": "scene",
            "appid": APPID,
            "followed": False,
            "content": made["url"],
        }
        assert shop.pushes == []

        url = f"{LIN}/_phone/api/accounts/{APPID}/follow"
        client.post(url, json={"content": made["url"]})
        again = client.post(f"{LIN}/_phone/api/scan", json={"content": made["url"]}).json()
        client.get(f"{MAIN}/_sandbox/health")
        assert again["followed"] is True
        events = [one.opened(tea) for one in shop.pushes]
        assert [(one["Event"], one["EventKey"]) for one in events] == [
            ("subscribe", "qrscene_bind-7"),
            ("SCAN", "bind-7"),
        ]

    def test_codes_have_names_and_say_who_scanned_them(
        self, client: TestClient, sandbox: Sandbox, tea: Account
    ) -> None:
        first, second = scene_code(client), scene_code(client, scene="bind-8")
        named = client.put(
            "/_sandbox/api/codes", json={"content": first["url"], "name": "添加管理员 · 湖滨店"}
        )
        assert named.status_code == 200
        follow(client, silent=True)
        client.post(f"{LIN}/_phone/api/scan", json={"content": first["url"]})

        newest, oldest = client.get(f"{LIN}/_phone/api/codes").json()

        assert (newest["content"], newest["name"]) == (second["url"], "拾光茶饮")
        assert (oldest["name"], oldest["about"]) == ("添加管理员 · 湖滨店", "拾光茶饮")
        assert (oldest["scanned_by"], newest["scanned_by"]) == ("林小满", "")
        assert oldest["scanned_at"]

    @pytest.mark.parametrize("wrong", [{"content": "x"}, {"name": ""}, {"name": "长" * 61}])
    def test_a_name_needs_a_code_and_a_length(
        self, client: TestClient, tea: Account, wrong: dict[str, str]
    ) -> None:
        given = {"content": scene_code(client)["url"], "name": "收银台"} | wrong
        assert client.put("/_sandbox/api/codes", json=given).status_code == 422

    def test_a_code_that_ran_out_is_told_as_such_behind_the_others(
        self, client: TestClient, sandbox: Sandbox, tea: Account
    ) -> None:
        scene_code(client, expire_seconds=60)
        client.post("/_sandbox/api/clock", json={"offset_s": 61})
        scene_code(client, scene="bind-8")

        codes = client.get(f"{LIN}/_phone/api/codes").json()
        assert [(one["scene"], one["is_over"]) for one in codes] == [
            ("bind-8", False),
            ("bind-7", True),
        ]

        client.post("/_sandbox/api/clock", json={"offset_s": 2000})
        late = client.get(f"{LIN}/_phone/api/codes").json()
        assert [one["scene"] for one in late] == ["bind-8"]

    def test_unread_messages_are_counted_until_seen(
        self, client: TestClient, sandbox: Sandbox, tea: Account
    ) -> None:
        client.put(f"/_sandbox/api/accounts/{APPID}", json={"welcome": "欢迎"})
        follow(client, silent=True)
        assert state(client)["chats"][0]["unread"] == 1
        seen = client.get(f"{LIN}/_phone/api/chats/{APPID}?seen=1").json()

        assert [one["content"] for one in seen["messages"]] == ["欢迎"]
        assert state(client)["chats"][0]["unread"] == 0

    def test_talk(self, client: TestClient, tea: Account, shop: Shop) -> None:
        url = f"{LIN}/_phone/api/chats/{APPID}/messages"
        assert client.post(url, json={"text": "在吗"}).status_code == 422
        follow(client, silent=True)
        client.post(url, json={"text": "满意", "menu_id": "1"})
        client.get(f"{MAIN}/_sandbox/health")

        assert [one["content"] for one in chat(client)] == ["满意"]
        assert shop.pushes[0].opened(tea)["bizmsgmenuid"] == "1"

    def test_menu_and_leaving(self, client: TestClient, tea: Account) -> None:
        follow(client, silent=True)
        url = f"{LIN}/_phone/api/chats/{APPID}/menu"

        opened = client.post(url, json={"path": [0]}).json()
        assert opened == {"kind": "view", "url": f"{PRODUCT}/card"}
        for wrong in ([1], [7], [1, 7], "0", []):
            assert client.post(url, json={"path": wrong}).status_code == 422
        client.post(f"{LIN}/_phone/api/accounts/{APPID}/unfollow", json={})
        client.get(f"{MAIN}/_sandbox/health")
        assert state(client)["chats"] == []

    @pytest.mark.parametrize(
        ("url", "path"),
        [
            (f"{PRODUCT}/w/?a=1#b", "/w/?a=1#b"),
            (PRODUCT, "/"),
            ("/w/", "/w/"),
            (f"{CHEN}/w/", "/w/"),
            ("//evil.example/", ""),
            ("https://evil.example/", ""),
            (f"{PRODUCT}.evil.example/", ""),
            ("javascript:alert(1)", ""),
        ],
    )
    def test_where_an_address_leads(self, client: TestClient, url: str, path: str) -> None:
        found = client.post(f"{LIN}/_phone/api/open", json={"url": url}).json()

        assert found == {"path": path}

    def test_other_sites_cannot_act_for_the_person(self, client: TestClient, tea: Account) -> None:
        for origin in (MAIN, CHEN, "null", "http://evil.example"):
            answer = client.post(
                f"{LIN}/_phone/api/accounts/{APPID}/follow", json={}, headers={"Origin": origin}
            )
            assert answer.status_code == 403
        assert state(client)["chats"] == []


class TestFriends:
    """A page sent to a friend stands in both chats, with the product's own address."""

    def send(self, client: TestClient, to: str, **values: str) -> Any:
        body = {"title": "集章卡", "about": "集满换一杯", "link": f"{LIN}/card", "picture": ""}
        return client.post(f"{LIN}/_phone/api/friends/{to}", json=body | values)

    def test_both_see_it_and_reading_clears_the_count(self, client: TestClient) -> None:
        assert self.send(client, "chen").status_code == 200
        state = client.get(f"{CHEN}/_phone/api/state").json()
        assert [(one["slug"], one["unread"]) for one in state["friends"]] == [("lin", 1)]
        chat = client.get(f"{CHEN}/_phone/api/friends/lin").json()
        (page,) = chat["pages"]
        assert (page["link"], page["title"], page["mine"]) == (f"{PRODUCT}/card", "集章卡", False)
        assert client.get(f"{CHEN}/_phone/api/state").json()["friends"][0]["unread"] == 0
        mine = client.get(f"{LIN}/_phone/api/friends/chen").json()["pages"]
        assert [one["mine"] for one in mine] == [True]
        assert [one["slug"] for one in client.get(f"{LIN}/_phone/api/friends").json()] == ["chen"]

    @pytest.mark.parametrize(
        ("to", "link"), [("lin", f"{PRODUCT}/card"), ("chen", "javascript:alert(1)")]
    )
    def test_not_to_oneself_and_only_addresses(
        self, client: TestClient, to: str, link: str
    ) -> None:
        assert self.send(client, to, link=link).status_code == 422
        assert client.get(f"{CHEN}/_phone/api/state").json()["friends"] == []
