"""Preview and confirm: the way of a code from the phone to the card."""

from __future__ import annotations

import pytest

from zhanggui.stamps.models import Kind
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    cancel,
    confirm,
    preview,
    stamp,
    take_code,
)


class TestConfirm:
    @pytest.mark.spec("stamps R10")
    def test_books_one_stamp(self, shop: Shop) -> None:
        code = take_code(shop.card)

        booked = confirm(shop.desk, code.digits)

        assert (booked.before, booked.after, booked.amount) == (0, 1, 1)
        assert balance_of(shop.card) == 1
        assert [record.kind for record in shop.records()] == [Kind.ACCUMULATE]
        assert shop.adds_up()

    def test_cancel(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        c = take_code(shop.card, Kind.CANCEL)
        seen = preview(shop.desk, c.digits)
        assert (seen.before, seen.after) == (1, 0)
        booked = confirm(shop.desk, c.digits)
        assert booked.amount == -1
        assert balance_of(shop.card) == 0
        assert shop.adds_up()
