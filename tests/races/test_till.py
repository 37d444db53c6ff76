"""Tills at the same moment: one code, one key, one token's tries and its bookings of a day."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from django.test import Client

from tests.races.racing import race
from zhanggui.api.models import ApiToken
from zhanggui.api.tests.factories import Caller, code_of, make_caller
from zhanggui.codes.models import CodeTry
from zhanggui.core.db import turns
from zhanggui.stamps.models import StampRecord
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    make_card,
    take_code,
    wrong_digits,
)

PARALLEL = 8


def give(till: Caller, digits: str, key: str = "") -> Any:
    own = replace(till, client=Client())  # a client is one thread's
    return own.post("stamps", {"digits": digits}, key=key)


def codes_of(answers: list[Any]) -> Counter[str]:
    return Counter(code_of(answer) or "ok" for answer in answers)


@pytest.mark.spec("stamps D18")
def test_one_code_at_many_tills(shop: Shop) -> None:
    tills = [make_caller(shop.merchant) for _ in range(PARALLEL)]
    digits = take_code(shop.card).digits
    answers = race(shop.merchant.pk, [partial(give, till, digits) for till in tills])
    assert codes_of(answers) == {"ok": 1, "E_CODE_USED": PARALLEL - 1}
    assert StampRecord.objects.count() == balance_of(shop.card) == 1
    assert shop.adds_up()


def test_one_key_sent_many_times(shop: Shop) -> None:
    till = make_caller(shop.merchant)
    digits = take_code(shop.card).digits
    answers = race(shop.merchant.pk, [partial(give, till, digits, "bill-1")] * PARALLEL)
    assert codes_of(answers) == {"ok": PARALLEL}
    assert len({answer.content for answer in answers}) == 1
    assert StampRecord.objects.count() == 1
    assert ApiToken.objects.get(pk=till.token.pk).day_writes == 1


class TestGuesses:
    def test_sent_at_once_count_like_one_after_the_other(self, shop: Shop) -> None:
        till = make_caller(shop.merchant)
        guesses = [partial(give, till, wrong_digits()) for _ in range(PARALLEL)]
        answers = race(shop.merchant.pk, guesses)
        assert codes_of(answers) == {"E_CODE_INVALID": 4, "E_LOCKED": PARALLEL - 4}
        assert CodeTry.objects.count() == 5

    def test_control_without_the_turn_more_are_tried(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(turns, "take", lambda *_parts: None)
        till = make_caller(shop.merchant)
        guesses = [partial(give, till, wrong_digits()) for _ in range(PARALLEL)]
        race(shop.merchant.pk, guesses)
        assert CodeTry.objects.count() > 5


def test_no_more_bookings_than_a_day_has(shop: Shop) -> None:
    till = make_caller(shop.merchant, writes_a_day=3)
    cards = [make_card(shop.programme) for _ in range(PARALLEL)]
    digits = [take_code(card).digits for card in cards]
    answers = race(shop.merchant.pk, [partial(give, till, one) for one in digits])
    assert codes_of(answers) == {"ok": 3, "E_DAY_LIMIT": PARALLEL - 3}
    assert StampRecord.objects.count() == 3
    assert shop.adds_up()
