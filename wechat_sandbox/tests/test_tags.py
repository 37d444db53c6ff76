from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from wechat_sandbox.accounts import Account
from wechat_sandbox.tests.factories import APPID, Shop, api, control, follow, openid, token

pytestmark = pytest.mark.usefixtures("tea", "lin")


def call(client: TestClient, path: str, body: Any = None, **query: str) -> dict[str, Any]:
    return api(client, f"/cgi-bin/{path}", body, access_token=token(client), **query)


def make_tag(client: TestClient, name: str = "会员") -> int:
    return int(call(client, "tags/create", {"tag": {"name": name}})["tag"]["id"])


class TestTags:
    def test_given_and_taken(self, client: TestClient) -> None:
        follow(client, silent=True)
        number = make_tag(client)
        body = {"tagid": number, "openid_list": [openid(client)]}
        assert call(client, "tags/members/batchtagging", body)["errcode"] == 0

        (one,) = call(client, "tags/get")["tags"]
        assert one == {"id": number, "name": "会员", "count": 1}
        found = call(client, "user/tag/get", {"tagid": number, "next_openid": ""})
        assert found["data"]["openid"] == [openid(client)]
        info = call(client, "user/info", openid=openid(client))
        assert info["tagid_list"] == [number]
        assert call(client, "tags/getidlist", {"openid": openid(client)}) == {
            "tagid_list": [number]
        }
        assert call(client, "tags/members/batchuntagging", body)["errcode"] == 0
        assert call(client, "user/info", openid=openid(client))["tagid_list"] == []

    def test_renamed_and_deleted(self, client: TestClient) -> None:
        number = make_tag(client)
        body = {"tag": {"id": number, "name": "老会员"}}
        assert call(client, "tags/update", body)["errcode"] == 0
        assert call(client, "tags/get")["tags"][0]["name"] == "老会员"
        assert call(client, "tags/delete", {"tag": {"id": number}})["errcode"] == 0
        assert call(client, "tags/get")["tags"] == []

    @pytest.mark.parametrize(
        ("path", "body", "errcode"),
        [
            ("tags/create", {"tag": {"name": ""}}, 40035),
            ("tags/create", {"tag": {"name": "长" * 31}}, 45158),
            ("tags/create", {"tag": {"name": "会员"}}, 45157),
            ("tags/create", {}, 47001),
            ("tags/update", {"tag": {"id": 2, "name": "x"}}, 45058),
            ("tags/update", {"tag": {"id": 4711, "name": "x"}}, 45159),
            ("tags/delete", {"tag": {"id": "x"}}, 45159),
            ("tags/members/batchtagging", {"tagid": 100, "openid_list": []}, 40031),
            ("tags/members/batchtagging", {"tagid": 100, "openid_list": ["o"] * 51}, 40032),
            ("tags/members/batchtagging", {"tagid": 100, "openid_list": ["o"]}, 40003),
            ("user/info/batchget", {"user_list": []}, 40031),
            ("user/info/batchget", {"user_list": [{"openid": "o"}] * 101}, 40032),
            ("user/info/batchget", {"user_list": [{"openid": "o"}]}, 40003),
        ],
    )
    def test_refusals(
        self, client: TestClient, path: str, body: dict[str, Any], errcode: int
    ) -> None:
        make_tag(client)

        assert call(client, path, body)["errcode"] == errcode

    def test_limits(self, client: TestClient) -> None:
        numbers = [make_tag(client, f"标签{one}") for one in range(100)]
        assert call(client, "tags/create", {"tag": {"name": "多余"}})["errcode"] == 45056
        codes = [
            call(
                client,
                "tags/members/batchtagging",
                {"tagid": number, "openid_list": [openid(client)]},
            )["errcode"]
            for number in numbers[:21]
        ]

        assert codes == [0] * 20 + [45059]

    def test_remark(self, client: TestClient) -> None:
        follow(client, silent=True)
        body = {"openid": openid(client), "remark": "常客"}
        assert call(client, "user/info/updateremark", body)["errcode"] == 0

        assert call(client, "user/info", openid=openid(client))["remark"] == "常客"
        body["remark"] = "长" * 10
        assert call(client, "user/info/updateremark", body)["errcode"] == 40035


class TestBlacklist:
    def test_their_messages_do_not_arrive(self, client: TestClient, shop: Shop) -> None:
        follow(client, silent=True)
        body = {"openid_list": [openid(client)]}
        assert call(client, "tags/members/batchblacklist", body)["errcode"] == 0
        listed = call(client, "tags/members/getblacklist", {"begin_openid": ""})
        assert (listed["total"], listed["data"]["openid"]) == (1, [openid(client)])
        said = {"appid": APPID, "text": "在吗"}
        assert control(client, "POST", "people/lin/messages", said)["callback"]["attempts"] == 0
        assert shop.pushes == []
        sent = {"touser": openid(client), "msgtype": "text", "text": {"content": "x"}}
        assert call(client, "message/custom/send", sent)["errcode"] == 43019

        assert call(client, "tags/members/batchunblacklist", body)["errcode"] == 0
        control(client, "POST", "people/lin/messages", said)
        assert len(shop.pushes) == 1


BUTTON = {"type": "click", "name": "会员", "key": "VIP"}


class TestConditionalMenus:
    def add(self, client: TestClient, **body: Any) -> dict[str, Any]:
        sent = {"button": [BUTTON], "matchrule": {"client_platform_type": "1"}, **body}
        return call(client, "menu/addconditional", sent)

    def shown(self, client: TestClient, slug: str) -> str:
        url = f"http://{slug}.localhost:8001/_phone/api/chats/{APPID}"
        return str(client.get(url).json()["menu"][0]["name"])

    def test_for_a_kind_of_phone_and_a_tag(self, client: TestClient, tea: Account) -> None:
        menuid = self.add(client)["menuid"]
        assert (self.shown(client, "lin"), self.shown(client, "chen")) == ("会员", "集章卡")
        tried = call(client, "menu/trymatch", {"user_id": openid(client)})
        assert tried["button"][0]["name"] == "会员"
        assert call(client, "menu/trymatch", {"user_id": "chen"})["button"][0]["name"] == "集章卡"

        number = make_tag(client)
        tagged = {**BUTTON, "name": "贵宾"}
        self.add(client, button=[tagged], matchrule={"tag_id": str(number)})
        body = {"tagid": number, "openid_list": [openid(client)]}
        call(client, "tags/members/batchtagging", body)
        assert self.shown(client, "lin") == "贵宾"

        api_menu = {"button": [{"type": "view", "name": "集章", "url": "http://127.0.0.1:8000/"}]}
        call(client, "menu/create", api_menu)
        got = call(client, "menu/get")
        assert got["conditionalmenu"][0]["menuid"] == menuid
        assert got["conditionalmenu"][0]["matchrule"] == {"client_platform_type": "1"}
        assert call(client, "menu/delconditional", {"menuid": menuid})["errcode"] == 0
        assert call(client, "menu/delconditional", {"menuid": menuid})["errcode"] == 65301
        call(client, "menu/delete")
        assert call(client, "menu/get")["errcode"] == 46003
        assert call(client, "menu/trymatch", {"user_id": "chen"})["errcode"] == 46003

    @pytest.mark.parametrize(
        ("body", "errcode"),
        [
            ({"matchrule": {}}, 65304),
            ({"matchrule": {"tag_id": "4711"}}, 45058),
            ({"matchrule": {"client_platform_type": "9"}}, 40035),
            ({"button": []}, 65307),
        ],
    )
    def test_refusals(self, client: TestClient, body: dict[str, Any], errcode: int) -> None:
        assert self.add(client, **body)["errcode"] == errcode

    def test_needs_one_for_everybody(self, client: TestClient) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"menu": None})

        assert self.add(client)["errcode"] == 65303
        assert call(client, "menu/trymatch", {"user_id": "nobody"})["errcode"] == 65302
