"""Cards, and the codes a customer takes for them.

Source: stamps specification R09, R11, R12, D12-D15, D27, D28, D39.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Value, When

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant, Store, StoreState
from zhanggui.codes import services as codes
from zhanggui.codes.models import CodeState, OneTimeCode
from zhanggui.contacts.services import hold
from zhanggui.core import clock, constraints
from zhanggui.core.errors import NotFound
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Unit
from zhanggui.stamps import rules
from zhanggui.stamps.errors import CardNotOver, CardState, ReasonMissing
from zhanggui.stamps.models import Card, Kind, Programme, ProgrammeStore
from zhanggui.stamps.models import CardState as State
from zhanggui.stamps.operations import OPERATIONS, SUBJECT, kind_of
from zhanggui.stamps.results import CodeShown, CodeStatus
from zhanggui.stamps.services import cycles

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


def open_card(*, programme: Programme, customer_id: int, actor: Actor) -> Card:
    """The customer's card of a programme, opened on the first visit.

    Two first visits at one moment make one card. Who was merged into another customer a moment ago
    gets that one's card.

    Raises:
        CustomerGone: the person's data were erased (E_CUSTOMER_GONE, 410).
    """
    found = _card_of(programme, customer_id)
    if found is not None:
        return found
    try:
        with transaction.atomic():
            asked, customer_id = customer_id, hold(customer_id)
            found = _card_of(programme, customer_id) if asked != customer_id else None
            if found is not None:
                return found
            card = Card(
                merchant_id=programme.merchant_id,
                programme=programme,
                customer_id=customer_id,
                account=ledger.open_account_of_new_row(unit=Unit.STAMP),
            )
            cycles.begin(card, cycles.terms_now(programme), _zone(programme))
            card.save(force_insert=True)
            ledger.name_account(card.account, f"card:{card.pk}")
            audit.record(actor, "stamps.card.opened", f"card:{card.pk}")
    except IntegrityError as error:
        found = _card_of(programme, customer_id)
        if constraints.violated(error) != "one_card_per_customer" or found is None:
            raise
        return found
    return card


def _zone(programme: Programme) -> str:
    zones = Merchant.objects.values_list("time_zone", flat=True)
    return zones.get(pk=programme.merchant_id)


def begin_again(*, card_id: int, actor: Actor) -> Card:
    """Begin a new round on a card that has expired, under the programme's rules of today.

    Raises:
        NotFound: no such card of this merchant (404).
        CardNotOver: it is still valid (E_CARD_NOT_OVER, 409).
        CardState: the programme is paused, over or past its last day (409).
    """
    with transaction.atomic():
        rules.lock(card_id)
        cards = Card.objects.select_related("programme", "customer", "terms")
        card = cards.filter(pk=card_id).first()
        if card is None:
            raise NotFound
        if card.state != State.EXPIRED:
            raise CardNotOver
        card.state, card.cycle = State.OPEN, card.cycle + 1
        cycles.begin(card, cycles.terms_now(card.programme), _zone(card.programme))
        if not rules.card_now(card).is_usable:
            raise CardState
        card.version += 1
        card.save()
        audit.record(actor, "stamps.card.begun", f"card:{card.pk}", details={"round": card.cycle})
    return card


def _card_of(programme: Programme, customer_id: int) -> Card | None:
    cards = Card.objects.select_related("programme", "customer", "terms")
    return cards.filter(programme=programme, customer_id=customer_id, merged_into=None).first()


def block_card(*, card_id: int, reason: str, actor: Actor) -> Card:
    """Stop a card from taking stamps; a code that is out ends with it (D28, 5.1).

    Raises:
        ReasonMissing: no reason (E_REASON, 422).
        CardState: it has ended, or went into another one (E_CARD_STATE, 409).
    """
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        codes.revoke_live(subject_type=SUBJECT, subject_id=card_id)
        return _set_state(
            card_id,
            from_=(State.OPEN, State.REWARDED),
            state=State.BLOCKED,
            entry=("stamps.card.blocked", {"reason": reason.strip()[:200]}),
            actor=actor,
        )


def unblock_card(*, card_id: int, actor: Actor) -> Card:
    """Let a blocked card take stamps again."""
    was_full = When(is_filled=True, balance__gte=0, then=Value(State.REWARDED.value))
    state = Case(was_full, default=Value(State.OPEN.value))
    entry = ("stamps.card.unblocked", dict[str, str]())
    return _set_state(card_id, from_=(State.BLOCKED,), state=state, entry=entry, actor=actor)


def _set_state(
    card_id: int,
    *,
    from_: tuple[State, ...],
    state: State | Case,
    entry: tuple[str, dict[str, str]],
    actor: Actor,
) -> Card:
    with transaction.atomic():
        changed = Card.objects.filter(pk=card_id, state__in=from_).update(
            state=state, version=F("version") + 1
        )
        cards = Card.objects.select_related("programme", "customer", "terms")
        card = cards.filter(pk=card_id).first()
        if card is None:
            raise NotFound
        if card.state in (State.EXPIRED, State.MERGED):
            raise CardState
        if changed:
            audit.record(actor, entry[0], f"card:{card_id}", details=entry[1])
    return card


def request_code(*, card: Card, kind: Kind, actor: Actor) -> CodeShown:
    """Give the customer six digits for one operation on the card.

    A second tap shows the same code while it has 30 s or more to live; the other operation's
    code dies with this one (D13, D14).

    Args:
        card: the customer's own card.
        kind: what the code shall do; it never does anything else (R12).
        actor: the customer.

    Raises:
        CardState: programme paused, card or customer blocked, no store open (409).
        CardFull: no room for a stamp (409).
        NothingToCancel, CancelWindow: nothing that could be taken back (409).
        TooManyCodes: five new codes in ten minutes; carries the wait (429).
        Busy: too many live codes of this merchant (503).
    """
    refusal = rules.why_not(rules.card_of(card.pk), kind)
    if refusal is not None:
        raise refusal
    programme = card.programme
    store_ids = _places(programme)
    with transaction.atomic():
        issued = codes.issue(
            codes.Order(
                operation=OPERATIONS[kind],
                subject_type=SUBJECT,
                subject_id=card.pk,
                customer_id=card.customer_id,
                store_ids=store_ids,
                life_s=programme.code_ttl_s,
            )
        )
        if issued.is_new:
            audit.record(
                actor, "stamps.code.issued", f"code:{issued.code.pk}", details={"kind": kind}
            )
    return CodeShown(
        code_id=issued.code.pk,
        kind=kind,
        digits=issued.digits,
        expires_at=issued.code.expires_at,
        seconds_left=_seconds_left(issued.code),
        life_s=programme.code_ttl_s,
        is_new=issued.is_new,
    )


def _places(programme: Programme) -> list[int]:
    """Where the programme's codes may be typed; empty for every store."""
    listed = sorted(
        ProgrammeStore.objects.filter(programme=programme).values_list("store_id", flat=True)
    )
    stores = Store.objects.filter(state=StoreState.OPEN)
    if listed:
        stores = stores.filter(pk__in=listed)
    if not stores.exists():
        raise CardState
    return listed


def _seconds_left(code: OneTimeCode) -> int:
    return max(0, int((code.expires_at - clock.now()).total_seconds()))


def revoke_code(*, card: Card, code_id: int, actor: Actor) -> CodeStatus:
    """The customer withdraws a code (作废); one that ended before keeps its end.

    Raises:
        NotFound: not a code of this card (404).
    """
    with transaction.atomic():
        if codes.revoke(code_id=code_id, subject_type=SUBJECT, subject_id=card.pk):
            audit.record(actor, "stamps.code.revoked", f"code:{code_id}")
        return code_status(card=card, code_id=code_id)


def code_status(*, card: Card, code_id: int) -> CodeStatus:
    """What became of the code on the phone; a read, for polling.

    Raises:
        NotFound: not a code of this card (404).
    """
    code = codes.status_of(code_id=code_id, subject_type=SUBJECT, subject_id=card.pk)
    if code is None:
        raise NotFound
    store_name = ""
    if code.state == CodeState.CONSUMED:
        names = Store.objects.filter(pk=code.ended_store_id or 0).values_list("name", flat=True)
        store_name = names.first() or ""
    return CodeStatus(
        code_id=code.pk,
        kind=kind_of(code.operation),
        state=code.state,
        seconds_left=_seconds_left(code),
        store_name=store_name,
    )
