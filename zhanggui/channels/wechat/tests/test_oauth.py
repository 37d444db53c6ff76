"""Signing in with WeChat through its two doors, with a table of attacks."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx2
import pytest
import stamina
from django.db import connection
from django.test import Client
from pytest_django import Settings

from zhanggui.accounts.models import Merchant, Person, TierState
from zhanggui.accounts.tests.factories import make_merchant, make_operator, make_person
from zhanggui.channels.wechat import guards as wechat_guards
from zhanggui.channels.wechat import oauth, services
from zhanggui.channels.wechat.models import ChannelAccount, OAuthState, Outcome, PersonIdentity
from zhanggui.channels.wechat.tests.factories import (
    GRANT_PATH,
    PHONE_AGENT,
    PROFILE_PATH,
    FakeWechat,
    fake_wechat,
    make_account,
    make_identity,
)
from zhanggui.channels.wechat.views import mobile
from zhanggui.contacts import guards
from zhanggui.contacts.models import Customer, CustomerSession, IdentityLink
from zhanggui.contacts.tests.factories import make_link
from zhanggui.core import clock, tenancy

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as TestResponse

OPENID = "oLVPpjqs9BhvzwPj5A-vTYAX3GLc"


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.fixture
def account(tea: Merchant) -> ChannelAccount:
    return make_account(merchant=tea)


@pytest.fixture
def phone() -> Client:
    return Client(headers={"User-Agent": PHONE_AGENT})


@pytest.fixture
def fake() -> Iterator[FakeWechat]:
    answers: dict[str, Any] = {
        GRANT_PATH: lambda request: {
            "access_token": "user-token",
            "openid": OPENID,
            "scope": "snsapi_base",
        },
        PROFILE_PATH: {"openid": OPENID, "nickname": "小明", "headimgurl": "http://h/1"},
    }
    with fake_wechat(**answers) as made:
        yield made


def start(phone: Client, merchant: str = "tea", *, next_path: str = "/w/tea/card/") -> TestResponse:
    return phone.get(
        "/oauth/wechat/start", {"audience": "customer", "merchant": merchant, "next": next_path}
    )


def staff_start(phone: Client, next_path: str = "/staff/desk/") -> TestResponse:
    return phone.get("/oauth/wechat/start", {"audience": "staff", "next": next_path})


def query_of(response: TestResponse) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(response["Location"]).query))


def come_back(
    phone: Client, account: ChannelAccount, state: str, code: str | None = "code-1"
) -> TestResponse:
    query = {"state": state} | ({"code": code} if code is not None else {})
    return phone.get(f"/oauth/wechat/return/{account.app_id}", query)


def walk(phone: Client, account: ChannelAccount, begun: TestResponse) -> TestResponse:
    """Go through WeChat's page as often as the product asks."""
    response, number = begun, 0
    while "/connect/oauth2/authorize" in response["Location"]:
        number += 1
        response = come_back(phone, account, query_of(response)["state"], f"code-{number}")
        if response.status_code != 302 or number > 3:
            break
    return response


def customers(merchant: Merchant) -> list[Customer]:
    with tenancy.merchant_scope(merchant.pk):
        return list(Customer.objects.all())


def sessions() -> int:
    with tenancy.all_merchants("a test counts"):
        return CustomerSession.objects.count()


@pytest.mark.django_db
class TestStart:
    def test_leads_to_wechats_page_with_the_parameters_in_their_order(
        self, phone: Client, account: ChannelAccount, settings: Settings
    ) -> None:
        response = start(phone)
        state = query_of(response)["state"]
        back = quote(f"{settings.BASE_URL}/oauth/wechat/return/{account.app_id}", safe="")
        assert response["Location"] == (
            f"{settings.WECHAT_OPEN_URL}/connect/oauth2/authorize?appid={account.app_id}"
            f"&redirect_uri={back}&response_type=code&scope=snsapi_base&state={state}"
            "#wechat_redirect"
        )
        assert state.isalnum()
        assert len(state) <= 128
        assert response["Cache-Control"] == "no-store"

    def test_keeps_only_digests(self, phone: Client, account: ChannelAccount) -> None:
        state = query_of(start(phone))["state"]
        row = OAuthState.objects.get()
        cookie = phone.cookies[oauth.COOKIE].value
        assert state.encode() not in bytes(row.state_digest)
        assert cookie.encode() not in bytes(row.browser_digest)
        assert phone.cookies[oauth.COOKIE]["path"] == "/oauth/wechat/"
        assert phone.cookies[oauth.COOKIE]["httponly"]
        assert phone.cookies[oauth.COOKIE]["samesite"] == "Lax"

    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"audience": "owner"},
            {"audience": "customer"},
            {"audience": "customer", "merchant": "unknown"},
        ],
        ids=["nothing", "other-audience", "no-merchant", "unknown-merchant"],
    )
    def test_of_nobody_is_404(
        self, phone: Client, account: ChannelAccount, query: dict[str, str]
    ) -> None:
        assert phone.get("/oauth/wechat/start", query).status_code == 404
        assert not OAuthState.objects.exists()

    def test_without_an_account_says_so(self, phone: Client, tea: Merchant) -> None:
        assert start(phone).status_code == 409

    def test_in_another_browser_asks_to_open_wechat(
        self, client: Client, account: ChannelAccount
    ) -> None:
        assert start(client).status_code == 401
        assert not OAuthState.objects.exists()

    @pytest.mark.parametrize(
        "next_path",
        [
            "https://evil.example/w/tea/",
            "//evil.example/w/tea/",
            "/\\evil.example",
            "/w/tea/../../m/tea/",
            "/w/tea\\..\\",
            "/w/coffee/card/",
            "/m/tea/",
            "javascript:alert(1)",
            "/w/tea/\r\nSet-Cookie: x=1",
            "/w/tea/" + "x" * 600,
            "",
        ],
    )
    def test_a_tampered_next_becomes_the_first_page(
        self, phone: Client, account: ChannelAccount, next_path: str
    ) -> None:
        start(phone, next_path=next_path)
        assert OAuthState.objects.get().next_path == "/w/tea/"


@pytest.mark.django_db
class TestCustomer:
    def test_first_visit_asks_for_the_nickname_and_makes_a_customer(
        self, phone: Client, account: ChannelAccount, tea: Merchant, fake: FakeWechat
    ) -> None:
        begun = start(phone)
        second = come_back(phone, account, query_of(begun)["state"])
        assert query_of(second)["scope"] == "snsapi_userinfo"
        assert customers(tea) == []

        third = come_back(phone, account, query_of(second)["state"], "code-2")

        assert (third.status_code, third["Location"]) == (302, "/w/tea/card/")
        assert [customer.name for customer in customers(tea)] == ["小明"]
        cookie = phone.cookies[guards.COOKIE]
        assert (cookie["path"], cookie["samesite"]) == ("/w/tea/", "Lax")
        assert cookie["httponly"]
        assert sessions() == 1

    @pytest.mark.spec("platform P24")
    def test_later_visits_are_silent(
        self, phone: Client, account: ChannelAccount, tea: Merchant, fake: FakeWechat
    ) -> None:
        make_link(tea, account.pk, openid=OPENID)
        response = come_back(phone, account, query_of(start(phone))["state"])
        assert response["Location"] == "/w/tea/card/"
        assert fake.paths() == [GRANT_PATH]
        assert len(customers(tea)) == 1

    def test_who_has_no_nickname_is_let_in_after_being_asked(
        self, phone: Client, account: ChannelAccount, tea: Merchant, fake: FakeWechat
    ) -> None:
        fake.answers[PROFILE_PATH] = {"openid": OPENID, "nickname": ""}
        assert walk(phone, account, start(phone))["Location"] == "/w/tea/card/"
        assert [customer.name for customer in customers(tea)] == ["微信用户"]

    def test_a_second_request_of_the_browser_gets_the_same(
        self, phone: Client, account: ChannelAccount, tea: Merchant, fake: FakeWechat
    ) -> None:
        make_link(tea, account.pk, openid=OPENID)
        state = query_of(start(phone))["state"]
        answers = [come_back(phone, account, state) for _time in range(2)]
        assert [a["Location"] for a in answers] == ["/w/tea/card/"] * 2
        assert fake.paths() == [GRANT_PATH]  # the code was exchanged once

    @pytest.mark.spec("platform P24")
    @pytest.mark.parametrize("is_operators", [True, False], ids=["operator", "platform"])
    def test_comes_through_the_account_that_is_lent(
        self, phone: Client, fake: FakeWechat, *, is_operators: bool
    ) -> None:
        operator = make_operator()
        merchant = make_merchant("cake", operator=operator)
        platforms = make_account()
        lent = make_account(operator=operator) if is_operators else platforms
        begun = start(phone, "cake", next_path="/w/cake/")
        assert query_of(begun)["appid"] == lent.app_id
        assert walk(phone, lent, begun)["Location"] == "/w/cake/"
        assert len(customers(merchant)) == 1

    def test_of_a_frozen_merchant_still_gets_in(
        self, phone: Client, account: ChannelAccount, tea: Merchant, fake: FakeWechat
    ) -> None:
        Merchant.objects.update(state=TierState.FROZEN)
        assert walk(phone, account, start(phone)).status_code == 302


@pytest.mark.django_db
class TestTrouble:
    def test_refusal_says_so_and_offers_another_try(
        self, phone: Client, account: ChannelAccount, tea: Merchant, fake: FakeWechat
    ) -> None:
        response = come_back(phone, account, query_of(start(phone))["state"], None)
        assert response.status_code == 403
        assert 'href="/w/tea/card/"' in response.content.decode()
        assert (sessions(), customers(tea), fake.calls) == (0, [], [])

    def test_preview_explains_itself(
        self, phone: Client, account: ChannelAccount, tea: Merchant, fake: FakeWechat
    ) -> None:
        fake.answers[GRANT_PATH] = {"access_token": "u", "openid": "virtual", "is_snapshotuser": 1}
        response = come_back(phone, account, query_of(start(phone))["state"])
        assert response.status_code == 403
        assert (sessions(), customers(tea)) == (0, [])
        assert OAuthState.objects.get().outcome == Outcome.SNAPSHOT

    @pytest.mark.parametrize(
        "answer",
        [
            {"errcode": 40029, "errmsg": "invalid code"},
            {"errcode": 40163, "errmsg": "code been used"},
            httpx2.ConnectError("x"),
            httpx2.Response(502),
        ],
        ids=["invalid-code", "used-code", "no-connection", "502"],
    )
    def test_wechats_refusal_signs_nobody_in(
        self, phone: Client, account: ChannelAccount, fake: FakeWechat, answer: Any
    ) -> None:
        fake.answers[GRANT_PATH] = answer
        response = come_back(phone, account, query_of(start(phone))["state"])
        assert response.status_code == 503
        assert guards.COOKIE not in phone.cookies
        account.refresh_from_db()
        assert account.last_error_at is not None

    def test_two_people_in_one_answer_are_refused(
        self, phone: Client, account: ChannelAccount, tea: Merchant, fake: FakeWechat
    ) -> None:
        fake.answers[PROFILE_PATH] = {"openid": "somebody-else", "nickname": "坏人"}
        second = come_back(phone, account, query_of(start(phone))["state"])
        third = come_back(phone, account, query_of(second)["state"], "code-2")
        assert third.status_code == 503
        assert (sessions(), customers(tea)) == (0, [])


@pytest.mark.django_db
class TestAttacks:
    def refused(self, response: TestResponse, status: int) -> None:
        assert response.status_code == status
        assert guards.COOKIE not in response.cookies
        assert sessions() == 0

    @pytest.mark.spec("platform P24")
    def test_state_of_another_browser(
        self, phone: Client, account: ChannelAccount, tea: Merchant, fake: FakeWechat
    ) -> None:
        make_link(tea, account.pk, openid=OPENID)
        state = query_of(start(phone))["state"]
        victim = Client(headers={"User-Agent": PHONE_AGENT})
        start(victim)  # has a cookie of its own
        self.refused(come_back(victim, account, state), 403)
        assert fake.calls == []

    def test_state_without_any_cookie(
        self, phone: Client, account: ChannelAccount, fake: FakeWechat
    ) -> None:
        state = query_of(start(phone))["state"]
        other = Client(headers={"User-Agent": PHONE_AGENT})
        self.refused(come_back(other, account, state), 403)

    def test_used_state_with_another_code(
        self, phone: Client, account: ChannelAccount, fake: FakeWechat
    ) -> None:
        state = query_of(start(phone))["state"]
        come_back(phone, account, state, None)
        self.refused(come_back(phone, account, state, "code-2"), 410)
        assert fake.calls == []

    def test_used_state_after_a_minute(
        self, phone: Client, account: ChannelAccount, tea: Merchant, fake: FakeWechat
    ) -> None:
        make_link(tea, account.pk, openid=OPENID)
        state = query_of(start(phone))["state"]
        come_back(phone, account, state)
        with clock.at(clock.now() + timedelta(seconds=61)):
            response = come_back(phone, account, state)
        assert (response.status_code, sessions()) == (410, 1)

    def test_expired_state(self, phone: Client, account: ChannelAccount, fake: FakeWechat) -> None:
        state = query_of(start(phone))["state"]
        with clock.at(clock.now() + timedelta(minutes=10, seconds=1)):
            self.refused(come_back(phone, account, state), 410)
        assert fake.calls == []

    def test_state_of_another_account(
        self, phone: Client, account: ChannelAccount, fake: FakeWechat
    ) -> None:
        state = query_of(start(phone))["state"]
        self.refused(come_back(phone, make_account(), state), 403)

    @pytest.mark.parametrize(
        ("state", "code"),
        [
            ("", "c"),
            ("x" * 129, "c"),
            ("a'b", "c"),
            ("unknown", "c"),
            ("unknown", "c" * 600),
            ("unknown", "c\n"),
        ],
        ids=["none", "long", "form", "unknown", "long-code", "line-end"],
    )
    def test_made_up(
        self, phone: Client, account: ChannelAccount, fake: FakeWechat, state: str, code: str
    ) -> None:
        start(phone)
        self.refused(come_back(phone, account, state, code), 403)
        assert fake.calls == []

    def test_a_state_tells_a_stranger_nothing(
        self, phone: Client, account: ChannelAccount, fake: FakeWechat
    ) -> None:
        state = query_of(start(phone, next_path="/w/tea/secret-page/"))["state"]
        other = Client(headers={"User-Agent": PHONE_AGENT})
        assert b"secret-page" not in come_back(other, account, state).content

    def test_a_cookie_of_another_form_is_replaced(
        self, phone: Client, account: ChannelAccount
    ) -> None:
        phone.cookies[oauth.COOKIE] = "x"
        start(phone)
        assert oauth.COOKIE_FORM.fullmatch(phone.cookies[oauth.COOKIE].value)

    def test_a_post_is_not_taken(self, phone: Client, account: ChannelAccount) -> None:
        assert phone.post("/oauth/wechat/start").status_code == 405
        assert phone.post(f"/oauth/wechat/return/{account.app_id}").status_code == 405


@pytest.mark.django_db
class TestStaff:
    @pytest.fixture
    def platform(self) -> ChannelAccount:
        return make_account(name="掌柜")

    def test_first_sign_in_makes_a_person_without_rights(
        self, phone: Client, platform: ChannelAccount, fake: FakeWechat
    ) -> None:
        response = walk(phone, platform, staff_start(phone))
        assert response["Location"] == "/staff/desk/"
        person = Person.objects.get()
        assert person.name == "小明"
        assert not person.has_usable_password()
        assert not person.memberships.exists()
        assert phone.session["_auth_user_id"] == str(person.pk)
        assert phone.session[wechat_guards.ACCOUNT_KEY] == platform.pk

    def test_again_is_silent_and_the_same_person(
        self, phone: Client, platform: ChannelAccount, fake: FakeWechat
    ) -> None:
        identity = make_identity(platform, openid=OPENID, nickname="店长")
        come_back(phone, platform, query_of(staff_start(phone))["state"])
        assert phone.session["_auth_user_id"] == str(identity.person_id)
        assert fake.paths() == [GRANT_PATH]
        assert PersonIdentity.objects.count() == 1

    def test_rotates_the_session(
        self, phone: Client, platform: ChannelAccount, fake: FakeWechat
    ) -> None:
        make_identity(platform, openid=OPENID, nickname="店长")
        phone.force_login(make_person())
        before = phone.session.session_key
        come_back(phone, platform, query_of(staff_start(phone))["state"])
        assert phone.session.session_key != before

    def test_switched_off_stays_out(
        self, phone: Client, platform: ChannelAccount, fake: FakeWechat
    ) -> None:
        make_identity(platform, openid=OPENID, nickname="店长")
        Person.objects.update(is_active=False)
        response = come_back(phone, platform, query_of(staff_start(phone))["state"])
        assert response.status_code == 403
        assert "_auth_user_id" not in phone.session

    def test_a_customers_page_is_no_way_out(
        self, phone: Client, platform: ChannelAccount, fake: FakeWechat
    ) -> None:
        staff_start(phone, "/m/tea/")
        assert OAuthState.objects.get().next_path == "/staff/"

    def test_two_first_sights_make_one_person(self, platform: ChannelAccount) -> None:
        first = services.person_of_openid(account=platform, openid=OPENID, nickname="小明")
        again = services.person_of_openid(account=platform, openid=OPENID, nickname="大明")
        assert first == again
        assert (Person.objects.get().name, PersonIdentity.objects.count()) == ("大明", 1)

    def test_a_name_the_shop_gave_stays(self, platform: ChannelAccount) -> None:
        person = services.person_of_openid(account=platform, openid=OPENID, nickname="小明")
        Person.objects.update(name="王店长")
        services.person_of_openid(account=platform, openid=OPENID, nickname="大明")
        person.refresh_from_db()
        assert person.name == "王店长"


class TestRace:
    def test_the_browser_asks_twice_at_once(self, race_db: str) -> None:
        merchant = make_merchant("tea")
        account = make_account(merchant=merchant)
        make_link(merchant, account.pk, openid=OPENID)
        phone = Client(headers={"User-Agent": PHONE_AGENT})
        state = query_of(start(phone))["state"]
        barrier = threading.Barrier(4)

        def slow(_request: httpx2.Request) -> dict[str, str]:
            time.sleep(0.3)
            return {"access_token": "u", "openid": OPENID, "scope": "snsapi_base"}

        def ask(_number: int) -> tuple[int, str]:
            browser = Client(headers={"User-Agent": PHONE_AGENT})
            browser.cookies[oauth.COOKIE] = phone.cookies[oauth.COOKIE].value
            barrier.wait()
            try:
                response = come_back(browser, account, state)
                return response.status_code, response.get("Location", "")
            finally:
                connection.close()

        with fake_wechat(**{GRANT_PATH: slow}) as fake, ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, range(4)))
        assert answers == [(302, "/w/tea/card/")] * 4
        assert fake.paths() == [GRANT_PATH]

    def test_two_first_sights_make_one_person(self, race_db: str) -> None:
        platform = make_account()
        barrier = threading.Barrier(8)

        def see(_number: int) -> int:
            barrier.wait()
            try:
                return services.person_of_openid(account=platform, openid=OPENID).pk
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(see, range(8)))) == 1
        assert (Person.objects.count(), PersonIdentity.objects.count()) == (1, 1)

    def test_two_first_visits_make_one_customer(self, race_db: str) -> None:
        merchant = make_merchant("tea")
        account = make_account(merchant=merchant)
        barrier = threading.Barrier(8)

        def visit(_number: int) -> int:
            barrier.wait()
            try:
                return make_link(merchant, account.pk, openid=OPENID).customer_id
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(visit, range(8)))) == 1
        with tenancy.merchant_scope(merchant.pk):
            assert (Customer.objects.count(), IdentityLink.objects.count()) == (1, 1)


@pytest.mark.django_db
class TestFlood:
    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch: pytest.MonkeyPatch, account: ChannelAccount) -> None:
        few = dataclasses.replace(mobile.START_LIMIT, most=3)
        monkeypatch.setattr(mobile, "START_LIMIT", few)

    def test_of_one_address_is_stopped_without_a_row(self, phone: Client) -> None:
        def begin(address: str) -> TestResponse:
            return phone.get(
                "/oauth/wechat/start",
                {"audience": "customer", "merchant": "tea"},
                REMOTE_ADDR=address,
            )

        assert [begin("8.8.8.8").status_code for _time in range(5)] == [302, 302, 302, 429, 429]
        assert OAuthState.objects.count() == 3
        assert 0 < int(begin("8.8.8.8")["Retry-After"]) <= 60
        assert begin("8.8.4.4").status_code == 302

    def test_a_proxy_of_our_own_is_nobody(self, phone: Client) -> None:
        assert [start(phone).status_code for _time in range(5)] == [302] * 5
