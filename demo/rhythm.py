"""When customers come: a pure story, the same for the same first day, told one day at a time.

Nothing here touches the database. Every draw has a seed of its own (day and card), so that a
day comes out the same whichever days are asked for, on whichever machine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from demo.cast import MERCHANTS, MerchantPlan, StorePlan

SEED = "zhanggui"
ZONE = ZoneInfo("Asia/Shanghai")
PEOPLE = 300
DAYS = 60


@dataclass(frozen=True)
class Rhythm:
    """How a trade's week and day go."""

    week: Sequence[float]
    """Monday to Sunday; 1 is an ordinary day."""
    hours: dict[int, int]
    """Weight of each hour of the day in which the shop is open."""
    visits_a_week: float
    """Of an ordinary regular."""
    draw: int
    """How many of all customers it has, as a weight."""


RHYTHMS = {
    "tea": Rhythm(
        (0.7, 0.7, 0.8, 0.9, 1.1, 1.6, 1.5),
        {10: 2, 11: 3, 12: 2, 13: 4, 14: 8, 15: 9, 16: 7, 17: 4, 18: 2, 19: 4, 20: 5, 21: 3},
        1.1,
        13,
    ),
    "hotpot": Rhythm(
        (0.6, 0.6, 0.7, 0.8, 1.4, 1.7, 1.4),
        {11: 4, 12: 8, 13: 5, 14: 1, 16: 1, 17: 6, 18: 12, 19: 12, 20: 8, 21: 4},
        0.85,
        16,
    ),
    "bakery": Rhythm(
        (1.0, 0.9, 1.0, 1.0, 1.1, 1.4, 1.3),
        {7: 6, 8: 10, 9: 6, 10: 4, 11: 4, 12: 5, 13: 3, 14: 4, 15: 6, 16: 5, 17: 6, 18: 8, 19: 5},
        1.6,
        17,
    ),
    "barber": Rhythm(
        (0.4, 0.7, 0.8, 0.8, 1.1, 1.7, 1.6),
        {10: 3, 11: 4, 12: 2, 13: 3, 14: 5, 15: 6, 16: 6, 17: 5, 18: 5, 19: 6, 20: 3},
        0.5,
        7,
    ),
    "pets": Rhythm(
        (0.6, 0.7, 0.7, 0.8, 1.0, 1.8, 1.7),
        {10: 4, 11: 5, 12: 2, 13: 3, 14: 6, 15: 7, 16: 6, 17: 5, 18: 4, 19: 3},
        0.6,
        7,
    ),
    "books": Rhythm(
        (0.6, 0.7, 0.7, 0.8, 1.2, 1.8, 1.6),
        {11: 2, 12: 2, 13: 3, 14: 5, 15: 6, 16: 5, 17: 4, 18: 4, 19: 7, 20: 8, 21: 5},
        0.9,
        9,
    ),
}
APPETITES = (0.45, 0.9, 1.4, 2.2, 3.5)
APPETITE_SHARES = (18, 30, 28, 17, 7)
STAYS_HOME = 0.86
STAMPED_ON_JOINING = 0.88
CANCELLED = 0.016
COMES_AT_LAUNCH = 0.25
LAUNCH_DAYS = 9
SEVERAL = 0.12
"""How often more than one stamp is given for a code, where the programme allows it."""
REASONS = ("一次买了几份，一起盖", "同桌一起结账", "上次漏盖，这次补上")


@dataclass(frozen=True)
class Joined:
    """A person opens the card of a merchant for the first time."""

    at: datetime
    merchant: str
    person: int


@dataclass(frozen=True)
class Stamped:
    """A code was taken on the phone and confirmed at the counter."""

    at: datetime
    """The confirmation."""
    merchant: str
    person: int
    store: str
    manager: int
    """Which of the store's managers."""
    waited_s: int
    """From taking the code to the confirmation."""
    amount: int
    reason: str = ""
    is_cancel: bool = False


Event = Joined | Stamped


@dataclass
class _Card:
    person: int
    merchant: MerchantPlan
    home: StorePlan
    others: tuple[StorePlan, ...]
    visits_a_week: float
    most: int
    """Where the person loses interest, or the card is full."""
    joins_on: date
    balance: int = 0

    @property
    def key(self) -> str:
        return f"{self.person} {self.merchant.slug}"


@dataclass
class Story:
    """The customers' comings and goings since the first day."""

    first_day: date
    people: int = PEOPLE
    days: int = DAYS
    """Over how many days the first people join; later ones bring a few new people each."""
    _cards: list[_Card] = field(default_factory=list)

    def __post_init__(self) -> None:
        for person in range(self.people):
            self._take_in(person, None)

    def people_until(self, day: date) -> int:
        """How many people there are by the end of that day."""
        late = (day - self.first_day).days - self.days + 1
        return self.people + sum(
            self._newcomers(self.first_day + timedelta(days=self.days + n)) for n in range(late)
        )

    def until(self, last: date) -> Iterator[tuple[date, list[Event]]]:
        """Each day from the first to the last with its events in order; once per story."""
        day, known = self.first_day, self.people
        while day <= last:
            if (day - self.first_day).days >= self.days:
                for _new in range(self._newcomers(day)):
                    self._take_in(known, day)
                    known += 1
            events = [event for card in self._cards for event in self._visits(card, day)]
            yield day, sorted(events, key=lambda event: event.at)
            day += timedelta(days=1)

    def _newcomers(self, day: date) -> int:
        return _chance("new", day).choice((1, 2, 2, 3)) * self.people // PEOPLE

    def _take_in(self, person: int, today: date | None) -> None:
        for order, merchant in enumerate(merchants_of(person)):
            chance = _chance("card", person, merchant.slug)
            stores = [store for store in merchant.stores if store.size]
            home = chance.choices(stores, [store.size for store in stores])[0]
            slots = merchant.programme.slots
            gives_up = chance.choices((0, 1, 2, 3, 4), (16, 30, 26, 18, 10))[0]
            # the launch brings many in its first nine days; a second card comes later
            is_early = chance.random() < COMES_AT_LAUNCH
            start = chance.randrange(LAUNCH_DAYS if is_early else self.days)
            start = (
                min(start + order * LAUNCH_DAYS, self.days - 1)
                if today is None
                else order * LAUNCH_DAYS
            )
            self._cards.append(
                _Card(
                    person,
                    merchant,
                    home,
                    tuple(store for store in stores if store is not home),
                    RHYTHMS[merchant.rhythm].visits_a_week
                    * chance.choices(APPETITES, APPETITE_SHARES)[0],
                    max(1, slots - gives_up),
                    (today or self.first_day) + timedelta(days=start),
                )
            )

    def _visits(self, card: _Card, day: date) -> Iterator[Event]:
        if day < card.joins_on:
            return
        chance = _chance(day, card.key)
        rhythm = RHYTHMS[card.merchant.rhythm]
        at = _moment(chance, day, rhythm)
        if day == card.joins_on:
            yield Joined(at - timedelta(seconds=95), card.merchant.slug, card.person)
            if chance.random() > STAMPED_ON_JOINING:
                return
        elif chance.random() > card.visits_a_week / 7 * rhythm.week[day.weekday()]:
            return
        room = card.most - card.balance
        if room <= 0:
            return
        yield from self._stamp(card, chance, at, room)

    def _stamp(
        self, card: _Card, chance: random.Random, at: datetime, room: int
    ) -> Iterator[Event]:
        stays = not card.others or chance.random() < STAYS_HOME
        store = card.home if stays else chance.choice(card.others)
        amount = 1
        if min(room, card.merchant.programme.max_per_code) > 1 and chance.random() < SEVERAL:
            amount = chance.randint(2, min(room, card.merchant.programme.max_per_code))
        stamp = Stamped(
            at,
            card.merchant.slug,
            card.person,
            store.name,
            chance.randrange(len(store.managers)),
            chance.randint(14, 62),
            amount,
            chance.choice(REASONS) if amount > 1 else "",
        )
        card.balance += amount
        yield stamp
        if chance.random() < CANCELLED:
            later = at + timedelta(seconds=chance.randint(150, 500))
            card.balance -= amount
            yield Stamped(
                later, stamp.merchant, stamp.person, stamp.store, stamp.manager,
                chance.randint(20, 60), amount, is_cancel=True,
            )  # fmt: skip


def merchants_of(person: int) -> list[MerchantPlan]:
    """Where a person is a customer, the first one first; one in three at more than one."""
    chance = _chance("places", person)
    count = chance.choices((1, 2, 3), (62, 28, 10))[0]
    found: list[MerchantPlan] = []
    while len(found) < count:
        weights = [RHYTHMS[one.rhythm].draw for one in MERCHANTS]
        drawn = chance.choices(MERCHANTS, weights)[0]
        if drawn not in found:
            found.append(drawn)
    return found


def _chance(*parts: object) -> random.Random:
    return random.Random(" ".join([SEED, *map(str, parts)]))  # noqa: S311  an invented story


def _moment(chance: random.Random, day: date, rhythm: Rhythm) -> datetime:
    hour = chance.choices(list(rhythm.hours), list(rhythm.hours.values()))[0]
    clock = time(hour, chance.randrange(60), chance.randrange(60), chance.randrange(1_000_000))
    return datetime.combine(day, clock, tzinfo=ZONE).astimezone(UTC)
