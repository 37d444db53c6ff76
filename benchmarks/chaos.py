"""10,000 random operations while web server, worker and PostgreSQL are killed; then all adds up.

Codes are confirmed and stamps pressed through HTTP, each with a key, again until an answer comes;
the rest (codes for customers, undoing, adjusting, expiry, merging) goes through the services.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks import kills, phones, redeeming
from benchmarks.results import Result

if TYPE_CHECKING:
    from benchmarks.world import Desk, World

CLIENTS = 8
CARDS = 240
PATIENCE_S = 240.0
OPERATIONS: dict[str, int] = {
    "accumulate": 30,
    "press": 22,
    "cancel": 12,
    "redeem": 10,
    "undo": 5,
    "adjust": 8,
    "expire": 4,
    "begin": 4,
    "give": 6,
    "merge": 2,
    "unmerge": 1,
}
"""How often each is drawn."""


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """Let clients act at random until all operations are done; kill something now and then."""
    from django.db import connections

    operations, every_s = (1_200, 10.0) if is_quick else (10_000, 40.0)
    life = Life(world, operations)
    world.place.start_worker()
    connections.close_all()
    threads = [
        threading.Thread(target=life.run, args=(desk, number))
        for number, desk in enumerate(world.desks[:CLIENTS])
    ]
    for thread in threads:
        thread.start()
    killed = 0
    chance = random.Random(1)
    while any(thread.is_alive() for thread in threads):
        threads[0].join(every_s * (0.5 + chance.random()))
        if any(thread.is_alive() for thread in threads):
            _kill(world, killed)
            killed += 1
    for thread in threads:
        thread.join()
    world.place.kill_worker()
    return [
        Result("chaos.operations", sum(life.done.values()), "operations", None, life.summary()),
        Result("chaos.kills", killed, "kills", None, "web, worker, PostgreSQL in turn"),
        Result("chaos.crashes", len(life.crashes), "crashes", None, "; ".join(life.crashes[:3])),
        Result("chaos.acknowledged_and_lost", life.lost(), "operations"),
        Result("chaos.booked_twice", life.doubled(), "operations"),
        Result("chaos.sealed", _sealed(world), "bookings"),
        Result(
            "chaos.findings",
            world.findings(),
            "findings",
            None,
            "sums, caches, figures by day, chain",
        ),
    ]


def _kill(world: World, number: int) -> None:
    place = world.place
    match number % 3:
        case 0:
            place.kill_server()
            place.start_server()
        case 1:
            place.kill_database()
            place.cluster.start()
        case _:
            place.kill_worker()
            place.start_worker()


def _sealed(world: World) -> int:
    """Seal and add up everything, as the jobs would later; answers how many bookings."""
    from zhanggui.core import clock, tenancy
    from zhanggui.ledger import sealing
    from zhanggui.stamps.services import tallying

    with tenancy.merchant_scope(world.merchant.pk):
        for minutes in (0, 2, 4):
            with clock.at(clock.now() + timedelta(minutes=minutes)):
                sealing.seal()
        tallying.add_up()
        head = sealing.head_of()
        return head.bookings if head else 0


class Life:
    """What random clients do, and what they were told."""

    def __init__(self, world: World, operations: int) -> None:
        from zhanggui.core import tenancy
        from zhanggui.stamps import services
        from zhanggui.stamps.models import Card, WhenFull

        self.world = world
        self.left = operations
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.crashes: list[str] = []
        self.told: dict[str, int] = {}
        """The record that each key was answered with."""
        self._lock = threading.Lock()
        phones.carve(world)
        self.kind = redeeming.kind_of(world)
        with tenancy.merchant_scope(world.merchant.pk):
            self.programme = services.create_programme(
                values=services.ProgrammeInput(
                    name="十次卡",
                    reward="一杯",
                    slots=8,
                    gap_s=0,
                    per_day=200,
                    max_per_code=3,
                    when_full=WhenFull.RENEW,
                    reward_template_id=self.kind.template_id,
                    on_the_way=[services.RewardInput(4, "半价", self.kind.template_id)],
                ),
                actor=world.actor,
            )
            self.phones = phones.lay_out(world, CARDS)
            customers = Card.objects.filter(
                pk__in=[phone.card_id for phone in self.phones]
            ).values_list("pk", "customer_id")
            owners = dict(customers)
            for phone in self.phones:
                services.open_card(
                    programme=self.programme, customer_id=owners[phone.card_id], actor=world.actor
                )

    def summary(self) -> str:
        """Each operation with how often it was done."""
        done = ", ".join(f"{name} {many}" for name, many in sorted(self.done.items()))
        return f"{done}; refused {sum(self.refused.values())}"

    def run(self, desk: Desk, number: int) -> None:
        """Act at random until nothing is left to do."""
        from django.db import connection

        from zhanggui.core import tenancy

        dice = random.Random(number)
        names, weights = list(OPERATIONS), list(OPERATIONS.values())
        try:
            with tenancy.merchant_scope(self.world.merchant.pk):
                while self._take():
                    (name,) = dice.choices(names, weights)
                    self._act(name, Hand(self, desk, dice))
        finally:
            connection.close()

    def _take(self) -> bool:
        with self._lock:
            self.left -= 1
            return self.left >= 0

    def _act(self, name: str, hand: Hand) -> None:
        """One operation, tried again while the database is away."""
        from django.db import Error, close_old_connections

        from zhanggui.core.errors import DomainError

        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                getattr(hand, name)()
            except DomainError as refusal:
                self.note(self.refused, refusal.code)
                return
            except Error as error:
                close_old_connections()
                if time.monotonic() > until or not _is_away(error):
                    self.crash(f"{name}: {error!r}"[:160])
                    return
                time.sleep(0.2)
            except Exception as error:  # noqa: BLE001  told at the end
                self.crash(f"{name}: {error!r}"[:160])
                return
            else:
                self.note(self.done, name)
                return

    def note(self, counter: Counter[str], name: str) -> None:
        """Count something."""
        with self._lock:
            counter[name] += 1

    def crash(self, what: str) -> None:
        """Keep what should not have happened."""
        with self._lock:
            self.crashes.append(what)

    def keep(self, key: str, record: int) -> None:
        """An answer has arrived."""
        with self._lock:
            self.told[key] = record

    def lost(self) -> int:
        """Answers whose record is not there."""
        table = "SELECT id FROM {} WHERE merchant_id = %s"
        with self.world.place.connect() as connection:
            known = {
                prefix: {
                    int(str(row[0]))
                    for row in connection.execute(table.format(name), [self.world.merchant.pk])
                }
                for prefix, name in (("s", "stamps_stamprecord"), ("r", "coupons_userecord"))
            }
        return sum(record not in known[key[0]] for key, record in self.told.items())

    def doubled(self) -> int:
        """Answers that name a record another key was told, too."""
        told = [(key[0], record) for key, record in self.told.items()]
        return len(told) - len(set(told))


def _is_away(error: Exception) -> bool:
    from django.db import InterfaceError, OperationalError

    return isinstance(error, InterfaceError | OperationalError)


class Hand:
    """One client's operations; each may be refused."""

    def __init__(self, life: Life, desk: Desk, dice: random.Random) -> None:
        self.life = life
        self.world = life.world
        self.desk = desk
        self.dice = dice
        self.actor = life.world.actor

    def _card(self) -> int:
        from zhanggui.stamps.models import Card

        cards = Card.objects.filter(programme=self.life.programme, merged_into=None).values_list(
            "pk", flat=True
        )
        return self.dice.choice(list(cards.order_by("pk")))

    def _confirm(self, prefix: str, digits: str, path: str) -> None:
        key = f"{prefix}{digits}-{self.dice.getrandbits(60)}"
        request = self.desk.confirm(self.world.place.port, digits, key, path=path)
        self._until_answered(key, request)

    def _until_answered(self, key: str, request: bytes) -> None:
        until, status = time.monotonic() + PATIENCE_S, 0
        while time.monotonic() < until:
            status, record = kills.answer_of(self.world.place.port, request)
            if record is not None:
                self.life.keep(key, record)
                return
            if status and status < 500:
                self.life.note(self.life.refused, f"http {status}")
                return
            time.sleep(0.1)
        self.life.crash(f"no answer to {key}, last {status}")

    def _with_code(self, kind: str) -> None:
        from zhanggui.stamps import services
        from zhanggui.stamps.models import Card, Kind

        card = Card.objects.select_related("programme", "customer", "terms").get(pk=self._card())
        shown = services.request_code(card=card, kind=Kind(kind), actor=self.actor)
        self._confirm("s", shown.digits, "/staff/confirm")

    def accumulate(self) -> None:
        """A stamp by code."""
        self._with_code("accumulate")

    def cancel(self) -> None:
        """A stamp taken back by code."""
        self._with_code("cancel")

    def press(self) -> None:
        """A stamp laid on the phone of a customer who was signed in at the beginning."""
        from zhanggui.accounts.actors import customer_actor
        from zhanggui.stamps import services
        from zhanggui.stamps.models import Card, Kind

        phone = self.dice.choice(self.life.phones)
        card = Card.objects.select_related("programme", "customer", "terms").get(pk=phone.card_id)
        actor = customer_actor(card.customer_id, "")
        nonce = services.allow_press(card=card, kind=Kind.ACCUMULATE, actor=actor)
        fresh = phones.Phone(phone.card_id, phone.token, nonce.token, phone.cookies)
        request = fresh.press(self.world.place.port, phones.touches(self.dice))
        until, status = time.monotonic() + PATIENCE_S, 0
        while time.monotonic() < until:
            status, _record = kills.answer_of(self.world.place.port, request)
            if status and status < 500:
                if status != 200:
                    self.life.note(self.life.refused, f"press {status}")
                return
            time.sleep(0.1)
        self.life.crash(f"no answer to a press, last {status}")

    def _coupon(self, state: str) -> int | None:
        from zhanggui.coupons.models import Coupon

        found = list(Coupon.objects.filter(state=state).values_list("pk", flat=True)[:200])
        return self.dice.choice(found) if found else None

    def give(self) -> None:
        """A coupon by hand."""
        from zhanggui.coupons import services
        from zhanggui.coupons.models import Way
        from zhanggui.stamps.models import Card

        services.issue(
            template_id=self.life.kind.template_id,
            customer_id=Card.objects.get(pk=self._card()).customer_id,
            way=Way.HAND,
            cause=f"chaos:{self.dice.getrandbits(60)}",
            actor=self.actor,
        )

    def redeem(self) -> None:
        """A coupon by code."""
        from zhanggui.coupons import services
        from zhanggui.coupons.models import Coupon

        coupon_id = self._coupon("usable")
        if coupon_id is None:
            return
        owner = Coupon.objects.get(pk=coupon_id).customer_id
        shown = services.request_code(coupon_id=coupon_id, customer_id=owner, actor=self.actor)
        self._confirm("r", shown.digits, redeeming.DOOR)

    def undo(self) -> None:
        """A redemption taken back by the office."""
        from zhanggui.coupons import services
        from zhanggui.coupons.models import UseRecord

        uses = UseRecord.objects.filter(kind="redeem").order_by("-pk").values_list("pk", flat=True)
        found = list(uses[:50])
        if found:
            services.undo_by_office(
                record_id=self.dice.choice(found), reason="chaos", actor=self.actor
            )

    def adjust(self) -> None:
        """Stamps by hand."""
        from zhanggui.stamps import services

        amount = self.dice.choice((-3, -2, -1, 1, 2, 3))
        services.adjust(card_id=self._card(), amount=amount, reason="chaos", actor=self.actor)

    def expire(self) -> None:
        """The time of a card is up."""
        from zhanggui.core import clock
        from zhanggui.stamps.models import Card
        from zhanggui.stamps.services import expiring

        card_id = self._card()
        Card.objects.filter(pk=card_id, state="open").update(expires_at=clock.now())
        expiring.expire_card(card_id=card_id, actor=self.actor)

    def begin(self) -> None:
        """A new round on a card that has expired."""
        from zhanggui.stamps import services
        from zhanggui.stamps.models import Card

        over = list(Card.objects.filter(state="expired").values_list("pk", flat=True)[:50])
        if over:
            services.begin_again(card_id=self.dice.choice(over), actor=self.actor)

    def merge(self) -> None:
        """Two customers become one."""
        from zhanggui.contacts import services
        from zhanggui.stamps.models import Card

        ids = [Card.objects.get(pk=self._card()).customer_id for _side in range(2)]
        services.merge_customers(survivor_id=ids[0], replaced_id=ids[1], actor=self.actor)

    def unmerge(self) -> None:
        """A merge taken back."""
        from zhanggui.contacts import services
        from zhanggui.contacts.models import Merge

        merges = list(Merge.objects.filter(undone_at=None).values_list("pk", flat=True))
        if merges:
            services.undo_merge(merge_id=self.dice.choice(merges), actor=self.actor)
