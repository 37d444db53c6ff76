from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from wechat_sandbox.accounts import Account
from wechat_sandbox.tests.factories import (
    APPID,
    api,
    control,
    follow,
    openid,
    scene_code,
    token,
)


@pytest.mark.usefixtures("tea", "lin")
class TestUsers:
    def test_openids_differ_by_account_and_stay(self, client: TestClient) -> None:
        control(client, "PUT", "accounts/wxsbbook0001", {"name": "书店"})
        first = openid(client)
        other = control(client, "GET", "openids?appid=wxsbbook0001")["lin"]
        control(client, "POST", "reset", {"keep": "setup"})

        assert first != other
        assert len(first) == 28
        assert openid(client) == first

    def test_info_of_a_follower_has_no_name(self, client: TestClient) -> None:
        follow(client)
        found = api(client, "/cgi-bin/user/info", openid=openid(client), access_token=token(client))

        assert found["subscribe"] == 1
        assert found["subscribe_scene"] == "ADD_SCENE_SEARCH"
        assert found["unionid"].startswith("o")
        assert not {"nickname", "headimgurl", "sex"} & set(found)

    def test_info_of_a_stranger_is_short(self, client: TestClient) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"open_account": None})
        found = api(client, "/cgi-bin/user/info", openid=openid(client), access_token=token(client))

        assert found == {"subscribe": 0, "openid": openid(client)}

    @pytest.mark.parametrize(("value", "errcode"), [("", 41009), ("oNobody", 40003)])
    def test_info_needs_an_openid_of_this_account(
        self, client: TestClient, value: str, errcode: int
    ) -> None:
        found = api(client, "/cgi-bin/user/info", openid=value, access_token=token(client))

        assert found["errcode"] == errcode

    def test_unionid_is_shared_inside_one_open_account_only(self, client: TestClient) -> None:
        control(client, "PUT", "accounts/wxsbbook0001", {"open_account": "group"})
        control(client, "PUT", "accounts/wxsbbook0002", {"open_account": "another"})
        found = []
        for appid in (APPID, "wxsbbook0001", "wxsbbook0002"):
            account = control(client, "GET", f"accounts/{appid}")
            body = {
                "grant_type": "client_credential",
                "appid": appid,
                "secret": account["secret"],
            }
            value = api(client, "/cgi-bin/stable_token", body)["access_token"]
            name = control(client, "GET", f"openids?appid={appid}")["lin"]
            info = api(client, "/cgi-bin/user/info", openid=name, access_token=value)
            found.append(info["unionid"])

        assert found[0] == found[1] != found[2]

    def test_list_of_followers(self, client: TestClient) -> None:
        value = token(client)
        empty = api(client, "/cgi-bin/user/get", access_token=value)
        control(client, "POST", "follows", {"appid": APPID, "people": ["lin", "chen"]})
        full = api(client, "/cgi-bin/user/get", access_token=value)
        names = full["data"]["openid"]
        rest = api(client, "/cgi-bin/user/get", next_openid=names[0], access_token=value)

        assert empty == {"total": 0, "count": 0, "next_openid": ""}
        assert sorted(names) == sorted([openid(client), openid(client, "chen")])
        assert rest["data"]["openid"] == names[1:]
        assert (rest["total"], rest["count"]) == (2, 1)

    def test_batch(self, client: TestClient) -> None:
        follow(client)
        body = {"user_list": [{"openid": openid(client)}, {"openid": openid(client, "chen")}]}
        found = api(client, "/cgi-bin/user/info/batchget", body, access_token=token(client))

        assert [one["subscribe"] for one in found["user_info_list"]] == [1, 0]


def create(client: TestClient, **body: Any) -> dict[str, Any]:
    return api(client, "/cgi-bin/qrcode/create", body, access_token=token(client))


@pytest.mark.usefixtures("tea", "lin")
class TestSceneCodes:
    def test_a_temporary_code_with_its_picture(self, client: TestClient) -> None:
        made = scene_code(client)
        picture = client.get(
            "/mp.weixin.qq.com/cgi-bin/showqrcode", params={"ticket": made["ticket"]}
        )

        assert made["expire_seconds"] == 600
        assert made["url"].startswith("http://weixin.qq.com/q/")
        assert picture.headers["content-type"] == "image/jpg"
        assert picture.content.startswith(b"\xff\xd8\xff")

    def test_no_picture_for_a_made_up_ticket(self, client: TestClient) -> None:
        answer = client.get("/mp.weixin.qq.com/cgi-bin/showqrcode?ticket=nothing")

        assert answer.status_code == 404

    def test_a_permanent_code_comes_back_the_same(self, client: TestClient) -> None:
        first, second = (
            create(
                client, action_name="QR_LIMIT_SCENE", action_info={"scene": {"scene_id": 100_000}}
            )
            for _ in range(2)
        )

        assert first == second
        assert "expire_seconds" not in first

    def test_the_longest_life_is_thirty_days(self, client: TestClient) -> None:
        assert scene_code(client, expire_seconds=9_999_999)["expire_seconds"] == 2_592_000

    def test_permanent_codes_run_out(self, client: TestClient) -> None:
        control(client, "PUT", "quotas", {"appid": APPID, "path": "permanent_codes", "daily": 1})
        answers = [
            create(
                client, action_name="QR_LIMIT_STR_SCENE", action_info={"scene": {"scene_str": s}}
            )
            for s in ("a", "b", "a")
        ]

        assert [one.get("errcode") for one in answers] == [None, 45029, None]

    @pytest.mark.parametrize(
        ("action", "scene", "errcode"),
        [
            ("QR_NONSENSE", {"scene_id": 1}, 40052),
            ("QR_SCENE", {"scene_id": 0}, 40053),
            ("QR_SCENE", {"scene_id": 2**32}, 40053),
            ("QR_SCENE", {"scene_id": True}, 40053),
            ("QR_LIMIT_SCENE", {"scene_id": 100_001}, 40053),
            ("QR_STR_SCENE", {"scene_str": ""}, 40053),
            ("QR_STR_SCENE", {"scene_str": "x" * 65}, 40053),
            ("QR_STR_SCENE", None, 40053),
        ],
    )
    def test_refusals(self, client: TestClient, action: str, scene: Any, errcode: int) -> None:
        answer = create(client, action_name=action, action_info={"scene": scene})

        assert answer["errcode"] == errcode


@pytest.mark.usefixtures("lin")
class TestScan:
    def scan(self, client: TestClient, content: str, **more: Any) -> Any:
        body = {"content": content, **more}
        return control(client, "POST", "people/lin/scan", body)

    def test_a_scene_code_makes_a_follower(self, client: TestClient, tea: Account) -> None:
        found = self.scan(client, scene_code(client)["url"])

        assert found["kind"] == "scene"
        assert (found["appid"], found["scene"]) == (APPID, "bind-7")
        info = api(client, "/cgi-bin/user/info", openid=openid(client), access_token=token(client))
        assert info["subscribe_scene"] == "ADD_SCENE_QR_CODE"
        assert (info["qr_scene"], info["qr_scene_str"]) == (0, "bind-7")

    def test_only_looking_changes_nothing(self, client: TestClient, tea: Account) -> None:
        found = self.scan(client, scene_code(client)["url"], follow=False)

        assert found["followed"] is False
        assert control(client, "GET", "people/lin/chats") == []

    def test_a_code_runs_out(self, client: TestClient, tea: Account) -> None:
        made = scene_code(client)
        control(client, "POST", "clock", {"advance_s": 601})

        assert self.scan(client, made["url"])["kind"] == "expired"
        assert control(client, "GET", "codes") == []

    def test_a_code_is_forgotten(self, client: TestClient, tea: Account) -> None:
        made = scene_code(client)

        assert control(client, "DELETE", f"codes?appid={APPID}") == {"forgotten": 1}

        assert self.scan(client, made["url"])["kind"] == "expired"
        assert control(client, "GET", "codes") == []

    @pytest.mark.parametrize(
        ("content", "answer"),
        [
            (" http://127.0.0.1:8000/t/x ", {"kind": "url", "url": "http://127.0.0.1:8000/t/x"}),
            (
                "http://lin.localhost:8001/t/x?a=1",
                {"kind": "url", "url": "http://127.0.0.1:8000/t/x?a=1"},
            ),
            ("048213", {"kind": "text", "text": "048213"}),
            (
                "http://weixin.qq.com/q/02nobodymadeit",
                {"kind": "expired", "text": "http://weixin.qq.com/q/02nobodymadeit"},
            ),
        ],
        ids=["url", "phone-url", "text", "foreign-scene"],
    )
    def test_other_contents(self, client: TestClient, content: str, answer: Any) -> None:
        assert self.scan(client, content) == answer
