"""WeChat's callbacks through their door, with a table of attacks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import DjangoAssertNumQueries

from zhanggui.accounts.tests.factories import ACTOR, make_merchant
from zhanggui.channels.wechat import (
    crypto,
    deliveries,
    health,
    hooks,
    push,
    receivers,
    services,
    tasks,
)
from zhanggui.channels.wechat.crypto import MessageBox
from zhanggui.channels.wechat.models import (
    CallbackDelivery,
    ChannelAccount,
    DeliveryState,
    Follower,
)
from zhanggui.channels.wechat.tests.factories import (
    AES_KEY,
    TOKEN,
    make_account,
    make_scene_code,
    run_job,
    run_jobs,
)
from zhanggui.core import clock

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as TestResponse

pytestmark = pytest.mark.django_db
OPENID = "oLVPpjqs9BhvzwPj5A-vTYAX3GLc"
T0 = 1_700_000_000


@pytest.fixture
def account() -> ChannelAccount:
    return make_account(merchant=make_merchant("tea"))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What handlers were told, in order."""
    told: list[Any] = []
    monkeypatch.setattr(hooks, "scan_handlers", {"test.scan": told.append})
    monkeypatch.setattr(hooks, "click_handlers", {"test.key": told.append})
    monkeypatch.setattr(hooks, "follow_handlers", [told.append])
    monkeypatch.setattr(hooks, "text_handlers", [told.append])
    return told


def event(kind: str, key: str = "", *, at: int = T0, openid: str = OPENID) -> str:
    return (
        f"<xml><ToUserName><![CDATA[gh_x]]></ToUserName>"
        f"<FromUserName><![CDATA[{openid}]]></FromUserName><CreateTime>{at}</CreateTime>"
        f"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{kind}]]></Event>"
        f"<EventKey><![CDATA[{key}]]></EventKey></xml>"
    )


def text(content: str, *, message_id: int = 1, at: int = T0) -> str:
    return (
        f"<xml><ToUserName><![CDATA[gh_x]]></ToUserName>"
        f"<FromUserName><![CDATA[{OPENID}]]></FromUserName><CreateTime>{at}</CreateTime>"
        f"<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{content}]]></Content>"
        f"<MsgId>{message_id}</MsgId></xml>"
    )


def post(
    client: Client,
    account: ChannelAccount,
    body: str,
    *,
    token: str = TOKEN,
    aes_key: str = AES_KEY,
    receiver: str = "",
    stamp: str = "",
    change: Callable[[dict[str, str], str], tuple[dict[str, str], str]] | None = None,
    path_id: str = "",
) -> TestResponse:
    sealed = MessageBox(aes_key, receiver or account.app_id).encrypt(body)
    stamp = stamp or str(int(time.time()))
    query = {
        "signature": crypto.signature(token, stamp, "nonce1"),
        "timestamp": stamp,
        "nonce": "nonce1",
        "openid": OPENID,
        "encrypt_type": "aes",
        "msg_signature": crypto.signature(token, stamp, "nonce1", sealed),
    }
    envelope = f"<xml><ToUserName>gh_x</ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    if change:
        query, envelope = change(query, envelope)
    return client.post(
        f"/hooks/wechat/{path_id or account.app_id}/",
        envelope,
        content_type="text/xml",
        query_params=query,
    )


class TestAddressCheck:
    def get(self, client: Client, account: ChannelAccount, **changes: str) -> TestResponse:
        stamp = str(int(time.time()))
        query = {
            "signature": crypto.signature(TOKEN, stamp, "n"),
            "timestamp": stamp,
            "nonce": "n",
            "echostr": "5927782489442352469",
        }
        return client.get(f"/hooks/wechat/{account.app_id}/", query | changes)

    def test_answers_the_echo_and_nothing_else(
        self, client: Client, account: ChannelAccount
    ) -> None:
        response = self.get(client, account)
        assert (response.status_code, response.content) == (200, b"5927782489442352469")
        assert response["Content-Type"].startswith("text/plain")

    @pytest.mark.parametrize(
        "changes",
        [
            {"signature": "0" * 40},
            {"signature": "x"},
            {"echostr": ""},
            {"echostr": "x" * 300},
            {"timestamp": "1"},
            {"nonce": "other"},
        ],
        ids=["signature", "form", "no-echo", "long-echo", "old", "nonce"],
    )
    def test_refuses(
        self, client: Client, account: ChannelAccount, changes: dict[str, str]
    ) -> None:
        response = self.get(client, account, **changes)
        assert (response.status_code, response.content) == (403, b"")

    def test_unknown_account_is_404(self, client: Client, account: ChannelAccount) -> None:
        assert client.get("/hooks/wechat/wxsbunknown/").status_code == 403
        account.app_id = "wxsbunknown"
        assert self.get(client, account).status_code == 404


class TestPush:
    def test_is_stored_once_and_answered_at_once(
        self, client: Client, account: ChannelAccount
    ) -> None:
        for _time in range(3):  # WeChat repeats what was answered too late
            response = post(client, account, event("subscribe"))
            assert (response.status_code, response.content) == (200, b"success")
        assert CallbackDelivery.objects.count() == 1
        job = ProcrastinateJob.objects.get(task_name="wechat.handle_deliveries")
        assert job.args == {"delivery_ids": [CallbackDelivery.objects.get().pk]}
        account.refresh_from_db()
        assert account.last_callback_at is not None

    def test_does_the_work_in_a_job(self, client: Client, account: ChannelAccount) -> None:
        post(client, account, event("subscribe"))
        assert not Follower.objects.exists()
        run_jobs()
        assert Follower.objects.get().is_following
        assert CallbackDelivery.objects.get().state == DeliveryState.DONE

    def test_body_is_encrypted_at_rest(self, client: Client, account: ChannelAccount) -> None:
        post(client, account, text("我的电话是多少"))
        stored = bytes(CallbackDelivery.objects.get().body_sealed)
        assert "我的".encode() not in stored
        assert OPENID.encode() not in stored

    def test_learns_the_original_id(self, client: Client) -> None:
        account = make_account()
        ChannelAccount.objects.update(original_id="")
        post(client, account, event("subscribe"))
        account.refresh_from_db()
        assert account.original_id == "gh_x"

    def test_under_the_previous_key_is_read(self, client: Client, account: ChannelAccount) -> None:
        account.seal("previous_aes_key", AES_KEY)
        account.seal("aes_key", "k" * 43)
        account.keys_changed_at = clock.now()
        account.save()
        assert post(client, account, event("subscribe")).status_code == 200
        assert CallbackDelivery.objects.count() == 1

    def test_under_keys_changed_days_ago_is_refused(
        self, client: Client, account: ChannelAccount
    ) -> None:
        account.seal("previous_aes_key", AES_KEY)
        account.seal("previous_callback_token", TOKEN)
        account.seal("aes_key", "k" * 43)
        account.seal("callback_token", "another")
        account.keys_changed_at = clock.now() - receivers.OLD_KEYS_FOR
        account.save()
        assert post(client, account, event("subscribe")).status_code == 403

    @pytest.mark.parametrize("aes_key", [AES_KEY, "k" * 43], ids=["old-key", "new-key"])
    @pytest.mark.parametrize("token", [TOKEN, "another"], ids=["old-token", "new-token"])
    def test_under_old_and_new_keys_is_read_for_a_day(
        self, client: Client, account: ChannelAccount, token: str, aes_key: str
    ) -> None:
        services.keep_old_keys(account, "another", "k" * 43)
        account.seal("aes_key", "k" * 43)
        account.seal("callback_token", "another")
        account.save()
        response = post(client, account, event("subscribe"), token=token, aes_key=aes_key)
        assert response.content == b"success"
        assert CallbackDelivery.objects.count() == 1

    def test_that_cannot_be_read_is_taken_and_forgotten(
        self, client: Client, account: ChannelAccount
    ) -> None:
        assert post(client, account, "<xml><a/></xml>").content == b"success"
        assert not CallbackDelivery.objects.exists()

    def test_in_json_is_read(self, client: Client, account: ChannelAccount) -> None:
        body = (
            f'{{"FromUserName":"{OPENID}","CreateTime":{T0},"MsgType":"event","Event":"subscribe"}}'
        )
        post(client, account, body)
        run_jobs()
        assert Follower.objects.get().openid == OPENID


def without(name: str) -> Any:
    return lambda query, body: ({k: v for k, v in query.items() if k != name}, body)


def with_value(name: str, value: str) -> Any:
    return lambda query, body: (query | {name: value}, body)


def with_body(body: str) -> Any:
    return lambda query, _body: (query, body)


XXE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><Encrypt>&e;</Encrypt></xml>'
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>'
NO_TIME = "<xml><FromUserName>o</FromUserName><MsgType>text</MsgType>"
ATTACKS: dict[str, tuple[dict[str, Any], int]] = {
    "token-of-somebody-else": ({"token": "other"}, 403),
    "key-of-somebody-else": ({"aes_key": "k" * 43}, 403),
    "another-receiver": ({"receiver": "wxsb99999999999999"}, 403),
    "unknown-account": ({"path_id": "wxsb99999999999999"}, 404),
    "path-form": ({"path_id": "wx;drop"}, 404),
    "two-hours-old": ({"stamp": str(int(time.time()) - 7200)}, 403),
    "stamp-no-number": ({"stamp": "now"}, 403),
    "no-signature": ({"change": without("msg_signature")}, 403),
    "plain-signature-only": ({"change": without("encrypt_type")}, 403),
    "signature-upper-case": ({"change": with_value("msg_signature", "A" * 40)}, 403),
    "other-nonce": ({"change": with_value("nonce", "nonce2")}, 403),
    "long-nonce": ({"change": with_value("nonce", "n" * 65)}, 403),
    "other-body": ({"change": with_body("<xml><Encrypt>AAAA</Encrypt></xml>")}, 403),
    "empty-body": ({"change": with_body("")}, 400),
    "no-xml": ({"change": with_body("hello")}, 400),
    "no-encrypted-part": ({"change": with_body("<xml><a>1</a></xml>")}, 400),
    "broken-json": ({"change": with_body("{")}, 400),
    "json-list": ({"change": with_body("{}")}, 400),
    "json-thousands-deep": ({"change": with_body('{"a":' + "[" * 60_000)}, 400),
    "half-a-character": ({"change": with_body('{"Encrypt":"\\ud800"}')}, 403),
    "zero-byte": ({"change": with_body("<xml><Encrypt>\0</Encrypt></xml>")}, 400),
    "external-entity": ({"change": with_body(XXE)}, 400),
    "entity-bomb": ({"change": with_body(BOMB)}, 400),
    "five-megabytes": ({"change": with_body("x" * 5_000_000)}, 413),
    "just-too-big": ({"change": with_body("x" * (64 * 1024 + 1))}, 413),
}


class TestAttacks:
    @pytest.mark.parametrize(("how", "status"), ATTACKS.values(), ids=ATTACKS.keys())
    def test_is_refused_and_leaves_no_trace(
        self, client: Client, account: ChannelAccount, how: dict[str, Any], status: int
    ) -> None:
        response = post(client, account, event("subscribe"), **how)
        assert (response.status_code, response.content) == (status, b"")
        assert not CallbackDelivery.objects.exists()
        assert not ProcrastinateJob.objects.exists()
        account.refresh_from_db()
        assert account.last_callback_at is None

    @pytest.mark.parametrize(
        "name", ["five-megabytes", "no-xml", "no-signature", "two-hours-old", "external-entity"]
    )
    def test_garbage_costs_no_query(
        self,
        client: Client,
        account: ChannelAccount,
        name: str,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        with django_assert_num_queries(0):
            post(client, account, event("subscribe"), **ATTACKS[name][0])

    def test_five_megabytes_are_not_read(self, client: Client, account: ChannelAccount) -> None:
        class Unread:
            def read(self, *_size: int) -> bytes:
                pytest.fail("the body was read")

            readline = read

        stamp = str(int(time.time()))
        query = {
            "encrypt_type": "aes",
            "timestamp": stamp,
            "nonce": "n",
            "msg_signature": "0" * 40,
        }
        response = client.generic(
            "POST",
            f"/hooks/wechat/{account.app_id}/",
            query_params=query,
            **{"wsgi.input": Unread(), "CONTENT_LENGTH": "5000000"},  # type: ignore[arg-type]
        )
        assert response.status_code == 413

    @pytest.mark.parametrize("method", ["put", "delete", "patch"])
    def test_other_methods_are_refused(
        self, client: Client, account: ChannelAccount, method: str
    ) -> None:
        response = getattr(client, method)(f"/hooks/wechat/{account.app_id}/")
        assert response.status_code == 405

    def test_a_disconnected_account_is_unknown(
        self, client: Client, account: ChannelAccount
    ) -> None:
        ChannelAccount.objects.update(is_connected=False)
        assert post(client, account, event("subscribe")).status_code == 404

    def test_a_captured_push_replayed_with_its_signature_does_nothing(
        self, client: Client, account: ChannelAccount, heard: list[Any]
    ) -> None:
        stamp = str(int(time.time()))
        for _time in range(2):
            post(client, account, event("subscribe"), stamp=stamp)
            run_jobs()
        assert len(heard) == 1


class TestFollowing:
    def states(self) -> list[bool]:
        return list(Follower.objects.values_list("is_following", flat=True))

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ([("subscribe", 0), ("unsubscribe", 5)], [False]),
            ([("unsubscribe", 5), ("subscribe", 0)], [False]),
            ([("subscribe", 0), ("subscribe", 9), ("unsubscribe", 5)], [True]),
        ],
        ids=["in-order", "out-of-order", "followed-again"],
    )
    def test_the_newest_event_counts(
        self,
        client: Client,
        account: ChannelAccount,
        order: list[tuple[str, int]],
        expected: list[bool],
    ) -> None:
        for kind, after in order:
            post(client, account, event(kind, at=T0 + after))
            run_jobs()
        assert self.states() == expected

    def test_handlers_hear_of_it_once(
        self, client: Client, account: ChannelAccount, heard: list[Any]
    ) -> None:
        post(client, account, event("subscribe"))
        run_jobs()
        assert heard == [
            hooks.FollowEvent(
                account.pk,
                OPENID,
                account.merchant_id,
                is_first=True,
                followed_at=datetime.fromtimestamp(T0, UTC),
            )
        ]

    def test_an_event_that_came_too_late_tells_nobody(
        self, client: Client, account: ChannelAccount, heard: list[Any]
    ) -> None:
        post(client, account, event("unsubscribe", at=T0 + 5))
        run_jobs()
        post(client, account, event("subscribe", at=T0))
        run_jobs()
        assert heard == []

    def test_coming_back_is_not_the_first_time(
        self, client: Client, account: ChannelAccount, heard: list[Any]
    ) -> None:
        for after, kind in enumerate(["subscribe", "unsubscribe", "subscribe"]):
            post(client, account, event(kind, at=T0 + after))
            run_jobs()
        assert [told.is_first for told in heard] == [True, False]


class TestScanning:
    def test_tells_the_purpose_of_the_code(
        self, client: Client, account: ChannelAccount, heard: list[Any]
    ) -> None:
        code = make_scene_code(account, "test.scan", merchant_id=7, subject_id=42)
        post(client, account, event("SCAN", code.scene))
        run_jobs()
        assert heard == [
            hooks.ScanEvent(
                account_id=account.pk,
                openid=OPENID,
                scene_code_id=code.pk,
                merchant_id=7,
                subject_id=42,
                is_new_follower=False,
                scanned_at=datetime.fromtimestamp(T0, UTC),
            )
        ]

    def test_by_a_new_follower_is_both(
        self, client: Client, account: ChannelAccount, heard: list[Any]
    ) -> None:
        code = make_scene_code(account, "test.scan")
        post(client, account, event("subscribe", f"qrscene_{code.scene}"))
        run_jobs()
        assert [type(told) for told in heard] == [hooks.FollowEvent, hooks.ScanEvent]
        assert heard[1].is_new_follower

    @pytest.mark.parametrize("scene", ["unknown", "", "qrscene_"])
    def test_of_a_code_nobody_made_does_nothing(
        self, client: Client, account: ChannelAccount, heard: list[Any], scene: str
    ) -> None:
        post(client, account, event("SCAN", scene))
        run_jobs()
        assert heard == []
        assert CallbackDelivery.objects.get().state == DeliveryState.DONE

    def test_of_another_accounts_code_does_nothing(
        self, client: Client, account: ChannelAccount, heard: list[Any]
    ) -> None:
        code = make_scene_code(make_account(), "test.scan")
        post(client, account, event("SCAN", code.scene))
        run_jobs()
        assert heard == []


class TestWords:
    def test_text_and_click_reach_their_handlers(
        self, client: Client, account: ChannelAccount, heard: list[Any]
    ) -> None:
        post(client, account, text("你好", message_id=1))
        post(client, account, event("CLICK", "test.key"))
        post(client, account, event("CLICK", "unknown"))
        post(client, account, event("VIEW", "http://x"))
        run_jobs()
        assert [type(told) for told in heard] == [hooks.TextEvent, hooks.ClickEvent]
        assert heard[0].text == "你好"

    def test_two_texts_of_one_second_are_two(self, client: Client, account: ChannelAccount) -> None:
        post(client, account, text("a", message_id=1))
        post(client, account, text("a", message_id=2))
        assert CallbackDelivery.objects.count() == 2


class TestFailing:
    def test_work_is_noted_tried_again_and_can_be_repeated_by_hand(
        self, client: Client, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries: list[object] = []

        def stumble(told: object) -> None:
            tries.append(told)
            if len(tries) < 3:
                message = "no"
                raise LookupError(message)

        monkeypatch.setattr(hooks, "follow_handlers", [stumble])
        post(client, account, event("subscribe"))
        delivery = CallbackDelivery.objects.get()
        for _time in range(2):
            with pytest.raises(LookupError):
                deliveries.handle(delivery_id=delivery.pk)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.error) == (DeliveryState.FAILED, "LookupError: no")

        deliveries.replay(delivery=delivery, actor=ACTOR)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.tries) == (DeliveryState.RECEIVED, 0)
        deliveries.handle(delivery_id=delivery.pk)

        delivery.refresh_from_db()
        assert (delivery.state, delivery.error) == (DeliveryState.DONE, "")
        deliveries.handle(delivery_id=delivery.pk)  # done is done
        assert len(tries) == 3

    def test_after_its_last_try_it_is_given_up_and_stays_in_sight(
        self, client: Client, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stumble(_told: object) -> None:
            raise LookupError

        monkeypatch.setattr(hooks, "follow_handlers", [stumble])
        post(client, account, event("subscribe"))
        run_job(ProcrastinateJob.objects.get())
        states = [CallbackDelivery.objects.get().state]
        again = ProcrastinateJob.objects.get(task_name="wechat.handle_delivery")
        for attempts in range(tasks.RETRIES + 1):
            with pytest.raises(LookupError):
                run_job(again, attempts=attempts)
            states.append(CallbackDelivery.objects.get().state)
        assert states == [DeliveryState.FAILED] * (tasks.RETRIES + 1) + [DeliveryState.DEAD]
        assert CallbackDelivery.objects.get().tries == tasks.RETRIES + 2
        assert health.of(account).failed_deliveries == 1

    def test_a_job_for_a_forgotten_delivery_does_nothing(self) -> None:
        deliveries.handle(delivery_id=1)

    def test_one_of_several_hurts_none_of_the_others(
        self, client: Client, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        heard: list[str] = []

        def stumble(told: hooks.TextEvent) -> None:
            heard.append(told.text)
            if told.text == "b" and heard.count("b") < 2:
                raise LookupError

        monkeypatch.setattr(hooks, "text_handlers", [stumble])
        for number, said in enumerate("abc"):
            post(client, account, text(said, message_id=number))
        ids = list(CallbackDelivery.objects.order_by("pk").values_list("pk", flat=True))
        ProcrastinateJob.objects.all().delete()

        deliveries.handle_all(delivery_ids=ids)
        rows = CallbackDelivery.objects.order_by("pk").values_list("state", flat=True)
        assert list(rows) == [DeliveryState.DONE, DeliveryState.FAILED, DeliveryState.DONE]
        again = ProcrastinateJob.objects.get()
        assert again.args == {"delivery_id": ids[1]}
        assert again.scheduled_at is not None

        deliveries.handle_all(delivery_ids=ids)  # the worker was killed before it could say so
        assert heard == ["a", "b", "c", "b"]
        run_job(again)
        assert heard == ["a", "b", "c", "b"]


class TestReading:
    @pytest.mark.parametrize(
        "body",
        [
            "",
            "<xml",
            "[]",
            "{]",
            '"x"',
            XXE,
            f"{NO_TIME}</xml>",
            f"{NO_TIME}<CreateTime>x</CreateTime></xml>",
            f"{NO_TIME}<CreateTime>99999999999999</CreateTime></xml>",
            f"{NO_TIME}<CreateTime>{'9' * 5000}</CreateTime></xml>",
            "<xml><CreateTime>1</CreateTime><MsgType>text</MsgType></xml>",
            "<xml><FromUserName>o</FromUserName><CreateTime>1</CreateTime></xml>",
        ],
    )
    def test_refuses_what_is_no_push(self, body: str) -> None:
        with pytest.raises(push.CannotRead):
            push.read(body)

    def test_an_event_of_another_second_is_another_event(self) -> None:
        first, second = push.read(event("SCAN", "a")), push.read(event("SCAN", "a", at=T0 + 1))
        assert first.platform_key != second.platform_key
        assert OPENID not in first.platform_key
        assert first.sent_at + timedelta(seconds=1) == second.sent_at


def test_half_a_character_in_a_push_is_kept(client: Client, account: ChannelAccount) -> None:
    body = json.dumps(
        {
            "ToUserName": "gh_x",
            "FromUserName": OPENID,
            "CreateTime": T0,
            "MsgType": "text\ud83d",
            "Content": "\ud83d",
            "MsgId": 7,
        }
    )
    assert post(client, account, body).content == b"success"
    run_jobs()
    assert CallbackDelivery.objects.get().state == DeliveryState.DONE
