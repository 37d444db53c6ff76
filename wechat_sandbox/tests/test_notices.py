from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from starlette.testclient import TestClient

from wechat_sandbox.accounts import Account
from wechat_sandbox.tests.factories import APPID, LIN, Shop, api, control, follow, openid, token
from wechat_sandbox.tests.test_menu_taps import message_of

pytestmark = pytest.mark.usefixtures("tea", "lin")

WHOLE = "门店:{{thing1.DATA}}\n金额:{{amount2.DATA}}\n时间:{{time3.DATA}}\n"
DATA = {
    "thing1": {"value": "人民路店"},
    "amount2": {"value": "¥28.00"},
    "time3": {"value": "2026年11月22日 14:30"},
}
NAME = "notice-template-000000001"


@pytest.fixture
def template(client: TestClient, tea: Account) -> str:
    one = {"template_id": NAME, "title": "订单通知", "content": WHOLE}
    control(client, "PUT", f"accounts/{APPID}/notices", [one])
    return NAME


def decide(client: TestClient, choice: str = "accept") -> Any:
    body = {"appid": APPID, "choices": {NAME: choice}}
    return control(client, "POST", "people/lin/notices/decide", body)["callback"]


def send(client: TestClient, **body: Any) -> dict[str, Any]:
    sent = {"touser": openid(client), "template_id": NAME, "data": DATA, **body}
    return api(client, "/cgi-bin/message/subscribe/bizsend", sent, access_token=token(client))


def inbox(client: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = control(client, "GET", "people/lin/notices")
    return found


@pytest.mark.usefixtures("template")
class TestOnce:
    def test_one_acceptance_is_one_message(
        self, client: TestClient, tea: Account, shop: Shop
    ) -> None:
        assert send(client)["errcode"] == 43101
        decide(client)
        popup = message_of(shop, tea)
        assert popup.findtext("Event") == "subscribe_msg_popup_event"
        assert popup.findtext("SubscribeMsgPopupEvent/List/TemplateId") == NAME
        assert popup.findtext("SubscribeMsgPopupEvent/List/SubscribeStatusString") == "accept"
        answer = send(client, page="http://127.0.0.1:8000/order")

        assert answer["errcode"] == 0
        assert send(client)["errcode"] == 43101
        (shown,) = inbox(client)
        assert shown["name"] == "拾光茶饮"
        assert shown["lines"][0] == {"name": "门店", "value": "人民路店"}
        assert shown["url"] == "http://127.0.0.1:8000/order"
        control(client, "GET", "clock")
        sent = message_of(shop, tea)
        assert sent.findtext("Event") == "subscribe_msg_sent_event"
        assert sent.findtext("SubscribeMsgSentEvent/List/MsgID") == str(answer["msgid"])
        assert sent.findtext("SubscribeMsgSentEvent/List/ErrorCode") == "0"

    def test_acceptances_add_up_a_refusal_does_not(self, client: TestClient) -> None:
        decide(client)
        decide(client)
        decide(client, "reject")

        assert [send(client)["errcode"] for _ in range(3)] == [0, 0, 43101]

    def test_withdrawn_in_the_settings(self, client: TestClient, tea: Account, shop: Shop) -> None:
        body = {"appid": APPID, "template_id": NAME}
        path = "people/lin/notices/withdraw"
        assert control(client, "POST", path, body)["callback"] is None
        decide(client)
        control(client, "POST", path, body)

        told = message_of(shop, tea)
        assert told.findtext("Event") == "subscribe_msg_change_event"
        assert told.findtext("SubscribeMsgChangeEvent/List/SubscribeStatusString") == "reject"
        assert send(client)["errcode"] == 43101

    def test_two_at_once_to_the_same_person(self, client: TestClient) -> None:
        decide(client)
        decide(client)
        value, whom = token(client), openid(client)
        sent = {"touser": whom, "template_id": NAME, "data": DATA}

        def go(_: int) -> int:
            path = "/cgi-bin/message/subscribe/bizsend"
            return int(api(client, path, sent, access_token=value)["errcode"])

        with ThreadPoolExecutor(2) as pool:
            codes = sorted(pool.map(go, range(2)))
        assert codes == [0, 43108]

    @pytest.mark.parametrize(
        ("place", "value", "text"),
        [
            ("thing1", "长" * 21, "data.thing1.value invalid"),
            ("thing1", "", "data.thing1.value is empty"),
            ("amount2", "很多", "data.amount2.value invalid"),
            ("time3", "明天", "data.time3.value invalid"),
        ],
    )
    def test_the_text_names_the_wrong_value(
        self, client: TestClient, place: str, value: str, text: str
    ) -> None:
        decide(client)
        answer = send(client, data={**DATA, place: {"value": value}})

        assert answer["errcode"] == 47003
        assert text in answer["errmsg"]
        assert send(client)["errcode"] == 0

    @pytest.mark.parametrize(
        ("body", "errcode"),
        [
            ({"touser": "oNobody"}, 40003),
            ({"template_id": "another"}, 40037),
            ({"miniprogram": {"appid": "wxsbmini0001", "pagepath": "x"}}, 40166),
            ({"lang": "tlh"}, 40097),
            ({"data": {**DATA, "thing1": {"value": "沙箱违规词"}}}, 45168),
            ({"data": "x"}, 47003),
        ],
    )
    def test_refusals(self, client: TestClient, body: dict[str, Any], errcode: int) -> None:
        decide(client)

        assert send(client, **body)["errcode"] == errcode


class TestForGood:
    def test_any_number(self, client: TestClient) -> None:
        one = {"template_id": NAME, "title": "公共通知", "content": WHOLE, "kind": 3}
        control(client, "PUT", f"accounts/{APPID}/notices", [one])
        decide(client)

        assert [send(client)["errcode"] for _ in range(3)] == [0, 0, 0]


class TestValues:
    @pytest.mark.parametrize(
        ("kind", "good", "bad"),
        [
            ("number", ["1", "-3.5", "9" * 32], ["9" * 33, "1a", "1."]),
            ("letter", ["Abc"], ["a1", "茶"]),
            ("symbol", ["!!"], ["!!!!!!", "a"]),
            ("character_string", ["A-1 b"], ["茶", "x" * 33]),
            ("time", ["14:30", "2026-11-22 14:30", "08:00~09:00"], ["2026-11-22", "x"]),
            ("date", ["2026年11月22日", "2026-11-22 14:30", "2026-11-22~2026-11-23"], ["14:30"]),
            ("amount", ["¥1", "20.50元", "$3"], ["1" * 11, "一元"]),
            ("phone_number", ["+86-138 0013"], ["138abc", "1" * 18]),
            ("car_number", ["粤A12345"], ["粤A-12345", "粤A12345678"]),
            ("name", ["王秀英", "Ann Smith"], ["王" * 11, "x" * 21]),
            ("phrase", ["已完成"], ["done", "已经完成了吗"]),
        ],
    )
    def test_by_kind(self, client: TestClient, kind: str, good: list[str], bad: list[str]) -> None:
        one = {"template_id": NAME, "title": "x", "content": f"值:{{{{{kind}1.DATA}}}}", "kind": 3}
        control(client, "PUT", f"accounts/{APPID}/notices", [one])
        decide(client)

        codes = [
            send(client, data={f"{kind}1": {"value": value}})["errcode"] for value in good + bad
        ]
        assert codes == [0] * len(good) + [47003] * len(bad)


def library(client: TestClient, path: str, body: Any = None, **query: str) -> dict[str, Any]:
    return api(client, f"/wxaapi/newtmpl/{path}", body, access_token=token(client), **query)


class TestLibrary:
    def test_from_category_to_message(self, client: TestClient) -> None:
        category = library(client, "getcategory")["data"][0]["id"]
        query = {"ids": str(category), "start": "0", "limit": "30"}
        titles = library(client, "getpubtemplatetitles", **query)
        assert titles["count"] == len(titles["data"]) == 2
        tid = titles["data"][0]["tid"]
        words = library(client, "getpubtemplatekeywords", tid=str(tid))["data"]
        kids = [words[1]["kid"], words[2]["kid"]]
        body = {"tid": str(tid), "kidList": kids, "sceneDesc": "下单后"}
        made = library(client, "addtemplate", body)["priTmplId"]
        (held,) = library(client, "gettemplate")["data"]

        assert held["priTmplId"] == made
        assert held["content"] == "订单状态:{{phrase2.DATA}}\n门店名称:{{thing3.DATA}}\n"
        assert held["type"] == 2
        assert library(client, "addtemplate", body)["errcode"] == 200022
        assert library(client, "deltemplate", {"priTmplId": made})["errcode"] == 0
        assert library(client, "deltemplate", {"priTmplId": made})["errcode"] == 200014

    @pytest.mark.parametrize(
        ("changes", "errcode"),
        [
            ({"tid": "1"}, 200014),
            ({"kidList": [1]}, 200020),
            ({"kidList": [1, 1]}, 200020),
            ({"kidList": [1, 99]}, 200020),
            ({"sceneDesc": "长" * 16}, 200021),
        ],
    )
    def test_refusals(self, client: TestClient, changes: Any, errcode: int) -> None:
        body = {"tid": "99", "kidList": [1, 2], "sceneDesc": "下单后", **changes}

        assert library(client, "addtemplate", body)["errcode"] == errcode

    @pytest.mark.parametrize(
        ("query", "errcode"),
        [
            ({"ids": ""}, 200018),
            ({"ids": "9"}, 200019),
            ({"start": "x"}, 200016),
            ({"limit": "31"}, 200017),
        ],
    )
    def test_bad_questions(self, client: TestClient, query: dict[str, str], errcode: int) -> None:
        asked = {"ids": "2", "start": "0", "limit": "30", **query}

        assert library(client, "getpubtemplatetitles", **asked)["errcode"] == errcode

    def test_twenty_five_in_all(self, client: TestClient) -> None:
        many = [{"title": "x", "content": WHOLE} for _ in range(25)]
        control(client, "PUT", f"accounts/{APPID}/notices", many)
        body = {"tid": "99", "kidList": [1, 2], "sceneDesc": "下单后"}

        assert library(client, "addtemplate", body)["errcode"] == 200012


class TestOldOneTimeMessage:
    def visit(self, client: TestClient, decision: str, **changes: str) -> Any:
        query = {
            "action": "get_confirm",
            "appid": APPID,
            "scene": "7",
            "template_id": "T1",
            "redirect_url": "http://127.0.0.1:8000/back?a=1",
            "reserved": "r1",
            **changes,
        }
        url = f"{LIN}/mp.weixin.qq.com/mp/subscribemsg?{urlencode(query)}"
        page = client.get(url)
        return page, client.post(url, data={"decision": decision})

    def send(self, client: TestClient, **changes: Any) -> int:
        body = {
            "touser": openid(client),
            "template_id": "T1",
            "scene": "7",
            "title": "取餐提醒",
            "data": {"content": {"value": "请到前台取餐", "color": "#000"}},
            **changes,
        }
        path = "/cgi-bin/message/template/subscribe"
        return int(api(client, path, body, access_token=token(client))["errcode"])

    def test_one_message_for_one_consent(self, client: TestClient) -> None:
        page, back = self.visit(client, "allow")
        assert "拾光茶饮" in page.text
        location = urlsplit(back.headers["location"])
        assert location.netloc == "lin.localhost:8001"
        query = parse_qs(location.query)
        assert query["action"] == ["confirm"]
        assert query["openid"] == [openid(client)]
        assert (query["scene"], query["reserved"], query["a"]) == (["7"], ["r1"], ["1"])

        assert self.send(client, title="长" * 16) == 47003
        assert self.send(client, data={"content": {"value": "长" * 201}}) == 47003
        assert [self.send(client), self.send(client)] == [0, 43101]
        assert inbox(client)[0]["lines"] == [{"name": "", "value": "请到前台取餐"}]

    def test_refused_or_wrong(self, client: TestClient) -> None:
        _, back = self.visit(client, "deny")
        assert "action=cancel" in back.headers["location"]
        assert self.send(client) == 43101
        for changes in (
            {"appid": "wxsbnobody1"},
            {"scene": "10001"},
            {"redirect_url": "http://evil.example/"},
            {"reserved": "a-b"},
        ):
            page, _ = self.visit(client, "allow", **changes)
            assert "订阅一次消息" not in page.text


class TestTemplateMessages:
    def test_industries(self, client: TestClient) -> None:
        value = token(client)
        path = "/cgi-bin/template/api_set_industry"
        body = {"industry_id1": "10", "industry_id2": "31"}

        assert api(client, path, {"industry_id1": "x"}, access_token=value)["errcode"] == 40102
        assert api(client, path, body, access_token=value)["errcode"] == 0
        assert api(client, path, body, access_token=value)["errcode"] == 43100
        found = api(client, "/cgi-bin/template/get_industry", access_token=value)
        assert found["primary_industry"] == {"first_class": "餐饮", "second_class": "餐饮"}

    def test_somebody_who_switched_messages_off(
        self, client: TestClient, tea: Account, shop: Shop
    ) -> None:
        follow(client, silent=True)
        one = {"template_id": "template-00000000000001", "title": "x", "content": WHOLE}
        control(client, "PUT", f"accounts/{APPID}", {"templates": [one]})
        control(client, "POST", "people/lin/mute", {"appid": APPID, "on": True})
        body = {"touser": openid(client), "template_id": one["template_id"], "data": DATA}
        value = token(client)
        path = "/cgi-bin/message/template/send"

        assert api(client, path, body, access_token=value)["errcode"] == 0
        control(client, "GET", "clock")
        assert shop.pushes[-1].opened(tea)["Status"] == "failed:user block"
        text = {"touser": openid(client), "msgtype": "text", "text": {"content": "x"}}
        custom = "/cgi-bin/message/custom/send"
        assert api(client, custom, text, access_token=value)["errcode"] == 48002
        for mini, errcode in (
            ({"appid": "wxsbmini0001", "pagepath": "x"}, 40166),
            ({"appid": ""}, 40166),
        ):
            sent = {**body, "miniprogram": mini}
            assert api(client, path, sent, access_token=value)["errcode"] == errcode
