"""Taking stamps back: which one, who may, how late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.accounts.models import AuditEntry
from zhanggui.accounts.tests.factories import ACTOR, make_store
from zhanggui.codes.models import CodeState
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import NotFound
from zhanggui.ledger.errors import ReversalOfReversal
from zhanggui.ledger.models import Transaction
from zhanggui.stamps import services
from zhanggui.stamps.errors import (
    AlreadyCancelled,
    CancelWindow,
    NothingToCancel,
    ReasonMissing,
)
from zhanggui.stamps.models import Card, Kind, Method
from zhanggui.stamps.results import Desk
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    cancel,
    confirm,
    make_card,
    make_manager,
    make_programme,
    make_shop,
    preview,
    stamp,
    state_of,
    take_code,
)

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
DAY = timedelta(hours=24)


def elsewhere(shop: Shop) -> Desk:
    """A manager of another store of the shop."""
    return make_manager(make_store(shop.merchant), "周店员")


class TestByCode:
    @pytest.mark.spec("stamps R11")
    def test_takes_one_stamp_back(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        taken = cancel(shop.desk, shop.card)

        assert (taken.kind, taken.amount, taken.before, taken.after) == (Kind.CANCEL, -1, 1, 0)
        assert balance_of(shop.card) == 0
        given, back = shop.records()
        assert back.reverses_id == given.pk
        assert Transaction.objects.get(pk=back.transaction_id).reverses_id == given.transaction_id
        assert shop.adds_up()

    @pytest.mark.spec("stamps D29")
    def test_newest_first(self, shop: Shop) -> None:
        given = [stamp(shop.desk, shop.card).record_id for _ in range(2)]
        for _ in range(2):
            cancel(shop.desk, shop.card)

        backs = [record.reverses_id for record in shop.records()[2:]]
        assert backs == given[::-1]
        assert shop.adds_up()

    @pytest.mark.spec("stamps D29")
    def test_the_whole_record(self, db: None) -> None:
        shop = make_shop(max_per_code=3)
        with shop.scope:
            stamp(shop.desk, shop.card, amount=3, reason="三杯")
            assert cancel(shop.desk, shop.card).amount == -3
            assert balance_of(shop.card) == 0
            assert shop.adds_up()

    @pytest.mark.spec("stamps D29")
    def test_the_manager_may_choose_another_one(self, shop: Shop) -> None:
        first, _second = stamp(shop.desk, shop.card), stamp(shop.desk, shop.card)
        code = take_code(shop.card, Kind.CANCEL)
        confirm(shop.desk, code.digits, record_id=first.record_id)

        assert shop.records()[-1].reverses_id == first.record_id

    @pytest.mark.spec("stamps D29")
    def test_only_stamps_of_the_own_store(self, shop: Shop) -> None:
        there = elsewhere(shop)
        given = stamp(there, shop.card)
        code = take_code(shop.card, Kind.CANCEL)
        with pytest.raises(NothingToCancel):
            preview(shop.desk, code.digits)
        with pytest.raises(NothingToCancel):
            confirm(shop.desk, code.digits)
        with pytest.raises(NothingToCancel):
            confirm(shop.desk, code.digits, record_id=given.record_id)

        assert state_of(code.code_id) == CodeState.ACTIVE
        assert confirm(there, code.digits).after == 0

    @pytest.mark.spec("stamps D29")
    def test_not_twice(self, shop: Shop) -> None:
        first = stamp(shop.desk, shop.card)
        stamp(shop.desk, shop.card)
        confirm(shop.desk, take_code(shop.card, Kind.CANCEL).digits, record_id=first.record_id)
        code = take_code(shop.card, Kind.CANCEL)
        with pytest.raises(AlreadyCancelled):
            confirm(shop.desk, code.digits, record_id=first.record_id)

        assert balance_of(shop.card) == 1

    def test_of_another_card_is_refused(self, shop: Shop) -> None:
        other = make_card(make_programme(name="早餐卡"))
        given = stamp(shop.desk, other)
        stamp(shop.desk, shop.card)
        code = take_code(shop.card, Kind.CANCEL)
        with pytest.raises(NothingToCancel):
            confirm(shop.desk, code.digits, record_id=given.record_id)

    @pytest.mark.spec("stamps D29")
    def test_an_empty_card_gives_no_code(self, shop: Shop) -> None:
        with pytest.raises(NothingToCancel):
            take_code(shop.card, Kind.CANCEL)
        stamp(shop.desk, shop.card)
        cancel(shop.desk, shop.card)
        with pytest.raises(NothingToCancel):
            take_code(shop.card, Kind.CANCEL)

    @pytest.mark.spec("stamps D30")
    @pytest.mark.parametrize(
        ("late", "works"), [(timedelta(0), True), (timedelta(seconds=1), False)]
    )
    def test_within_24_hours(self, shop: Shop, late: timedelta, works: bool) -> None:
        with clock.at(T0):
            given = stamp(shop.desk, shop.card)
        with clock.at(T0 + DAY - timedelta(seconds=60)):
            code = take_code(shop.card, Kind.CANCEL)
        with clock.at(T0 + DAY + late):
            if works:
                assert confirm(shop.desk, code.digits).after == 0
                return
            with pytest.raises(CancelWindow):
                preview(shop.desk, code.digits)
            with pytest.raises(CancelWindow):
                confirm(shop.desk, code.digits, record_id=given.record_id)
            with pytest.raises(CancelWindow):
                take_code(shop.card, Kind.CANCEL)
        assert balance_of(shop.card) == 1


class TestByTheOffice:
    @pytest.mark.spec("stamps D30")
    @pytest.mark.parametrize(
        ("late", "works"), [(timedelta(0), True), (timedelta(seconds=1), False)]
    )
    def test_any_store_within_15_days(self, shop: Shop, late: timedelta, works: bool) -> None:
        with clock.at(T0):
            given = stamp(elsewhere(shop), shop.card)
        with clock.at(T0 + timedelta(days=15) + late):
            if not works:
                with pytest.raises(CancelWindow):
                    services.cancel_record(record_id=given.record_id, reason="误盖", actor=ACTOR)
                return
            back = services.cancel_record(record_id=given.record_id, reason="误盖", actor=ACTOR)

        assert (back.amount, back.reason, back.method) == (-1, "误盖", Method.BACK_OFFICE)
        assert balance_of(shop.card) == 0
        assert Card.objects.get(pk=shop.card.pk).version == 2
        assert AuditEntry.objects.filter(action="stamps.record.cancelled").count() == 1
        assert shop.adds_up()

    @pytest.mark.spec("stamps D30")
    def test_needs_a_reason(self, shop: Shop) -> None:
        given = stamp(shop.desk, shop.card)
        with pytest.raises(ReasonMissing):
            services.cancel_record(record_id=given.record_id, reason="  ", actor=ACTOR)

        assert balance_of(shop.card) == 1

    @pytest.mark.edge("card cancel stays")
    def test_not_twice(self, shop: Shop) -> None:
        given = stamp(shop.desk, shop.card)
        cancel(shop.desk, shop.card)
        with pytest.raises(AlreadyCancelled):
            services.cancel_record(record_id=given.record_id, reason="误盖", actor=ACTOR)

        assert balance_of(shop.card) == 0
        assert shop.adds_up()

    @pytest.mark.edge("card cancel stays")
    @pytest.mark.spec("stamps D33")
    def test_a_cancel_is_not_cancelled(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        back = cancel(shop.desk, shop.card)
        with pytest.raises(ReversalOfReversal):
            services.cancel_record(record_id=back.record_id, reason="误盖", actor=ACTOR)

    def test_of_another_merchant_is_not_found(self, shop: Shop) -> None:
        given = stamp(shop.desk, shop.card)
        with tenancy.merchant_scope(make_shop().merchant.pk), pytest.raises(NotFound):
            services.cancel_record(record_id=given.record_id, reason="误盖", actor=ACTOR)
