from __future__ import annotations

from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from starlette.testclient import TestClient

from wechat_sandbox import crypto
from wechat_sandbox.accounts import Account
from wechat_sandbox.tests.factories import (
    APPID,
    Shop,
    api,
    chat,
    control,
    follow,
    openid,
    token,
)

pytestmark = pytest.mark.usefixtures("lin")


def create(client: TestClient, *buttons: dict[str, Any]) -> int:
    body = {"button": list(buttons)}
    return int(api(client, "/cgi-bin/menu/create", body, access_token=token(client))["errcode"])


def tap(client: TestClient, **given: Any) -> Any:
    body = {"appid": APPID, "path": [0], **given}
    return control(client, "POST", "people/lin/menu", body)["callback"]


def message_of(shop: Shop, tea: Account, place: int = -1) -> Any:
    push = shop.pushes[place]
    sealed = fromstring(push.body).findtext("Encrypt") or ""
    return fromstring(crypto.decrypt(sealed, aes_key=tea.aes_key, receiver=tea.appid))


class TestTaps:
    @pytest.mark.parametrize("kind", ["scancode_push", "scancode_waitmsg"])
    def test_scanning(self, client: TestClient, tea: Account, shop: Shop, kind: str) -> None:
        follow(client, silent=True)
        assert create(client, {"type": kind, "name": "扫码报修", "key": "FIX"}) == 0
        assert tap(client) is None
        for content, scan_type in (
            ("http://127.0.0.1:8000/t/1", "qrcode"),
            ("EAN_13,6", "barcode"),
        ):
            tap(client, scan=content)
            found = message_of(shop, tea)
            assert found.findtext("Event") == kind
            assert found.findtext("EventKey") == "FIX"
            assert found.findtext("ScanCodeInfo/ScanType") == scan_type
            assert found.findtext("ScanCodeInfo/ScanResult") == content

    @pytest.mark.parametrize("kind", ["pic_sysphoto", "pic_photo_or_album", "pic_weixin"])
    def test_pictures_follow_as_messages(
        self, client: TestClient, tea: Account, shop: Shop, kind: str
    ) -> None:
        follow(client, silent=True)
        create(client, {"type": kind, "name": "拍照", "key": "PIC"})
        picture = "data:image/png;base64,iVBORw0KGgo="
        tap(client, pictures=[picture, picture])

        assert len(shop.pushes) == 3
        event = message_of(shop, tea, 0)
        assert event.findtext("SendPicsInfo/Count") == "2"
        assert len(event.findall("SendPicsInfo/PicList/item")) == 2
        image = message_of(shop, tea, 1)
        assert image.findtext("MsgType") == "image"
        held = client.get(image.findtext("PicUrl"))
        assert held.content == b"\x89PNG\r\n\x1a\n"
        media_id = image.findtext("MediaId")
        query = {"access_token": token(client), "media_id": media_id}
        got = client.get("/api.weixin.qq.com/cgi-bin/media/get", params=query)
        assert got.content == held.content

    def test_a_place(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client, silent=True)
        create(client, {"type": "location_select", "name": "发位置", "key": "LOC"})
        tap(client, place={"latitude": 23.1, "longitude": 113.3, "label": "人民路", "name": "店"})

        event, message = message_of(shop, tea, 0), message_of(shop, tea, 1)
        assert event.findtext("SendLocationInfo/Poiname") == "店"
        assert message.findtext("Location_X") == "23.1"
        assert message.findtext("Label") == "人民路"

    def test_a_mini_program(self, client: TestClient, tea: Account, shop: Shop) -> None:
        button = {
            "type": "miniprogram",
            "name": "点单",
            "url": "http://127.0.0.1:8000/old",
            "appid": "wxsbmini0001",
            "pagepath": "pages/index/index",
        }
        assert create(client, button) == 45064
        control(client, "PUT", f"accounts/{APPID}", {"linked": ["wxsbmini0001"]})
        assert create(client, {**button, "appid": "wxSBmini0001"}) == 40166
        assert create(client, {**button, "pagepath": ""}) == 40165
        assert create(client, button) == 0
        tap(client)

        found = message_of(shop, tea)
        assert found.findtext("Event") == "view_miniprogram"
        assert found.findtext("EventKey") == "pages/index/index"

    def test_material_arrives_in_the_chat(self, client: TestClient, tea: Account) -> None:
        follow(client, silent=True)
        create(client, {"type": "media_id", "name": "菜单", "media_id": "gone"})
        tap(client)

        assert chat(client)[-1]["content"] == "[素材已失效]"

    def test_the_window_for_answers(self, client: TestClient, tea: Account) -> None:
        follow(client, silent=True)
        create(client, {"type": "click", "name": "帮助", "key": "HELP"})
        control(client, "POST", "clock", {"advance_s": 61})
        tap(client)
        body = {"touser": openid(client), "msgtype": "text", "text": {"content": "您好"}}
        value = token(client)
        codes = [
            api(client, "/cgi-bin/message/custom/send", body, access_token=value)["errcode"]
            for _ in range(4)
        ]

        assert codes == [0, 0, 0, 45047]


VIEW = {"type": "view", "name": "集章", "url": "http://127.0.0.1:8000/"}


class TestRefusals:
    @pytest.mark.parametrize(
        ("button", "errcode"),
        [
            ({"name": "无类型"}, 40015),
            ({"name": "更多", "sub_button": [{"name": "下", "sub_button": [VIEW]}]}, 40022),
            ({"name": "更多", "sub_button": [{**VIEW, "type": "x"}]}, 40024),
            ({"name": "更多", "sub_button": [{"type": "click", "name": "下", "key": ""}]}, 40026),
            ({"name": "更多", "sub_button": [{**VIEW, "url": "h" * 1025}]}, 40027),
            ({**VIEW, "url": "ftp://127.0.0.1/"}, 65317),
            ({**VIEW, "url": "https://mp.weixin.qq.com/mp/profile_ext?action=home"}, 40155),
            ({**VIEW, "url": "https://open.weixin.qq.com/other"}, 40055),
            (
                {"name": "多", "sub_button": [{**VIEW, "url": "https://open.weixin.qq.com/"}]},
                40054,
            ),
            ({"type": "media_id", "name": "图", "media_id": ""}, 40007),
            ({"type": "article_id", "name": "文"}, 40035),
        ],
    )
    def test_each_has_its_code(
        self, client: TestClient, tea: Account, button: dict[str, Any], errcode: int
    ) -> None:
        assert create(client, button) == errcode

    def test_at_most_three_foreign_domains(self, client: TestClient, tea: Account) -> None:
        below = [{**VIEW, "url": f"https://shop{one}.example/"} for one in range(4)]

        assert create(client, {"name": "更多", "sub_button": below}) == 65316
        assert create(client, {"name": "更多", "sub_button": [VIEW, *below[:3]]}) == 0


class TestOtherMessages:
    @pytest.mark.parametrize(
        ("given", "fields"),
        [
            ({"kind": "voice"}, {"MsgType": "voice", "Format": "amr"}),
            ({"kind": "video"}, {"MsgType": "video"}),
            (
                {"kind": "location", "latitude": 1.5, "longitude": 2, "label": "店"},
                {"MsgType": "location", "Location_X": "1.5", "Label": "店"},
            ),
            (
                {"kind": "link", "title": "茶", "url": "http://127.0.0.1:8000/"},
                {"MsgType": "link", "Title": "茶"},
            ),
        ],
    )
    def test_kinds(
        self, client: TestClient, tea: Account, shop: Shop, given: Any, fields: dict[str, str]
    ) -> None:
        follow(client, silent=True)
        control(client, "POST", "people/lin/messages", {"appid": APPID, **given})
        found = shop.pushes[-1].opened(tea)

        assert {name: found[name] for name in fields} == fields
        assert found["MsgId"].isdigit()
        assert chat(client)[-1]["from"] == "person"

    @pytest.mark.parametrize(
        "given",
        [
            {"kind": "gif"},
            {"kind": "image", "data": "nonsense"},
            {"kind": "location", "latitude": "x"},
        ],
    )
    def test_refusals(self, client: TestClient, tea: Account, given: dict[str, Any]) -> None:
        follow(client, silent=True)
        answer = client.post("/_sandbox/api/people/lin/messages", json={"appid": APPID, **given})

        assert answer.status_code == 422

    def test_opening_the_chat_tells_where(
        self, client: TestClient, tea: Account, shop: Shop, sandbox: Any
    ) -> None:
        follow(client, silent=True)
        body = {"appid": APPID, "latitude": 23.1, "longitude": 113.3}
        assert control(client, "POST", "people/lin/enter", body)["callback"] is None
        sandbox.world.store.insert(
            "authorizer_options", appid=APPID, name="location_report", value="1"
        )
        control(client, "POST", "people/lin/enter", body)

        found = shop.pushes[-1].opened(tea)
        assert (found["Event"], found["Latitude"]) == ("LOCATION", "23.100000")

    @pytest.mark.parametrize(
        "event",
        ["user_info_modified", "user_authorization_revoke", "user_authorization_cancellation"],
    )
    def test_rights_of_people(
        self, client: TestClient, tea: Account, shop: Shop, event: str
    ) -> None:
        body = {"appid": APPID, "event": event}
        control(client, "POST", "people/lin/privacy", body)

        found = shop.pushes[-1].opened(tea)
        assert (found["Event"], found["OpenID"]) == (event, openid(client))
        wrong = client.post("/_sandbox/api/people/lin/privacy", json={"appid": APPID, "event": "x"})
        assert wrong.status_code == 422
