"""Connecting by scanning: return and push in any order, lost, repeated, withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stamina

from zhanggui.accounts.models import AuditEntry, Merchant, Person, Tier
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_operator, make_person
from zhanggui.channels.wechat import api, authorising, tickets, tokens
from zhanggui.channels.wechat.authorising import (
    Busy,
    Visit,
    begin_authorisation,
    complete_authorisation,
    on_authorised,
    on_unauthorised,
)
from zhanggui.channels.wechat.client.sendables import Text
from zhanggui.channels.wechat.errors import (
    AccountHeld,
    AuthorisationLost,
    AuthorisationOver,
    AuthorisationUnknown,
    AuthorisedElsewhere,
    ChannelRefused,
    MerchantMustAct,
    NoComponent,
    OtherAccountAuthorised,
    WechatRefused,
    WechatUnreachable,
    WrongKindAuthorised,
)
from zhanggui.channels.wechat.models import (
    AuthorisationVisit,
    ChannelAccount,
    Component,
    Ending,
    Kind,
    Standing,
    Way,
)
from zhanggui.channels.wechat.tests.factories import (
    COMPONENT_TOKEN_PATH,
    INFO_PATH,
    LIST_PATH,
    PRE_AUTH_PATH,
    QUERY_AUTH_PATH,
    RENEW_PATH,
    START_TICKET_PATH,
    TEXT_PATH,
    FakeWechat,
    fake_wechat,
    make_account,
    make_authorised,
    make_component,
)
from zhanggui.core import clock, tenancy

pytestmark = pytest.mark.django_db
APP_ID = "wxsb0000000000000new"
PRE_AUTH = "preauthcode@@@1"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(authorising, "PATIENCE_S", 0.05)
    monkeypatch.setattr(authorising, "POLL_S", 0.01)
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def component() -> Component:
    return make_component()


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def boss() -> Person:
    return make_person("老板")


def granted(app_id: str = APP_ID, *, refresh: str = "refresh-1") -> dict[str, Any]:
    return {
        "authorization_info": {
            "authorizer_appid": app_id,
            "authorizer_access_token": "given-1",
            "expires_in": 7200,
            "authorizer_refresh_token": refresh,
            "func_info": [{"funcscope_category": {"id": n}} for n in (15, 1, 3)],
        }
    }


def info(*, is_mini: bool = False, **more: Any) -> dict[str, Any]:
    about = {
        "nick_name": "新茶舍",
        "head_img": "http://wx.qlogo.cn/x",
        "service_type_info": {"id": 2},
        "verify_type_info": {"id": 0},
        "user_name": "gh_new",
        "principal_name": "新茶舍有限公司",
        "alias": "newtea",
        "qrcode_url": "http://mmbiz.qpic.cn/x",
        **({"MiniProgramInfo": {"visit_status": 0}} if is_mini else {}),
    }
    return {"authorizer_info": about | more, "authorization_info": {"func_info": []}}


def wechat(**answers: Any) -> Any:
    usual = {QUERY_AUTH_PATH: granted(), INFO_PATH: info()}
    return fake_wechat(**(usual | answers))


def begin(tea: Merchant, boss: Person, **changes: Any) -> Visit:
    values: dict[str, Any] = {
        "tier": Tier.MERCHANT,
        "merchant": tea,
        "person": boss,
        "return_path": lambda state: f"/m/tea/back/{state}",
    }
    with wechat():
        return begin_authorisation(**values | changes)


def complete(visit: Visit, boss: Person, *, code: str = "queryauthcode@@@b") -> ChannelAccount:
    return complete_authorisation(state=visit.state, code=code, person=boss, actor=ACTOR)


def push(component: Component, *, pre_auth: str = PRE_AUTH, at: datetime | None = None) -> None:
    on_authorised(
        component=component,
        app_id=APP_ID,
        code="queryauthcode@@@p",
        pre_auth_code=pre_auth,
        at=at or clock.now(),
    )


class TestBegin:
    def test_leads_to_wechats_page_and_back(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        page = urlsplit(visit.desktop_url)
        asked = {name: values[0] for name, values in parse_qs(page.query).items()}
        assert page.path.endswith("/cgi-bin/componentloginpage")
        assert asked["component_appid"] == component.app_id
        assert asked["pre_auth_code"] == PRE_AUTH
        assert asked["auth_type"] == "1"
        assert urlsplit(asked["redirect_uri"]).path == f"/m/tea/back/{visit.state}"
        assert "biz_appid" not in asked
        assert visit.mobile_url.endswith("#wechat_redirect")
        assert "no_scan=1" in visit.mobile_url

    def test_to_renew_asks_for_that_account_only(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss, kind=Kind.MINI, app_id=APP_ID)
        asked = parse_qs(urlsplit(visit.desktop_url).query)
        assert (asked["auth_type"], asked["biz_appid"]) == (["2"], [APP_ID])

    def test_keeps_no_code_and_no_state_in_the_clear(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        row = AuthorisationVisit.objects.get()
        kept = bytes(row.state_digest) + bytes(row.code_digest)
        assert visit.state.encode() not in kept
        assert PRE_AUTH.encode() not in kept

    def test_needs_a_platform(self, tea: Merchant, boss: Person) -> None:
        with pytest.raises(NoComponent):
            begin(tea, boss)

    def test_without_a_ticket_asks_for_one(self, tea: Merchant, boss: Person) -> None:
        component = make_component(ticket="")
        with wechat() as fake, pytest.raises(WechatRefused) as caught:
            begin_authorisation(
                tier=Tier.MERCHANT, merchant=tea, person=boss, return_path=lambda state: state
            )
        assert caught.value.details["code"] == 61006
        assert fake.paths() == [START_TICKET_PATH]
        component.refresh_from_db()
        assert component.last_error_code == 61006


class TestReturn:
    def test_connects_with_everything_wechat_told(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        with wechat() as fake:
            account = complete(visit, boss)
        assert QUERY_AUTH_PATH in fake.paths()
        account.refresh_from_db()
        assert (account.merchant, account.way, account.kind) == (tea, Way.AUTHORISED, Kind.OFFICIAL)
        assert (account.name, account.original_id) == ("新茶舍", "gh_new")
        assert (account.principal, account.service_type) == ("新茶舍有限公司", 2)
        assert account.function_ids == [1, 3, 15]
        assert account.unseal("refresh_token") == "refresh-1"
        assert b"refresh-1" not in bytes(account.refresh_token_sealed or b"")
        assert tokens.access_token(account.pk) == "given-1"
        with tenancy.merchant_scope(tea.pk):
            assert AuditEntry.objects.get().action == "wechat.account.authorised"

    def test_loaded_again_answers_the_same_and_asks_nothing(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        with wechat():
            first = complete(visit, boss)
        with wechat() as fake:
            assert complete(visit, boss) == first
        assert fake.paths() == []

    def test_of_another_person_is_unknown(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        with wechat() as fake, pytest.raises(AuthorisationUnknown):
            complete(visit, make_person("别人"))
        assert fake.paths() == []
        assert not ChannelAccount.objects.exists()

    @pytest.mark.spec("repairs A8")
    def test_too_late_or_without_a_code_is_over(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        with pytest.raises(AuthorisationOver):
            complete(visit, boss, code="")
        late = clock.now() + authorising.VISIT_FOR
        with clock.at(late), wechat() as fake, pytest.raises(AuthorisationOver):
            complete(visit, boss)
        assert fake.paths() == []

    def test_no_answer_leaves_the_visit_open(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        with wechat(**{QUERY_AUTH_PATH: {"errcode": -1}}), pytest.raises(WechatUnreachable):
            complete(visit, boss)
        with wechat():
            assert complete(visit, boss).merchant == tea

    @pytest.mark.parametrize("code", [61009, 61010])
    def test_a_spent_code_is_refused_with_advice(
        self, component: Component, tea: Merchant, boss: Person, code: int
    ) -> None:
        visit = begin(tea, boss)
        with wechat(**{QUERY_AUTH_PATH: {"errcode": code}}), pytest.raises(WechatRefused) as caught:
            complete(visit, boss)
        assert caught.value.details["code"] == code
        assert AuthorisationVisit.objects.get().ending == Ending.OPEN

    def test_waits_for_the_push_that_is_being_worked_on(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        AuthorisationVisit.objects.update(busy_until=clock.now() + timedelta(minutes=1))
        with wechat() as fake, pytest.raises(WechatUnreachable):
            complete(visit, boss)
        assert fake.paths() == []


class TestPush:
    def test_alone_connects_where_the_visit_began(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        with wechat():
            push(component)
        with wechat() as fake:
            assert complete(visit, boss).merchant == tea
        assert fake.paths() == []

    def test_after_the_return_asks_nothing(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        with wechat():
            complete(visit, boss)
        with wechat() as fake:
            push(component, at=clock.now() - timedelta(seconds=2))
        assert fake.paths() == []

    def test_during_the_return_comes_again_later(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        begin(tea, boss)
        AuthorisationVisit.objects.update(busy_until=clock.now() + timedelta(minutes=1))
        with wechat() as fake, pytest.raises(Busy):
            push(component)
        assert fake.paths() == []

    def test_takes_over_from_a_return_that_died(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        begin(tea, boss)
        AuthorisationVisit.objects.update(busy_until=clock.now() - timedelta(seconds=1))
        with wechat():
            push(component)
        assert ChannelAccount.objects.get().merchant == tea

    def test_of_an_account_we_know_renews_it_in_its_place(
        self, component: Component, tea: Merchant
    ) -> None:
        known = make_authorised(
            component, merchant=tea, app_id=APP_ID, refresh_token="old", standing=Standing.REVOKED
        )
        with wechat(**{QUERY_AUTH_PATH: granted(refresh="refresh-9")}):
            push(component, pre_auth="")
        known.refresh_from_db()
        assert (known.standing, known.unseal("refresh_token")) == (Standing.GOOD, "refresh-9")

    def test_older_than_what_is_known_changes_nothing(
        self, component: Component, tea: Merchant
    ) -> None:
        make_authorised(component, merchant=tea, app_id=APP_ID)
        with wechat() as fake:
            push(component, pre_auth="", at=clock.now() - timedelta(hours=2))
        assert fake.paths() == []

    def test_with_a_spent_code_of_an_unknown_visit_comes_again(
        self, component: Component, tea: Merchant
    ) -> None:
        make_authorised(component, merchant=tea, app_id=APP_ID)
        with wechat(**{QUERY_AUTH_PATH: {"errcode": 61010}}), pytest.raises(ChannelRefused):
            push(component, pre_auth="")


class TestPlaces:
    @pytest.mark.spec("repairs U-47")
    def test_in_use_elsewhere_is_refused_and_said_again(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        other = make_account(merchant=make_merchant("coffee"), app_id=APP_ID)
        visit = begin(tea, boss)
        for _time in range(2):
            with wechat(), pytest.raises(AuthorisedElsewhere) as refused:
                complete(visit, boss)
            assert refused.value.details == {"name": "茶舍", "where": "C***"}
        other.refresh_from_db()
        assert (other.merchant.slug if other.merchant else "", other.way) == ("coffee", Way.SECRET)

    def test_refused_it_still_works_where_it_is_in_use(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        # WeChat's new refresh token has voided the one that is in use
        other = make_authorised(component, merchant=make_merchant("coffee"), app_id=APP_ID)
        visit = begin(tea, boss)
        with wechat(), pytest.raises(AuthorisedElsewhere):
            complete(visit, boss)
        other.refresh_from_db()
        assert other.unseal("refresh_token") == "refresh-1"
        assert tokens.access_token(other.pk) == "given-1"
        assert (other.merchant.slug if other.merchant else "") == "coffee"

    @pytest.mark.parametrize(
        "gone", [{"is_connected": False}, {"standing": Standing.REVOKED}], ids=["off", "withdrawn"]
    )
    def test_no_longer_in_use_elsewhere_moves_here(
        self, component: Component, tea: Merchant, boss: Person, gone: dict[str, Any]
    ) -> None:
        make_authorised(component, merchant=make_merchant("coffee"), app_id=APP_ID, **gone)
        visit = begin(tea, boss)
        with wechat():
            complete(visit, boss)
        assert ChannelAccount.objects.get().merchant == tea

    def test_another_account_in_use_here_is_kept(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        make_account(merchant=tea)
        visit = begin(tea, boss)
        with wechat(), pytest.raises(AccountHeld):
            complete(visit, boss)
        assert ChannelAccount.objects.count() == 1

    def test_another_account_that_was_withdrawn_gives_way(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        old = make_authorised(component, merchant=tea, standing=Standing.REVOKED)
        visit = begin(tea, boss)
        with wechat():
            complete(visit, boss)
        old.refresh_from_db()
        assert not old.is_connected

    def test_an_account_by_secret_may_become_authorised(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        make_account(merchant=tea, app_id=APP_ID)
        visit = begin(tea, boss)
        with wechat():
            account = complete(visit, boss)
        account.refresh_from_db()
        assert (account.way, account.secret_sealed) == (Way.AUTHORISED, None)

    def test_a_mini_program_stands_beside_an_official_account(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        make_account(merchant=tea)
        visit = begin(tea, boss, kind=Kind.MINI)
        with wechat(**{INFO_PATH: info(is_mini=True)}):
            assert complete(visit, boss).kind == Kind.MINI

    def test_the_wrong_kind_is_refused(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss)
        with wechat(**{INFO_PATH: info(is_mini=True)}), pytest.raises(WrongKindAuthorised):
            complete(visit, boss)
        assert not ChannelAccount.objects.exists()

    def test_another_than_the_one_to_renew_is_refused(
        self, component: Component, tea: Merchant, boss: Person
    ) -> None:
        visit = begin(tea, boss, app_id="wxsb0000000000000old")
        with wechat(), pytest.raises(OtherAccountAuthorised):
            complete(visit, boss)

    def test_of_an_operator_and_of_the_platform(self, component: Component, boss: Person) -> None:
        operator = make_operator("grow")
        visit = begin_for(boss, tier=Tier.OPERATOR, operator=operator)
        with wechat():
            assert complete(visit, boss).operator == operator
        visit = begin_for(boss, tier=Tier.PLATFORM)
        with wechat(**{QUERY_AUTH_PATH: granted("wxsb0000000000plat")}):
            assert complete(visit, boss).tier == Tier.PLATFORM


def begin_for(boss: Person, **place: Any) -> Visit:
    with wechat(**{PRE_AUTH_PATH: {"pre_auth_code": f"p-{place['tier']}", "expires_in": 600}}):
        return begin_authorisation(person=boss, return_path=lambda state: f"/{state}", **place)


class TestWithdrawn:
    @pytest.mark.spec("repairs U-47")
    def test_keeps_the_place_and_stops_every_call(
        self, component: Component, tea: Merchant
    ) -> None:
        account = make_authorised(component, merchant=tea, app_id=APP_ID)
        on_unauthorised(component=component, app_id=APP_ID, at=clock.now())
        account.refresh_from_db()
        assert (account.standing, account.is_connected) == (Standing.REVOKED, True)
        with wechat() as fake, pytest.raises(AuthorisationLost):
            api.for_account(account).custom_send("o", Text("x"))
        assert fake.paths() == []
        with tenancy.merchant_scope(tea.pk):
            assert AuditEntry.objects.get().action == "wechat.account.revoked"

    def test_long_before_the_newest_authorisation_is_history(
        self, component: Component, tea: Merchant
    ) -> None:
        account = make_authorised(component, merchant=tea, app_id=APP_ID)
        with wechat() as fake:
            on_unauthorised(component=component, app_id=APP_ID, at=clock.now() - timedelta(hours=2))
        account.refresh_from_db()
        assert (account.standing, fake.paths()) == (Standing.GOOD, [])

    @pytest.mark.parametrize(
        ("answer", "standing"),
        [(info(), Standing.GOOD), ({"errcode": 61003}, Standing.REVOKED)],
        ids=["still-authorised", "really-gone"],
    )
    def test_close_to_the_newest_authorisation_wechat_is_asked(
        self, component: Component, tea: Merchant, answer: dict[str, Any], standing: Standing
    ) -> None:
        account = make_authorised(component, merchant=tea, app_id=APP_ID)
        moment = account.authorised_at or clock.now()
        with wechat(**{INFO_PATH: answer}) as fake:
            on_unauthorised(component=component, app_id=APP_ID, at=moment + timedelta(seconds=3))
        account.refresh_from_db()
        assert account.standing == standing
        assert fake.paths()[-1] == INFO_PATH

    def test_of_an_account_nobody_knows_is_ignored(self, component: Component) -> None:
        on_unauthorised(component=component, app_id="wxsbnobody", at=clock.now())

    def test_a_lost_push_is_noticed_by_the_next_call(
        self, component: Component, tea: Merchant
    ) -> None:
        account = make_authorised(component, merchant=tea)
        with wechat(**{TEXT_PATH: {"errcode": 61003}}), pytest.raises(AuthorisationLost):
            api.for_account(account).custom_send("o", Text("x"))
        account.refresh_from_db()
        assert (account.standing, account.last_error_code) == (Standing.REVOKED, 61003)

    def test_a_call_that_began_before_a_new_authorisation_withdraws_nothing(
        self, component: Component, tea: Merchant
    ) -> None:
        account = make_authorised(component, merchant=tea)
        ChannelAccount.objects.update(authorised_at=clock.now())
        with wechat(**{TEXT_PATH: {"errcode": 61003}}), pytest.raises(AuthorisationLost):
            api.for_account(account).custom_send("o", Text("x"))
        account.refresh_from_db()
        assert account.standing == Standing.GOOD


class TestTokens:
    def test_are_renewed_by_the_refresh_token_which_is_kept_anew(
        self, component: Component, tea: Merchant
    ) -> None:
        account = make_authorised(component, merchant=tea)
        with wechat() as fake:
            assert tokens.access_token(account.pk) == "renewed-1"
        assert fake.paths() == [COMPONENT_TOKEN_PATH, RENEW_PATH]
        assert fake.body()["authorizer_refresh_token"] == "refresh-1"
        account.refresh_from_db()
        assert account.unseal("refresh_token") == "refresh-2"

    def test_a_refresh_token_that_was_replaced_meanwhile_is_not_the_end(
        self, component: Component, tea: Merchant
    ) -> None:
        account = make_authorised(component, merchant=tea)

        def authorised_again(_request: object) -> dict[str, Any]:
            fresh = ChannelAccount.objects.get(pk=account.pk)
            if fresh.unseal("refresh_token") == "refresh-1":
                fresh.seal("refresh_token", "refresh-5")
                fresh.save(update_fields=["refresh_token_sealed"])
                return {"errcode": 61023, "errmsg": "refresh_token is invalid"}
            return {
                "authorizer_access_token": "renewed-5",
                "expires_in": 7200,
                "authorizer_refresh_token": "refresh-5",
            }

        with wechat(**{RENEW_PATH: authorised_again}):
            assert tokens.access_token(account.pk) == "renewed-5"

    def test_a_dead_refresh_token_withdraws_the_account(
        self, component: Component, tea: Merchant
    ) -> None:
        account = make_authorised(component, merchant=tea)
        with wechat(**{RENEW_PATH: {"errcode": 61023}}), pytest.raises(AuthorisationLost):
            api.for_account(account).menu_get()
        account.refresh_from_db()
        assert account.standing == Standing.REVOKED

    @pytest.mark.parametrize("code", [40001, 42001, 42006])
    def test_a_dead_platform_token_is_renewed_once(
        self, component: Component, tea: Merchant, code: int
    ) -> None:
        account = make_authorised(component, merchant=tea)
        numbers = iter("12")
        answers = [
            {"errcode": code},
            {"authorizer_access_token": "renewed-1", "expires_in": 7200},
        ]

        def fresh(_request: object) -> dict[str, Any]:
            return {"component_access_token": f"component-{next(numbers)}", "expires_in": 7200}

        with wechat(**{RENEW_PATH: answers, COMPONENT_TOKEN_PATH: fresh}) as fake:
            assert tokens.access_token(account.pk) == "renewed-1"
        assert fake.paths() == [COMPONENT_TOKEN_PATH, RENEW_PATH] * 2
        account.refresh_from_db()
        assert account.unseal("refresh_token") == "refresh-1"


class TestTickets:
    def test_are_used_for_twelve_hours_although_none_comes(self, component: Component) -> None:
        start = component.ticket_at or clock.now()
        with clock.at(start + timedelta(hours=11, minutes=59)), wechat():
            assert tickets.ticket_of(component) == "ticket@@@1"
        with (
            clock.at(start + timedelta(hours=12, seconds=1)),
            pytest.raises(MerchantMustAct) as caught,
        ):
            tickets.ticket_of(component)
        assert caught.value.code == 61005

    @pytest.mark.parametrize(("minutes", "asks"), [(29, 0), (31, 1)])
    def test_late_for_half_an_hour_are_asked_for(
        self, component: Component, minutes: int, asks: int
    ) -> None:
        start = component.ticket_at or clock.now()
        with clock.at(start + timedelta(minutes=minutes)), wechat() as fake:
            tickets.watch()
            tickets.watch()  # not again within ten minutes
        assert fake.paths() == [START_TICKET_PATH] * asks
        if asks:
            assert set(fake.body()) == {"component_appid", "component_secret"}

    def test_wechat_refuses_an_old_ticket(self, component: Component, tea: Merchant) -> None:
        account = make_authorised(component, merchant=tea)
        with (
            wechat(**{COMPONENT_TOKEN_PATH: {"errcode": 61005}}) as fake,
            pytest.raises(MerchantMustAct),
        ):
            tokens.access_token(account.pk)
        assert fake.paths() == [COMPONENT_TOKEN_PATH, START_TICKET_PATH]


class TestReconcile:
    def listed(self, *lines: tuple[str, str]) -> dict[str, Any]:
        found = [
            {"authorizer_appid": app_id, "refresh_token": refresh, "auth_time": 1}
            for app_id, refresh in lines
        ]
        return {LIST_PATH: {"total_count": len(found), "list": found}}

    def run(self, *lines: tuple[str, str]) -> FakeWechat:
        with wechat(**self.listed(*lines)) as fake:
            authorising.reconcile()
        return fake  # type: ignore[no-any-return]

    def test_what_wechat_no_longer_lists_was_withdrawn(
        self, component: Component, tea: Merchant
    ) -> None:
        make_authorised(component, merchant=tea)
        self.run()
        assert ChannelAccount.objects.get().standing == Standing.REVOKED

    def test_what_it_lists_is_good_again_with_its_refresh_token(
        self, component: Component, tea: Merchant
    ) -> None:
        account = make_authorised(component, merchant=tea, standing=Standing.REVOKED)
        self.run((account.app_id, "refresh-7"))
        account.refresh_from_db()
        assert account.standing == Standing.GOOD
        assert account.unseal("refresh_token") == "refresh-7"

    def test_no_list_changes_nothing(self, component: Component, tea: Merchant) -> None:
        make_authorised(component, merchant=tea)
        with wechat(**{LIST_PATH: {"errcode": -1}}):
            authorising.reconcile()
        assert ChannelAccount.objects.get().standing == Standing.GOOD

    def test_without_a_platform_nothing_is_asked(self) -> None:
        assert self.run().paths() == []
