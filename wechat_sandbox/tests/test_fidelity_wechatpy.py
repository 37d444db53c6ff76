"""A client written by others talks to the sandbox as it would to WeChat.

``wechatpy`` knows nothing of the sandbox: its addresses stay WeChat's own, and an HTTP adapter
sends each of them to the sandbox over a real port, the host as the first part of the path.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import requests
from requests.adapters import HTTPAdapter
from starlette.applications import Starlette
from wechatpy import WeChatClient, WeChatOAuth, parse_message
from wechatpy.client import WeChatComponentClient
from wechatpy.component import WeChatComponent
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import (
    InvalidAppIdException,
    InvalidSignatureException,
    WeChatClientException,
    WeChatOAuthException,
)
from wechatpy.replies import ArticlesReply, ImageReply, TextReply, TransferCustomerServiceReply
from wechatpy.utils import check_signature

from wechat_sandbox import Sandbox
from wechat_sandbox.serving import running
from wechat_sandbox.tests.factories import (
    APPID,
    PLATFORM,
    PLATFORM_SECRET,
    PRODUCT,
    SECRET,
    Push,
    Shop,
)

TOKEN, KEY = "callbacktoken", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
MINI, MINI_SECRET = "wxsbmini0001", "b" * 32
TEMPLATE = "template-of-the-test-00001"
NOTICE = "notice-of-the-test-000001"


class ToSandbox(HTTPAdapter):
    """Sends what is meant for a host of WeChat to the sandbox."""

    def __init__(self, public: str) -> None:
        super().__init__()
        self.public = public

    def send(self, request: Any, *given: Any, **more: Any) -> Any:
        parts = urlsplit(request.url)
        request.url = f"{self.public}/{parts.netloc}{parts.path}?{parts.query}"
        return super().send(request, *given, **more)


class Oracle:
    """The sandbox on a port, and clients of wechatpy that reach it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.public = sandbox.world.config.public
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.mount("https://", ToSandbox(self.public))

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"{self.public}/_sandbox/api/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def on_phone(self, slug: str, method: str, url: str, **more: Any) -> Any:
        """Something opened on a person's phone, redirects not followed."""
        parts = urlsplit(url)
        headers = {"X-Sandbox-Person": slug}
        address = f"{self.public}/{parts.netloc}{parts.path}?{parts.query}"
        return self.http.request(method, address, headers=headers, allow_redirects=False, **more)

    def client(self, appid: str = APPID, secret: str = SECRET) -> WeChatClient:
        made = WeChatClient(appid, secret)
        made._http = self.http
        return made

    def component(self) -> WeChatComponent:
        made = WeChatComponent(PLATFORM, PLATFORM_SECRET, TOKEN, KEY)
        made._http = self.http
        return made

    def oauth(self, scope: str) -> WeChatOAuth:
        made = WeChatOAuth(APPID, SECRET, f"{PRODUCT}/back", scope, "s1")
        made._http = self.http
        return made

    def openid(self, slug: str = "lin", appid: str = APPID) -> str:
        return str(self.control("GET", f"openids?appid={appid}")[slug])

    def chat(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"people/lin/chats/{APPID}")
        return found

    def reset(self) -> None:
        """The same setup for every test."""
        self.control("POST", "reset", {})
        account: Mapping[str, Any] = {
            "name": "拾光茶饮",
            "secret": SECRET,
            "token": TOKEN,
            "aes_key": KEY,
            "callback_url": f"{PRODUCT}/hooks/wechat",
            "oauth_domains": ["127.0.0.1:8000"],
            "js_domains": ["127.0.0.1:8000"],
            "linked": [MINI],
            "templates": [
                {"template_id": TEMPLATE, "title": "集章", "content": "门店:{{thing1.DATA}}"}
            ],
        }
        self.control("PUT", f"accounts/{APPID}", account)
        mini = {"kind": "mini", "name": "点单", "secret": MINI_SECRET}
        self.control("PUT", f"accounts/{MINI}", mini)
        notice = [{"template_id": NOTICE, "title": "订单", "content": "店:{{thing1.DATA}}"}]
        self.control("PUT", f"accounts/{APPID}/notices", notice)
        platform = {
            "secret": PLATFORM_SECRET,
            "token": TOKEN,
            "aes_key": KEY,
            "event_url": f"{PRODUCT}/hooks/open",
            "message_url": f"{PRODUCT}/hooks/open/$APPID$",
            "login_domains": ["127.0.0.1:8000"],
            "account_domains": ["127.0.0.1:8000"],
            "sends_tickets": False,
        }
        self.control("PUT", f"components/{PLATFORM}", platform)
        people = [{"slug": "lin", "nickname": "林小满"}, {"slug": "chen", "nickname": "陈思远"}]
        self.control("PUT", "people", people)


@pytest.fixture(scope="module")
def started() -> Iterator[Oracle]:
    product = httpx2.ASGITransport(app=Starlette(routes=Shop.routes()))
    with running(product=PRODUCT, product_transport=product) as sandbox:
        yield Oracle(sandbox)


@pytest.fixture
def oracle(started: Oracle, shop: Shop) -> Oracle:
    started.reset()
    return started


def errcode(work: Any, *given: Any, **more: Any) -> int:
    """The code of the refusal wechatpy raises."""
    with pytest.raises((WeChatClientException, WeChatOAuthException)) as caught:
        work(*given, **more)
    return int(caught.value.errcode)


class TestTokens:
    def test_fetched_and_renewed_by_itself(self, oracle: Oracle) -> None:
        client = oracle.client()
        assert client.fetch_access_token()["expires_in"] == 7200
        first = client.access_token
        oracle.control("POST", "clock", {"advance_s": 7300})

        assert client.misc.get_wechat_ips() == ["127.0.0.1"]
        assert client.access_token != first

    def test_a_wrong_secret(self, oracle: Oracle) -> None:
        assert errcode(oracle.client(secret="f" * 32).fetch_access_token) == 40125


class TestPeople:
    def test_followers_and_what_is_known_of_them(self, oracle: Oracle) -> None:
        client = oracle.client()
        oracle.control("POST", "follows", {"appid": APPID, "people": ["lin", "chen"]})
        names = list(client.user.iter_followers())

        assert sorted(names) == sorted([oracle.openid(), oracle.openid("chen")])
        found = client.user.get(oracle.openid())
        assert (found["subscribe"], "nickname" in found) == (1, False)
        assert len(client.user.get_batch(names)) == 2
        assert client.user.update_remark(oracle.openid(), "常客")["errcode"] == 0
        assert client.user.get(oracle.openid())["remark"] == "常客"
        assert errcode(client.user.get, "oNobody") == 40003

    def test_tags_and_the_blacklist(self, oracle: Oracle) -> None:
        client, whom = oracle.client(), oracle.openid()
        number = client.tag.create("会员")["id"]
        client.tag.tag_user(number, whom)
        assert client.tag.get()[0]["count"] == 1
        assert list(client.tag.iter_tag_users(number)) == [whom]
        assert client.tag.get_user_tag(whom) == [number]
        client.tag.untag_user(number, whom)
        client.tag.update(number, "老会员")
        client.tag.delete(number)
        assert client.tag.get() == []
        client.tag.batch_black_list([whom])
        client.tag.batch_unblack_list([whom])

    def test_moved_from_another_account(self, oracle: Oracle) -> None:
        old = "wxsbold00001"
        oracle.control("PUT", f"accounts/{old}", {"name": "旧号"})
        oracle.control("POST", "follows", {"appid": old, "people": ["lin"]})
        oracle.control("PUT", f"accounts/{APPID}/migration", {"from_appid": old})
        was = oracle.openid(appid=old)
        found = oracle.client().user.change_openid(old, [was])

        assert found[0]["new_openid"] == oracle.openid()


class TestMenus:
    MENU = (
        {"type": "click", "name": "帮助", "key": "HELP"},
        {"name": "更多", "sub_button": [{"type": "view", "name": "官网", "url": f"{PRODUCT}/"}]},
    )

    def test_made_read_and_deleted(self, oracle: Oracle) -> None:
        client = oracle.client()
        assert client.menu.get() is None
        client.menu.create({"button": list(self.MENU)})
        got = client.menu.get()["menu"]["button"]
        assert (got[0]["key"], got[0]["sub_button"]) == ("HELP", [])
        info = client.menu.get_menu_info()
        assert info["selfmenu_info"]["button"][1]["sub_button"]["list"][0]["name"] == "官网"
        made = client.menu.add_conditional(
            {"button": [self.MENU[0]], "matchrule": {"client_platform_type": "1"}}
        )
        assert client.menu.try_match(oracle.openid())["button"]
        client.menu.del_conditional(made["menuid"])
        client.menu.delete()
        assert client.menu.get() is None
        wrong = {"button": [{"type": "click", "name": "名字实在太长了", "key": "K"}]}
        assert errcode(client.menu.create, wrong) == 40018


class TestCodesAndFiles:
    def test_a_scene_code_and_its_picture(self, oracle: Oracle) -> None:
        client = oracle.client()
        made = client.qrcode.create(
            {
                "expire_seconds": 1800,
                "action_name": "QR_STR_SCENE",
                "action_info": {"scene": {"scene_str": "bind"}},
            }
        )
        picture = oracle.http.get(client.qrcode.get_url(made))

        assert picture.status_code == 200
        assert oracle.http.get(client.qrcode.get_url("nothing")).status_code == 404

    def test_a_file_up_and_down(self, oracle: Oracle) -> None:
        client = oracle.client()
        content = b"\xff\xd8\xff\xe0jpeg"
        made = client.media.upload("image", ("photo.jpg", io.BytesIO(content)))

        assert client.media.download(made["media_id"]).content == content
        assert client.media.upload_image(("photo.jpg", io.BytesIO(content))).startswith("http")
        assert errcode(client.media.download, "gone") == 40007

    def test_js_sdk(self, oracle: Oracle) -> None:
        client = oracle.client()
        ticket = client.jsapi.get_jsapi_ticket()
        url = f"{PRODUCT}/w/?a=1"
        given = {
            "appId": APPID,
            "nonceStr": "n",
            "timestamp": 1700000000,
            "signature": client.jsapi.get_jsapi_signature("n", ticket, 1700000000, url),
            "url": url,
        }
        host = {"Host": f"lin.localhost:{oracle.sandbox.world.config.port}"}
        answer = oracle.http.post(
            f"{oracle.public}/_phone/api/jssdk/config", json=given, headers=host
        )
        assert answer.json()["problem"] == ""


class TestSending:
    def test_customer_messages(self, oracle: Oracle) -> None:
        client, whom = oracle.client(), oracle.openid()
        assert errcode(client.message.send_text, whom, "您好") == 45015
        oracle.control("POST", "people/lin/follow", {"appid": APPID, "silent": True})
        oracle.control("POST", "clock", {"advance_s": 61})
        oracle.control("POST", "people/lin/messages", {"appid": APPID, "text": "在吗"})
        image = client.media.upload("image", ("a.jpg", io.BytesIO(b"\xff\xd8\xff")))["media_id"]
        client.message.send_text(whom, "在的")
        client.message.send_image(whom, image)
        client.message.send_articles(whom, [{"title": "茶", "description": "", "url": PRODUCT}])
        menu = {"head_content": "满意吗", "list": [{"id": "1", "content": "满意"}]}
        client.message.send_msg_menu(whom, {**menu, "tail_content": ""})
        page = {
            "title": "点单",
            "appid": MINI,
            "pagepath": "pages/index/index",
            "thumb_media_id": image,
        }
        client.message.send_mini_program_page(whom, page)

        assert errcode(client.message.send_text, whom, "第六条") == 45047
        kinds = [one["kind"] for one in oracle.chat()[1:]]
        assert kinds == ["text", "image", "news", "msgmenu", "miniprogram"]

    def test_templates(self, oracle: Oracle) -> None:
        client, whom = oracle.client(), oracle.openid()
        data = {"thing1": {"value": "人民路店"}}
        assert errcode(client.message.send_template, whom, TEMPLATE, data) == 43004
        oracle.control("POST", "people/lin/follow", {"appid": APPID, "silent": True})
        assert client.message.send_template(whom, TEMPLATE, data, url=f"{PRODUCT}/")["msgid"]
        mini = {"appid": MINI, "pagepath": "pages/index/index"}
        client.message.send_template(whom, TEMPLATE, data, mini_program=mini)
        assert errcode(client.message.send_template, whom, TEMPLATE, {}) == 47003
        made = client.template.get("OPENTM1")
        listed = client.template.get_all_private_template()["template_list"]
        assert made in [one["template_id"] for one in listed]
        client.template.del_private_template(made)
        client.template.set_industry(10, 31)
        assert client.template.get_industry()["primary_industry"]["first_class"] == "餐饮"

    def test_subscription_notices(self, oracle: Oracle) -> None:
        client, whom = oracle.client(), oracle.openid()
        data = {"thing1": {"value": "人民路店"}}
        assert errcode(client.message.send_subscribe_message, whom, NOTICE, data) == 43101
        choices = {"appid": APPID, "choices": {NOTICE: "accept"}}
        oracle.control("POST", "people/lin/notices/decide", choices)

        assert client.message.send_subscribe_message(whom, NOTICE, data)["errcode"] == 0
        assert errcode(client.message.send_subscribe_message, whom, NOTICE, data) == 43101

    def test_the_old_one_time_message(self, oracle: Oracle) -> None:
        client, whom = oracle.client(), oracle.openid()
        url = client.message.get_subscribe_authorize_url(7, "T1", f"{PRODUCT}/back")
        back = oracle.on_phone("lin", "POST", url, data={"decision": "allow"})
        query = parse_qs(urlsplit(back.headers["location"]).query)
        assert query["openid"] == [whom]

        content = {"content": {"value": "请取餐"}}
        sent = client.message.send_subscribe_template(whom, "T1", 7, "取餐", content)
        assert sent["errcode"] == 0


class TestOAuth:
    def code(self, oracle: Oracle, url: str, *, method: str = "GET") -> str:
        data = {"decision": "allow"} if method == "POST" else None
        back = oracle.on_phone("lin", method, url, data=data)
        return str(parse_qs(urlsplit(back.headers["location"]).query)["code"][0])

    def test_silent(self, oracle: Oracle) -> None:
        oauth = oracle.oauth("snsapi_base")
        code = self.code(oracle, oauth.authorize_url)

        assert oauth.fetch_access_token(code)["openid"] == oracle.openid()
        assert errcode(oauth.fetch_access_token, code) == 40163
        assert oauth.refresh_access_token(oauth.refresh_token)["openid"] == oracle.openid()
        assert oauth.check_access_token() is True
        assert errcode(oauth.get_user_info) == 48001

    def test_with_consent(self, oracle: Oracle) -> None:
        oauth = oracle.oauth("snsapi_userinfo")
        oauth.fetch_access_token(self.code(oracle, oauth.authorize_url, method="POST"))

        assert oauth.get_user_info()["nickname"] == "林小满"


def opened(crypto: WeChatCrypto, push: Push) -> str:
    """The message of a push, checked and decrypted by wechatpy."""
    query = push.query
    text: str = crypto.decrypt_message(
        push.body, query["msg_signature"], query["timestamp"], query["nonce"]
    )
    return text


class TestPushes:
    def say(self, oracle: Oracle, text: str = "在吗", **more: Any) -> Any:
        body = {"appid": APPID, "text": text, **more}
        return oracle.control("POST", "people/lin/messages", body)["callback"]

    @pytest.fixture
    def crypto(self) -> WeChatCrypto:
        return WeChatCrypto(TOKEN, KEY, APPID)

    def test_read_and_answered(self, oracle: Oracle, shop: Shop, crypto: WeChatCrypto) -> None:
        oracle.control("POST", "people/lin/follow", {"appid": APPID, "silent": True})
        client = oracle.client()
        image = client.media.upload("image", ("a.jpg", io.BytesIO(b"\xff\xd8\xff")))["media_id"]
        replies = [
            lambda message: TextReply(content="在的", message=message),
            lambda message: ImageReply(media_id=image, message=message),
            lambda message: ArticlesReply(
                articles=[{"title": "新茶", "description": "", "image": "", "url": PRODUCT}],
                message=message,
            ),
            lambda message: TransferCustomerServiceReply(message=message),
        ]
        for make in replies:

            def answer(push: Push, make: Any = make) -> str:
                query = push.query
                check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
                message = parse_message(opened(crypto, push))
                assert (message.type, message.source) == ("text", push.query["openid"])
                reply = make(message).render()
                sealed = crypto.encrypt_message(reply, query["nonce"], query["timestamp"])
                return str(sealed)

            shop.answer = answer
            assert self.say(oracle)["outcome"] == "replied"
        found = [one for one in oracle.chat() if one["from"] != "person"]
        assert [one["kind"] for one in found] == ["text", "image", "news", "text"]

    @pytest.mark.parametrize("length", range(1, 33))
    def test_of_every_length(
        self, oracle: Oracle, shop: Shop, crypto: WeChatCrypto, length: int
    ) -> None:
        if length == 1:
            oracle.control("POST", "people/lin/follow", {"appid": APPID, "silent": True})
        oracle.control("POST", "people/lin/follow", {"appid": APPID, "silent": True})
        self.say(oracle, "x" * length)

        assert parse_message(opened(crypto, shop.pushes[-1])).content == "x" * length

    def test_events(self, oracle: Oracle, shop: Shop, crypto: WeChatCrypto) -> None:
        client = oracle.client()
        made = client.qrcode.create(
            {
                "action_name": "QR_LIMIT_STR_SCENE",
                "action_info": {"scene": {"scene_str": "table-3"}},
            }
        )
        menu = [
            {"type": "click", "name": "帮助", "key": "HELP"},
            {"type": "scancode_waitmsg", "name": "扫码", "key": "SCAN"},
            {"type": "location_select", "name": "位置", "key": "LOC"},
        ]
        client.menu.create({"button": menu})
        scanned = {"content": made["url"]}
        oracle.control("POST", "people/lin/scan", scanned)
        oracle.control("POST", "people/lin/scan", scanned)
        place = {"latitude": 23.1, "longitude": 113.3, "label": "人民路"}
        for path, more in (([0], {}), ([1], {"scan": "SN-1"}), ([2], {"place": place})):
            body = {"appid": APPID, "path": path, **more}
            oracle.control("POST", "people/lin/menu", body)
        oracle.control("POST", "people/lin/unfollow", {"appid": APPID})
        found = [parse_message(opened(crypto, push)) for push in shop.pushes]

        names = [getattr(one, "event", one.type) for one in found]
        assert names == [
            "subscribe_scan",
            "scan",
            "click",
            "scancode_waitmsg",
            "location_select",
            "location",
            "unsubscribe",
        ]
        assert (found[0].scene_id, found[1].scene_id) == ("table-3", "table-3")
        assert (found[3].scan_type, found[3].scan_result) == ("qrcode", "SN-1")
        assert found[5].label == "人民路"

    def test_what_must_be_refused(self, oracle: Oracle, shop: Shop, crypto: WeChatCrypto) -> None:
        oracle.control("POST", "people/lin/follow", {"appid": APPID, "silent": True})
        for fault, problem in (
            ("wrong_signature", InvalidSignatureException),
            ("wrong_receiver", InvalidAppIdException),
        ):
            oracle.control("POST", "callbacks/policy", {"appid": APPID, fault: 1})
            self.say(oracle)
            with pytest.raises(problem):
                opened(crypto, shop.pushes[-1])


class TestComponent:
    def ticketed(self, oracle: Oracle, shop: Shop) -> WeChatComponent:
        """A platform that has got its ticket as a push."""
        component = oracle.component()
        oracle.control("POST", f"components/{PLATFORM}/ticket", {})
        push = shop.pushes[-1]
        query = push.query
        component.parse_message(
            push.body, query["msg_signature"], query["timestamp"], query["nonce"]
        )
        return component

    def test_from_the_ticket_to_a_call_for_the_account(self, oracle: Oracle, shop: Shop) -> None:
        component = self.ticketed(oracle, shop)
        url = component.get_pre_auth_url_m(f"{PRODUCT}/back?shop=7")
        asked = oracle.on_phone("lin", "GET", url)
        scan = asked.headers["location"]
        form = {"decision": "allow", "appid": APPID, "set": ["1", "2", "4", "15"]}
        back = oracle.http.post(
            f"{oracle.public}{scan}",
            data=form,
            headers={"X-Sandbox-Person": "lin"},
            allow_redirects=False,
        )
        code = parse_qs(urlsplit(back.headers["location"]).query)["auth_code"][0]
        info = component.query_auth(code)["authorization_info"]
        assert info["authorizer_appid"] == APPID
        client = component.get_client_by_appid(APPID)
        client._http = oracle.http

        assert client.user.get_followers()["total"] == 0
        assert errcode(client.qrcode.create, {"action_name": "QR_SCENE"}) == 61007
        assert component.get_authorizer_info(APPID)["authorizer_info"]["nick_name"] == "拾光茶饮"
        assert component.get_authorizer_list()["total_count"] == 1
        component.set_authorizer_option(APPID, "location_report", "1")
        option = component.get_authorizer_option(APPID, "location_report")
        assert option["option_value"] == "1"
        oracle.control("POST", "clock", {"advance_s": 7300})
        component.fetch_access_token()
        assert client.user.get_followers()["total"] == 0  # its token was renewed on the way

    def test_the_events(self, oracle: Oracle, shop: Shop) -> None:
        component = self.ticketed(oracle, shop)
        path = f"components/{PLATFORM}"
        oracle.control("POST", f"{path}/authorise", {"appid": APPID, "func_ids": [1]})
        oracle.control("POST", f"{path}/authorise", {"appid": APPID, "func_ids": [1, 15]})
        oracle.control("POST", f"{path}/authorise", {"appid": APPID, "func_ids": [1, 15]})
        pushes = shop.pushes[1:]
        assert len(pushes) == 2
        kinds = []
        for push in pushes[::-1]:  # reading one uses its code, which voids the older ones
            query = push.query
            try:
                found = component.parse_message(
                    push.body, query["msg_signature"], query["timestamp"], query["nonce"]
                )
            except WeChatClientException as refused:
                kinds.append(refused.errcode)
            else:
                kinds.append(found.type)
        assert kinds == ["updateauthorized", 61010]
        oracle.control("POST", f"{path}/revoke", {"appid": APPID})
        push = shop.pushes[-1]
        query = push.query
        gone = component.parse_message(
            push.body, query["msg_signature"], query["timestamp"], query["nonce"]
        )
        assert (gone.type, gone.authorizer_appid) == ("unauthorized", APPID)
        assert errcode(component.get_authorizer_info, APPID) == 61003

    def test_messages_and_oauth_of_the_account(self, oracle: Oracle, shop: Shop) -> None:
        component = self.ticketed(oracle, shop)
        given = oracle.control(
            "POST", f"components/{PLATFORM}/authorise", {"appid": APPID, "push": False}
        )
        component.query_auth(given["auth_code"])
        oracle.control("POST", "people/lin/follow", {"appid": APPID})
        crypto = WeChatCrypto(TOKEN, KEY, PLATFORM)
        message = parse_message(opened(crypto, shop.pushes[-1]))
        assert (message.event, message.source) == ("subscribe", oracle.openid())

        oauth = component.get_component_oauth(APPID)
        oauth._http = oracle.http
        url = oauth.get_authorize_url(f"{PRODUCT}/back", state="s1")
        back = oracle.on_phone("lin", "GET", url)
        code = parse_qs(urlsplit(back.headers["location"]).query)["code"][0]
        assert oauth.fetch_access_token(code)["openid"] == oracle.openid()
        assert oauth.refresh_access_token(oauth.refresh_token)["scope"] == "snsapi_base"

    def test_a_client_made_from_kept_tokens(self, oracle: Oracle, shop: Shop) -> None:
        component = self.ticketed(oracle, shop)
        given = oracle.control(
            "POST", f"components/{PLATFORM}/authorise", {"appid": APPID, "push": False}
        )
        info = component.query_auth(given["auth_code"])["authorization_info"]
        client = WeChatComponentClient(
            APPID,
            component,
            info["authorizer_access_token"],
            info["authorizer_refresh_token"],
            session=component.session,
        )
        client._http = oracle.http

        assert client.fetch_access_token()["authorizer_refresh_token"]


class TestMiniProgram:
    def code(self, oracle: Oracle) -> str:
        body = {"appid": MINI, "kind": "login"}
        return str(oracle.control("POST", "people/lin/mini/code", body)["code"])

    def test_sign_in_codes_and_notices(self, oracle: Oracle) -> None:
        client = oracle.client(MINI, MINI_SECRET)
        whom = oracle.openid(appid=MINI)
        session = client.wxa.code_to_session(self.code(oracle))
        assert session["openid"] == whom
        picture = client.wxa.get_wxa_code_unlimited("e.1", page="pages/index/index")
        assert picture.content.startswith(b"\xff\xd8\xff")
        assert errcode(client.wxa.get_wxa_code_unlimited, "x" * 33) == 40169
        assert client.wxa.create_qrcode("pages/index/index?a=1").content[:3] == b"\xff\xd8\xff"
        name = "mini-notice-000000001"
        notice = [{"template_id": name, "title": "x", "content": "a:{{thing1.DATA}}"}]
        oracle.control("PUT", f"accounts/{MINI}/notices", notice)
        choices = {"appid": MINI, "choices": {name: "accept"}}
        oracle.control("POST", "people/lin/notices/decide", choices)
        data = {"thing1": {"value": "好"}}
        sent = client.wxa.send_subscribe_message(whom, name, data)
        assert sent["errcode"] == 0
        assert client.wxa.check_text_security("你好")["errcode"] == 0
        assert errcode(client.wxa.check_text_security, "沙箱违规词") == 87014
