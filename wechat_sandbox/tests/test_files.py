from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from wechat_sandbox.accounts import Account
from wechat_sandbox.callbacks import OUT_OF_SERVICE
from wechat_sandbox.tests.factories import (
    APPID,
    Shop,
    api,
    chat,
    control,
    follow,
    openid,
    sealed_reply,
    token,
)

pytestmark = pytest.mark.usefixtures("tea", "lin")

JPEG = b"\xff\xd8\xff\xe0" + b"x" * 100
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


def upload(client: TestClient, kind: str = "image", content: bytes = JPEG, **more: Any) -> Any:
    query = {"access_token": token(client), "type": kind}
    files = {"media": ("photo.jpg", content, "image/jpeg")}
    path = more.pop("path", "media/upload")
    answer = client.post(
        f"/api.weixin.qq.com/cgi-bin/{path}", params=query, **{"files": files, **more}
    )
    assert answer.status_code == 200
    return answer.json()


def download(client: TestClient, media_id: str) -> Any:
    query = {"access_token": token(client), "media_id": media_id}
    return client.get("/api.weixin.qq.com/cgi-bin/media/get", params=query)


class TestFiles:
    def test_up_and_down_for_three_days(self, client: TestClient) -> None:
        made = upload(client)
        assert made["type"] == "image"
        got = download(client, made["media_id"])
        assert (got.content, got.headers["content-type"]) == (JPEG, "image/jpeg")
        control(client, "POST", "clock", {"advance_s": 3 * 86_400 + 1})

        assert download(client, made["media_id"]).json()["errcode"] == 40007

    def test_a_video_is_an_address(self, client: TestClient) -> None:
        content = b"\x00\x00\x00\x18ftypmp42xxxx"
        made = upload(client, "video", content)
        url = download(client, made["media_id"]).json()["video_url"]

        assert client.get(url).content == content

    @pytest.mark.parametrize(
        ("kind", "content", "errcode"),
        [
            ("gif", JPEG, 40004),
            ("image", b"nonsense", 40005),
            ("thumb", PNG, 40005),
            ("image", b"\xff\xd8\xff" + b"x" * (10 * 1024 * 1024), 40009),
            ("voice", b"#!AMR" + b"x" * (2 * 1024 * 1024), 40006),
            ("image", b"", 44001),
        ],
    )
    def test_refusals(self, client: TestClient, kind: str, content: bytes, errcode: int) -> None:
        assert upload(client, kind, content)["errcode"] == errcode

    def test_forms_without_a_file(self, client: TestClient) -> None:
        other = {"other": ("x", JPEG)}
        assert upload(client, files=other)["errcode"] == 41005
        query = {"access_token": token(client), "type": "image"}
        url = "/api.weixin.qq.com/cgi-bin/media/upload"
        assert client.post(url, params=query, content=b"").json()["errcode"] == 44002
        assert client.post(url, params=query, content=b"x").json()["errcode"] == 41005

    def test_pictures_of_articles_stay(self, client: TestClient) -> None:
        url = upload(client, content=PNG, path="media/uploadimg")["url"]
        control(client, "POST", "clock", {"advance_s": 30 * 86_400})

        assert client.get(url).content == PNG
        large = PNG + b"x" * 1024 * 1024
        assert upload(client, content=large, path="media/uploadimg")["errcode"] == 40009
        assert upload(client, content=b"GIF89a", path="media/uploadimg")["errcode"] == 40005


def send(client: TestClient, kind: str, part: dict[str, Any]) -> int:
    body = {"touser": openid(client), "msgtype": kind, kind: part}
    path = "/cgi-bin/message/custom/send"
    return int(api(client, path, body, access_token=token(client))["errcode"])


class TestCustomMessages:
    def test_every_kind_arrives(self, client: TestClient) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"linked": ["wxsbmini0001"]})
        follow(client, silent=True)
        control(client, "POST", "people/lin/messages", {"appid": APPID, "text": "在吗"})
        image = upload(client)["media_id"]
        voice = upload(client, "voice", b"#!AMR\n")["media_id"]
        video = upload(client, "video", b"\x00\x00\x00\x18ftypmp42")["media_id"]
        music = {"musicurl": "http://127.0.0.1:8000/a.mp3", "thumb_media_id": image, "title": "歌"}
        page = {
            "title": "点单",
            "appid": "wxsbmini0001",
            "pagepath": "pages/index/index",
            "thumb_media_id": image,
        }
        codes = [
            send(client, "image", {"media_id": image}),
            send(client, "voice", {"media_id": voice}),
            send(client, "video", {"media_id": video, "thumb_media_id": image, "title": "片"}),
            send(client, "music", music),
            send(client, "miniprogrampage", page),
        ]

        assert codes == [0] * 5
        kinds = [one["kind"] for one in chat(client)[1:]]
        assert kinds == ["image", "voice", "video", "music", "miniprogram"]

    @pytest.mark.parametrize(
        ("kind", "part", "errcode"),
        [
            ("image", {"media_id": "gone"}, 40007),
            ("music", {"thumb_media_id": "gone"}, 40007),
            ("mpnewsarticle", {}, 40035),
            ("mpnews", {"media_id": "x"}, 40008),
            ("wxcard", {"card_id": "x"}, 40073),
            ("miniprogrampage", {"appid": "wxsbmini0001", "pagepath": "x"}, 40166),
        ],
    )
    def test_refusals(
        self, client: TestClient, kind: str, part: dict[str, Any], errcode: int
    ) -> None:
        follow(client, silent=True)

        assert send(client, kind, part) == errcode

    def test_typing(self, client: TestClient) -> None:
        follow(client, silent=True)
        path = "/cgi-bin/message/custom/typing"

        def type_(command: str) -> int:
            body = {"touser": openid(client), "command": command}
            return int(api(client, path, body, access_token=token(client))["errcode"])

        assert type_("Typing") == 45080
        control(client, "POST", "people/lin/messages", {"appid": APPID, "text": "在吗"})
        assert [type_("Typing"), type_("Typing")] == [0, 45081]
        assert [type_("CancelTyping"), type_("Typing"), type_("Dancing")] == [0, 0, 40035]
        control(client, "POST", "clock", {"advance_s": 31})
        assert type_("Typing") == 45080


def reply(client: TestClient, tea: Account, shop: Shop, inner: str) -> Any:
    """Answer the person's message with a passive reply of this inside."""
    whom = openid(client)
    text = (
        f"<xml><ToUserName>{whom}</ToUserName><FromUserName>{tea.original_id}</FromUserName>"
        f"<CreateTime>1700000000</CreateTime>{inner}</xml>"
    )
    control(client, "PUT", f"accounts/{APPID}", {"encrypt_mode": "plain"})
    shop.answer = lambda push: text
    body = {"appid": APPID, "text": "在吗"}
    return control(client, "POST", "people/lin/messages", body)["callback"]


ITEM = "<item><Title>新茶</Title><Url>http://127.0.0.1:8000/</Url></item>"


class TestPassiveReplies:
    def test_files(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client, silent=True)
        media_id = upload(client)["media_id"]
        good = f"<MsgType>image</MsgType><Image><MediaId>{media_id}</MediaId></Image>"

        assert reply(client, tea, shop, good)["outcome"] == "replied"
        assert chat(client)[-1]["media_id"] == media_id
        wrong = good.replace("image", "voice").replace("Image", "Voice")
        assert reply(client, tea, shop, wrong)["outcome"] == "bad_answer"
        assert chat(client)[-1]["content"] == OUT_OF_SERVICE

    def test_news(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client, silent=True)
        news = "<MsgType>news</MsgType><ArticleCount>{}</ArticleCount><Articles>{}</Articles>"

        assert reply(client, tea, shop, news.format(1, ITEM))["outcome"] == "replied"
        assert chat(client)[-1]["articles"][0]["title"] == "新茶"
        for count, items in ((2, ITEM), (2, ITEM * 2), (0, "")):
            found = reply(client, tea, shop, news.format(count, items))
            assert found["outcome"] == "bad_answer"

    def test_many_articles_answer_an_event(
        self, client: TestClient, tea: Account, shop: Shop
    ) -> None:
        follow(client, silent=True)
        fields = {
            "ToUserName": openid(client),
            "FromUserName": tea.original_id,
            "CreateTime": 1700000000,
            "MsgType": "news",
            "ArticleCount": 2,
            "Articles": {"item": [{"Title": "一"}, {"Title": "二"}]},
        }
        sealed = sealed_reply(tea, fields)
        shop.answer = lambda push: sealed
        found = control(client, "POST", "people/lin/menu", {"appid": APPID, "path": [1, 0]})

        assert found["callback"]["outcome"] == "replied"
        assert len(chat(client)[-1]["articles"]) == 2

    def test_music_and_handing_over(self, client: TestClient, tea: Account, shop: Shop) -> None:
        follow(client, silent=True)
        music = (
            "<MsgType>music</MsgType><Music><Title>歌</Title><MusicUrl>http://x/</MusicUrl>"
            "<ThumbMediaId>t</ThumbMediaId></Music>"
        )
        assert reply(client, tea, shop, music)["outcome"] == "replied"
        assert chat(client)[-1]["title"] == "歌"
        bad = music.replace("<ThumbMediaId>t</ThumbMediaId>", "")
        assert reply(client, tea, shop, bad)["outcome"] == "bad_answer"
        over = "<MsgType>transfer_customer_service</MsgType>"
        assert reply(client, tea, shop, over)["outcome"] == "replied"
        assert chat(client)[-1]["content"] == "已转接人工客服"
