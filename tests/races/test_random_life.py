"""Everything that moves stamps and coupons, at random and at once; then all books must agree.

``python -m benchmarks chaos`` does the same 10,000 times, with kills.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from tests.races.racing import race
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.contacts import services as contacts
from zhanggui.contacts.models import Merge
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.coupons import services as coupons
from zhanggui.coupons.models import Coupon, UseRecord
from zhanggui.coupons.tests.factories import make_template
from zhanggui.coupons.tests.factories import take_code as take_coupon_code
from zhanggui.ledger import checks, sealing
from zhanggui.ledger.models import Chain, Transaction
from zhanggui.stamps import selectors, services
from zhanggui.stamps.models import Card, DayTally, Kind, StampRecord, WhenFull
from zhanggui.stamps.services import expiring, tallying
from zhanggui.stamps.tests.factories import (
    Shop,
    confirm,
    make_card,
    make_programme,
    manager_of,
    take_code,
)
from zhanggui.stamps.tests.pressing import make_seal, press

THREADS, OPERATIONS, CARDS = 4, 30, 6


class Life:
    """One thread's random operations on the cards of a shop."""

    def __init__(self, shop: Shop, programme_id: int, seed: int) -> None:
        self.shop = shop
        self.programme_id = programme_id
        self.dice = random.Random(seed)  # noqa: S311  repeatable
        self.done: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        acts: list[Callable[[], None]] = [
            *[self.accumulate] * 6,
            *[self.press] * 5,
            *[self.cancel] * 3,
            *[self.redeem] * 3,
            self.undo,
            *[self.adjust] * 2,
            self.expire,
            self.begin,
            self.merge,
            self.unmerge,
            self.seal,
        ]
        for _ in range(OPERATIONS):
            act = self.dice.choice(acts)
            try:
                act()
            except DomainError:
                continue
            self.done[act.__name__] += 1
        return self.done

    def card(self) -> Card:
        cards = Card.objects.select_related("programme", "customer", "terms")
        return self.dice.choice(list(cards.filter(programme=self.programme_id).order_by("pk")))

    def accumulate(self) -> None:
        confirm(self.shop.desk, take_code(self.card()).digits)

    def press(self) -> None:
        press(self.card())

    def cancel(self) -> None:
        confirm(self.shop.desk, take_code(self.card(), Kind.CANCEL).digits)

    def redeem(self) -> None:
        held = list(Coupon.objects.filter(state="usable").order_by("pk"))
        if held:
            digits = take_coupon_code(self.dice.choice(held)).digits
            actor = manager_of(self.shop.desk)
            services.confirm_other(desk=self.shop.desk, digits=digits, actor=actor)

    def undo(self) -> None:
        uses = list(UseRecord.objects.filter(kind="redeem").order_by("pk"))
        if uses:
            record_id = self.dice.choice(uses).pk
            coupons.undo_by_office(record_id=record_id, reason="x", actor=ACTOR)

    def adjust(self) -> None:
        amount = self.dice.choice((-2, -1, 1, 2))
        services.adjust(card_id=self.card().pk, amount=amount, reason="x", actor=ACTOR)

    def expire(self) -> None:
        card = self.card()
        Card.objects.filter(pk=card.pk, state="open").update(expires_at=clock.now())
        expiring.expire_card(card_id=card.pk, actor=ACTOR)

    def begin(self) -> None:
        over = list(Card.objects.filter(state="expired").order_by("pk"))
        if over:
            services.begin_again(card_id=self.dice.choice(over).pk, actor=ACTOR)

    def merge(self) -> None:
        one, other = self.card().customer_id, self.card().customer_id
        contacts.merge_customers(survivor_id=one, replaced_id=other, actor=ACTOR)

    def unmerge(self) -> None:
        merges = list(Merge.objects.filter(undone_at=None).order_by("pk"))
        if merges:
            contacts.undo_merge(merge_id=self.dice.choice(merges).pk, actor=ACTOR)

    def seal(self) -> None:
        with clock.at(timezone.now() + timedelta(minutes=self.dice.randint(0, 5))):
            sealing.seal()
        tallying.add_up()


def seal_all() -> None:
    for minutes in (10, 12):
        with clock.at(timezone.now() + timedelta(minutes=minutes)):
            sealing.seal()
    tallying.add_up()


def look(times: int) -> list[tuple[int, ...]]:
    """What figures and rows say at the same moments; answers those at which they differ."""
    period = selectors.ledger_period("Asia/Shanghai", 7)
    odd = []
    for _ in range(times):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            (found,) = selectors.figures(periods=[period])
            rows = StampRecord.objects.aggregate(
                given=Count("pk", filter=Q(kind=Kind.ACCUMULATE)),
                cancels=Count("pk", filter=Q(kind=Kind.CANCEL)),
                customers=Count("customer_id", distinct=True),
            )
        both = (found.given, found.cancels, found.customers, *rows.values())
        if both[:3] != both[3:]:
            odd.append(both)
    return odd


@pytest.fixture
def lives(shop: Shop) -> list[Life]:
    template = make_template(name="赠饮券")
    programme = make_programme(
        slots=4,
        when_full=WhenFull.RENEW,
        reward_template_id=template.pk,
        on_the_way=[services.RewardInput(2, "半价", template.pk)],
    )
    make_seal(shop.store)
    for number in range(CARDS):
        make_card(programme, name=f"顾客{number}")
    return [Life(shop, programme.pk, seed) for seed in range(THREADS)]


class TestRandomLife:
    @pytest.mark.edge("card books agree")
    def test_leaves_books_that_agree(self, shop: Shop, lives: list[Life]) -> None:
        *answers, odd = race(shop.merchant.pk, [*[life.run for life in lives], partial(look, 60)])
        seal_all()

        assert [answer for answer in answers if isinstance(answer, Exception)] == []
        done: Counter[str] = sum(answers, Counter())
        assert done["accumulate"] >= 5
        assert sum(done.values()) >= THREADS * OPERATIONS // 3
        assert checks.findings() == []
        assert Chain.objects.get().bookings == Transaction.objects.count()
        assert not Card.objects.filter(balance__lt=0).exists()  # nothing was forced
        assert odd == []
        assert (
            sum(DayTally.objects.values_list("entries", flat=True)) == StampRecord.objects.count()
        )

    def test_would_show_a_balance_that_was_forgotten(self, shop: Shop, lives: list[Life]) -> None:
        lives[0].run()
        Card.objects.filter(pk=lives[0].card().pk).update(balance=99)

        assert [finding.rule for finding in checks.findings()] == ["cache"]
