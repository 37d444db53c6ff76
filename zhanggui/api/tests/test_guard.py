"""Who may call: tokens, scopes, limits, plans; and what every answer says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import standing
from zhanggui.accounts.models import Merchant, Store, TierState
from zhanggui.accounts.standing import Phase, Standing
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_store
from zhanggui.api import services
from zhanggui.api.models import ApiToken
from zhanggui.api.services import CALLS_A_MINUTE
from zhanggui.api.tests.factories import Caller, code_of, make_caller
from zhanggui.core import clock, sealing, tenancy

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


class TestToken:
    @pytest.mark.parametrize(
        "header",
        ["", "Bearer", "Bearer ", "Basic eA==", "Bearer " + "x" * 101],
        ids=["none", "empty", "blank", "other-kind", "long"],
    )
    def test_missing(self, db: None, client: Client, header: str) -> None:
        headers = {"Authorization": header} if header else {}
        refused = client.get("/api/v1/token", headers=headers)
        assert (refused.status_code, code_of(refused)) == (401, "E_TOKEN_MISSING")
        assert refused["WWW-Authenticate"] == "Bearer"

    def test_unknown(self, till: Caller) -> None:
        till.secret = f"zg_{'a' * 32}"
        refused = till.get("token")
        assert (refused.status_code, code_of(refused)) == (401, "E_TOKEN_UNKNOWN")

    def test_revoked_at_once(self, till: Caller, merchant: Merchant) -> None:
        assert till.get("token").status_code == 200
        with tenancy.merchant_scope(merchant.pk):
            services.revoke_token(token=till.token, actor=ACTOR)
        refused = till.get("token")
        assert (refused.status_code, code_of(refused)) == (401, "E_TOKEN_REVOKED")

    def test_expired(self, merchant: Merchant) -> None:
        with clock.at(T0):
            till = make_caller(merchant, days=30)
            assert till.get("token").status_code == 200
        with clock.at(T0 + timedelta(days=30) - timedelta(seconds=1)):
            assert till.get("token").status_code == 200
        with clock.at(T0 + timedelta(days=30)):
            assert code_of(till.get("token")) == "E_TOKEN_EXPIRED"

    def test_found_under_an_older_key(self, till: Caller, settings: Any) -> None:
        newest = sealing.newest_version()
        settings.KEY_RING = {**settings.KEY_RING, newest + 1: b"x" * 32}
        assert till.get("token").status_code == 200

    def test_the_secret_is_kept_nowhere(self, till: Caller) -> None:
        row = ApiToken.objects.values().get(pk=till.token.pk)
        assert till.secret not in str(row)
        assert till.secret[-4:] == row["tail"]
        assert till.secret.startswith("zg_")

    def test_a_cookie_is_no_token(self, till: Caller) -> None:
        till.client.cookies["zhanggui_session"] = till.secret
        assert till.client.get("/api/v1/token").status_code == 401


class TestScope:
    @pytest.mark.parametrize(
        ("scope", "method", "path"),
        [
            ("stamps.read", "get", "programmes"),
            ("stamps.read", "get", "stamps"),
            ("stamps.read", "post", "cards/find"),
            ("stamps.give", "post", "stamps"),
            ("stamps.cancel", "post", "stamps/cancel"),
            ("coupons.read", "post", "coupons/find"),
            ("coupons.redeem", "post", "coupons/redeem"),
            ("coupons.redeem", "post", "redemptions/1/undo"),
            ("coupons.scan", "post", "coupons/AAAAAAAAAAAA/hold"),
        ],
    )
    def test_without_it(self, merchant: Merchant, scope: str, method: str, path: str) -> None:
        others = {
            "stamps.read",
            "stamps.give",
            "stamps.cancel",
            "coupons.read",
            "coupons.redeem",
            "coupons.scan",
        } - {scope}
        till = make_caller(merchant, *sorted(others))
        refused = till.get(path) if method == "get" else till.post(path, {})
        assert (refused.status_code, code_of(refused)) == (403, "E_SCOPE")

    def test_names_what_is_missing_in_both_languages(self, merchant: Merchant) -> None:
        text = make_caller(merchant, "stamps.give").get("programmes").json()["error"]["text"]
        assert "查看集章活动" in text["zh"]
        assert "Look up stamp programmes" in text["en"]


class TestRate:
    def test_every_answer_says_what_is_left(self, till: Caller) -> None:
        with clock.at(T0):
            first = till.get("token")
        with clock.at(T0 + timedelta(seconds=20)):
            second = till.post("stamps", {})
        told = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
        assert [first[name] for name in told] == [str(CALLS_A_MINUTE), "299", "60"]
        assert [second[name] for name in told] == [str(CALLS_A_MINUTE), "298", "40"]

    def test_the_301st_waits(self, till: Caller) -> None:
        with clock.at(T0):
            till.get("token")
            ApiToken.objects.filter(pk=till.token.pk).update(window_calls=CALLS_A_MINUTE)
        with clock.at(T0 + timedelta(seconds=20)):
            refused = till.get("token")
            assert (refused.status_code, code_of(refused)) == (429, "E_RATE")
            assert refused["Retry-After"] == "40"
            till.get("token")
        assert ApiToken.objects.get(pk=till.token.pk).window_calls == CALLS_A_MINUTE + 1
        with clock.at(T0 + timedelta(seconds=60)):
            assert till.get("token")["RateLimit-Remaining"] == str(CALLS_A_MINUTE - 1)

    def test_others_go_on(self, till: Caller, merchant: Merchant) -> None:
        with clock.at(T0):
            till.get("token")
            ApiToken.objects.filter(pk=till.token.pk).update(window_calls=CALLS_A_MINUTE)
            assert till.get("token").status_code == 429
            assert make_caller(merchant).get("token").status_code == 200


class TestMerchant:
    @pytest.mark.parametrize(
        ("state", "code"),
        [(TierState.FROZEN, "E_FROZEN"), (TierState.ARCHIVED, "E_ARCHIVED")],
    )
    @pytest.mark.spec("platform P03")
    def test_not_at_work(self, till: Caller, merchant: Merchant, state: str, code: str) -> None:
        Merchant.objects.filter(pk=merchant.pk).update(state=state)
        for answer in (till.get("token"), till.post("stamps", {"digits": "123456"})):
            assert (answer.status_code, code_of(answer)) == (403, code)

    @pytest.mark.parametrize(
        ("phase", "reads", "books"),
        [
            (Phase.GRACE, "", "E_CODE_INVALID"),
            (Phase.READ_ONLY, "", "E_READ_ONLY"),
            (Phase.ARCHIVED, "E_PLAN_ARCHIVED", "E_PLAN_ARCHIVED"),
        ],
    )
    def test_by_its_plan(
        self, till: Caller, monkeypatch: Any, phase: Phase, reads: str, books: str
    ) -> None:
        monkeypatch.setattr(standing, "_provider", [lambda _merchant: Standing(phase)])
        assert code_of(till.get("programmes")) == reads
        assert code_of(till.post("stamps", {"digits": "123456"})) == books

    def test_a_product_that_the_plan_lacks(self, till: Caller, monkeypatch: Any) -> None:
        monkeypatch.setattr(standing, "_provider", [lambda _m: Standing(features=frozenset())])
        assert till.get("token").status_code == 200
        assert till.get("programmes").status_code == 404


class TestAnswers:
    def test_the_token_itself(self, till: Caller, merchant: Merchant) -> None:
        with clock.at(T0):
            answer = till.get("token").json()
        assert answer == {
            "name": "一号收银机",
            "shop": merchant.name,
            "scopes": sorted(till.token.scopes, key=answer["scopes"].index),
            "stores": [],
            "expires_at": None,
            "bookings_left_today": 500,
            "time": "2026-05-01T04:00:00Z",
        }

    def test_stores_are_those_of_the_token(self, merchant: Merchant, store: Store) -> None:
        make_store(merchant)
        make_store(make_merchant())
        (shown,) = make_caller(merchant, stores=[store]).get("stores").json()["items"]
        assert shown == {"id": store.pk, "name": "人民路店", "address": "", "is_open": True}

    def test_a_refusal_has_both_languages(self, till: Caller) -> None:
        error = till.post("stamps", {"digits": "12"}).json()["error"]
        assert error == {
            "code": "E_CODE_FORMAT",
            "text": {
                "zh": "验证码是 6 位数字。请顾客再念一遍。",
                "en": "A code has six digits. Ask the customer to read it out again.",
            },
            "details": {},
        }

    def test_no_json(self, till: Caller) -> None:
        refused = till.client.post(
            "/api/v1/stamps", "{", content_type="application/json", headers=till.headers
        )
        assert (refused.status_code, code_of(refused)) == (400, "E_JSON")

    @pytest.mark.parametrize(
        ("body", "field", "fault"),
        [
            ({}, "digits", "missing"),
            ({"digits": 123456}, "digits", "string_type"),
            ({"digits": "123456", "store": "1"}, "store", "int_type"),
            ({"digits": "123456", "amount": True}, "amount", "int_type"),
            ({"digits": "123456", "colour": 1}, "colour", "extra_forbidden"),
            ({"digits": "12\0"}, "digits", "string_pattern_mismatch"),
            ({"digits": "123456", "store": 2**63}, "store", "less_than_equal"),
        ],
        ids=["missing", "number", "text", "boolean", "more", "zero-byte", "too-big"],
    )
    def test_input_that_does_not_fit(self, till: Caller, body: Any, field: str, fault: str) -> None:
        refused = till.post("stamps", body)
        assert (refused.status_code, code_of(refused)) == (422, "E_INPUT")
        (told,) = refused.json()["error"]["details"]["fields"]
        assert (told["field"], told["fault"]) == (f"body.body.{field}", fault)

    def test_another_method(self, till: Caller) -> None:
        refused = till.client.delete("/api/v1/token", headers=till.headers)
        assert (refused.status_code, code_of(refused)) == (405, "E_METHOD")
        assert refused["Allow"] == "GET"

    def test_a_path_may_know_two_methods(self, till: Caller) -> None:
        assert till.get("stamps").status_code == 200
        assert till.post("stamps", {"digits": "123456"}).status_code == 404

    def test_a_long_body(self, till: Caller) -> None:
        refused = till.post("stamps", {"digits": "1" * 16_001})
        assert (refused.status_code, code_of(refused)) == (413, "E_BODY_LONG")

    def test_nothing_is_kept_by_caches(self, till: Caller) -> None:
        assert "no-store" in till.get("token")["Cache-Control"]


class TestBookings:
    def test_no_more_in_a_day_than_allowed(self, merchant: Merchant, store: Store) -> None:
        from zhanggui.stamps.tests import factories as stamps

        with tenancy.merchant_scope(merchant.pk), clock.at(T0):
            card = stamps.make_card(stamps.make_programme())
            till = make_caller(merchant, writes_a_day=2)
            refusals, code_ids = [], []
            for _ in range(3):
                code = stamps.take_code(card)
                code_ids.append(code.code_id)
                refusals.append(code_of(till.post("stamps", {"digits": code.digits})))
            assert refusals == ["", "", "E_DAY_LIMIT"]
            assert stamps.balance_of(card) == 2
            assert stamps.state_of(code_ids[-1]) == "active"
        with tenancy.merchant_scope(merchant.pk), clock.at(T0 + timedelta(days=1)):
            digits = stamps.take_code(card).digits
            assert till.post("stamps", {"digits": digits}).status_code == 200
            assert till.get("token").json()["bookings_left_today"] == 1
