from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from wechat_sandbox.accounts import Account
from wechat_sandbox.components import Component
from wechat_sandbox.tests.factories import (
    APPID,
    LIN,
    PLATFORM,
    PLATFORM_SECRET,
    PRODUCT,
    Shop,
    api,
    as_platform,
    authorise,
    chat,
    control,
    follow,
    make_platform,
    openid,
    platform_token,
    sealed_reply,
    token,
)

pytestmark = pytest.mark.usefixtures("lin", "tea")


@pytest.fixture
def platform(client: TestClient, sandbox: object) -> Component:
    return make_platform(client)


def advance(client: TestClient, seconds: float, *, wait: bool = False) -> None:
    control(client, "POST", "clock", {"advance_s": seconds, "wait": wait})


def get_token(client: TestClient, ticket: str, **changes: Any) -> dict[str, Any]:
    body = {
        "component_appid": PLATFORM,
        "component_appsecret": PLATFORM_SECRET,
        "component_verify_ticket": ticket,
        **changes,
    }
    return api(client, "/cgi-bin/component/api_component_token", body)


def exchange(client: TestClient, value: str, code: str) -> dict[str, Any]:
    found = as_platform(client, "api_query_auth", value, authorization_code=code)
    info: dict[str, Any] = found.get("authorization_info", found)
    return info


class TestTickets:
    def test_a_ticket_is_pushed_and_sealed_for_the_platform(
        self, client: TestClient, platform: Component, shop: Shop
    ) -> None:
        found = control(client, "POST", f"components/{PLATFORM}/ticket", {})

        (push,) = shop.pushes
        fields = push.opened(platform)
        assert f"<AppId><![CDATA[{PLATFORM}]]></AppId><Encrypt>" in push.body
        assert fields["InfoType"] == "component_verify_ticket"
        assert fields["ComponentVerifyTicket"] == found["ticket"]
        assert "openid" not in push.query
        assert found["callback"]["outcome"] == "accepted"
        assert get_token(client, found["ticket"])["expires_in"] == 7200

    def test_they_come_every_ten_minutes_of_the_clock_until_stopped(
        self, client: TestClient, shop: Shop
    ) -> None:
        make_platform(client, sends_tickets=True)
        platform = make_platform(client)  # the first one may be under way already
        control(client, "PUT", f"components/{PLATFORM}", {"sends_tickets": True})
        advance(client, 601, wait=True)
        count = len(shop.pushes)
        advance(client, 601, wait=True)
        control(client, "PUT", f"components/{PLATFORM}", {"sends_tickets": False})
        advance(client, 601, wait=True)

        assert count >= 1
        assert len(shop.pushes) == count + 1
        tickets = {one.opened(platform)["ComponentVerifyTicket"] for one in shop.pushes}
        assert len(tickets) == count + 1

    def test_a_ticket_lives_twelve_hours(self, client: TestClient, platform: Component) -> None:
        body = {"push": False}
        ticket = control(client, "POST", f"components/{PLATFORM}/ticket", body)["ticket"]
        advance(client, 12 * 3600 - 5)
        assert "component_access_token" in get_token(client, ticket)
        advance(client, 10)

        assert get_token(client, ticket)["errcode"] == 61005

    def test_starting_the_pushes_again(
        self, client: TestClient, platform: Component, shop: Shop
    ) -> None:
        body = {"component_appid": PLATFORM, "component_secret": PLATFORM_SECRET}

        assert api(client, "/cgi-bin/component/api_start_push_ticket", body)["errcode"] == 0
        control(client, "POST", "clock", {"advance_s": 0, "wait": True})
        assert shop.pushes[0].opened(platform)["InfoType"] == "component_verify_ticket"
        wrong = {"component_appid": PLATFORM, "component_appsecret": PLATFORM_SECRET}
        assert api(client, "/cgi-bin/component/api_start_push_ticket", wrong)["errcode"] == 41004


@pytest.mark.usefixtures("platform")
class TestPlatformToken:
    @pytest.mark.parametrize(
        ("changes", "errcode"),
        [
            ({"component_appid": "wxsbnobody1"}, 61011),
            ({"component_appsecret": ""}, 41004),
            ({"component_appsecret": "f" * 32}, 40125),
            ({"component_verify_ticket": "invented"}, 61006),
        ],
    )
    def test_refusals(self, client: TestClient, changes: dict[str, str], errcode: int) -> None:
        assert get_token(client, "x", **changes)["errcode"] == errcode

    def test_only_from_listed_addresses(self, client: TestClient) -> None:
        value = platform_token(client)
        control(client, "PUT", f"components/{PLATFORM}", {"allow_ips": ["10.0.0.1"]})

        assert get_token(client, "x")["errcode"] == 61004
        assert as_platform(client, "api_create_preauthcode", value)["errcode"] == 61004

    def test_both_names_of_the_token_are_taken(self, client: TestClient) -> None:
        value, body = platform_token(client), {"component_appid": PLATFORM}
        path = "/cgi-bin/component/api_create_preauthcode"

        for name in ("component_access_token", "access_token"):
            answer = api(client, path, body, **{name: value})
            assert answer["expires_in"] == 600
        assert api(client, path, body)["errcode"] == 41001
        assert api(client, path, body, access_token="made-up")["errcode"] == 40001
        assert api(client, path, {"component_appid": "x"}, access_token=value)["errcode"] == 61011
        advance(client, 7201)
        assert api(client, path, body, access_token=value)["errcode"] == 42001

    def test_kinds_of_tokens_do_not_mix(self, client: TestClient) -> None:
        value = platform_token(client)
        account = token(client)

        assert api(client, "/cgi-bin/getcallbackip", access_token=value)["errcode"] == 40001
        found = as_platform(client, "api_create_preauthcode", account)
        assert found["errcode"] == 40001

    def test_a_new_one_leaves_the_old_five_minutes(self, client: TestClient) -> None:
        first, second = platform_token(client), platform_token(client)
        advance(client, 301)

        assert as_platform(client, "api_create_preauthcode", first)["errcode"] == 40001
        assert "pre_auth_code" in as_platform(client, "api_create_preauthcode", second)


class TestAuthorising:
    def test_browser_and_push_bring_a_code_each_and_one_of_them_counts(
        self, client: TestClient, platform: Component, shop: Shop
    ) -> None:
        value = platform_token(client)
        given = authorise(client)
        pushed = shop.pushes[-1].opened(platform)
        assert pushed["InfoType"] == "authorized"
        assert pushed["AuthorizerAppid"] == APPID
        assert pushed["AuthorizationCode"] == given["push_code"] != given["auth_code"]
        info = exchange(client, value, given["auth_code"])

        assert info["authorizer_appid"] == APPID
        assert [one["funcscope_category"]["id"] for one in info["func_info"]][:3] == [1, 2, 3]
        assert exchange(client, value, given["auth_code"])["errcode"] == 61009
        assert exchange(client, value, given["push_code"])["errcode"] == 61010
        assert exchange(client, value, "invented")["errcode"] == 61009

    def test_the_push_alone_is_enough_when_the_browser_is_lost(
        self, client: TestClient, platform: Component
    ) -> None:
        value = platform_token(client)
        given = authorise(client)

        assert "authorizer_refresh_token" in exchange(client, value, given["push_code"])

    def test_a_code_runs_out(self, client: TestClient, platform: Component) -> None:
        given = authorise(client)
        advance(client, 3601)

        assert exchange(client, platform_token(client), given["auth_code"])["errcode"] == 61010

    def test_again_with_equal_sets_no_event_and_a_new_refresh_token(
        self, client: TestClient, platform: Component, shop: Shop
    ) -> None:
        value = platform_token(client)
        first = exchange(client, value, authorise(client)["auth_code"])
        again = authorise(client)
        second = exchange(client, value, again["auth_code"])
        old = as_platform(
            client,
            "api_authorizer_token",
            value,
            authorizer_appid=APPID,
            authorizer_refresh_token=first["authorizer_refresh_token"],
        )

        assert again["event"] == ""
        assert [one.opened(platform)["InfoType"] for one in shop.pushes] == ["authorized"]
        assert second["authorizer_refresh_token"] != first["authorizer_refresh_token"]
        assert old["errcode"] == 61023

    def test_again_with_other_sets_is_an_update(
        self, client: TestClient, platform: Component, shop: Shop
    ) -> None:
        authorise(client)
        authorise(client, func_ids=[1, 15])

        events = [one.opened(platform)["InfoType"] for one in shop.pushes]
        assert events == ["authorized", "updateauthorized"]

    def test_taken_back_by_the_account(
        self, client: TestClient, platform: Component, shop: Shop
    ) -> None:
        value = platform_token(client)
        info = exchange(client, value, authorise(client)["auth_code"])
        control(client, "POST", f"components/{PLATFORM}/revoke", {"appid": APPID})

        assert shop.pushes[-1].opened(platform)["InfoType"] == "unauthorized"
        used = api(client, "/cgi-bin/getcallbackip", access_token=info["authorizer_access_token"])
        assert used["errcode"] == 61003
        again = as_platform(
            client,
            "api_authorizer_token",
            value,
            authorizer_appid=APPID,
            authorizer_refresh_token=info["authorizer_refresh_token"],
        )
        assert again["errcode"] == 61003
        follow(client)
        assert shop.pushes[-1].path == "/hooks/wechat"

    def test_permission_sets_bind(self, client: TestClient, platform: Component) -> None:
        value = platform_token(client)
        info = exchange(client, value, authorise(client, func_ids=[1])["auth_code"])
        own = info["authorizer_access_token"]

        assert api(client, "/cgi-bin/menu/get", access_token=own)["errcode"] == 61007
        assert api(client, "/cgi-bin/getcallbackip", access_token=own)["ip_list"]
        nothing = exchange(client, value, authorise(client, func_ids=[])["auth_code"])
        assert nothing == {"authorizer_appid": APPID, "func_info": []}

    def test_an_account_gives_messages_and_menu_to_one_platform_only(
        self, client: TestClient, platform: Component
    ) -> None:
        authorise(client)
        control(client, "PUT", "components/wxsbplatform2", {"name": "别家"})
        body = {"appid": APPID, "func_ids": [1]}
        refused = client.post("/_sandbox/api/components/wxsbplatform2/authorise", json=body)
        rest = control(client, "POST", "components/wxsbplatform2/authorise", {"appid": APPID})

        assert refused.status_code == 422
        assert rest["event"] == "authorized"
        held = control(client, "GET", "components/wxsbplatform2")["authorisations"]
        assert not {1, 15} & set(held[0]["func_ids"])


class TestAuthorizerTokens:
    def test_refresh_keeps_the_refresh_token_unless_told_otherwise(
        self, client: TestClient, platform: Component
    ) -> None:
        value = platform_token(client)
        info = exchange(client, value, authorise(client)["auth_code"])
        keys = {"authorizer_appid": APPID}
        refresh = info["authorizer_refresh_token"]
        call = "api_authorizer_token"
        fresh = as_platform(client, call, value, authorizer_refresh_token=refresh, **keys)
        assert fresh["authorizer_refresh_token"] == refresh
        assert fresh["authorizer_access_token"] != info["authorizer_access_token"]
        old = info["authorizer_access_token"]
        assert "ip_list" in api(client, "/cgi-bin/getcallbackip", access_token=old)
        advance(client, 301)
        assert api(client, "/cgi-bin/getcallbackip", access_token=old)["errcode"] == 40001

        control(client, "PUT", f"components/{PLATFORM}", {"rotates_refresh": True})
        turned = as_platform(client, call, value, authorizer_refresh_token=refresh, **keys)
        assert turned["authorizer_refresh_token"] != refresh
        refused = as_platform(client, call, value, authorizer_refresh_token=refresh, **keys)
        assert refused["errcode"] == 61023

    def test_the_other_worlds_of_tokens_are_left_alone(
        self, client: TestClient, platform: Component
    ) -> None:
        own = token(client)
        value = platform_token(client)
        for _ in range(2):
            exchange(client, value, authorise(client)["auth_code"])
        advance(client, 400)

        assert "ip_list" in api(client, "/cgi-bin/getcallbackip", access_token=own)


class TestAuthorizerInfo:
    def test_of_an_official_account_and_of_a_mini_program(
        self, client: TestClient, platform: Component
    ) -> None:
        control(client, "PUT", "accounts/wxsbmini0001", {"name": "小程序", "kind": "mini"})
        value = platform_token(client)
        found = {}
        for appid in (APPID, "wxsbmini0001"):
            authorise(client, appid=appid)
            found[appid] = as_platform(
                client, "api_get_authorizer_info", value, authorizer_appid=appid
            )

        official = found[APPID]["authorizer_info"]
        assert official["nick_name"] == "拾光茶饮"
        assert official["service_type_info"] == {"id": 2}
        assert official["verify_type_info"] == {"id": 0}
        assert official["user_name"].startswith("gh_")
        assert "MiniProgramInfo" not in official
        assert "network" in found["wxsbmini0001"]["authorizer_info"]["MiniProgramInfo"]
        sets = found["wxsbmini0001"]["authorization_info"]["func_info"]
        assert [one["funcscope_category"]["id"] for one in sets] == [17, 18, 25, 58]
        picture = client.get(official["head_img"])
        assert picture.headers["content-type"] == "image/svg+xml"
        unknown = as_platform(
            client, "api_get_authorizer_info", value, authorizer_appid="wxsbnobody1"
        )
        assert unknown["errcode"] == 40013

    def test_list_shows_who_was_never_exchanged(
        self, client: TestClient, platform: Component
    ) -> None:
        value = platform_token(client)
        code = authorise(client)["auth_code"]
        before = as_platform(client, "api_get_authorizer_list", value, offset=0, count=100)
        exchange(client, value, code)
        after = as_platform(client, "api_get_authorizer_list", value, offset=0, count=100)

        assert before["total_count"] == after["total_count"] == 1
        assert "refresh_token" not in before["list"][0]
        assert after["list"][0]["refresh_token"]
        call = "api_get_authorizer_list"
        assert as_platform(client, call, value, offset=0, count=501)["errcode"] == 40170

    def test_options_the_old_and_the_new_way(self, client: TestClient, platform: Component) -> None:
        value = platform_token(client)
        own = exchange(client, value, authorise(client)["auth_code"])["authorizer_access_token"]
        keys = {"authorizer_appid": APPID, "option_name": "location_report"}
        body = {"component_appid": PLATFORM, **keys}
        path = "/cgi-bin/component/set_authorizer_option"
        done = api(client, path, {**body, "option_value": "1"}, access_token=own)

        assert done["errcode"] == 0
        old = as_platform(client, "api_get_authorizer_option", value, **keys)
        assert old == {**keys, "option_value": "1"}
        wrong = as_platform(client, "api_set_authorizer_option", value, **keys, option_value="9")
        assert wrong["errcode"] == 61451
        new = api(client, "/cgi-bin/component/get_authorizer_option", body, access_token=own)
        assert new["option_value"] == "1"


class TestMessages:
    def test_go_to_the_platform_with_its_keys_and_replies_come_back(
        self, client: TestClient, tea: Account, platform: Component, shop: Shop
    ) -> None:
        authorise(client)
        shop.pushes.clear()
        follow(client, silent=True)
        reply: dict[str, str | int] = {
            "ToUserName": openid(client),
            "FromUserName": tea.original_id,
            "CreateTime": 1700000000,
            "MsgType": "text",
            "Content": "平台代答",
        }
        shop.answer = lambda push: sealed_reply(platform, reply)
        body = {"appid": APPID, "text": "在吗"}
        found = control(client, "POST", "people/lin/messages", body)

        (push,) = shop.pushes
        assert push.path == f"/hooks/open/{APPID}"
        assert push.opened(platform)["ToUserName"] == tea.original_id
        assert push.query["openid"] == openid(client)
        assert found["callback"]["outcome"] == "replied"
        assert chat(client)[-1]["content"] == "平台代答"

    def test_not_without_the_permission_set(
        self, client: TestClient, tea: Account, platform: Component, shop: Shop
    ) -> None:
        authorise(client, func_ids=[2], push=False)
        follow(client)

        assert shop.pushes[0].path == "/hooks/wechat"
        assert shop.pushes[0].opened(tea)["Event"] == "subscribe"

    def test_the_check_before_a_release(
        self, client: TestClient, tea: Account, platform: Component, shop: Shop
    ) -> None:
        authorise(client, push=False)
        follow(client, silent=True)
        receiver = openid(client)

        def answer(push: Any) -> str:
            fields = push.opened(platform)
            content = f"{fields.get('Event', fields.get('Content'))}"
            content += "from_callback" if "Event" in fields else "_callback"
            if content.startswith("QUERY_AUTH_CODE"):
                return ""
            reply: dict[str, str | int] = {
                "ToUserName": receiver,
                "FromUserName": tea.original_id,
                "CreateTime": 1700000000,
                "MsgType": "text",
                "Content": content,
            }
            return sealed_reply(platform, reply)

        shop.answer = answer
        body = {"appid": APPID, "slug": "lin"}
        found = control(client, "POST", f"components/{PLATFORM}/release-check", body)

        assert (found["event"], found["text"]) == (True, True)
        assert shop.pushes[-1].opened(platform)["Content"] == f"QUERY_AUTH_CODE:{found['code']}"
        assert "authorizer_appid" in exchange(client, platform_token(client), found["code"])


class TestOAuth:
    def test_through_the_platform(self, client: TestClient, platform: Component) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"oauth_domains": []})
        value = platform_token(client)
        query = (
            f"appid={APPID}&redirect_uri=http%3A%2F%2F127.0.0.1%3A8000%2Fback&response_type=code"
            f"&scope=snsapi_base&state=s1&component_appid={PLATFORM}"
        )
        url = f"{LIN}/open.weixin.qq.com/connect/oauth2/authorize?{query}"
        assert "10015" in client.get(url).text
        authorise(client, push=False)
        location = client.get(url).headers["location"]
        code = parse_qs(urlsplit(location).query)["code"][0]
        keys = {
            "appid": APPID,
            "code": code,
            "grant_type": "authorization_code",
            "component_appid": PLATFORM,
            "component_access_token": value,
        }
        found = api(client, "/sns/oauth2/component/access_token", **keys)

        assert found["openid"] == openid(client)
        fresh = api(
            client,
            "/sns/oauth2/component/refresh_token",
            **{**keys, "grant_type": "refresh_token", "refresh_token": found["refresh_token"]},
        )
        assert fresh["openid"] == found["openid"]
        control(client, "POST", f"components/{PLATFORM}/revoke", {"appid": APPID})
        assert api(client, "/sns/oauth2/component/access_token", **keys)["errcode"] == 61003

    @pytest.mark.parametrize(
        ("changes", "errcode"),
        [
            ({"appid": ""}, 41002),
            ({"appid": "wxsbnobody1"}, 40013),
            ({"component_appid": "wxsbnobody1"}, 61011),
            ({"component_access_token": "made-up"}, 40001),
            ({}, 61007),
        ],
    )
    def test_refusals(
        self, client: TestClient, platform: Component, changes: dict[str, str], errcode: int
    ) -> None:
        authorise(client, func_ids=[1], push=False)
        keys = {
            "appid": APPID,
            "code": "x",
            "grant_type": "authorization_code",
            "component_appid": PLATFORM,
            "component_access_token": platform_token(client),
            **changes,
        }

        assert api(client, "/sns/oauth2/component/access_token", **keys)["errcode"] == errcode


class TestSettings:
    @pytest.mark.parametrize(
        "body",
        [
            {"name": ""},
            {"message_url": f"{PRODUCT}/hooks/open"},
            {"aes_key": "short"},
            {"func_ids": [4711]},
            {"login_domains": "127.0.0.1:8000"},
            {"colour": "red"},
        ],
    )
    def test_refusals(self, client: TestClient, body: dict[str, Any]) -> None:
        answer = client.put("/_sandbox/api/components/wxsbplatform2", json=body)

        assert answer.status_code == 422
        assert control(client, "GET", "components") == []

    def test_an_appid_is_an_accounts_or_a_platforms(self, client: TestClient) -> None:
        assert client.put(f"/_sandbox/api/components/{APPID}", json={}).status_code == 422
        assert client.get("/_sandbox/api/components/wxsbnobody1").status_code == 404

    def test_deleting_frees_the_accounts(
        self, client: TestClient, tea: Account, platform: Component, shop: Shop
    ) -> None:
        authorise(client, push=False)
        control(client, "DELETE", f"components/{PLATFORM}")
        follow(client)

        assert shop.pushes[-1].path == "/hooks/wechat"

    def test_the_setup_outlives_a_reset_of_what_happened(
        self, client: TestClient, platform: Component
    ) -> None:
        authorise(client, push=False)
        control(client, "POST", "reset", {"keep": "setup"})

        assert control(client, "GET", f"components/{PLATFORM}")["authorisations"]
