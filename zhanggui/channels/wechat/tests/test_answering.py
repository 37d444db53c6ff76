"""Modes, forms and answers of pushes, and what the third-party platform itself is told."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from defusedxml.ElementTree import fromstring
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob
from wechatpy.crypto import WeChatCrypto

from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.channels.wechat import crypto, hooks, passive, push, tasks
from zhanggui.channels.wechat.crypto import MessageBox
from zhanggui.channels.wechat.models import (
    CallbackDelivery,
    ChannelAccount,
    Component,
    PushMode,
)
from zhanggui.channels.wechat.tests.factories import (
    AES_KEY,
    COMPONENT_KEY,
    COMPONENT_TOKEN,
    QUERY_AUTH_PATH,
    TEXT_PATH,
    TOKEN,
    fake_wechat,
    make_account,
    make_authorised,
    make_component,
    run_jobs,
)
from zhanggui.channels.wechat.tests.test_hooks import OPENID, T0, event, text
from zhanggui.core import clock

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as TestResponse

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> ChannelAccount:
    return make_account(merchant=make_merchant("tea"))


@pytest.fixture
def component() -> Component:
    return make_component()


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "reply_handlers", [])


def reply_with(monkeypatch: pytest.MonkeyPatch, reply: passive.Reply | None) -> None:
    monkeypatch.setattr(hooks, "reply_handlers", [lambda _account, _push: reply])


def mode(account: ChannelAccount, push_mode: PushMode) -> None:
    ChannelAccount.objects.filter(pk=account.pk).update(push_mode=push_mode)


def signed(token: str, **more: str) -> dict[str, str]:
    stamp = str(int(time.time()))
    query = {"signature": crypto.signature(token, stamp, "n1"), "timestamp": stamp, "nonce": "n1"}
    return query | more


def send(
    client: Client,
    path: str,
    body: str,
    *,
    token: str = TOKEN,
    aes_key: str = AES_KEY,
    receiver: str,
    beside: str = "",
    is_json: bool = False,
    outer: str = "ToUserName",
) -> TestResponse:
    """An encrypted push; ``beside`` stands in plain text next to the encrypted part."""
    sealed = MessageBox(aes_key, receiver).encrypt(body)
    query = signed(token, encrypt_type="aes")
    stamp = query["timestamp"]
    query["msg_signature"] = crypto.signature(token, stamp, "n1", sealed)
    envelope = (
        json.dumps({outer: "gh_x", "Encrypt": sealed})
        if is_json
        else f"<xml><{outer}>gh_x</{outer}>{beside}<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    )
    return client.post(path, envelope, content_type="text/plain", query_params=query)


class TestModes:
    def plain(self, client: Client, account: ChannelAccount, body: str) -> TestResponse:
        return client.post(
            f"/hooks/wechat/{account.app_id}/",
            body,
            content_type="text/xml",
            query_params=signed(TOKEN),
        )

    def test_plain_pushes_are_taken_where_the_account_says_so(
        self, client: Client, account: ChannelAccount
    ) -> None:
        mode(account, PushMode.PLAIN)
        assert self.plain(client, account, text("你好")).content == b"success"
        assert CallbackDelivery.objects.get().kind == "text"

    @pytest.mark.parametrize("push_mode", [PushMode.SAFE, PushMode.COMPATIBLE])
    def test_plain_pushes_are_refused_elsewhere(
        self, client: Client, account: ChannelAccount, push_mode: PushMode
    ) -> None:
        mode(account, push_mode)
        assert self.plain(client, account, text("你好")).status_code == 403
        assert not CallbackDelivery.objects.exists()

    def test_plain_with_a_wrong_signature_is_refused(
        self, client: Client, account: ChannelAccount
    ) -> None:
        mode(account, PushMode.PLAIN)
        query = signed("other")
        path = f"/hooks/wechat/{account.app_id}/"
        response = client.post(path, text("x"), content_type="text/xml", query_params=query)
        assert response.status_code == 403

    def test_compatible_believes_the_encrypted_part_only(
        self, client: Client, account: ChannelAccount
    ) -> None:
        mode(account, PushMode.COMPATIBLE)
        response = send(
            client,
            f"/hooks/wechat/{account.app_id}/",
            text("真的"),
            receiver=account.app_id,
            beside="<MsgType>event</MsgType><Event>unsubscribe</Event>",
        )
        assert response.content == b"success"
        assert CallbackDelivery.objects.get().kind == "text"

    def test_plain_is_answered_plain(
        self, client: Client, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mode(account, PushMode.PLAIN)
        reply_with(monkeypatch, passive.Text("欢迎 <a href='x'>茶</a>"))
        answer = fromstring(self.plain(client, account, text("你好")).content.decode())
        assert answer.findtext("Content") == "欢迎 <a href='x'>茶</a>"
        assert (answer.findtext("ToUserName"), answer.findtext("FromUserName")) == (OPENID, "gh_x")


class TestReplies:
    def ask(self, client: Client, account: ChannelAccount, body: str = "") -> bytes:
        path = f"/hooks/wechat/{account.app_id}/"
        return send(client, path, body or text("你好"), receiver=account.app_id).content

    def opened(self, account: ChannelAccount, content: bytes) -> dict[str, str]:
        """Read an answer with a library that is not ours."""
        envelope = fromstring(content.decode())
        plain = WeChatCrypto(TOKEN, AES_KEY, account.app_id).decrypt_message(
            content.decode(),
            envelope.findtext("MsgSignature"),
            envelope.findtext("TimeStamp"),
            envelope.findtext("Nonce"),
        )
        return {child.tag: child.text or "" for child in fromstring(plain)}

    def test_are_sealed_as_the_push_was(
        self, client: Client, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reply_with(monkeypatch, passive.Text("𠮷 🍵 ]]>"))
        said = self.opened(account, self.ask(client, account))
        assert said["Content"] == "𠮷 🍵 ]]>"
        assert said["MsgType"] == "text"

    def test_a_repeat_gets_the_same_answer_and_no_second_job(
        self, client: Client, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reply_with(monkeypatch, passive.Text("好"))
        for _time in range(2):
            assert self.opened(account, self.ask(client, account))["Content"] == "好"
        assert ProcrastinateJob.objects.count() == 1

    def test_json_is_answered_by_json(
        self, client: Client, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reply_with(monkeypatch, passive.Text("好"))
        body = json.dumps(
            {
                "ToUserName": "gh_x",
                "FromUserName": OPENID,
                "CreateTime": T0,
                "MsgType": "text",
                "Content": "您好",
                "MsgId": 77,
            }
        )
        path = f"/hooks/wechat/{account.app_id}/"
        content = send(client, path, body, receiver=account.app_id, is_json=True).content
        envelope = json.loads(content)
        said = json.loads(MessageBox(AES_KEY, account.app_id).decrypt(envelope["Encrypt"]))
        assert (said["Content"], said["ToUserName"]) == ("好", OPENID)

    def test_nothing_is_said_to_who_left(
        self, client: Client, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reply_with(monkeypatch, passive.Text("好"))
        assert self.ask(client, account, event("unsubscribe")) == b"success"

    def test_a_handler_that_fails_loses_no_push(
        self, client: Client, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_account: object, _push: object) -> passive.Reply | None:
            raise LookupError

        second = passive.Text("二")
        monkeypatch.setattr(hooks, "reply_handlers", [fail, lambda _account, _push: second])
        assert self.opened(account, self.ask(client, account))["Content"] == "二"
        assert CallbackDelivery.objects.count() == 1

    @pytest.mark.parametrize(
        ("reply", "parts"),
        [
            (passive.Text("a" * 3000), {"Content": "a" * 2048}),
            (passive.Text("茶" * 1000), {"Content": "茶" * 682}),
            (passive.Text("a\x00b\x1fc\n"), {"Content": "abc\n"}),
            (passive.Media("image", "M"), {"Image": {"MediaId": "M"}}),
            (
                passive.Video("M", "t", "d"),
                {"Video": {"MediaId": "M", "Title": "t", "Description": "d"}},
            ),
            (passive.ToAgent(), {}),
            (passive.ToAgent("a@b"), {"TransInfo": {"KfAccount": "a@b"}}),
        ],
    )
    def test_are_written_as_wechat_wants(self, reply: passive.Reply, parts: object) -> None:
        written = passive.written(reply, push.read(text("x")), at_s=1, is_json=False)
        found = fromstring(written)
        inner = {
            child.tag: {leaf.tag: leaf.text for leaf in child} or child.text
            for child in found
            if child.tag not in {"ToUserName", "FromUserName", "CreateTime", "MsgType"}
        }
        assert inner == parts
        assert found.findtext("MsgType") == reply.kind

    def test_cards_are_at_most_eight(self) -> None:
        articles = [passive.Article(f"标题{n}", f"http://x/{n}") for n in range(9)]
        written = passive.written(
            passive.News(articles), push.read(text("x")), at_s=1, is_json=False
        )
        found = fromstring(written)
        assert found.findtext("ArticleCount") == "8"
        assert [item.findtext("Title") for item in found.iter("item")][:2] == ["标题0", "标题1"]
        assert len(list(found.iter("item"))) == 8


class TestDetails:
    def test_what_a_menu_entry_scanned(self) -> None:
        body = event("scancode_waitmsg", "k").replace(
            "</xml>",
            "<ScanCodeInfo><ScanType>barcode</ScanType><ScanResult>EAN_13,69</ScanResult>"
            "</ScanCodeInfo></xml>",
        )
        assert push.read(body).scanned == "EAN_13,69"

    def test_several_of_one_name_are_numbered(self) -> None:
        lists = "".join(f"<List><TemplateId>t{n}</TemplateId></List>" for n in range(2))
        body = event("subscribe_msg_popup_event").replace(
            "</xml>", f"<SubscribeMsgPopupEvent>{lists}</SubscribeMsgPopupEvent></xml>"
        )
        found = push.read(body).details
        assert found["SubscribeMsgPopupEvent.List.TemplateId"] == "t0"
        assert found["SubscribeMsgPopupEvent.List.1.TemplateId"] == "t1"

    @pytest.mark.parametrize(
        "value",
        [[{"TemplateId": "t0"}, {"TemplateId": "t1"}], {"TemplateId": "t0"}],
        ids=["list", "object"],
    )
    def test_json_lists_are_read_alike(self, value: object) -> None:
        body = json.dumps(
            {"FromUserName": "o", "CreateTime": 1, "MsgType": "event", "Event": "e", "List": value}
        )
        assert push.read(body).details["List.TemplateId"] == "t0"

    @pytest.mark.parametrize(
        "inner",
        ["<a>" * 9 + "</a>" * 9, "".join(f"<a{n}>x</a{n}>" for n in range(400))],
        ids=["deep", "wide"],
    )
    def test_nests_of_nothing_are_refused(self, inner: str) -> None:
        with pytest.raises(push.CannotRead):
            push.read(event("x").replace("</xml>", f"{inner}</xml>"))

    def test_handlers_of_an_event_hear_its_details(
        self, client: Client, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[hooks.PushEvent] = []
        monkeypatch.setattr(hooks, "event_handlers", {})
        hooks.on_event("TEMPLATESENDJOBFINISH", told.append)
        body = event("TEMPLATESENDJOBFINISH").replace(
            "</xml>", "<MsgID>200163836</MsgID><Status>failed:user block</Status></xml>"
        )
        send(client, f"/hooks/wechat/{account.app_id}/", body, receiver=account.app_id)
        run_jobs()
        assert [(one.details["MsgID"], one.details["Status"]) for one in told] == [
            ("200163836", "failed:user block")
        ]


def notice(component: Component, kind: str, *, at: int = T0, **fields: str) -> str:
    inner = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    return (
        f"<xml><AppId>{component.app_id}</AppId><CreateTime>{at}</CreateTime>"
        f"<InfoType>{kind}</InfoType>{inner}</xml>"
    )


def tell(client: Client, component: Component, body: str, **changes: str) -> TestResponse:
    values = {"token": COMPONENT_TOKEN, "aes_key": COMPONENT_KEY, "receiver": component.app_id}
    path = f"/hooks/wechat/component/{component.app_id}/"
    return send(client, path, body, outer="AppId", **values | changes)  # type: ignore[arg-type]


class TestPlatform:
    def test_a_ticket_is_kept_and_not_stored_as_a_callback(
        self, client: Client, component: Component
    ) -> None:
        body = notice(
            component,
            "component_verify_ticket",
            at=int(time.time()),
            ComponentVerifyTicket="ticket@@@2",
        )
        assert tell(client, component, body).content == b"success"
        component.refresh_from_db()
        assert component.unseal("ticket") == "ticket@@@2"
        assert not CallbackDelivery.objects.exists()
        assert component.last_callback_at is not None

    def test_a_late_older_ticket_changes_nothing(
        self, client: Client, component: Component
    ) -> None:
        body = notice(component, "component_verify_ticket", ComponentVerifyTicket="old")
        tell(client, component, body)
        component.refresh_from_db()
        assert component.unseal("ticket") == "ticket@@@1"
        assert component.ticket_at != datetime.fromtimestamp(T0, UTC)

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"token": TOKEN}, 403),
            ({"aes_key": AES_KEY}, 403),
            ({"receiver": "wxsb99999999999999"}, 403),
        ],
        ids=["token", "key", "receiver"],
    )
    def test_what_is_not_for_us_leaves_no_trace(
        self, client: Client, component: Component, changes: dict[str, str], status: int
    ) -> None:
        body = notice(component, "unauthorized", AuthorizerAppid="wxsb1")
        assert tell(client, component, body, **changes).status_code == status
        assert not CallbackDelivery.objects.exists()

    def test_of_an_unknown_platform_is_404(self, client: Client, component: Component) -> None:
        body = notice(component, "unauthorized", AuthorizerAppid="wxsb1")
        path = "/hooks/wechat/component/wxsb404/"
        response = send(
            client,
            path,
            body,
            token=COMPONENT_TOKEN,
            aes_key=COMPONENT_KEY,
            receiver="wxsb404",
        )
        assert response.status_code == 404

    def test_the_same_notice_twice_is_one(self, client: Client, component: Component) -> None:
        body = notice(component, "authorized", AuthorizerAppid="wxsb1", AuthorizationCode="c")
        for _time in range(2):
            tell(client, component, body)
        assert CallbackDelivery.objects.count() == 1
        assert ProcrastinateJob.objects.count() == 1

    def test_nobodys_authorisation_asks_nothing(self, client: Client, component: Component) -> None:
        body = notice(component, "authorized", AuthorizerAppid="wxsb1", AuthorizationCode="c")
        tell(client, component, body)
        with fake_wechat() as fake:
            run_jobs()
        assert fake.paths() == []
        assert not ChannelAccount.objects.exists()

    def test_a_notice_nobody_understands_is_taken(
        self, client: Client, component: Component
    ) -> None:
        assert tell(client, component, "<xml><a/></xml>").content == b"success"
        assert tell(client, component, notice(component, "notify_x")).content == b"success"
        run_jobs()


class TestAuthorisedAccounts:
    def ask(self, client: Client, component: Component, app_id: str, body: str) -> TestResponse:
        return send(
            client,
            f"/hooks/wechat/component/{component.app_id}/{app_id}/",
            body,
            token=COMPONENT_TOKEN,
            aes_key=COMPONENT_KEY,
            receiver=component.app_id,
        )

    def test_their_pushes_come_under_the_platforms_keys(
        self, client: Client, component: Component, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account = make_authorised(component, merchant=make_merchant("tea"))
        reply_with(monkeypatch, passive.Text("好"))
        answer = self.ask(client, component, account.app_id, text("您好")).content
        sealed = fromstring(answer.decode()).findtext("Encrypt") or ""
        assert "好" in MessageBox(COMPONENT_KEY, component.app_id).decrypt(sealed)
        assert CallbackDelivery.objects.get().account == account

    def test_the_accounts_own_address_does_not_take_them(
        self, client: Client, component: Component
    ) -> None:
        account = make_authorised(component)
        path = f"/hooks/wechat/{account.app_id}/"
        response = send(
            client,
            path,
            text("x"),
            token=COMPONENT_TOKEN,
            aes_key=COMPONENT_KEY,
            receiver=component.app_id,
        )
        assert response.status_code == 404

    def test_an_account_nobody_connected_is_answered_and_forgotten(
        self, client: Client, component: Component
    ) -> None:
        assert self.ask(client, component, "wxsbnobody", text("x")).content == b"success"
        assert not CallbackDelivery.objects.exists()

    def test_another_platforms_account_is_not_reached(
        self, client: Client, component: Component
    ) -> None:
        Component.objects.update(is_active=False)
        account = make_authorised(make_component())
        assert self.ask(client, component, account.app_id, text("x")).content == b"success"
        assert not CallbackDelivery.objects.exists()


class TestReleaseCheck:
    APP_ID = "wx570bc396a51b8ff8"

    def ask(self, client: Client, component: Component, body: str) -> TestResponse:
        return TestAuthorisedAccounts().ask(client, component, self.APP_ID, body)

    def said(self, component: Component, content: bytes) -> str:
        sealed = fromstring(content.decode()).findtext("Encrypt") or ""
        answer = MessageBox(COMPONENT_KEY, component.app_id).decrypt(sealed)
        return fromstring(answer).findtext("Content") or ""

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (text("TESTCOMPONENT_MSG_TYPE_TEXT"), "TESTCOMPONENT_MSG_TYPE_TEXT_callback"),
            (event("LOCATION"), "LOCATIONfrom_callback"),
        ],
        ids=["text", "event"],
    )
    def test_is_answered_at_once(
        self, client: Client, component: Component, body: str, expected: str
    ) -> None:
        assert self.said(component, self.ask(client, component, body).content) == expected
        assert not CallbackDelivery.objects.exists()

    def test_the_code_comes_back_as_a_customer_message(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        component = make_component()
        response = self.ask(client, component, text("QUERY_AUTH_CODE:code@@@1"))
        assert (response.status_code, response.content) == (200, b"")
        info = {
            "authorizer_appid": "wxsbtest",
            "authorizer_access_token": "tested",
            "expires_in": 7200,
            "func_info": [],
        }
        with fake_wechat(**{QUERY_AUTH_PATH: {"authorization_info": info}}) as fake:
            run_jobs()
        assert fake.paths()[-2:] == [QUERY_AUTH_PATH, TEXT_PATH]
        assert fake.body(-2)["authorization_code"] == "code@@@1"
        assert fake.calls[-1].url.params["access_token"] == "tested"
        assert fake.body()["text"]["content"] == "code@@@1_from_api"

    def test_such_texts_to_other_accounts_are_texts(
        self, client: Client, component: Component
    ) -> None:
        account = make_authorised(component)
        body = text("QUERY_AUTH_CODE:stolen")
        answer = TestAuthorisedAccounts().ask(client, component, account.app_id, body)
        assert answer.content == b"success"
        names = set(ProcrastinateJob.objects.values_list("task_name", flat=True))
        assert names == {tasks.handle_deliveries.name}


def test_the_clock_of_an_answer_is_ours(
    client: Client, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply_with(monkeypatch, passive.Text("好"))
    now = clock.now()
    with clock.at(now):
        content = TestReplies().ask(client, account)
    said = TestReplies().opened(account, content)
    assert said["CreateTime"] == str(int(now.timestamp()))
