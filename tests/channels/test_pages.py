"""Pages inside WeChat and mini programs against the sandbox, which checks what we sign."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.channels.conftest import PRODUCT, Stage
from zhanggui.accounts.models import AuditEntry, Merchant
from zhanggui.accounts.tests.factories import ACTOR, make_merchant
from zhanggui.channels.wechat import minis
from zhanggui.channels.wechat.models import ChannelAccount, Kind, MiniCode
from zhanggui.channels.wechat.views import mini_api
from zhanggui.contacts.models import Customer, CustomerState, IdentityLink
from zhanggui.contacts.tests.factories import make_customer, make_link, sign_in_customer
from zhanggui.core import tenancy
from zhanggui.core.limits import Limit

NAMES = ["updateAppMessageShareData", "scanQRCode", "getLocation"]


@pytest.fixture
def tea(stage: Stage) -> Merchant:
    stage.add_people("lin", "chen")
    return make_merchant("tea", name="茶舍")


def verdict(stage: Stage, path: str, config: dict[str, Any]) -> Any:
    """What the phone of lin says to ``wx.config`` on a page of ours."""
    phone = "http://lin.localhost:8001"
    body = {**config, "jsApiList": NAMES, "url": f"{phone}{path}"}
    return stage.http.post(
        f"{phone}/_phone/api/jssdk/config", json=body, headers={"Origin": phone}
    ).json()


@pytest.mark.spec("platform P25")
class TestPages:
    """Share, location and scan are allowed by one signature over the page."""

    def asked(self, client: Client, tea: Merchant, account: ChannelAccount) -> dict[str, Any]:
        sign_in_customer(client, make_link(tea, account.pk))
        answer = client.get("/w/tea/wechat-page", {"path": "/w/tea/?a=1&b=茶"})
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    def test_the_sandbox_accepts_the_signature(
        self, stage: Stage, tea: Merchant, client: Client
    ) -> None:
        account = stage.add_account(tea, js_domains=["127.0.0.1:8000"])
        config = self.asked(client, tea, account)
        answer = verdict(stage, "/w/tea/?a=1&b=茶#top", config)
        assert (answer["problem"], answer["allowed"]) == ("", NAMES)

    def test_another_page_is_an_invalid_signature(
        self, stage: Stage, tea: Merchant, client: Client
    ) -> None:
        account = stage.add_account(tea, js_domains=["127.0.0.1:8000"])
        config = self.asked(client, tea, account)
        assert verdict(stage, "/w/tea/", config)["problem"] == "config:invalid signature"

    def test_a_domain_the_account_does_not_name(
        self, stage: Stage, tea: Merchant, client: Client
    ) -> None:
        config = self.asked(client, tea, stage.add_account(tea))
        answer = verdict(stage, "/w/tea/?a=1&b=茶", config)
        assert answer["problem"] == "config:invalid url domain"


def add_mini(stage: Stage, tea: Merchant, **settings: Any) -> ChannelAccount:
    """A mini program of the shop that both sides know."""
    account = stage.add_account(tea, **settings)
    ChannelAccount.objects.filter(pk=account.pk).update(kind=Kind.MINI)
    stage.control("PUT", f"accounts/{account.app_id}", {"kind": "mini", **settings})
    account.refresh_from_db()
    return account


def code_of(stage: Stage, account: ChannelAccount, kind: str, slug: str = "lin") -> str:
    body = {"appid": account.app_id, "kind": kind}
    return str(stage.control("POST", f"people/{slug}/mini/code", body)["code"])


def post(client: Client, path: str, body: object, token: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.post(
        f"/api/v1/tea/mini/{path}", body, content_type="application/json", headers=headers
    )


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
def mini(stage: Stage, tea: Merchant) -> ChannelAccount:
    return add_mini(stage, tea)


@pytest.fixture
def bare() -> Client:
    """A mini program: no cookies, and CSRF would be asked for if it were not switched off."""
    return Client(enforce_csrf_checks=True)


@pytest.mark.spec("platform P26")
class TestMiniProgram:
    def test_signs_in_gives_the_number_and_leaves(
        self, stage: Stage, tea: Merchant, mini: ChannelAccount, bare: Client
    ) -> None:
        stage.control(
            "PUT", "people", [{"slug": "lin", "nickname": "LIN", "phone": "+8613800138222"}]
        )
        first = post(bare, "session", {"code": code_of(stage, mini, "login")})
        assert first.status_code == 201
        token = first.json()["token"]
        assert first.json()["customer"]["phone"] == ""
        with tenancy.merchant_scope(tea.pk):
            link = IdentityLink.objects.get()
            assert (link.account_id, link.kind) == (mini.pk, "mini")
            assert link.openid == stage.openid(mini, "lin")

        told = post(bare, "phone", {"code": code_of(stage, mini, "phone")}, token)
        assert told.json() == {
            "customer": {
                "name": "微信用户",
                "number": first.json()["customer"]["number"],
                "phone": "138****8222",
                "phone_proved": True,
            }
        }
        me = bare.get("/api/v1/tea/mini/me", headers={"Authorization": f"Bearer {token}"})
        assert me.json()["customer"]["phone_proved"] is True

        assert post(bare, "session/end", {}, token).status_code == 204
        assert error_of(post(bare, "phone", {"code": "x"}, token)) == (401, "E_SIGNED_OUT")

    def test_the_number_leads_to_the_customer_the_shop_knows(
        self, stage: Stage, tea: Merchant, mini: ChannelAccount, bare: Client
    ) -> None:
        stage.control(
            "PUT", "people", [{"slug": "lin", "nickname": "LIN", "phone": "+8613800138222"}]
        )
        known = make_customer(tea, "林小姐", phone="13800138222")
        token = post(bare, "session", {"code": code_of(stage, mini, "login")}).json()["token"]
        answer = post(bare, "phone", {"code": code_of(stage, mini, "phone")}, token)
        assert answer.json()["customer"]["name"] == "林小姐"
        assert answer.json()["token"] != token
        with tenancy.merchant_scope(tea.pk):
            assert IdentityLink.objects.get().customer_id == known.pk
            assert Customer.objects.filter(state=CustomerState.REPLACED).count() == 1
            actions = set(AuditEntry.objects.values_list("action", flat=True))
        assert {"contacts.customer.merged", "contacts.phone.proved"} <= actions
        # the old session belonged to the customer that is gone
        assert error_of(post(bare, "phone", {"code": "x"}, token)) == (401, "E_SIGNED_OUT")

    def test_two_people_with_one_number_are_not_made_one(
        self, stage: Stage, tea: Merchant, mini: ChannelAccount, bare: Client
    ) -> None:
        people = [
            {"slug": slug, "nickname": slug, "phone": "+8613800138222"} for slug in ("lin", "chen")
        ]
        stage.control("PUT", "people", people)
        answers = []
        for slug in ("lin", "chen"):
            code = code_of(stage, mini, "login", slug)
            token = post(bare, "session", {"code": code}).json()["token"]
            body = {"code": code_of(stage, mini, "phone", slug)}
            answers.append(post(bare, "phone", body, token))
        assert answers[0].status_code == 200
        assert error_of(answers[1]) == (409, "E_CUSTOMER_PHONE_TAKEN")
        with tenancy.merchant_scope(tea.pk):
            assert Customer.objects.filter(state=CustomerState.ACTIVE).count() == 2

    def test_codes_work_once_and_only_for_their_purpose(
        self, stage: Stage, mini: ChannelAccount, bare: Client
    ) -> None:
        code = code_of(stage, mini, "login")
        token = post(bare, "session", {"code": code}).json()["token"]
        assert error_of(post(bare, "session", {"code": code})) == (422, "E_MINI_CODE")
        login = code_of(stage, mini, "login")
        assert error_of(post(bare, "phone", {"code": login}, token)) == (422, "E_MINI_CODE")

    def test_a_scene_is_made_drawn_opened_and_put_away(
        self, stage: Stage, tea: Merchant, mini: ChannelAccount, bare: Client
    ) -> None:
        with tenancy.merchant_scope(tea.pk):
            made = minis.create_code(
                merchant=tea, name="柜台", page="", target="stamps.wallet", actor=ACTOR
            )
        assert bytes(made.picture).startswith(b"\xff\xd8")
        shown = stage.http.get("http://lin.localhost:8001/_phone/api/codes").json()
        assert made.scene in {one["scene"] for one in shown}

        opened = post(bare, "scene", {"scene": made.scene})
        assert opened.json() == {"name": "柜台", "url": f"{PRODUCT}/w/tea/"}
        with tenancy.merchant_scope(tea.pk):
            minis.archive_code(code=made, actor=ACTOR)
            assert MiniCode.objects.get().opened == 1
        assert error_of(post(bare, "scene", {"scene": made.scene})) == (404, "E_SCENE_UNKNOWN")

    @pytest.mark.parametrize(
        "body", ["{", "[]", '{"code": 1}', '{"code": ""}', '{"code": "a\\u0000"}', '"x"']
    )
    def test_bodies_that_cannot_be_read(
        self, mini: ChannelAccount, bare: Client, body: str
    ) -> None:
        answer = bare.post("/api/v1/tea/mini/session", body, content_type="application/json")
        assert error_of(answer) == (422, "E_API_BODY")

    def test_a_flood_is_slowed_down(
        self, mini: ChannelAccount, bare: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mini_api, "SIGN_IN_LIMIT", Limit("mini-test", 2, 600, 60))
        answers = [post(bare, "session", {"code": "x"}) for _time in range(3)]
        assert [one.status_code for one in answers] == [422, 422, 429]
        assert int(answers[2]["Retry-After"]) > 0

    def test_without_a_mini_program(self, tea: Merchant, bare: Client) -> None:
        assert error_of(post(bare, "session", {"code": "x"})) == (409, "E_NO_MINI_PROGRAM")
        answer = bare.post("/api/v1/nobody/mini/session", "{}", content_type="application/json")
        assert error_of(answer) == (404, "E_NOT_FOUND")

    def test_a_session_ends_when_another_mini_program_serves(
        self, stage: Stage, tea: Merchant, mini: ChannelAccount, bare: Client
    ) -> None:
        token = post(bare, "session", {"code": code_of(stage, mini, "login")}).json()["token"]
        ChannelAccount.objects.filter(pk=mini.pk).update(is_connected=False)
        answer = bare.get("/api/v1/tea/mini/me", headers={"Authorization": f"Bearer {token}"})
        assert error_of(answer) == (401, "E_SIGNED_OUT")
