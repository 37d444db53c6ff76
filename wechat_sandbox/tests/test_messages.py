from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from wechat_sandbox.accounts import Account
from wechat_sandbox.tests.factories import APPID, Shop, api, chat, control, follow, openid, token

pytestmark = pytest.mark.usefixtures("tea", "lin")


def send(client: TestClient, **body: Any) -> int:
    message = {"touser": openid(client), "msgtype": "text", "text": {"content": "您好"}, **body}
    answer = api(client, "/cgi-bin/message/custom/send", message, access_token=token(client))
    return int(answer["errcode"])


def advance(client: TestClient, seconds: int) -> None:
    control(client, "POST", "clock", {"advance_s": seconds})


class TestCustomMessages:
    def test_a_follow_allows_three_within_a_minute(self, client: TestClient) -> None:
        follow(client)

        assert [send(client) for _ in range(4)] == [0, 0, 0, 45047]
        advance(client, 61)
        assert send(client) == 45015
        assert len(chat(client)) == 3

    def test_a_message_allows_five_within_two_days(self, client: TestClient) -> None:
        follow(client)
        control(client, "POST", "people/lin/messages", {"appid": APPID, "text": "在吗"})
        advance(client, 3600)

        assert [send(client) for _ in range(6)] == [0] * 5 + [45047]
        advance(client, 48 * 3600)
        assert send(client) == 45015

    def test_nothing_reaches_a_stranger(self, client: TestClient) -> None:
        assert send(client) == 45015
        assert send(client, touser="oNobody") == 40003

    @pytest.mark.parametrize(
        ("body", "errcode"),
        [
            ({"msgtype": "gif"}, 40008),
            ({"text": {"content": ""}}, 44004),
            ({"text": {"content": "长" * 683}}, 45002),
            ({"msgtype": "news", "news": {"articles": []}}, 45008),
            ({"msgtype": "msgmenu", "msgmenu": {"list": []}}, 40035),
        ],
        ids=["type", "empty", "long", "articles", "menu"],
    )
    def test_refusals_use_up_nothing(
        self, client: TestClient, body: dict[str, Any], errcode: int
    ) -> None:
        follow(client)

        assert send(client, **body) == errcode
        assert [send(client) for _ in range(4)] == [0, 0, 0, 45047]

    def test_escaped_characters_are_refused(self, client: TestClient) -> None:
        follow(client)
        raw = b'{"touser":"%s","msgtype":"text","text":{"content":"\\u60a8"}}' % (
            openid(client).encode()
        )

        answer = api(client, "/cgi-bin/message/custom/send", raw, access_token=token(client))
        assert answer["errcode"] == 40033

    def test_menus_and_articles_appear(self, client: TestClient) -> None:
        follow(client)
        menu = {"head_content": "满意吗", "list": [{"id": "1", "content": "满意"}]}
        article = {"title": "新茶上市", "url": "http://127.0.0.1:8000/new"}
        send(client, msgtype="msgmenu", msgmenu=menu)
        send(client, msgtype="news", news={"articles": [article]})

        first, second = chat(client)
        assert first["entries"] == [{"id": "1", "content": "满意"}]
        assert second["articles"][0]["title"] == "新茶上市"


TEMPLATE = "门店：{{thing1.DATA}}\n时间：{{time2.DATA}}\n印章：{{number3.DATA}}\n"


@pytest.fixture
def template(client: TestClient) -> str:
    name = "stamp-notice-template-0001"
    one = {"template_id": name, "title": "集章通知", "content": TEMPLATE}
    control(client, "PUT", f"accounts/{APPID}", {"templates": [one]})
    return name


def notify(client: TestClient, template: str, **body: Any) -> dict[str, Any]:
    values = {"thing1": "人民路店", "time2": "11月22日 14:30", "number3": 3}
    message = {
        "touser": openid(client),
        "template_id": template,
        "url": "http://127.0.0.1:8000/card",
        "data": {key: {"value": value} for key, value in values.items()},
        **body,
    }
    return api(client, "/cgi-bin/message/template/send", message, access_token=token(client))


class TestTemplates:
    def test_arrives_as_a_card_and_is_reported(
        self, client: TestClient, template: str, shop: Shop, tea: Account
    ) -> None:
        follow(client, silent=True)
        answer = notify(client, template)

        (card,) = chat(client)
        assert card["title"] == "集章通知"
        assert card["lines"] == [
            {"name": "门店", "value": "人民路店"},
            {"name": "时间", "value": "11月22日 14:30"},
            {"name": "印章", "value": "3"},
        ]
        control(client, "GET", "clock")
        fields = shop.pushes[-1].opened(tea)
        assert fields["Event"] == "TEMPLATESENDJOBFINISH"
        assert (fields["MsgID"], fields["Status"]) == (str(answer["msgid"]), "success")

    def test_may_be_accepted_and_still_not_arrive(
        self, client: TestClient, template: str, shop: Shop, tea: Account
    ) -> None:
        follow(client, silent=True)
        policy = {"appid": APPID, "template_status": "failed:user block"}
        control(client, "POST", "callbacks/policy", policy)

        assert notify(client, template)["errcode"] == 0
        control(client, "GET", "clock")
        assert shop.pushes[-1].opened(tea)["Status"] == "failed:user block"
        assert chat(client) == []

    def test_the_same_client_id_is_sent_once_in_ten_minutes(
        self, client: TestClient, template: str
    ) -> None:
        follow(client, silent=True)
        numbers = [notify(client, template, client_msg_id="a")["msgid"] for _ in range(2)]
        advance(client, 601)
        numbers.append(notify(client, template, client_msg_id="a")["msgid"])

        assert numbers[0] == numbers[1] != numbers[2]
        assert len(chat(client)) == 2

    @pytest.mark.parametrize(
        ("body", "errcode", "text"),
        [
            ({"template_id": "another"}, 40037, "invalid template_id"),
            ({"touser": "oNobody"}, 40003, "invalid openid"),
            ({"data": {}}, 47003, "data.thing1.value is empty"),
            ({"data": "x"}, 47003, "argument invalid!"),
            (
                {"data": {"thing1": {"value": "长" * 21}}},
                47003,
                "data.thing1.value invalid",
            ),
        ],
        ids=["template", "openid", "missing", "no-object", "long"],
    )
    def test_refusals(
        self, client: TestClient, template: str, body: dict[str, Any], errcode: int, text: str
    ) -> None:
        follow(client, silent=True)
        answer = notify(client, template, **body)

        assert answer["errcode"] == errcode
        assert text in answer["errmsg"]
        assert chat(client) == []

    def test_only_followers_are_told(self, client: TestClient, template: str) -> None:
        assert notify(client, template)["errcode"] == 43004

    def test_library(self, client: TestClient) -> None:
        value = token(client)
        body = {"template_id_short": "43001", "keyword_name_list": ["门店", "集章时间"]}
        made = api(client, "/cgi-bin/template/api_add_template", body, access_token=value)
        listed = api(client, "/cgi-bin/template/get_all_private_template", access_token=value)

        (one,) = listed["template_list"]
        assert one["template_id"] == made["template_id"]
        assert one["content"] == "门店:{{thing1.DATA}}\n集章时间:{{time2.DATA}}\n"
        gone = {"template_id": made["template_id"]}
        path = "/cgi-bin/template/del_private_template"
        assert api(client, path, gone, access_token=value)["errcode"] == 0
        assert api(client, path, gone, access_token=value)["errcode"] == 40037

    def test_an_account_holds_twenty_five(self, client: TestClient) -> None:
        path, body = "/cgi-bin/template/api_add_template", {"template_id_short": "1"}
        codes = [api(client, path, body, access_token=token(client))["errcode"] for _ in range(26)]

        assert codes == [0] * 25 + [45026]


def button(**changes: Any) -> dict[str, Any]:
    return {"type": "view", "name": "集章卡", "url": "http://127.0.0.1:8000/", **changes}


def create_menu(client: TestClient, *buttons: Any) -> int:
    body = {"button": list(buttons)}
    return int(api(client, "/cgi-bin/menu/create", body, access_token=token(client))["errcode"])


class TestMenus:
    def test_a_menu_of_the_console_is_not_one_of_the_api(self, client: TestClient) -> None:
        value = token(client)

        assert api(client, "/cgi-bin/menu/get", access_token=value)["errcode"] == 46003
        shown = api(client, "/cgi-bin/get_current_selfmenu_info", access_token=value)
        assert shown["selfmenu_info"]["button"][1]["sub_button"]["list"][0]["key"] == "HELP"

    def test_create_get_delete(self, client: TestClient) -> None:
        assert create_menu(client, button()) == 0
        value = token(client)
        found = api(client, "/cgi-bin/menu/get", access_token=value)
        assert found == {"menu": {"button": [button(sub_button=[])]}}
        assert api(client, "/cgi-bin/menu/delete", access_token=value)["errcode"] == 0
        assert api(client, "/cgi-bin/menu/get", access_token=value)["errcode"] == 46003

    @pytest.mark.parametrize(
        ("buttons", "errcode"),
        [
            ([], 40016),
            ([button()] * 4, 40016),
            ([button(name="")], 40018),
            ([button(name="六个汉字太长")], 40018),
            ([button(type="teleport")], 40017),
            ([button(url="")], 40020),
            ([button(type="click", key="k" * 129)], 40019),
            ([{"name": "更多", "sub_button": [button()] * 6}], 40023),
            ([{"name": "更多", "sub_button": [button(name="长" * 21)]}], 40025),
        ],
        ids=["none", "four", "unnamed", "18-bytes", "type", "url", "key", "six-below", "63-bytes"],
    )
    def test_refusals(self, client: TestClient, buttons: list[Any], errcode: int) -> None:
        assert create_menu(client, *buttons) == errcode
        found = api(client, "/cgi-bin/menu/get", access_token=token(client))
        assert found["errcode"] == 46003
