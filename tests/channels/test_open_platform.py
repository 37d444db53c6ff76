"""Authorising by scanning against the sandbox, in both orders, with losses and faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stamina

from tests.channels.conftest import PRODUCT, Stage
from zhanggui.accounts.models import Merchant, Person, Tier
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_person
from zhanggui.channels.wechat import api, authorising, hooks, passive, tickets, tokens
from zhanggui.channels.wechat.client.menus import Button
from zhanggui.channels.wechat.client.sendables import Text
from zhanggui.channels.wechat.errors import AuthorisationLost, MerchantMustAct, QuotaUsedUp
from zhanggui.channels.wechat.models import (
    ApiCall,
    CallbackDelivery,
    ChannelAccount,
    Component,
    DeliveryState,
    Follower,
    Standing,
)
from zhanggui.channels.wechat.tests.factories import (
    COMPONENT_KEY,
    COMPONENT_TOKEN,
    SECRET,
    make_component,
    run_jobs,
)

APP_ID = "wxsb00000000000abc"
FUNCTIONS = [1, 2, 3, 4, 6, 7, 11, 15]


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def tea(stage: Stage) -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.fixture
def boss(stage: Stage) -> Person:
    return make_person("老板")


@pytest.fixture
def component(stage: Stage) -> Component:
    """A platform both sides know, with a ticket, and an account nobody has connected."""
    component = make_component(ticket="")
    hook = f"{PRODUCT}/hooks/wechat/component/{component.app_id}/"
    stage.control(
        "PUT",
        f"components/{component.app_id}",
        {
            "name": component.name,
            "secret": SECRET,
            "token": COMPONENT_TOKEN,
            "aes_key": COMPONENT_KEY,
            "event_url": hook,
            "message_url": f"{hook}$APPID$/",
            "login_domains": ["127.0.0.1:8000"],
            "account_domains": ["127.0.0.1:8000"],
            "func_ids": FUNCTIONS,
            "is_released": True,
        },
    )
    stage.control(
        "PUT",
        f"accounts/{APP_ID}",
        {
            "name": "新茶舍",
            "secret": SECRET,
            "original_id": "gh_0123456789ab",
            "kind": "service",
            "principal": "新茶舍有限公司",
        },
    )
    stage.add_people("lin")
    stage.control("POST", f"components/{component.app_id}/ticket", {})
    component.refresh_from_db()
    assert component.ticket_at is not None
    return component


def begin(tea: Merchant, boss: Person) -> authorising.Visit:
    return authorising.begin_authorisation(
        tier=Tier.MERCHANT, merchant=tea, person=boss, return_path=lambda state: f"/back/{state}"
    )


def consent(stage: Stage, component: Component, visit: authorising.Visit, **more: Any) -> Any:
    """Let the administrator agree on the page of this visit."""
    code = visit.desktop_url.partition("pre_auth_code=")[2].partition("&")[0]
    body = {"appid": APP_ID, "pre_auth_code": code.replace("%40", "@"), **more}
    return stage.control("POST", f"components/{component.app_id}/authorise", body)


def complete(visit: authorising.Visit, boss: Person, granted: Any) -> ChannelAccount:
    return authorising.complete_authorisation(
        state=visit.state, code=granted["auth_code"], person=boss, actor=ACTOR
    )


@pytest.fixture
def account(stage: Stage, component: Component, tea: Merchant, boss: Person) -> ChannelAccount:
    """Connected: the push came first, then the browser."""
    visit = begin(tea, boss)
    granted = consent(stage, component, visit)
    run_jobs()
    return complete(visit, boss, granted)


class TestAuthorise:
    def test_push_first_then_the_browser(self, account: ChannelAccount, tea: Merchant) -> None:
        assert (account.merchant, account.name) == (tea, "新茶舍")
        assert account.principal == "新茶舍有限公司"
        assert sorted(account.function_ids) == FUNCTIONS
        delivery = CallbackDelivery.objects.get()
        assert (delivery.kind, delivery.state) == ("authorized", DeliveryState.DONE)

    def test_browser_first_then_the_push(
        self, stage: Stage, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        granted = consent(stage, component, visit)
        account = complete(visit, boss, granted)
        first = account.authorised_at
        run_jobs()
        account.refresh_from_db()
        assert account.authorised_at == first
        assert CallbackDelivery.objects.get().state == DeliveryState.DONE

    def test_the_push_alone(
        self, stage: Stage, component: Component, tea: Merchant, boss: Person
    ) -> None:
        consent(stage, component, begin(tea, boss))
        run_jobs()
        assert ChannelAccount.objects.get().merchant == tea

    def test_the_browser_alone(
        self, stage: Stage, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        assert complete(visit, boss, consent(stage, component, visit, push=False)).merchant == tea

    def test_both_lost_is_found_at_night_when_the_account_is_known(
        self, stage: Stage, component: Component, account: ChannelAccount
    ) -> None:
        ChannelAccount.objects.update(standing=Standing.REVOKED, refresh_token_sealed=None)
        authorising.reconcile()
        account.refresh_from_db()
        assert account.standing == Standing.GOOD
        ChannelAccount.objects.update(access_token_expires_at=None)
        assert tokens.access_token(account.pk)


class TestUse:
    def test_calls_menus_and_messages(self, stage: Stage, account: ChannelAccount) -> None:
        calls = api.for_account(account)
        calls.menu_create(
            [Button("茶单", "click", key="menu"), Button("官网", "view", url="https://x.cn")]
        )
        state = calls.menu_get()
        assert state is not None
        assert [(one.name, one.key) for one in state.buttons] == [("茶单", "menu"), ("官网", "")]
        calls.menu_delete()
        assert calls.menu_get() is None

    def test_a_follower_is_greeted_at_once_and_kept(
        self, stage: Stage, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hello = passive.Text("欢迎来喝茶 🍵")
        monkeypatch.setattr(hooks, "reply_handlers", [lambda _account, _push: hello])
        answer = stage.control("POST", "people/lin/follow", {"appid": APP_ID})
        assert answer["callback"]["outcome"] == "replied"
        run_jobs()
        assert Follower.objects.get().openid == stage.openid(account, "lin")

    def test_a_message_within_the_window(self, stage: Stage, account: ChannelAccount) -> None:
        stage.control("POST", "people/lin/follow", {"appid": APP_ID})
        stage.control("POST", "people/lin/messages", {"appid": APP_ID, "text": "在吗"})
        api.for_account(account).custom_send(stage.openid(account, "lin"), Text("在的"))
        kept = ApiCall.objects.get(path="/cgi-bin/message/custom/send")
        assert (kept.code, kept.app_id) == (0, APP_ID)
        assert stage.openid(account, "lin") not in kept.request
        assert "在的" not in kept.request

    def test_a_missing_permission_says_so(
        self, stage: Stage, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        account = complete(visit, boss, consent(stage, component, visit, func_ids=[1, 2]))
        with pytest.raises(MerchantMustAct) as caught:
            api.for_account(account).menu_get()
        assert caught.value.code in {48001, 61007}

    def test_a_used_up_allowance_stops_until_midnight(
        self, stage: Stage, account: ChannelAccount
    ) -> None:
        path = "/cgi-bin/menu/get"
        stage.control("POST", "faults", {"path": path, "errcode": 45009, "times": 1})
        for _time in range(3):
            with pytest.raises(QuotaUsedUp):
                api.for_account(account).menu_get()
        assert ApiCall.objects.filter(path=path).count() == 1

    @pytest.mark.parametrize("code", [40001, 42001])
    def test_a_token_revoked_in_the_middle_is_renewed(
        self, stage: Stage, account: ChannelAccount, code: int
    ) -> None:
        path = "/cgi-bin/menu/get"
        stage.control("POST", "faults", {"path": path, "errcode": code, "times": 1})
        assert api.for_account(account).menu_get() is None
        assert list(
            ApiCall.objects.filter(path=path).order_by("pk").values_list("code", flat=True)
        ) == [code, 46003]


class TestWithdraw:
    def revoke(self, stage: Stage, component: Component) -> None:
        stage.control("POST", f"components/{component.app_id}/revoke", {"appid": APP_ID})

    def test_the_push_marks_it(
        self, stage: Stage, component: Component, account: ChannelAccount
    ) -> None:
        self.revoke(stage, component)
        run_jobs()
        account.refresh_from_db()
        assert (account.standing, account.is_connected) == (Standing.REVOKED, True)

    def test_and_authorising_again_mends_it(
        self,
        stage: Stage,
        component: Component,
        account: ChannelAccount,
        tea: Merchant,
        boss: Person,
    ) -> None:
        self.revoke(stage, component)
        run_jobs()
        visit = begin(tea, boss)
        complete(visit, boss, consent(stage, component, visit))
        run_jobs()
        account.refresh_from_db()
        assert account.standing == Standing.GOOD
        assert api.for_account(account).menu_get() is None

    def test_without_its_push_the_next_call_tells(
        self, stage: Stage, component: Component, account: ChannelAccount
    ) -> None:
        stage.control("POST", "faults", {"path": "/cgi-bin/menu/get", "errcode": 61003, "times": 1})
        with pytest.raises(AuthorisationLost):
            api.for_account(account).menu_get()
        account.refresh_from_db()
        assert account.standing == Standing.REVOKED


def test_tickets_start_again_when_asked(stage: Stage, component: Component) -> None:
    before = component.unseal("ticket")
    assert tickets.ask_for_more(component)
    stage.control("POST", f"components/{component.app_id}/ticket", {})
    component.refresh_from_db()
    assert component.unseal("ticket") != before
