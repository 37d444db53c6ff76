from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from wechat_sandbox.accounts import Account
from wechat_sandbox.tests.factories import APPID, SECRET, api, control, token, without_rid

GOOD = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}


def plain(client: TestClient, **changes: str) -> dict[str, Any]:
    return api(client, "/cgi-bin/token", **{**GOOD, **changes})


def stable(client: TestClient, **changes: Any) -> dict[str, Any]:
    return api(client, "/cgi-bin/stable_token", {**GOOD, **changes})


def errcode_of(client: TestClient, value: str) -> int:
    return int(api(client, "/cgi-bin/getcallbackip", access_token=value).get("errcode", 0))


def advance(client: TestClient, seconds: float) -> None:
    control(client, "POST", "clock", {"advance_s": seconds})


@pytest.mark.usefixtures("tea")
class TestPlainToken:
    def test_a_new_one_voids_the_old_after_five_minutes(self, client: TestClient) -> None:
        first, second = plain(client), plain(client)

        assert first["access_token"] != second["access_token"]
        assert first["expires_in"] == second["expires_in"] == 7200
        assert errcode_of(client, first["access_token"]) == 0
        advance(client, 301)
        assert errcode_of(client, first["access_token"]) == 40001
        assert errcode_of(client, second["access_token"]) == 0

    def test_expires_after_two_hours(self, client: TestClient) -> None:
        value = plain(client)["access_token"]
        advance(client, 7201)

        assert errcode_of(client, value) == 42001

    @pytest.mark.parametrize(
        ("changes", "errcode"),
        [
            ({"appid": "wxsbnobody1", "grant_type": ""}, 40013),
            ({"appid": ""}, 41002),
            ({"grant_type": "x"}, 40002),
            ({"secret": ""}, 41004),
            ({"secret": "f" * 32}, 40125),
        ],
        ids=["appid-first", "no-appid", "grant-type", "no-secret", "secret"],
    )
    def test_refusals(self, client: TestClient, changes: dict[str, str], errcode: int) -> None:
        answer = plain(client, **changes)

        assert answer["errcode"] == errcode
        assert without_rid(answer["errmsg"])
        assert "access_token" not in answer

    def test_the_method_matters(self, client: TestClient) -> None:
        assert api(client, "/cgi-bin/token", GOOD)["errcode"] == 43001
        assert api(client, "/cgi-bin/stable_token")["errcode"] == 43002

    def test_an_address_outside_the_list_is_refused(self, client: TestClient) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"allow_ips": ["10.0.0.1"]})

        refused = plain(client)
        assert refused["errcode"] == 40164
        assert "testclient" in refused["errmsg"]
        control(client, "PUT", f"accounts/{APPID}", {"allow_ips": None})
        assert "access_token" in plain(client)


@pytest.mark.usefixtures("tea")
class TestStableToken:
    def test_stays_the_same_while_its_time_runs_down(self, client: TestClient) -> None:
        first = stable(client)
        advance(client, 3600)
        second = stable(client)

        assert second["access_token"] == first["access_token"]
        assert 3598 <= second["expires_in"] <= 3600

    def test_is_renewed_in_its_last_minutes_and_the_old_lives_on(self, client: TestClient) -> None:
        first = stable(client)["access_token"]
        advance(client, 7000)
        second = stable(client)

        assert second["access_token"] != first
        assert second["expires_in"] == 7200
        assert errcode_of(client, first) == 0

    def test_force_kills_the_old_at_once(self, client: TestClient) -> None:
        first = stable(client)["access_token"]
        second = stable(client, force_refresh=True)["access_token"]

        assert errcode_of(client, first) == 40001
        assert errcode_of(client, second) == 0
        assert stable(client)["access_token"] == second

    def test_force_has_a_daily_limit(self, client: TestClient) -> None:
        answers = [stable(client, force_refresh=True) for _ in range(21)]

        assert [one.get("errcode") for one in answers] == [None] * 20 + [45009]

    def test_the_two_worlds_do_not_disturb_each_other(self, client: TestClient) -> None:
        value = stable(client)["access_token"]
        plain(client)
        plain(client)
        advance(client, 400)

        assert errcode_of(client, value) == 0

    @pytest.mark.parametrize(
        ("body", "errcode"),
        [(b"", 44002), (b"{", 47001), (b"[]", 47001), (b"\xff\xfe", 47001)],
        ids=["empty", "broken", "list", "bytes"],
    )
    def test_bad_bodies(self, client: TestClient, body: bytes, errcode: int) -> None:
        assert api(client, "/cgi-bin/stable_token", body)["errcode"] == errcode


class TestEveryCall:
    def test_an_unknown_path_is_a_page_not_found(self, client: TestClient, tea: Account) -> None:
        answer = client.get("/api.weixin.qq.com/cgi-bin/nothing")

        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")

    @pytest.mark.parametrize(("value", "errcode"), [("", 41001), ("made-up", 40001)])
    def test_needs_a_token(
        self, client: TestClient, tea: Account, value: str, errcode: int
    ) -> None:
        answer = api(client, "/cgi-bin/getcallbackip", access_token=value)

        assert answer["errcode"] == errcode
        if errcode == 40001:
            assert without_rid(answer["errmsg"]).startswith(
                "invalid credential, access_token is invalid or not latest"
            )

    def test_the_kind_of_account_decides(self, client: TestClient, tea: Account) -> None:
        control(client, "PUT", f"accounts/{APPID}", {"kind": "subscription"})

        answer = api(client, "/cgi-bin/qrcode/create", {}, access_token=token(client))
        assert answer["errcode"] == 48001

    def test_quota(self, client: TestClient, tea: Account) -> None:
        path = "/cgi-bin/user/get"
        control(client, "PUT", "quotas", {"appid": APPID, "path": path, "daily": 2})
        value = token(client)
        codes = [api(client, path, access_token=value).get("errcode") for _ in range(3)]

        assert codes == [None, None, 45009]
        asked = api(client, "/cgi-bin/openapi/quota/get", {"cgi_path": path}, access_token=value)
        assert asked["quota"] == {"daily_limit": 2, "used": 2, "remain": 0}
        assert api(client, "/cgi-bin/clear_quota", {"appid": APPID}, access_token=value) == {
            "errcode": 0,
            "errmsg": "ok",
        }
        assert "errcode" not in api(client, path, access_token=value)

    def test_quota_starts_again_at_midnight_in_beijing(
        self, client: TestClient, tea: Account
    ) -> None:
        path = "/cgi-bin/user/get"
        control(client, "PUT", "quotas", {"appid": APPID, "path": path, "daily": 1})
        api(client, path, access_token=token(client))
        assert api(client, path, access_token=token(client))["errcode"] == 45009
        advance(client, 86400)

        assert "errcode" not in api(client, path, access_token=token(client))

    def test_quota_is_reset_ten_times_a_month(self, client: TestClient, tea: Account) -> None:
        body = {"appid": APPID, "appsecret": SECRET}
        codes = [api(client, "/cgi-bin/clear_quota/v2", body)["errcode"] for _ in range(11)]

        assert codes == [0] * 10 + [48006]

    @pytest.mark.parametrize(
        ("fault", "status", "errcode"),
        [({"errcode": -1}, 200, -1), ({"http_status": 503}, 503, None)],
        ids=["errcode", "status"],
    )
    def test_faults_count_down(
        self, client: TestClient, tea: Account, fault: dict[str, int], status: int, errcode: Any
    ) -> None:
        path = "/cgi-bin/getcallbackip"
        control(client, "POST", "faults", {"path": path, "times": 1, **fault})
        value = token(client)
        url = f"/api.weixin.qq.com{path}?access_token={value}"

        first, second = client.get(url), client.get(url)
        assert first.status_code == status
        if errcode is not None:
            assert first.json()["errcode"] == errcode
        assert second.json() == {"ip_list": ["127.0.0.1"]}

    def test_a_lost_answer_leaves_the_work_done(self, client: TestClient, tea: Account) -> None:
        path = "/cgi-bin/menu/delete"
        value = token(client)
        control(client, "POST", "faults", {"path": path, "http_status": 502, "after": True})

        assert client.get(f"/api.weixin.qq.com{path}?access_token={value}").status_code == 502
        menu = api(client, "/cgi-bin/get_current_selfmenu_info", access_token=value)
        assert menu["is_menu_open"] == 0

    def test_a_slow_answer(self, client: TestClient, tea: Account) -> None:
        fault = {"path": "*", "timeout": 0.05}
        control(client, "POST", "faults", fault)
        assert control(client, "GET", "faults") == [{"times": 1, **fault}]

        assert "access_token" in api(
            client, "/cgi-bin/token", grant_type="client_credential", appid=APPID, secret=SECRET
        )
        assert control(client, "GET", "faults") == []
