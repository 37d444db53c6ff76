"""Coupons through the API: six digits, and the coupon's own code with holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zhanggui.accounts.models import ActorKind, AuditEntry
from zhanggui.api.tests.factories import Caller, code_of, make_caller
from zhanggui.codes.models import CodeTry
from zhanggui.core import clock
from zhanggui.coupons.models import CouponKind, UseMethod, UseRecord
from zhanggui.coupons.tests.factories import (
    Shop,
    counts,
    make_coupon,
    make_customer,
    make_shop,
    make_template,
    now,
    redeem,
    take_code,
)
from zhanggui.stamps.tests.factories import wrong_digits

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
def till(shop: Shop) -> Caller:
    """A till at the first store."""
    return make_caller(shop.merchant, name="一号收银机", stores=[shop.store])


def spelt(code: str) -> str:
    """As people type it."""
    return f"{code[:4]} {code[4:8]}-{code[8:]}".lower()


class TestByDigits:
    @pytest.mark.edge("coupon HELD>REDEEMED")
    def test_redeems_once(self, shop: Shop, till: Caller) -> None:
        coupon = make_coupon()
        digits = take_code(coupon).digits
        response = till.post("coupons/redeem", {"digits": digits}, key="bill-1")
        again = till.post("coupons/redeem", {"digits": digits}, key="bill-1")

        record = UseRecord.objects.get()
        answer = response.json()
        assert response.status_code == 200
        assert (answer["record"], answer["kind"], answer["customer_name"]) == (
            record.pk,
            "redeem",
            "王**",
        )
        assert (answer["coupon"]["state"], answer["coupon"]["usable"]) == ("redeemed", 0)
        assert (again.json(), again["Idempotent-Replayed"]) == (answer, "true")
        assert (record.method, record.manager_id, record.manager_name, record.store_id) == (
            UseMethod.TILL,
            0,
            "一号收银机",
            shop.store.pk,
        )
        assert counts(coupon) == ("redeemed", 0, 0, 1, 0)
        assert shop.adds_up()

    def test_the_token_is_the_actor(self, shop: Shop, till: Caller) -> None:
        till.post("coupons/redeem", {"digits": take_code(make_coupon()).digits})
        entry = AuditEntry.objects.get(action="coupons.coupon.redeemed")
        assert (entry.actor_kind, entry.actor_id) == (ActorKind.TOKEN, till.token.pk)

    def test_a_smallest_bill_is_asked_for(self, shop: Shop, till: Caller) -> None:
        coupon = make_coupon(kind=CouponKind.CASH, amount_fen=1_000, min_spend_fen=5_000)
        digits = take_code(coupon).digits
        assert code_of(till.post("coupons/redeem", {"digits": digits})) == "E_COUPON_ORDER"
        small = till.post("coupons/redeem", {"digits": digits, "order_fen": 4_999})
        assert code_of(small) == "E_COUPON_CONDITION"
        enough = till.post("coupons/redeem", {"digits": digits, "order_fen": 5_000})
        assert enough.status_code == 200

    def test_looking_shows_the_coupon(self, shop: Shop, till: Caller) -> None:
        coupon = make_coupon(uses=2)
        answer = till.post("codes/look", {"digits": take_code(coupon).digits}).json()
        assert answer["purpose"] == "redeem"
        assert answer["preview"]["coupon"]["code"] == coupon.code
        assert answer["preview"]["left_after"] == 1

    def test_wrong_codes_lock_here_too(self, shop: Shop, till: Caller) -> None:
        codes = [code_of(till.post("coupons/redeem", {"digits": wrong_digits()})) for _ in range(5)]
        assert codes == ["E_CODE_INVALID"] * 4 + ["E_LOCKED"]
        assert CodeTry.objects.count() == 5

    def test_not_at_another_store(self, shop: Shop, till: Caller) -> None:
        coupon = make_coupon(store_ids=[shop.other.pk])
        refused = till.post("coupons/redeem", {"digits": take_code(coupon).digits})
        assert (refused.status_code, code_of(refused)) == (409, "E_COUPON_WRONG_STORE")
        assert not UseRecord.objects.exists()


class TestByItsCode:
    @pytest.mark.edge("coupon USABLE>HELD", "coupon HELD>REDEEMED")
    def test_hold_and_redeem(self, shop: Shop, till: Caller) -> None:
        coupon = make_coupon()
        at = clock.now().replace(microsecond=0) + timedelta(seconds=1)
        with clock.at(at):
            held = till.post(
                f"coupons/{spelt(coupon.code)}/hold", {"bill": "0017", "minutes": 30}
            ).json()
        assert (held["state"], held["usable"]) == ("held", 0)
        assert datetime.fromisoformat(held["held_until"]) == at + timedelta(minutes=30)
        other = make_caller(shop.merchant, stores=[shop.store])
        for body in ({}, {"bill": "0017"}):
            refused = other.post(f"coupons/{coupon.code}/redeem", body)
            assert (refused.status_code, code_of(refused)) == (409, "E_COUPON_HELD")
        used = till.post(f"coupons/{coupon.code}/redeem", {"bill": "0017"})
        assert used.json()["coupon"]["state"] == "redeemed"
        assert counts(coupon) == ("redeemed", 0, 0, 1, 0)
        assert shop.adds_up()

    @pytest.mark.edge("coupon HELD>USABLE")
    def test_release(self, shop: Shop, till: Caller) -> None:
        coupon = make_coupon()
        till.post(f"coupons/{coupon.code}/hold", {"bill": "0017"})
        other = make_caller(shop.merchant)
        assert (
            other.post(f"coupons/{coupon.code}/release", {"bill": "0017"}).json()["state"] == "held"
        )
        freed = till.post(f"coupons/{coupon.code}/release", {"bill": "0017"}).json()
        assert (freed["state"], freed["usable"]) == ("usable", 1)

    @pytest.mark.edge("coupon HELD>USABLE")
    def test_a_hold_ends_by_itself(self, shop: Shop, till: Caller) -> None:
        coupon = make_coupon()
        at = clock.now()
        with clock.at(at):
            till.post(f"coupons/{coupon.code}/hold", {"bill": "0017", "minutes": 1})
        with clock.at(at + timedelta(minutes=1)):
            other = make_caller(shop.merchant, stores=[shop.store])
            assert other.post(f"coupons/{coupon.code}/redeem", {}).status_code == 200

    @pytest.mark.edge("coupon hold of an hour")
    def test_a_hold_is_never_longer_than_an_hour(self, shop: Shop, till: Caller) -> None:
        coupon = make_coupon()
        at = clock.now().replace(microsecond=0) + timedelta(seconds=1)
        body = {"bill": "0017", "minutes": 60}
        ends = []
        for minutes in (0, 30, 59):
            with clock.at(at + timedelta(minutes=minutes)):
                held = till.post(f"coupons/{coupon.code}/hold", body).json()
            ends.append(datetime.fromisoformat(held["held_until"]))
        assert ends == [at + timedelta(hours=1)] * 3
        with clock.at(at + timedelta(minutes=61)):
            again = till.post(f"coupons/{coupon.code}/hold", body).json()
        assert datetime.fromisoformat(again["held_until"]) == at + timedelta(minutes=121)

    @pytest.mark.parametrize("minutes", [0, 61, "15", 1.5])
    def test_minutes_are_1_to_60(self, shop: Shop, till: Caller, minutes: Any) -> None:
        coupon = make_coupon()
        refused = till.post(f"coupons/{coupon.code}/hold", {"bill": "1", "minutes": minutes})
        assert (refused.status_code, code_of(refused)) == (422, "E_INPUT")
        (field,) = refused.json()["error"]["details"]["fields"]
        assert field["field"] == "body.body.minutes"
        assert now(coupon).state == "usable"

    def test_needs_its_own_scope(self, shop: Shop) -> None:
        till = make_caller(shop.merchant, "coupons.redeem", "coupons.read")
        coupon = make_coupon()
        for step in ("hold", "release", "redeem"):
            refused = till.post(f"coupons/{coupon.code}/{step}", {"bill": "1"})
            assert (refused.status_code, code_of(refused)) == (403, "E_SCOPE")
        assert counts(coupon) == ("usable", 1, 0, 0, 0)

    def test_another_merchants_coupon_is_not_there(self, till: Caller) -> None:
        theirs = make_shop()
        with theirs.scope:
            coupon = make_coupon()
        refused = till.post(f"coupons/{coupon.code}/redeem", {})
        assert (refused.status_code, code_of(refused)) == (404, "E_COUPON_NOT_FOUND")


class TestUndo:
    def test_within_ten_minutes(self, shop: Shop, till: Caller) -> None:
        coupon = make_coupon()
        record = redeem(coupon, shop.store)
        answer = till.post(f"redemptions/{record.pk}/undo", {}).json()
        assert (answer["kind"], answer["coupon"]["state"]) == ("undo", "usable")
        assert counts(coupon) == ("usable", 1, 0, 0, 0)
        again = till.post(f"redemptions/{record.pk}/undo", {})
        assert code_of(again) == "E_COUPON_UNDONE"

    def test_not_of_another_store(self, shop: Shop, till: Caller) -> None:
        record = redeem(make_coupon(), shop.other)
        assert code_of(till.post(f"redemptions/{record.pk}/undo", {})) == "E_NOT_FOUND"

    def test_not_after_ten_minutes(self, shop: Shop, till: Caller) -> None:
        at = clock.now()
        record = redeem(make_coupon(), shop.store)
        with clock.at(at + timedelta(minutes=11)):
            refused = till.post(f"redemptions/{record.pk}/undo", {})
        assert (refused.status_code, code_of(refused)) == (409, "E_UNDO_WINDOW")


class TestFind:
    def test_by_code_and_by_number(self, shop: Shop, till: Caller) -> None:
        customer = make_customer()
        template = make_template(name="招牌茶")
        coupon = make_coupon(template, customer)
        by_code = till.post("coupons/find", {"code": spelt(coupon.code)}).json()
        by_number = till.post("coupons/find", {"number": customer.number}).json()
        assert by_code == by_number
        assert by_code["customer"] == {"number": customer.number, "name": "王**"}
        (shown,) = by_code["coupons"]
        assert (shown["name"], shown["state"], shown["usable"]) == ("招牌茶", "usable", 1)

    def test_what_is_meant_is_said_once(self, till: Caller) -> None:
        for body in ({}, {"code": "1", "number": "2"}):
            assert code_of(till.post("coupons/find", body)) == "E_CUSTOMER_WHO"

    def test_trying_codes_locks(self, till: Caller) -> None:
        with clock.at(T0):
            codes = [code_of(till.post("coupons/find", {"code": f"AAAA{n:08}"})) for n in range(31)]
        assert codes == ["E_COUPON_NOT_FOUND"] * 30 + ["E_TOO_MANY"]


class TestLedger:
    def test_redemptions_and_undos_of_its_stores(self, shop: Shop, till: Caller) -> None:
        coupon = make_coupon()
        record = redeem(coupon, shop.store)
        redeem(make_coupon(), shop.other)
        undone = till.post(f"redemptions/{record.pk}/undo", {}).json()
        items = till.get("redemptions").json()["items"]
        assert [(one["record"], one["kind"], one["undoes"]) for one in items] == [
            (undone["record"], "undo", record.pk),
            (record.pk, "redeem", None),
        ]
        assert {one["store"] for one in items} == {shop.store.pk}
        assert (items[1]["method"], items[1]["by"]) == (record.method, record.manager_name)
        assert (items[1]["coupon"]["code"], items[1]["customer_name"]) == (coupon.code, "王**")
        assert till.get("redemptions", store=shop.other.pk).json()["items"] == []

    def test_page_by_page(self, shop: Shop) -> None:
        till = make_caller(shop.merchant)
        records = [redeem(make_coupon(), shop.store).pk for _ in range(5)]
        seen: list[int] = []
        cursor = ""
        for _ in range(3):
            page = till.get("redemptions", limit=2, cursor=cursor).json()
            seen += [one["record"] for one in page["items"]]
            cursor = page["next"]
        assert (seen, cursor) == (records[::-1], "")

    def test_needs_its_scope(self, shop: Shop) -> None:
        till = make_caller(shop.merchant, "coupons.redeem")
        assert code_of(till.get("redemptions")) == "E_SCOPE"
