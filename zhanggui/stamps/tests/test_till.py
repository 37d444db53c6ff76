"""Stamps through the API: what a till may do, and what it is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zhanggui.accounts.models import ActorKind, AuditEntry, StoreState
from zhanggui.accounts.tests.factories import ACTOR, make_store
from zhanggui.api.models import ApiToken
from zhanggui.api.tests.factories import Caller, code_of, make_caller
from zhanggui.codes.models import CodeState, CodeTry
from zhanggui.core import clock
from zhanggui.stamps import selectors, services
from zhanggui.stamps.models import Kind, Method, StampRecord
from zhanggui.stamps.selectors import insight
from zhanggui.stamps.services import watching
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    confirm,
    make_card,
    make_programme,
    make_shop,
    stamp,
    state_of,
    take_code,
    wrong_digits,
)

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
def till(shop: Shop) -> Caller:
    """A till of the shop that may do everything."""
    return make_caller(shop.merchant, name="一号收银机")


def give(till: Caller, digits: str, key: str = "", **values: Any) -> Any:
    return till.post("stamps", {"digits": digits, **values}, key=key)


class TestStamp:
    def test_books_one_stamp(self, shop: Shop, till: Caller) -> None:
        code = take_code(shop.card)

        response = give(till, f" {code.digits[:3]}-{code.digits[3:]}")

        assert response.status_code == 200
        answer = response.json()
        record = StampRecord.objects.get()
        assert answer == {
            "record": record.pk,
            "kind": "accumulate",
            "amount": 1,
            "customer_name": "王**",
            "programme_name": shop.programme.name,
            "store_name": shop.store.name,
            "slots": 10,
            "before": 0,
            "after": 1,
            "at": answer["at"],
            "won": [],
            "lost": [],
        }
        assert balance_of(shop.card) == 1
        assert state_of(code.code_id) == CodeState.CONSUMED
        assert (record.method, record.manager_id, record.manager_name) == (
            Method.CODE,
            0,
            "一号收银机",
        )
        assert shop.adds_up()

    def test_the_token_is_the_actor(self, shop: Shop, till: Caller) -> None:
        code = take_code(shop.card)
        give(till, code.digits)
        entry = AuditEntry.objects.get(action="stamps.code.confirmed")
        assert (entry.actor_kind, entry.actor_id) == (ActorKind.TOKEN, till.token.pk)
        assert (entry.target, entry.store_id) == (f"code:{code.code_id}", shop.store.pk)

    def test_several_stamps_need_a_reason(self, shop: Shop, till: Caller) -> None:
        card = make_card(make_programme(max_per_code=3))
        digits = take_code(card).digits
        assert code_of(give(till, digits, amount=3)) == "E_REASON"
        assert code_of(give(till, digits, amount=4, reason="四杯")) == "E_AMOUNT"
        assert give(till, digits, amount=3, reason="三杯").json()["after"] == 3
        assert StampRecord.objects.get().reason == "三杯"

    def test_wins_what_the_card_leads_to(self, shop: Shop, till: Caller) -> None:
        card = make_card(make_programme(slots=2, reward="一杯奶茶"))
        give(till, take_code(card).digits)
        assert give(till, take_code(card).digits).json()["won"] == ["一杯奶茶"]
        assert shop.adds_up()

    def test_limits_of_the_card_hold(self, shop: Shop, till: Caller) -> None:
        card = make_card(make_programme(gap_s=30))
        with clock.at(T0):
            assert give(till, take_code(card).digits).status_code == 200
            code = take_code(card)
        with clock.at(T0 + timedelta(seconds=10)):
            refused = give(till, code.digits)
        assert (refused.status_code, code_of(refused)) == (429, "E_VELOCITY")
        assert refused.json()["error"]["retry_after"] == int(refused["Retry-After"]) == 20
        assert state_of(code.code_id) == CodeState.ACTIVE

    def test_a_code_for_something_else_stays(self, shop: Shop, till: Caller) -> None:
        stamp(shop.desk, shop.card)
        code = take_code(shop.card, Kind.CANCEL)
        refused = give(till, code.digits)
        assert (refused.status_code, code_of(refused)) == (409, "E_CODE_PURPOSE")
        assert refused.json()["error"]["text"] == {
            "zh": "这个验证码用于取消累计，没有执行任何操作，验证码仍然有效。",
            "en": "This code is for something else: cancelling a stamp."
            " Nothing was done, the code stays usable.",
        }
        assert state_of(code.code_id) == CodeState.ACTIVE
        assert not CodeTry.objects.exists()
        assert balance_of(shop.card) == 1

    def test_a_closed_store_takes_nothing(self, shop: Shop, till: Caller) -> None:
        code = take_code(shop.card)
        shop.store.state = StoreState.CLOSED
        shop.store.save()
        assert code_of(give(till, code.digits)) == "E_STORE_CLOSED"
        assert state_of(code.code_id) == CodeState.ACTIVE

    def test_one_of_several_stores_must_be_named(self, shop: Shop, till: Caller) -> None:
        other = make_store(shop.merchant)
        code = take_code(shop.card)
        assert code_of(give(till, code.digits)) == "E_STORE_MISSING"
        assert give(till, code.digits, store=other.pk).status_code == 200
        assert StampRecord.objects.get().store_id == other.pk

    def test_only_in_its_own_stores(self, shop: Shop) -> None:
        other = make_store(shop.merchant)
        till = make_caller(shop.merchant, stores=[shop.store])
        digits = take_code(shop.card).digits
        assert code_of(give(till, digits, store=other.pk)) == "E_STORE"
        assert give(till, digits).status_code == 200

    def test_a_card_of_other_stores_is_refused(self, shop: Shop) -> None:
        other = make_store(shop.merchant)
        till = make_caller(shop.merchant, stores=[other])
        card = make_card(make_programme(store_ids=[shop.store.pk]))
        code = take_code(card)
        refused = give(till, code.digits)
        assert (refused.status_code, code_of(refused)) == (409, "E_WRONG_STORE")
        assert state_of(code.code_id) == CodeState.ACTIVE
        assert not CodeTry.objects.exists()

    def test_a_code_of_another_merchant_is_like_none(self, shop: Shop, till: Caller) -> None:
        theirs = make_shop()
        with theirs.scope:
            code = take_code(theirs.card)
        refused = give(till, code.digits)
        assert (refused.status_code, code_of(refused)) == (404, "E_CODE_INVALID")
        with theirs.scope:
            pass
        assert CodeTry.objects.get().person_id == -till.token.pk


class TestOnce:
    @pytest.mark.spec("stamps D19")
    def test_the_same_key_is_one_stamp(self, shop: Shop, till: Caller) -> None:
        digits = take_code(shop.card).digits
        first, second = give(till, digits, key="bill-1"), give(till, digits, key="bill-1")
        assert first.json() == second.json()
        assert ("Idempotent-Replayed" in first, second["Idempotent-Replayed"]) == (False, "true")
        assert balance_of(shop.card) == 1
        token = ApiToken.objects.get(pk=till.token.pk)
        assert token.day_writes == 1

    def test_the_same_key_for_something_else(self, shop: Shop, till: Caller) -> None:
        give(till, take_code(shop.card).digits, key="bill-1")
        code = take_code(shop.card)
        refused = give(till, code.digits, key="bill-1")
        assert (refused.status_code, code_of(refused)) == (409, "E_KEY_REUSED")
        assert state_of(code.code_id) == CodeState.ACTIVE

    def test_keys_belong_to_their_token(self, shop: Shop, till: Caller) -> None:
        other = make_caller(shop.merchant)
        give(till, take_code(shop.card).digits, key="bill-1")
        assert give(other, take_code(shop.card).digits, key="bill-1").status_code == 200
        assert balance_of(shop.card) == 2

    @pytest.mark.parametrize("key", [None, "x" * 81, "名字"], ids=["none", "long", "not-plain"])
    def test_needs_a_key(self, shop: Shop, till: Caller, key: str | None) -> None:
        code = take_code(shop.card)
        headers = dict(till.headers)
        if key is not None:
            headers["Idempotency-Key"] = key
        refused = till.client.post(
            "/api/v1/stamps",
            {"digits": code.digits},
            content_type="application/json",
            headers=headers,
        )
        assert (refused.status_code, code_of(refused)) == (400, "E_KEY_MISSING")
        assert state_of(code.code_id) == CodeState.ACTIVE


class TestCancel:
    def test_takes_the_newest_back(self, shop: Shop, till: Caller) -> None:
        stamp(shop.desk, shop.card)
        newest = give(till, take_code(shop.card).digits).json()["record"]
        code = take_code(shop.card, Kind.CANCEL)
        answer = till.post("stamps/cancel", {"digits": code.digits}).json()
        assert (answer["kind"], answer["amount"], answer["after"]) == ("cancel", -1, 1)
        assert StampRecord.objects.get(pk=answer["record"]).reverses_id == newest
        assert shop.adds_up()

    def test_takes_the_named_one_back(self, shop: Shop, till: Caller) -> None:
        oldest = stamp(shop.desk, shop.card).record_id
        stamp(shop.desk, shop.card)
        code = take_code(shop.card, Kind.CANCEL)
        wanted = {"digits": code.digits, "record": oldest}
        answer = till.post("stamps/cancel", wanted).json()
        assert StampRecord.objects.get(pk=answer["record"]).reverses_id == oldest

    def test_of_yesterday_is_too_late(self, shop: Shop, till: Caller) -> None:
        with clock.at(T0):
            record_id = stamp(shop.desk, shop.card).record_id
        with clock.at(T0 + timedelta(hours=23)):
            stamp(shop.desk, shop.card)
        with clock.at(T0 + timedelta(hours=25)):
            code = take_code(shop.card, Kind.CANCEL)
            refused = till.post("stamps/cancel", {"digits": code.digits, "record": record_id})
        assert (refused.status_code, code_of(refused)) == (409, "E_CANCEL_WINDOW")
        assert balance_of(shop.card) == 2


class TestGuessing:
    def test_locks_like_a_manager(self, shop: Shop, till: Caller) -> None:
        with clock.at(T0):
            codes = [code_of(give(till, wrong_digits())) for _ in range(6)]
            assert codes == ["E_CODE_INVALID"] * 4 + ["E_LOCKED"] * 2
            code = take_code(shop.card)
            locked = give(till, code.digits)
            assert (locked.status_code, locked["Retry-After"]) == (429, "600")
            looked = till.post("codes/look", {"digits": code.digits})
            assert code_of(looked) == "E_LOCKED"
        assert CodeTry.objects.count() == 5
        with clock.at(T0 + timedelta(seconds=600)):
            assert give(till, take_code(shop.card).digits).status_code == 200

    def test_going_from_store_to_store_gives_no_more_tries(self, shop: Shop, till: Caller) -> None:
        stores = [shop.store, *(make_store(shop.merchant) for _ in range(4))]
        codes = [code_of(give(till, wrong_digits(), store=store.pk)) for store in stores]
        assert codes == ["E_CODE_INVALID"] * 4 + ["E_LOCKED"]

    def test_looking_counts_as_well(self, shop: Shop, till: Caller) -> None:
        codes = [code_of(till.post("codes/look", {"digits": wrong_digits()})) for _ in range(5)]
        assert codes[-1] == "E_LOCKED"

    def test_a_lock_is_the_tokens_alone(self, shop: Shop, till: Caller) -> None:
        for _ in range(5):
            give(till, wrong_digits())
        other = make_caller(shop.merchant)
        assert give(other, take_code(shop.card).digits).status_code == 200
        assert stamp(shop.desk, shop.card).after == 2

    def test_what_is_no_code_counts_not(self, shop: Shop, till: Caller) -> None:
        refused = give(till, "12345")
        assert (refused.status_code, code_of(refused)) == (422, "E_CODE_FORMAT")
        assert not CodeTry.objects.exists()

    def test_the_office_sees_who_typed(self, shop: Shop, till: Caller) -> None:
        give(till, wrong_digits())
        today = selectors.ledger_period(shop.desk.zone, 1)
        (wrong,) = insight.wrong_codes(period=today, store_id=shop.store.pk)
        assert wrong.manager_name == "一号收银机"
        (attempt,) = insight.attempts(period=today, store_id=shop.store.pk)
        assert (attempt.manager_name, attempt.label) == ("一号收银机", "验证码错误")
        entry = AuditEntry.objects.get(action="codes.till.refused")
        assert entry.details == {"code": "E_CODE_INVALID"}

    def test_a_used_code_names_the_till(self, shop: Shop, till: Caller) -> None:
        digits = take_code(shop.card).digits
        give(till, digits)
        refused = give(till, digits)
        assert (refused.status_code, code_of(refused)) == (409, "E_CODE_USED")
        assert "一号收银机" in refused.json()["error"]["text"]["zh"]


class TestUndo:
    def test_within_ten_minutes_without_a_code(self, shop: Shop, till: Caller) -> None:
        given = give(till, take_code(shop.card).digits).json()
        response = till.post(f"stamps/{given['record']}/undo", {}, key="back")
        again = till.post(f"stamps/{given['record']}/undo", {}, key="back")
        answer = response.json()
        assert (answer["kind"], answer["amount"], answer["after"]) == ("cancel", -1, 0)
        assert (again.json(), again["Idempotent-Replayed"]) == (answer, "true")
        record = StampRecord.objects.get(pk=answer["record"])
        assert (record.method, record.manager_id, record.manager_name) == (
            Method.UNDO,
            0,
            "一号收银机",
        )
        assert balance_of(shop.card) == 0
        assert shop.adds_up()

    def test_only_once(self, shop: Shop, till: Caller) -> None:
        given = give(till, take_code(shop.card).digits).json()
        till.post(f"stamps/{given['record']}/undo", {})
        refused = till.post(f"stamps/{given['record']}/undo", {})
        assert (refused.status_code, code_of(refused)) == (409, "E_NOTHING_TO_CANCEL")
        assert balance_of(shop.card) == 0

    def test_not_after_ten_minutes(self, shop: Shop, till: Caller) -> None:
        at = clock.now()
        given = give(till, take_code(shop.card).digits).json()
        with clock.at(at + timedelta(minutes=11)):
            refused = till.post(f"stamps/{given['record']}/undo", {})
        assert (refused.status_code, code_of(refused)) == (409, "E_UNDO_STAMP")
        assert balance_of(shop.card) == 1

    def test_not_what_a_manager_gave(self, shop: Shop, till: Caller) -> None:
        stamped = stamp(shop.desk, shop.card)
        refused = till.post(f"stamps/{stamped.record_id}/undo", {})
        assert (refused.status_code, code_of(refused)) == (409, "E_UNDO_STAMP")
        assert balance_of(shop.card) == 1

    def test_not_of_another_store_or_scope(self, shop: Shop) -> None:
        other = make_store(shop.merchant)
        given = give(make_caller(shop.merchant, stores=[shop.store]), take_code(shop.card).digits)
        path = f"stamps/{given.json()['record']}/undo"
        elsewhere = make_caller(shop.merchant, stores=[other])
        assert code_of(elsewhere.post(path, {})) == "E_NOT_FOUND"
        reading = make_caller(shop.merchant, "stamps.read", "stamps.cancel")
        assert code_of(reading.post(path, {})) == "E_SCOPE"
        assert balance_of(shop.card) == 1


class TestLook:
    def test_shows_and_holds(self, shop: Shop, till: Caller) -> None:
        code = take_code(shop.card)
        answer = till.post("codes/look", {"digits": code.digits}).json()
        assert answer["purpose"] == "stamp"
        assert 58 <= answer["held_for"] <= 60
        assert answer["preview"]["customer"] == {
            "number": shop.card.customer.number,
            "name": "王**",
        }
        assert (answer["preview"]["before"], answer["preview"]["after"]) == (0, 1)
        assert code_of(give(make_caller(shop.merchant), code.digits)) == "E_CODE_HELD"
        assert balance_of(shop.card) == 0
        assert give(till, code.digits).status_code == 200

    def test_lists_what_can_be_taken_back(self, shop: Shop, till: Caller) -> None:
        stamped = stamp(shop.desk, shop.card)
        code = take_code(shop.card, Kind.CANCEL)
        answer = till.post("codes/look", {"digits": code.digits}).json()
        assert answer["purpose"] == "cancel"
        (choice,) = answer["preview"]["choices"]
        assert (choice["record"], choice["by"]) == (stamped.record_id, shop.desk.person_name)

    def test_refuses_what_booking_would_refuse(self, shop: Shop, till: Caller) -> None:
        code = take_code(shop.card)
        services.pause_programme(programme_id=shop.programme.pk, actor=ACTOR)
        refused = till.post("codes/look", {"digits": code.digits})
        assert (refused.status_code, code_of(refused)) == (409, "E_CARD_STATE")
        assert state_of(code.code_id) == CodeState.ACTIVE

    def test_needs_the_scope_of_the_purpose(self, shop: Shop) -> None:
        till = make_caller(shop.merchant, "stamps.cancel")
        code = take_code(shop.card)
        refused = till.post("codes/look", {"digits": code.digits})
        assert (refused.status_code, code_of(refused)) == (403, "E_SCOPE")
        assert state_of(code.code_id) == CodeState.ACTIVE


class TestReads:
    def test_programmes(self, shop: Shop, till: Caller) -> None:
        answer = till.get("programmes").json()
        assert answer["next"] == ""
        assert answer["items"] == [
            {
                "id": shop.programme.pk,
                "name": shop.programme.name,
                "state": "active",
                "slots": 10,
                "rewards": [{"at": 10, "name": "招牌奶茶一杯"}],
                "most_per_code": 1,
                "ways": ["press", "otp", "staff-scan"],
                "stores": [],
            }
        ]

    def test_pages_lead_on(self, shop: Shop, till: Caller) -> None:
        for name in ("乙", "丙"):
            make_programme(name=name)
        names, cursor = [], ""
        for _ in range(3):
            page = till.get("programmes", cursor=cursor, limit=1).json()
            names += [one["name"] for one in page["items"]]
            cursor = page["next"]
        assert (sorted(names), cursor) == (sorted([shop.programme.name, "乙", "丙"]), "")

    def test_a_damaged_cursor_is_told(self, till: Caller) -> None:
        refused = till.get("programmes", cursor="x")
        assert (refused.status_code, code_of(refused)) == (422, "E_CURSOR")

    @pytest.mark.parametrize("by", ["number", "phone"])
    def test_finds_cards(self, shop: Shop, till: Caller, by: str) -> None:
        card = make_card(shop.programme, "李雷", phone="+8613900001111")
        wanted = {"number": card.customer.number, "phone": "139 0000 1111"}
        confirm(shop.desk, take_code(card).digits)
        answer = till.post("cards/find", {by: wanted[by]}).json()
        assert answer["customer"] == {"number": card.customer.number, "name": "李**"}
        (shown,) = answer["cards"]
        assert (shown["id"], shown["stamps"], shown["slots"]) == (card.token, 1, 10)

    def test_who_is_meant_is_said_once(self, shop: Shop, till: Caller) -> None:
        for body in ({}, {"number": "1", "phone": "2"}):
            assert code_of(till.post("cards/find", body)) == "E_CUSTOMER_WHO"

    def test_trying_numbers_locks(self, shop: Shop, till: Caller) -> None:
        with clock.at(T0):
            codes = [code_of(till.post("cards/find", {"number": f"X{n}"})) for n in range(31)]
        assert codes == ["E_CUSTOMER_UNKNOWN"] * 30 + ["E_TOO_MANY"]

    def test_a_customer_of_another_merchant_is_unknown(self, till: Caller) -> None:
        theirs = make_shop()
        with theirs.scope:
            card = make_card(theirs.programme, phone="+8613900001111")
            number = card.customer.number
        assert code_of(till.post("cards/find", {"phone": "13900001111"})) == "E_CUSTOMER_UNKNOWN"
        found = till.post("cards/find", {"number": number})
        assert code_of(found) == "E_CUSTOMER_UNKNOWN"

    def test_the_ledger_of_its_stores(self, shop: Shop) -> None:
        other = make_store(shop.merchant)
        till = make_caller(shop.merchant, stores=[shop.store])
        stamped = stamp(shop.desk, shop.card)
        make_caller(shop.merchant).post(
            "stamps", {"digits": take_code(shop.card).digits, "store": other.pk}
        )
        (line,) = till.get("stamps").json()["items"]
        assert (line["record"], line["method"], line["by"]) == (
            stamped.record_id,
            "otp",
            shop.desk.person_name,
        )
        assert till.get("stamps", store=other.pk).json()["items"] == []


def test_the_fraud_desk_takes_a_till_for_no_manager(shop: Shop, till: Caller) -> None:
    for _ in range(3):
        give(till, take_code(shop.card).digits)
    watching.watch_managers(ACTOR)
    assert watching.code_share(shop.store.pk) is None
