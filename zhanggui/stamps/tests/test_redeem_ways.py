"""A coupon at the desk: at once and carefully write the same rows and answer the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from zhanggui.accounts.models import AuditEntry, Store, StoreState
from zhanggui.accounts.tests.factories import ACTOR, make_store
from zhanggui.codes.models import CodeTry, OneTimeCode
from zhanggui.contacts.models import Customer, CustomerState
from zhanggui.core import clock
from zhanggui.core.models import IdempotencyRecord
from zhanggui.coupons import hot
from zhanggui.coupons import services as coupons
from zhanggui.coupons.models import (
    Coupon,
    CouponChange,
    CouponTemplate,
    TemplateState,
    TemplateStore,
    UseRecord,
)
from zhanggui.coupons.tests.factories import counts, make_coupon, make_customer, make_template
from zhanggui.coupons.tests.factories import take_code as take_coupon_code
from zhanggui.ledger.models import Account, Entry, Transaction
from zhanggui.messaging.models import Message, Rule
from zhanggui.stamps import services
from zhanggui.stamps.models import Limits, ManagerBinding
from zhanggui.stamps.services import confirming_others
from zhanggui.stamps.tests.factories import Shop, manager_of, wrong_digits
from zhanggui.stamps.tests.rows import Rows, tried

TABLES = [
    Transaction,
    Entry,
    Account,
    Coupon,
    CouponChange,
    UseRecord,
    AuditEntry,
    OneTimeCode,
    CodeTry,
    ManagerBinding,
    IdempotencyRecord,
    Message,
    Customer,
]


@dataclass
class Case:
    """A manager with a coupon's code; a case changes what it is about."""

    shop: Shop
    coupon: Coupon
    digits: str
    key: str = ""
    later: timedelta = timedelta(0)
    values: dict[str, Any] = field(default_factory=dict)

    def redeem(self) -> dict[str, Any]:
        """Confirm the code."""
        desk = self.shop.desk
        return services.confirm_other(
            desk=desk, digits=self.digits, actor=manager_of(desk), key=self.key
        ).page


def make_case(shop: Shop, *, is_first: bool = False, **values: Any) -> Case:
    """A live code of a coupon whose template was used before, unless it is the first one."""
    template = make_template(**values)
    if not is_first:
        used = make_coupon(template, make_customer("李小红"))
        services.confirm_other(
            desk=shop.desk, digits=take_coupon_code(used).digits, actor=manager_of(shop.desk)
        )
    coupon = make_coupon(template, make_customer())
    return Case(shop, coupon, take_coupon_code(coupon).digits)


class Ways:
    """Runs a case both ways and tells which of them went through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.done_at_once = False

    def both(self, case: Case) -> tuple[object, Rows]:
        """What came of it by either way; both are equal."""
        with clock.at(clock.now() + case.later):
            hot = self._hot(case)
            with self.monkeypatch.context() as patch:
                patch.setattr(confirming_others, "_at_once", self._leave)
                careful = tried(TABLES, UseRecord, case.redeem)
        assert hot[0] == careful[0]
        for table, rows in careful[1].items():
            assert hot[1][table] == rows, table
        return hot

    def _hot(self, case: Case) -> tuple[object, Rows]:
        real = confirming_others._at_once

        def spied(*args: Any) -> Any:
            done = real(*args)
            self.done_at_once = True
            return done

        with self.monkeypatch.context() as patch:
            patch.setattr(confirming_others, "_at_once", spied)
            return tried(TABLES, UseRecord, case.redeem)

    @staticmethod
    def _leave(desk: Any, *_rest: Any) -> Any:
        raise confirming_others._LeftAlone(desk.store_name)


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    return Ways(monkeypatch)


class TestGoesThroughAtOnce:
    @pytest.mark.parametrize("seed", range(10))
    def test_the_same_rows(self, shop: Shop, ways: Ways, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311  the same cases each time
        case = make_case(
            shop,
            name=f"券{seed}",
            kind=dice.choice(["gift", "cash", "percent"]),
            amount_fen=dice.choice([100, 1_050]),
            percent_off=dice.choice([15, 20]),
            uses=dice.choice([1, 1, 3]),
            weekdays=dice.choice([[], [1, 2, 3, 4, 5, 6, 7]]),
            store_ids=dice.choice([[], [shop.store.pk]]),
            min_spend_fen=dice.choice([0, 5_000]),
        )
        case.key = dice.choice(["", "k" * 26, "长" * 90])
        if dice.random() < 0.5:
            Rule(template="coupons.redeemed", is_on=True).save()
        if dice.random() < 0.3:
            yesterday = clock.local_date(clock.now(), shop.desk.zone) - timedelta(days=1)
            ManagerBinding.objects.update(operated_on=yesterday, operations=9)
        came_of_it, rows = ways.both(case)

        assert ways.done_at_once
        assert "'kind': 'redeem'" in str(came_of_it)
        assert len(rows["UseRecord"]) == 2
        case.redeem()
        assert counts(case.coupon)[3] == 1
        assert shop.adds_up()

    def test_an_answer_older_than_a_day_makes_room(self, shop: Shop, ways: Ways) -> None:
        case = make_case(shop)
        case.key = "k" * 26
        case.redeem()
        IdempotencyRecord.objects.update(created_at=clock.now() - timedelta(hours=25))
        coupon = make_coupon(case.coupon.template)
        again = Case(shop, coupon, take_coupon_code(coupon).digits, key=case.key)
        ways.both(again)

        assert ways.done_at_once


type Change = Callable[[Case], object]


def paused(case: Case) -> None:
    coupons.set_state(template_id=case.coupon.template_id, state=TemplateState.PAUSED, actor=ACTOR)


def elsewhere(case: Case) -> None:
    other = make_store(case.shop.merchant, name="二店")
    TemplateStore(template_id=case.coupon.template_id, store=other).save()


def another_day(case: Case) -> None:
    today = clock.local_date(clock.now(), case.shop.desk.zone).isoweekday()
    CouponTemplate.objects.update(weekdays=[today % 7 + 1])


def blocked(case: Case) -> None:
    Customer.objects.filter(pk=case.coupon.customer_id).update(state=CustomerState.BLOCKED)


def voided(case: Case) -> None:
    coupons.void(coupon_id=case.coupon.pk, reason="x", actor=ACTOR)


def held_by_a_till(case: Case) -> None:
    Coupon.objects.filter(pk=case.coupon.pk).update(held_by="bill-7")


def ended(case: Case) -> None:
    Coupon.objects.filter(pk=case.coupon.pk).update(ends_at=clock.now())


def too_late(case: Case) -> None:
    case.later = timedelta(minutes=4)


def wrong(case: Case) -> None:
    case.digits = wrong_digits()


def repeated(case: Case) -> None:
    case.key = "k"
    case.redeem()


def repeated_for_something_else(case: Case) -> None:
    case.key = "k"
    case.redeem()
    case.digits = wrong_digits()


def many_today(case: Case) -> None:
    today = clock.local_date(clock.now(), case.shop.desk.zone)
    ManagerBinding.objects.update(operations=Limits().operations_a_day, operated_on=today)


def manager_gone(case: Case) -> None:
    services.remove_manager(binding_id=case.shop.desk.binding_id, actor=ACTOR)


def store_closed(case: Case) -> None:
    Store.objects.update(state=StoreState.CLOSED)


def locked(case: Case) -> None:
    desk = case.shop.desk
    for _ in range(5):
        CodeTry(kind="wrong", person_id=desk.person_id, store_id=desk.store_id).save()


def held_by_another(case: Case) -> None:
    until = clock.now() + timedelta(seconds=30)
    OneTimeCode.objects.filter(state="active").update(
        state="held", held_by_id=case.shop.desk.person_id + 1, held_until=until
    )


LEFT_ALONE: list[tuple[Change, str]] = [
    (paused, "E_COUPON_PROGRAMME_PAUSED"),
    (elsewhere, "E_COUPON_WRONG_STORE"),
    (another_day, "E_COUPON_CONDITION"),
    (blocked, "E_CUSTOMER_BLOCKED"),
    (voided, "E_COUPON_VOIDED"),
    (held_by_a_till, "E_COUPON_HELD"),
    (ended, "E_COUPON_EXPIRED"),
    (too_late, "E_CODE_EXPIRED"),
    (wrong, "E_CODE_INVALID"),
    (repeated, "'kind': 'redeem'"),
    (repeated_for_something_else, "E_KEY_REUSED"),
    (many_today, "E_VELOCITY"),
    (manager_gone, "E_NOT_MANAGER"),
    (store_closed, "E_CARD_STATE"),
    (locked, "E_LOCKED"),
    (held_by_another, "E_CODE_HELD"),
]


class TestIsLeftAlone:
    @pytest.mark.parametrize(
        ("change", "said"), LEFT_ALONE, ids=[change.__name__ for change, _ in LEFT_ALONE]
    )
    def test_and_decided_carefully(self, shop: Shop, ways: Ways, change: Change, said: str) -> None:
        case = make_case(shop)
        change(case)
        used = UseRecord.objects.count()
        came_of_it, rows = ways.both(case)

        assert said in str(came_of_it)
        assert not ways.done_at_once
        assert len(rows["UseRecord"]) == used

    def test_the_first_of_its_template_opens_the_account(self, shop: Shop, ways: Ways) -> None:
        case = make_case(shop, is_first=True)
        came_of_it, _rows = ways.both(case)

        assert "'kind': 'redeem'" in str(came_of_it)
        assert not ways.done_at_once
        case.redeem()
        assert shop.adds_up()


def test_control_a_forgotten_row_is_noticed(
    shop: Shop, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot, "BOOKED", hot.BOOKED[:-1])
    with pytest.raises(AssertionError, match="AuditEntry"):
        ways.both(make_case(shop))
