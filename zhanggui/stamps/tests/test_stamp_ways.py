"""A code and a press by their two ways: at once and carefully write the same rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from zhanggui.accounts.models import AuditEntry, Store
from zhanggui.accounts.points import Point, Told
from zhanggui.codes.models import CodeTry, OneTimeCode
from zhanggui.contacts import services as contacts
from zhanggui.contacts.models import Customer
from zhanggui.core import clock
from zhanggui.core.models import IdempotencyRecord
from zhanggui.ledger.models import Account, Entry, Transaction
from zhanggui.messaging.models import Message, Rule
from zhanggui.stamps.models import (
    Card,
    CardEvent,
    DeviceScale,
    Kind,
    ManagerBinding,
    Press,
    PressNonce,
    Reward,
    StampRecord,
    WhenFull,
)
from zhanggui.stamps.services import confirming, pressing
from zhanggui.stamps.tests.factories import (
    Shop,
    cancel,
    confirm,
    customer_of,
    make_card,
    make_programme,
    stamp,
    take_code,
)
from zhanggui.stamps.tests.pressing import T1, make_seal, nonce_of, points_px, press
from zhanggui.stamps.tests.rows import Rows, tried

TABLES = [
    Transaction,
    Entry,
    Account,
    Card,
    CardEvent,
    Reward,
    StampRecord,
    Press,
    DeviceScale,
    PressNonce,
    AuditEntry,
    OneTimeCode,
    CodeTry,
    ManagerBinding,
    IdempotencyRecord,
    Message,
    Customer,
]


def both(run: Callable[[], Any], leave: Callable[[pytest.MonkeyPatch], None]) -> Rows:
    """What is written by either way; both write the same, and no other way was needed."""
    with clock.at(clock.now() + timedelta(seconds=1)):
        hot = tried(TABLES, StampRecord, run)
        with pytest.MonkeyPatch.context() as patch:
            leave(patch)
            careful = tried(TABLES, StampRecord, run)
    assert hot[0] == careful[0]
    for table, rows in careful[1].items():
        assert hot[1][table] == rows, table
    return hot[1]


def leave_codes(patch: pytest.MonkeyPatch) -> None:
    """Let no code go through at once."""

    def leave(_wish: Any) -> Any:
        raise confirming._CardStays

    patch.setattr(confirming, "_spend", leave)


def leave_presses(patch: pytest.MonkeyPatch) -> None:
    """Let no press go through at once."""

    def leave(*_what: Any) -> Any:
        raise pressing._CardStays

    patch.setattr(pressing, "_book", leave)


def never_careful(patch: pytest.MonkeyPatch) -> None:
    """Let everything go through at once, or fail."""
    patch.delattr(confirming, "_spend_carefully")
    patch.delattr(pressing, "_book_carefully")


def prepared(shop: Shop, dice: random.Random) -> Card:
    """A card somewhere in its life."""
    programme = make_programme(
        slots=dice.choice([8, 20]),
        valid_days=dice.choice([0, 0, 90]),
        max_per_code=5,
        when_full=dice.choice(list(WhenFull)),
    )
    card = make_card(programme, dice.choice(["王小明", "x", "欧阳 Ann"]))
    if dice.random() < 0.5:
        for hours in dice.choice([(24,), (24, 1), (1,)]):
            with clock.at(clock.now() - timedelta(hours=hours)):
                stamp(shop.desk, card)
    if dice.random() < 0.5:
        for template in ("stamps.stamped", "stamps.cancelled"):
            Rule(template=template, is_on=True).save()
    if dice.random() < 0.5:
        Store.objects.filter(pk=shop.store.pk).update(latitude=31.2304, longitude=121.4737)
        told = Told(Point(31.2304 + dice.choice([0, 0.01]), 121.4737), dice.choice([0, 65]))
        contacts.note_place(customer=card.customer, told=told, actor=customer_of(card))
    return card


class TestCode:
    @pytest.mark.parametrize("seed", range(8))
    def test_the_same_rows(self, shop: Shop, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        dice = random.Random(seed)  # noqa: S311  the same cases each time
        card = prepared(shop, dice)
        values: dict[str, Any] = {"key": dice.choice(["", "k" * 26])}
        kind = Kind.ACCUMULATE
        if dice.random() < 0.4:
            stamp(shop.desk, card)
            kind = Kind.CANCEL
        elif dice.random() < 0.5:
            values |= {"amount": 3, "reason": "三杯"}
        digits = take_code(card, kind).digits

        def run() -> object:
            return confirm(shop.desk, digits, **values).as_json()

        rows = both(run, leave_codes)
        assert rows["StampRecord"][-1]["kind"] == repr(kind.value)
        never_careful(monkeypatch)
        run()
        assert shop.adds_up()

    def test_the_first_and_a_later_visit(self, shop: Shop) -> None:
        card = make_card(shop.programme)
        for hours in (0, 5, 13):
            with clock.at(clock.now() + timedelta(hours=hours)):
                digits = take_code(card).digits
                both(lambda digits=digits: confirm(shop.desk, digits).as_json(), leave_codes)  # type: ignore[misc]
                confirm(shop.desk, digits)
        cancel(shop.desk, card)


class TestPress:
    @pytest.mark.parametrize("seed", range(8))
    def test_the_same_rows(self, shop: Shop, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        dice = random.Random(seed)  # noqa: S311  the same cases each time
        make_seal(shop.store)
        card, kind = prepared(shop, dice), Kind.ACCUMULATE
        if dice.random() < 0.4:
            press(card)
            kind = Kind.CANCEL
        nonce, points = nonce_of(card, kind), points_px(T1)
        key = dice.choice(["", "k" * 26])

        def run() -> object:
            return press(card, points, kind=kind, nonce=nonce, key=key).as_json()

        rows = both(run, leave_presses)
        assert rows["StampRecord"][-1]["method"] == "'press'"
        never_careful(monkeypatch)
        run()
        assert shop.adds_up()
