"""The calls: what is sent, what answers become, what is repeated and what is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext

import httpx2
import pytest
import stamina
import structlog
from pytest_django import Settings

from zhanggui.channels.wechat import client
from zhanggui.channels.wechat.client import Api, Http, credentials
from zhanggui.channels.wechat.client import http as http_module
from zhanggui.channels.wechat.client.credentials import Grant, Profile, Token
from zhanggui.channels.wechat.client.official import QrTicket
from zhanggui.channels.wechat.client.sendables import Text
from zhanggui.channels.wechat.errorcodes import CODES
from zhanggui.channels.wechat.errors import (
    ChannelError,
    ChannelRefused,
    ChannelUnreachable,
    TokenExpired,
    WrongWorld,
    advice_for,
)
from zhanggui.channels.wechat.tests.factories import (
    GRANT_PATH,
    PROFILE_PATH,
    QR_PATH,
    TEMPLATE_PATH,
    TEXT_PATH,
    TOKEN_PATH,
    USUAL,
    FakeWechat,
)

APP_ID = "wxsb0000000000000001"


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=http_module.ATTEMPTS):
        yield


@pytest.fixture
def fake() -> FakeWechat:
    return FakeWechat()


@pytest.fixture
def http(fake: FakeWechat) -> Iterator[Http]:
    with client.using(httpx2.MockTransport(fake), is_watched=False) as made:
        yield made


@pytest.fixture
def calls(http: Http) -> Api:
    return Api(http, app_id=APP_ID, token=lambda rejected: "t2" if rejected else "t")


def send_text(calls: Api, text: str = "您好") -> None:
    calls.custom_send("o", Text(text))


class TestAnswers:
    def test_token(self, fake: FakeWechat, http: Http) -> None:
        fake.answers[TOKEN_PATH] = {"access_token": "abc", "expires_in": 7200}
        token = credentials.stable_token(http, app_id=APP_ID, secret="s")
        assert token == Token("abc", 7200)
        assert fake.body() == {
            "grant_type": "client_credential",
            "appid": APP_ID,
            "secret": "s",
            "force_refresh": False,
        }

    def test_grant(self, fake: FakeWechat, http: Http) -> None:
        fake.answers[GRANT_PATH] = {"access_token": "u", "openid": "o", "scope": "snsapi_base"}
        assert credentials.oauth_grant(http, app_id=APP_ID, secret="s", code="c") == Grant(
            "o", "", "u", "snsapi_base", is_snapshot=False
        )
        sent = fake.calls[0].url.params
        assert (sent["code"], sent["grant_type"]) == ("c", "authorization_code")

    def test_snapshot(self, fake: FakeWechat, http: Http) -> None:
        fake.answers[GRANT_PATH] = {"access_token": "u", "openid": "o", "is_snapshotuser": 1}
        assert credentials.oauth_grant(http, app_id=APP_ID, secret="s", code="c").is_snapshot

    def test_profile(self, fake: FakeWechat, http: Http) -> None:
        fake.answers[PROFILE_PATH] = {
            "openid": "o",
            "nickname": " 小明 ",
            "headimgurl": "http://h",
            "sex": 0,
        }
        profile = credentials.oauth_profile(http, app_id=APP_ID, access_token="u", openid="o")
        assert profile == Profile("o", "", "小明", "http://h")

    def test_qr(self, fake: FakeWechat, calls: Api) -> None:
        fake.answers[QR_PATH] = {"ticket": "T", "expire_seconds": 60, "url": "http://q"}
        assert calls.qrcode_create("abc", expires_in_s=60) == QrTicket("T", "http://q", 60)
        assert fake.body() == {
            "expire_seconds": 60,
            "action_name": "QR_STR_SCENE",
            "action_info": {"scene": {"scene_str": "abc"}},
        }

    def test_follower(self, fake: FakeWechat, calls: Api) -> None:
        fake.answers["/cgi-bin/user/info"] = {"subscribe": 0, "openid": "o"}
        assert not calls.user_info("o").is_following

    def test_template(self, fake: FakeWechat, calls: Api) -> None:
        fake.answers[TEMPLATE_PATH] = {"errcode": 0, "errmsg": "ok", "msgid": 200228332}
        sent = calls.template_send("o", "M", {"thing1": "集章"}, url="http://x", client_id="zg1")
        assert sent == "200228332"
        assert fake.body()["data"] == {"thing1": {"value": "集章"}}
        assert fake.body()["client_msg_id"] == "zg1"

    @pytest.mark.parametrize(
        "text", ["您好，欢迎", "𠮷野家 👩‍👩‍👧 🍵"], ids=["chinese", "four-bytes"]
    )
    def test_text_goes_as_real_utf8(self, fake: FakeWechat, calls: Api, text: str) -> None:
        fake.answers[TEXT_PATH] = {"errcode": 0, "errmsg": "ok"}
        send_text(calls, text)
        assert text.encode() in fake.calls[0].content
        assert b"\\u" not in fake.calls[0].content
        assert fake.calls[0].url.params["access_token"] == "t"


class TestRefusals:
    @pytest.mark.parametrize("code", [40001, 40014, 42001])
    def test_a_dead_token_is_told_apart(self, fake: FakeWechat, calls: Api, code: int) -> None:
        fake.answers[TEXT_PATH] = {"errcode": code, "errmsg": "x rid: 1-2-3"}
        with pytest.raises(TokenExpired) as caught:
            send_text(calls)
        assert caught.value.code == code
        assert [call.url.params["access_token"] for call in fake.calls] == ["t", "t2"]

    def test_a_wrong_secret_is_no_dead_token(self, fake: FakeWechat, http: Http) -> None:
        fake.answers[TOKEN_PATH] = {"errcode": 40001, "errmsg": "invalid credential"}
        with pytest.raises(ChannelRefused) as caught:
            credentials.stable_token(http, app_id=APP_ID, secret="s")
        assert not isinstance(caught.value, TokenExpired)
        assert caught.value.advice == CODES[40001].advice

    def test_others_are_not_repeated(self, fake: FakeWechat, calls: Api) -> None:
        fake.answers[TEXT_PATH] = {"errcode": 45015, "errmsg": "response out of time limit"}
        with pytest.raises(ChannelRefused) as caught:
            send_text(calls)
        assert (caught.value.code, len(fake.calls)) == (45015, 1)

    def test_every_advice_is_a_sentence(self) -> None:
        assert all(str(code.advice).endswith("。") for code in CODES.values())
        assert str(advice_for(None)) != str(advice_for(123))


class TestRepeating:
    def test_busy_is_tried_again(self, fake: FakeWechat, calls: Api) -> None:
        fake.answers[TEXT_PATH] = [{"errcode": -1, "errmsg": "system error"}, {"errcode": 0}]
        send_text(calls)
        assert len(fake.calls) == 2

    def test_no_connection_is_tried_three_times(self, fake: FakeWechat, calls: Api) -> None:
        fake.answers[TEXT_PATH] = httpx2.ConnectError("refused")
        with pytest.raises(ChannelUnreachable) as caught:
            send_text(calls)
        assert (len(fake.calls), caught.value.is_sent) == (3, False)

    def test_a_message_that_may_have_arrived_is_not_sent_again(
        self, fake: FakeWechat, calls: Api
    ) -> None:
        fake.answers[TEXT_PATH] = httpx2.ReadTimeout("slow")
        with pytest.raises(ChannelUnreachable) as caught:
            send_text(calls)
        assert (len(fake.calls), caught.value.is_sent) == (1, True)

    def test_a_harmless_call_is(self, fake: FakeWechat, calls: Api) -> None:
        fake.answers[QR_PATH] = [
            httpx2.ReadTimeout("slow"),
            {"ticket": "T", "expire_seconds": 60, "url": "http://q"},
        ]
        calls.qrcode_create("abc", expires_in_s=60)
        assert len(fake.calls) == 2

    @pytest.mark.parametrize(
        "answer",
        [
            httpx2.Response(502),
            httpx2.Response(200, content=b"<html>"),
            httpx2.Response(200, content=b"[]"),
            httpx2.Response(200, content=b'{"errcode": "x"}'),
            httpx2.Response(200, content=b'{"access_token": "", "expires_in": 1}'),
            httpx2.Response(200, content=b'{"access_token": "a", "expires_in": "x"}'),
            httpx2.Response(302, headers={"Location": "http://elsewhere"}),
        ],
        ids=["502", "html", "list", "errcode", "empty-token", "text-number", "redirect"],
    )
    def test_an_answer_without_sense_is_no_answer(
        self, fake: FakeWechat, http: Http, answer: httpx2.Response
    ) -> None:
        fake.answers[TOKEN_PATH] = answer
        with pytest.raises(ChannelUnreachable):
            credentials.stable_token(http, app_id=APP_ID, secret="s")


class TestWorlds:
    @pytest.mark.parametrize(
        ("app_id", "host", "fits"),
        [
            ("wxsb0000000000000001", "http://127.0.0.1:8001/api.weixin.qq.com", True),
            ("wx1234567890abcdef", "https://api.weixin.qq.com", True),
            ("wxsb0000000000000001", "https://api.weixin.qq.com", False),
            ("wxsb0000000000000001", "https://file.api.weixin.qq.com", False),
            ("wx1234567890abcdef", "http://127.0.0.1:8001/api.weixin.qq.com", False),
            ("wx1234567890abcdef", "https://api.weixin.qq.com.evil.example", False),
        ],
    )
    def test_do_not_mix(self, settings: Settings, app_id: str, host: str, *, fits: bool) -> None:
        settings.WECHAT_API_URL = host
        refusal = nullcontext() if fits else pytest.raises(WrongWorld)
        fake = FakeWechat(USUAL)
        with client.using(httpx2.MockTransport(fake), is_watched=False) as http, refusal:
            credentials.stable_token(http, app_id=app_id, secret="s")
        assert len(fake.calls) == int(fits)


class TestSilence:
    def test_nothing_secret_is_logged_or_raised(
        self, fake: FakeWechat, http: Http, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # loggers keep the settings of their first line; this one is of now, whatever ran before
        monkeypatch.setattr(http_module, "log", structlog.get_logger(http_module.__name__))
        calls = Api(http, app_id=APP_ID, token=lambda _rejected: "SECRET-token")
        fake.answers[TEXT_PATH] = {"errcode": 43004, "errmsg": "require subscribe SECRET-openid"}
        fake.answers[GRANT_PATH] = httpx2.ConnectError("https://x?secret=SECRET-secret")
        with structlog.testing.capture_logs() as lines:
            for call in (
                lambda: calls.custom_send("SECRET-openid", Text("SECRET-text")),
                lambda: credentials.oauth_grant(
                    http, app_id=APP_ID, secret="SECRET-s", code="SECRET-c"
                ),
            ):
                with pytest.raises(ChannelError) as caught:
                    call()
                assert "SECRET" not in f"{caught.value!r} {caught.value.__cause__!r}"
        assert lines
        assert "SECRET" not in json.dumps(lines, default=str)
