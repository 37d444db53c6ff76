"""When a card takes or gives back stamps: the rules said once, for pages, codes and refusals.

The hot statement (``hot.statements.MOVE``) holds the same conditions as its WHERE; where it moves
nothing, ``why_not`` says which one stood in the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from zhanggui.accounts.models import Person
from zhanggui.channels.wechat.models import PersonIdentity
from zhanggui.contacts import phones
from zhanggui.contacts.models import Customer, CustomerState, IdentityLink, LinkState
from zhanggui.contacts.services import hold
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.stamps import rewards, ways
from zhanggui.stamps.errors import (
    AlreadyCancelled,
    AmountRefused,
    CancelWindow,
    CardFull,
    CardState,
    CodesOff,
    NothingToCancel,
    OwnCard,
    PressOff,
    RewardUsed,
    ScanOff,
    StampedJustNow,
    StampsGone,
    TooFast,
    TooManyToday,
    TooValuable,
    TooWeak,
    WayOff,
)
from zhanggui.stamps.models import (
    Card,
    Kind,
    Limits,
    Method,
    Programme,
    ProgrammeState,
    StampRecord,
)
from zhanggui.stamps.models import CardState as State
from zhanggui.ui.formats import money

MANAGER_CANCELS_WITHIN = timedelta(hours=24)
OFFICE_CANCELS_WITHIN = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class CardNow:
    """A card with what decides over it."""

    card: Card
    """With its terms, programme and customer."""
    is_usable: bool
    """Not blocked, expired or over; programme active, customer not blocked."""

    @property
    def most(self) -> int:
        """How many stamps may be given for one code now."""
        most, room = self.card.programme.max_per_code, self.card.room
        return most if room is None else max(1, min(most, room))

    def avatar_url(self) -> str:
        """The customer's picture, empty when there is none; one query."""
        links = IdentityLink.objects.filter(
            customer_id=self.card.customer_id, state=LinkState.ACTIVE
        ).exclude(avatar_url="")
        found = links.order_by("-pk").values_list("avatar_url", flat=True).first()
        return found or ""


@dataclass(frozen=True, slots=True)
class Counter:
    """Where and by whom a card is stamped."""

    store_id: int
    person_id: int | None
    """The manager; None for a stamp pressed on the phone."""
    zone: str


def lock(card_id: int) -> None:
    """Keep a card as it is until the commit.

    It is locked by itself: together with its customer it would be found no more after waiting for
    a merge, because PostgreSQL looks again at the card but not at the customer.
    """
    list(Card.objects.select_for_update().filter(pk=card_id).values_list("pk"))


def card_of(card_id: int, *, is_locked: bool = False) -> CardNow:
    """Read a card with its programme and customer; locked, it stays as it is meanwhile.

    One that went into another card, because their customers are one now, is answered by that one.
    """
    cards = Card.objects.select_related("programme", "customer", "terms")
    while True:
        if is_locked:
            lock(card_id)
        card = cards.get(pk=card_id)
        if card.merged_into_id is None:
            return card_now(card)
        card_id = card.merged_into_id


def lock_with_customer(card_id: int) -> CardNow:
    """Lock a card whose customer may get a coupon: the customer first, as a merge does.

    Raises:
        CustomerGone: the person's data were erased (410).
    """
    hold(Card.objects.values_list("customer_id", flat=True).get(pk=card_id))
    return card_of(card_id, is_locked=True)


def card_now(card: Card) -> CardNow:
    """The same from a card whose terms, programme and customer are there."""
    return CardNow(
        card,
        is_usable=(
            card.state in (State.OPEN, State.REWARDED)
            and not card.is_over(clock.now())
            and card.programme.state == ProgrammeState.ACTIVE
            and card.customer.state == CustomerState.ACTIVE
        ),
    )


def why_gone(card_id: int) -> DomainError | None:
    """Why a card took its code with it; None when it is neither blocked nor over."""
    card = card_of(card_id).card
    return CardState() if card.state in (State.BLOCKED, State.EXPIRED) else None


def why_not(
    now: CardNow,
    kind: Kind,
    *,
    counter: Counter | None = None,
    amount: int = 1,
    record_id: int | None = None,
    method: Method | None = None,
    is_again: bool = False,
) -> DomainError | None:
    """Why the card would refuse now; None when it would not.

    Args:
        now: the card.
        kind: give stamps, or take some back.
        counter: where and by whom; None while the customer takes the code.
        amount: stamps to give.
        record_id: the stamp to take back; None for the newest.
        method: how it is proved; None while the customer takes the code.
        is_again: somebody said that this is another stamp, although one came a moment ago (D26).
    """
    card = now.card
    if not now.is_usable:
        return CardState()
    if kind is Kind.CANCEL:
        return _why_not_cancel(card, counter, record_id)
    if not 1 <= amount <= card.programme.max_per_code:
        return AmountRefused(most=card.programme.max_per_code)
    if card.room is not None and amount > card.room:
        return CardFull(balance=card.shown, slots=card.slots)
    if method is None or counter is None:
        return _no_code(card.programme)
    return (
        _way_off(card.programme, method)
        or _too_weak(card, amount, method)
        or too_valuable(card, amount, counter.zone)
        or _too_fast(card, amount, counter, method, is_again=is_again)
        or _own_card(card, counter)
    )


def _no_code(programme: Programme) -> DomainError | None:
    """A programme that takes codes in no form gives none out."""
    takes = {Method.CODE, Method.SCAN} & set(programme.ways)
    return None if takes else CodesOff()


def _way_off(programme: Programme, method: Method) -> DomainError | None:
    if ways.listed(method) in programme.ways:
        return None
    if method == Method.SCAN:
        return ScanOff()
    return PressOff() if method in ways.ALIKE[Method.PRESS] else WayOff(way=method.label)


def _too_weak(card: Card, amount: int, method: Method) -> DomainError | None:
    """A reward of high value is won only by ways that prove more (feature 9)."""
    programme = card.programme
    if programme.strong_from_fen is None or method in programme.strong_ways:
        return None
    for reward in wins(card, amount):
        if rewards.is_worth(reward, programme.strong_from_fen):
            needed = [str(Method(way).label) for way in programme.strong_ways]
            return TooWeak(reward=reward["name"], ways="、".join(needed))
    return None


def too_valuable(card: Card, amount: int, zone: str) -> TooValuable | None:
    """A card wins no more in a day than the shop allows; beyond it two people decide (8)."""
    winning = wins(card, amount)
    if not winning:
        return None
    most = Limits.objects.values_list("reward_fen_a_day", flat=True).first()
    if most is None:
        return None
    today = clock.start_of(clock.local_date(clock.now(), zone), zone)
    worth = rewards.won_fen(card, today) + sum(map(rewards.value_fen, winning))
    return TooValuable(most=money(most)) if worth > most else None


def wins(card: Card, amount: int) -> list[dict[str, Any]]:
    """The rewards that so many stamps would win, also those of rounds that begin with them."""
    if card.is_filled:
        return []
    after = card.balance + amount
    found = [one for one in card.terms.rewards if card.balance < one["at"] <= after]
    while (after := after - card.slots) > 0:
        found += [one for one in card.terms.rewards if one["at"] <= after]
    return found


def seconds_since_other_way(card: Card, method: Method) -> int | None:
    """How long ago the card was stamped another way, if that is a moment only (D26)."""
    if card.stamped_at is None or card.stamped_by in ways.alike(method):
        return None
    past = clock.now() - card.stamped_at
    return int(past.total_seconds()) if past < ways.AGAIN_WITHIN else None


def _too_fast(
    card: Card, amount: int, counter: Counter, method: Method, *, is_again: bool
) -> DomainError | None:
    """Caps of one card: the time since the last stamp, and stamps in a day (D25).

    A stamp right after one that came another way is most often the same one twice: somebody has
    to say that it is not (D26). That opens the first 30 seconds, not a longer gap of the programme.
    """
    moment, programme = clock.now(), card.programme
    past = seconds_since_other_way(card, method)
    if past is not None and not is_again:
        return StampedJustNow(ago=past, way=Method(card.stamped_by).label)
    gap = timedelta(seconds=programme.gap_s)
    is_opened = past is not None and gap <= ways.AGAIN_WITHIN
    if card.stamped_at is not None and not is_opened:
        wait = card.stamped_at + gap - moment
        if wait > timedelta(0):
            return TooFast(retry_after_s=-(-wait // timedelta(seconds=1)))
    today = clock.local_date(moment, counter.zone)
    had = card.day_stamps if card.day == today else 0
    if had + amount > programme.per_day:
        wait = clock.start_of(today + timedelta(days=1), counter.zone) - moment
        return TooManyToday(
            retry_after_s=-(-wait // timedelta(seconds=1)), most=programme.per_day, today=had
        )
    return None


def _own_card(card: Card, counter: Counter) -> DomainError | None:
    """A manager does not stamp the own card (D37), unless the shop allows it."""
    if counter.person_id is None:
        return None
    may = Limits.objects.filter(may_stamp_own=True).exists()
    return OwnCard() if not may and is_own(card.customer, counter.person_id) else None


def is_own(customer: Customer, person_id: int) -> bool:
    """Whether a customer is this person: the same WeChat, or the same phone."""
    identities = PersonIdentity.objects.filter(person_id=person_id)
    links = IdentityLink.objects.filter(customer_id=customer.pk, state=LinkState.ACTIVE)
    mine = set(identities.values_list("account_id", "openid"))
    if mine & set(links.values_list("account_id", "openid")):
        return True
    phone = Person.objects.get(pk=person_id).phone
    return is_phone_of(customer.phone_hash, phone, customer.merchant_id)


def is_phone_of(phone_hash: bytes | memoryview | None, phone: str, merchant_id: int) -> bool:
    """Whether a customer's number, as it is kept, is this one."""
    if not phone_hash or not phone:
        return False
    return bytes(phone_hash) in phones.hashes(phone, merchant_id=merchant_id)


def _why_not_cancel(
    card: Card, counter: Counter | None, record_id: int | None
) -> DomainError | None:
    moment = clock.now()
    store_id = counter.store_id if counter else None
    if record_id is not None:
        refusal = _why_not_record(card.pk, store_id, record_id, moment)
        record = given(card.pk, store_id=store_id).filter(pk=record_id).first()
    else:
        record = to_cancel(card.pk, store_id=store_id, moment=moment).first()
        refusal = None if record else _nothing(card.pk, store_id)
    if refusal is not None or record is None or counter is None:
        return refusal
    used = next((one for one in rewards.falling(card, record.amount) if rewards.is_used(one)), None)
    if used is not None:
        return RewardUsed(reward=used.name)
    return StampsGone() if rewards.short(card, record.amount) else None


def _nothing(card_id: int, store_id: int | None) -> DomainError:
    ever = to_cancel(card_id, store_id=store_id, moment=None)
    return CancelWindow(hours=24) if ever.exists() else NothingToCancel()


def _why_not_record(
    card_id: int, store_id: int | None, record_id: int, moment: datetime
) -> DomainError | None:
    record = given(card_id, store_id=store_id).filter(pk=record_id).first()
    if record is None:
        return NothingToCancel()
    if StampRecord.objects.filter(reverses_id=record_id).exists():
        return AlreadyCancelled()
    if record.at < moment - MANAGER_CANCELS_WITHIN:
        return CancelWindow(hours=24)
    return None


def family(card_id: int) -> list[int]:
    """A card and all that went into it."""
    ids = found = [card_id]
    while found:
        merged = Card.objects.filter(merged_into_id__in=found)
        found = list(merged.values_list("pk", flat=True))
        ids = [*ids, *found]
    return ids


def given(card_id: int, *, store_id: int | None) -> QuerySet[StampRecord]:
    """Records that gave stamps to a card or what went into it, at one store or anywhere."""
    records = StampRecord.objects.filter(card_id__in=family(card_id), kind=Kind.ACCUMULATE)
    return records if store_id is None else records.filter(store_id=store_id)


def to_cancel(
    card_id: int, *, store_id: int | None, moment: datetime | None
) -> QuerySet[StampRecord]:
    """What may still be taken back, newest first; all ages when ``moment`` is None."""
    cancels = StampRecord.objects.filter(reverses_id=OuterRef("pk"))
    found = given(card_id, store_id=store_id).filter(~Exists(cancels)).order_by("-at", "-pk")
    return found if moment is None else found.filter(at__gte=moment - MANAGER_CANCELS_WITHIN)
