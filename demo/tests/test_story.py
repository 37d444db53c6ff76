"""The cast and the story: pure, the same every time, plausible."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import phonenumbers
import pytest

from demo import nicknames, world
from demo.cast import ACCOUNTS, MERCHANTS, OPERATORS, PLATFORM_STAFF, account_of
from demo.rhythm import DAYS, PEOPLE, RHYTHMS, ZONE, Joined, Stamped, Story

FIRST = date(2026, 3, 2)
LAST = FIRST + timedelta(days=DAYS - 1)


@pytest.fixture(scope="module")
def told() -> list[Stamped | Joined]:
    return [event for _day, events in Story(FIRST).until(LAST) for event in events]


class TestCast:
    def test_has_two_operators_and_six_merchants_of_different_trades(self) -> None:
        assert len(OPERATORS) == 2
        assert len({merchant.trade for merchant in MERCHANTS}) == 6
        assert all(2 <= len(merchant.stores) <= 4 for merchant in MERCHANTS)
        assert any(merchant.operator is None for merchant in MERCHANTS)

    def test_has_a_store_without_managers(self) -> None:
        assert [store.name for store in MERCHANTS[0].stores if not store.managers] == ["御街店"]

    def test_phone_numbers_are_valid_and_differ(self) -> None:
        places = (*OPERATORS, *MERCHANTS)
        people = [*PLATFORM_STAFF, *itertools.chain(*(place.staff for place in places))]

        assert len({one.phone for one in people}) == len(people)
        assert all(phonenumbers.is_valid_number(phonenumbers.parse(p.phone)) for p in people)
        assert all(one.phone.startswith("+8613800138") for one in people)

    def test_accounts_have_ids_and_secrets_of_their_own(self) -> None:
        assert all(account.app_id.startswith("wxsb") for account in ACCOUNTS)
        assert len({account.app_id for account in ACCOUNTS}) == len(ACCOUNTS)
        assert all(len(a.aes_key) == 43 and a.aes_key.isalnum() for a in ACCOUNTS)

    def test_a_merchant_without_account_uses_the_operators(self) -> None:
        assert {m.slug: account_of(m).key for m in MERCHANTS if m.account is None} == {
            "acheng-barber": "chengbei"
        }


class TestNames:
    def test_phones_have_hosts_of_their_own(self) -> None:
        slugs = [
            *(phone.slug for phone in world.customers(PEOPLE + 40)),
            *(phone.slug for *_rest, phone in world.managers()),
            *(phone.slug for phone in world.outsiders()),
            *(phone.slug for phone in world.keepers()),
        ]
        assert len(set(slugs)) == len(slugs)
        assert all(slug.replace("-", "").isascii() for slug in slugs)
        assert all(len(slug) <= 40 for slug in slugs)

    def test_nicknames_are_of_all_kinds(self) -> None:
        names = [nicknames.nickname(person) for person in range(PEOPLE)]

        assert max(len(name) for name in names) >= 18
        assert any(ord(sign) > 0x1F000 for name in names for sign in name)
        assert "Kevin Lee" in names
        assert len(set(names)) > 280

    @pytest.mark.parametrize(
        ("name", "initial"), [("🌸小桃子🌸", "小"), ("lily", "L"), ("。", "☺")], ids=str
    )
    def test_the_picture_shows_a_letter(self, name: str, initial: str) -> None:
        assert nicknames.initial_of(name) == initial


class TestStory:
    def test_is_the_same_each_time_however_far_it_is_told(self) -> None:
        later = LAST + timedelta(days=20)

        short = list(Story(FIRST).until(LAST))
        long = list(Story(FIRST).until(later))

        assert long[:DAYS] == short
        assert any(events for _day, events in long[DAYS:])

    def test_new_people_come_after_the_first_ones(self) -> None:
        story = Story(FIRST)
        assert story.people_until(LAST) == PEOPLE
        assert story.people_until(LAST + timedelta(days=10)) > PEOPLE

    def test_every_person_joins_before_collecting(self, told: list[Stamped | Joined]) -> None:
        joined: set[tuple[str, int]] = set()
        for event in told:
            if isinstance(event, Joined):
                joined.add((event.merchant, event.person))
            else:
                assert (event.merchant, event.person) in joined
        assert len({person for _merchant, person in joined}) == PEOPLE

    def test_no_card_goes_over_its_slots_or_below_nothing(
        self, told: list[Stamped | Joined]
    ) -> None:
        slots = {merchant.slug: merchant.programme.slots for merchant in MERCHANTS}
        balance: dict[tuple[str, int], int] = {}
        for event in told:
            if isinstance(event, Stamped):
                key = event.merchant, event.person
                change = -event.amount if event.is_cancel else event.amount
                balance[key] = balance.get(key, 0) + change
                assert 0 <= balance[key] <= slots[event.merchant]

    def test_shops_are_visited_in_their_hours_and_more_at_weekends(
        self, told: list[Stamped | Joined]
    ) -> None:
        rhythms = {merchant.slug: RHYTHMS[merchant.rhythm] for merchant in MERCHANTS}
        stamps = [e for e in told if isinstance(e, Stamped) and not e.is_cancel]
        local = [(event, event.at.astimezone(ZONE)) for event in stamps]

        assert all(at.hour in rhythms[event.merchant].hours for event, at in local)
        weekend = sum(at.weekday() >= 5 for _event, at in local) / 2
        weekdays = sum(at.weekday() < 5 for _event, at in local) / 5
        assert weekend > weekdays * 1.2

    def test_has_thousands_of_stamps_some_cancels_and_reasons_for_several(
        self, told: list[Stamped | Joined]
    ) -> None:
        stamps = [event for event in told if isinstance(event, Stamped)]

        assert 2000 < len(stamps) < 4000
        assert 10 < sum(event.is_cancel for event in stamps) < 100
        assert all(bool(e.reason) == (e.amount > 1) for e in stamps if not e.is_cancel)
