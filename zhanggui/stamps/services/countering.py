"""A customer scans the counter's screen: a stamp at once, or the proof beside a press.

Opening the code's page changes nothing. Within its minute the page gives the customer a proof that
holds for two minutes; the first who uses it takes the code, everybody else is refused.
Source: stamps specification 7.7 (5), feature 9 and 14.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.db import transaction
from django.db.models import Q

from zhanggui.accounts import audit, standing
from zhanggui.accounts.models import Store, StoreState
from zhanggui.core import clock, idempotency, limits, tokens
from zhanggui.core.limits import Limit
from zhanggui.stamps import rules, ways
from zhanggui.stamps.errors import CardState, CounterGone, CounterOff, CounterUsed
from zhanggui.stamps.models import Card, CounterTicket, Kind, Method, ProgrammeStore
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.results import Confirmed
from zhanggui.stamps.services import careful, telling
from zhanggui.stamps.services.cycles import Place

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

GOOD_FOR = timedelta(seconds=120)
SALT = "stamps.counter"
SEEN = "stamps.counter-seen"
SEEN_FOR = timedelta(minutes=5)
"""Whoever has to sign in first has so long from the scan to the choice of a card."""
STAMPED = "stamps.counter.stamped"
TAKEN = "stamps.counter.taken"
SCANS = Limit("stamps-counter", most=40, window_s=600, lock_s=300)
"""Of one customer."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a customer sees who scanned the screen in time."""

    ticket: CounterTicket
    proof: str
    """That this customer did; good for two minutes."""


def scanned_in_time(token: str) -> str:
    """A sign for the browser that scanned a code before anybody is signed in there; reads only.

    Empty for a code that is over or taken.
    """
    found = CounterTicket.objects.filter(
        digest=tokens.digest(token), taken_at=None, expires_at__gt=clock.now()
    ).first()
    if found is None:
        return ""
    return signing.dumps([found.merchant_id, found.pk, clock.now().timestamp()], salt=SEEN)


def _was_seen(ticket: CounterTicket, seen: str) -> bool:
    try:
        merchant_id, number, at = signing.loads(seen, salt=SEEN)
    except (signing.BadSignature, ValueError, TypeError):
        return False
    is_young = clock.now().timestamp() - at <= SEEN_FOR.total_seconds()
    return (merchant_id, number) == (ticket.merchant_id, ticket.pk) and bool(is_young)


def scan(*, token: str, actor: Actor, seen: str = "") -> Scanned:
    """Open the page of a code; reads only.

    Args:
        token: of the QR code.
        actor: the customer.
        seen: of ``scanned_in_time``, from a customer who had to sign in meanwhile.

    Raises:
        CounterGone: older than a minute, unknown, or of a screen that was switched off (410).
        CounterUsed: somebody took it (409).
    """
    tickets = CounterTicket.objects.select_related("screen", "store")
    ticket = tickets.filter(digest=tokens.digest(token)).first()
    if ticket is None or ticket.screen.revoked_at is not None:
        raise CounterGone
    if ticket.taken_at is not None:
        raise CounterUsed
    if ticket.expires_at <= clock.now() and not _was_seen(ticket, seen):
        raise CounterGone
    by = [ticket.merchant_id, ticket.pk, actor.key, clock.now().timestamp()]
    return Scanned(ticket, signing.dumps(by, salt=SALT))


def _ticket_of(proof: str, actor: Actor) -> CounterTicket:
    """The code that this customer scanned a moment ago.

    Raises:
        CounterGone: another's proof, or older than two minutes (410).
    """
    try:
        merchant_id, number, key, at = signing.loads(proof, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise CounterGone from None
    found = CounterTicket.objects.select_related("screen", "store").filter(pk=number).first()
    is_old = clock.now().timestamp() - at > GOOD_FOR.total_seconds()
    if found is None or found.merchant_id != merchant_id or key != actor.key or is_old:
        raise CounterGone
    if found.screen.revoked_at is not None:
        raise CounterGone
    return found


def stamps_here(programme_id: int, store_id: int) -> bool:
    """Whether a programme runs in a store."""
    places = ProgrammeStore.objects.filter(programme_id=programme_id)
    listed = set(places.values_list("store_id", flat=True))
    return not listed or store_id in listed


def stamp_by_counter(
    *, card: Card, proof: str, actor: Actor, zone: str, key: str = "", is_again: bool = False
) -> Confirmed:
    """Book one stamp by the code on the counter's screen; each code is one stamp.

    Args:
        card: the customer's own card, with its programme.
        proof: of ``scan``.
        actor: the customer.
        zone: of the merchant.
        key: idempotency key; a repeat within 24 h answers the same.
        is_again: the customer says that this is another stamp (D26).

    Raises:
        TooMany: 40 scans in ten minutes (429).
        CounterGone, CounterUsed: the code is over or somebody took it (410, 409).
        CounterOff: the card's programme takes no such stamps here (E_COUNTER_OFF, 409).
        CardFull, CardState, StampedJustNow, TooFast, TooWeak: the card refuses.
        KeyReused: the key was used for something else (409).
    """
    limits.claim(SCANS, actor.key)

    def write() -> dict[str, Any]:
        ticket = _ticket_of(proof, actor)
        return _book(ticket, card, actor, zone, is_again=is_again).as_json()

    content = {"card": card.pk, "proof": proof, "again": is_again}
    with transaction.atomic():
        answer = idempotency.once(caller=actor.key, key=key, content=content, write=write)
    return Confirmed.from_json(answer)


def _book(
    ticket: CounterTicket, card: Card, actor: Actor, zone: str, *, is_again: bool
) -> Confirmed:
    now = rules.lock_with_customer(card.pk)
    _check_place(ticket, now.card, Method.COUNTER)
    counter = rules.Counter(ticket.store_id, None, zone)
    refusal = rules.why_not(
        now, Kind.ACCUMULATE, counter=counter, method=Method.COUNTER, is_again=is_again
    )
    if refusal is not None:
        raise refusal
    moment = clock.now()
    _take(ticket, card, taken_at=moment, used_at=moment)
    origin = careful.Origin(
        method=Method.COUNTER,
        cause=f"counter:{ticket.pk}",
        code=None,
        store_id=ticket.store_id,
        person_id=0,
        person_name=ticket.screen.name,
        reason="",
        place=Place(actor, zone, ticket.store_id),
    )
    done = careful.stamp(now.card, 1, origin)
    audit.record(
        actor,
        STAMPED,
        f"screen:{ticket.screen_id}",
        store_id=ticket.store_id,
        details={"record": done.record.pk},
    )
    telling.tell(done.record, done.card, ticket.store.name, zone, done.won)
    return careful.answer_of(done, ticket.store.name)


def _check_place(ticket: CounterTicket, card: Card, method: Method) -> None:
    listed = ways.listed(method)
    if listed not in card.programme.ways or not stamps_here(card.programme_id, ticket.store_id):
        raise CounterOff
    stores = Store.objects.select_related("merchant").filter(state=StoreState.OPEN)
    store = stores.filter(pk=ticket.store_id).first()
    if store is None or not standing.takes_business(store.merchant, FEATURE.name):
        raise CardState


def _take(ticket: CounterTicket, card: Card, **values: Any) -> None:
    """One conditional statement decides who has the code.

    Raises:
        CounterUsed: another card took it, or it gave its stamp (409).
    """
    free = Q(card_id=None) | Q(card_id=card.pk)
    tickets = CounterTicket.objects.filter(free, pk=ticket.pk, used_at=None)
    if not tickets.update(card_id=card.pk, **values):
        raise CounterUsed


def take_for_press(*, card: Card, proof: str, actor: Actor) -> CounterTicket:
    """Keep the code for a press on this card within two minutes: ``press+counter``.

    Raises:
        CounterGone, CounterUsed: the code is over or somebody took it (410, 409).
        CounterOff: the card is not pressed here (E_COUNTER_OFF, 409).
    """
    limits.claim(SCANS, actor.key)
    with transaction.atomic():
        ticket = _ticket_of(proof, actor)
        _check_place(ticket, card, Method.PRESS_COUNTER)
        moment = clock.now()
        _take(ticket, card, taken_at=moment, good_until=moment + GOOD_FOR)
        audit.record(
            actor,
            TAKEN,
            f"screen:{ticket.screen_id}",
            store_id=ticket.store_id,
            details={"card": card.pk},
        )
    return ticket


def proof_on(card: Card) -> CounterTicket | None:
    """The code that waits for a press on this card."""
    waiting = CounterTicket.objects.select_related("store").filter(
        card_id=card.pk, used_at=None, good_until__gt=clock.now()
    )
    return waiting.order_by("-pk").first()
