"""The numbers of the threat table: reckoned from the limits of the code, their shape by requests.

Source: docs/threats.md.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import random

import pytest
from django.db import connection

from tests.races.test_threats import Place, place
from zhanggui.codes import services as codes
from zhanggui.codes import tries
from zhanggui.codes.models import OneTimeCode
from zhanggui.core import tenancy, tokens
from zhanggui.coupons.models import CODE_LENGTH, CROCKFORD
from zhanggui.stamps.models import Programme
from zhanggui.stamps.tests.factories import make_card, make_manager, make_programme, take_code

__all__ = ["place"]

SPACE = 10**codes.LENGTH
LIFE = Programme._meta.get_field("code_ttl_s")
LIFE_S = int(LIFE.get_default())
LONGEST_S = max(rule.limit_value for rule in LIFE.validators if rule.code == "max_value")  # type: ignore[attr-defined]
TRIES = (1, 5, 20, 100)
CHANCES = {
    1: ("1.0e-06", "5.0e-06", "2.0e-05", "1.0e-04"),
    5: ("5.0e-06", "2.5e-05", "1.0e-04", "5.0e-04"),
    50: ("5.0e-05", "2.5e-04", "1.0e-03", "5.0e-03"),
    1_000: ("1.0e-03", "5.0e-03", "2.0e-02", "9.5e-02"),
    10_000: ("1.0e-02", "4.9e-02", "1.8e-01", "6.3e-01"),
}
OF_A_STORE = 5
"""Live codes that a slip or a guess at one store may hit."""
NARROW = 1_000
"""As many numbers as the guessing over the wire chooses from, so that something is hit."""
LIVE = 50
GUESSERS = 40


def chance(live: int, guesses: int, space: int = SPACE) -> float:
    """That at least one of some guesses hits one of the live codes."""
    return 1 - (1 - live / space) ** guesses


@pytest.mark.edge("number hit chance", "threat slip of a digit")
@pytest.mark.parametrize("live", CHANCES)
def test_the_chance_of_a_hit(live: int) -> None:
    assert tuple(f"{chance(live, guesses):.1e}" for guesses in TRIES) == CHANCES[live]


@pytest.mark.edge("number hit chance", "threat guessing")
def test_guesses_over_the_wire_hit_as_often_as_reckoned(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(20)  # noqa: S311  the same guesses every time
    fresh = iter(dice.sample(range(NARROW), NARROW))
    monkeypatch.setattr(codes, "draw", lambda: f"{next(fresh):0{codes.LENGTH}d}")
    programme = make_programme()
    live = {take_code(make_card(programme, name=f"顾客{n}")).digits for n in range(LIVE)}
    lucky = 0
    for number in range(GUESSERS):
        phone = place.manager(make_manager(place.shop.store, f"店员{number}"))
        hits = 0
        for _ in range(tries.MOST_IN_WINDOW):
            guess = f"{dice.randrange(NARROW):0{codes.LENGTH}d}"
            said = phone.confirm(guess)
            assert (said.status == 200) == (guess in live), said
            if guess in live:
                hits += 1
                live.remove(guess)
                live.add(take_code(make_card(programme)).digits)
        lucky += bool(hits)
        phone.close()

    p = chance(LIVE, tries.MOST_IN_WINDOW, NARROW)
    spread = math.sqrt(GUESSERS * p * (1 - p))
    assert abs(lucky - GUESSERS * p) <= 2 * spread


@pytest.mark.edge("number a day and a year", "threat guessing")
def test_what_a_day_and_a_year_of_guessing_bring() -> None:
    of_a_day = chance(OF_A_STORE, tries.MOST_IN_A_DAY)
    assert f"{of_a_day:.1e}" == "1.0e-04"
    assert f"{1 - (1 - of_a_day) ** 365:.1%}" == "3.6%"
    assert f"{chance(OF_A_STORE, 1):.0e}" == "5e-06"


@pytest.mark.edge("number without a throttle")
def test_what_would_be_without_limits() -> None:
    assert (LIFE_S, LONGEST_S) == (180, 600)
    assert f"{chance(1, 15 * LIFE_S):.2%}" == "0.27%"
    assert f"{chance(1, 100 * LONGEST_S):.0%}" == "6%"


@pytest.mark.edge("number live codes")
def test_how_many_codes_live_at_once() -> None:
    assert 20 * LIFE_S / 3600 == 1
    assert 500 * 30 * 0.1 * LIFE_S / 3600 == 75


@pytest.mark.edge("number clash")
def test_codes_drawn_blindly_would_clash() -> None:
    alone = math.prod(1 - n / SPACE for n in range(1_000))
    assert f"{1 - alone:.0%}" == "39%"
    unique = {constraint.name for constraint in OneTimeCode._meta.constraints}
    assert "live_digits_once_a_merchant" in unique


@pytest.mark.edge("number bits", "coupon code")
def test_bits() -> None:
    assert f"{math.log2(SPACE):.2f}" == "19.93"
    assert math.log2(len(CROCKFORD)) * CODE_LENGTH == 60
    assert len({tokens.new_token() for _ in range(1_000)}) == 1_000
    assert math.log2(len(tokens.ALPHABET)) * len(tokens.new_token()) >= 128


@pytest.mark.edge("number hash", "threat database leak")
def test_all_bare_hashes_are_tried_in_vain(place: Place) -> None:
    shown = [take_code(make_card(place.shop.programme)).digits for _ in range(3)]
    with tenancy.all_merchants("a test reads the table"), connection.cursor() as cursor:
        cursor.execute("SELECT digits_hash FROM codes_onetimecode")
        stolen = {bytes(row[0]) for row in cursor.fetchall()}
    salt = str(place.shop.merchant.pk).encode()
    assert not any(stolen & set(_hashes(prefix)) for prefix in (b"", salt))
    with_the_key = {hash_ for digits in shown for hash_ in codes.hashes_of(digits)}
    assert stolen <= with_the_key


def _hashes(prefix: bytes) -> list[bytes]:
    signs = itertools.product(b"0123456789", repeat=codes.LENGTH)
    return [hashlib.sha256(prefix + bytes(one)).digest() for one in signs]
