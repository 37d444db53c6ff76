"""What tills ask and book: programmes, cards, stamping and cancelling by six digits, the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop, pgettext_lazy
from ninja import Path, Router

from zhanggui.api import codes, paging
from zhanggui.api.codes import till_of
from zhanggui.api.frame import answer
from zhanggui.api.guards import Bearer, caller_of
from zhanggui.api.operations import Operation, Typed
from zhanggui.api.paging import Cursor, Limit
from zhanggui.api.schemas import LAST_ID
from zhanggui.api.stores import StoreWanted, stores_of
from zhanggui.api.writing import KEYED, Booking
from zhanggui.codes.desk import Counter
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts import till as contacts
from zhanggui.contacts.services import masked_name
from zhanggui.contacts.till import FindIn
from zhanggui.stamps import selectors, ways
from zhanggui.stamps.api.schemas import (
    CANCEL,
    GIVE,
    READ,
    CancelIn,
    CardOut,
    CardsOut,
    LineOut,
    LinePage,
    ProgrammeOut,
    ProgrammePage,
    RewardOut,
    StampIn,
    StampOut,
    UndoStampIn,
)
from zhanggui.stamps.models import Card, Kind, Method, Programme, StampRecord
from zhanggui.stamps.operations import OPERATIONS, SUBJECT
from zhanggui.stamps.results import Confirmed
from zhanggui.stamps.services import till, undo_at_till

router = Router(tags=["stamps"])


@router.get(
    "programmes",
    response=answer(ProgrammePage),
    auth=Bearer(READ.name),
    summary=gettext_noop("Stamp programmes, by name"),
)
def programmes(
    request: HttpRequest, cursor: Cursor = "", limit: Limit = paging.SIZE
) -> ProgrammePage:
    """All programmes of the shop."""
    rows = Programme.objects.prefetch_related("places", "versions")
    found = paging.page(rows, order=("name", "id"), cursor=cursor, limit=limit)
    return ProgrammePage(items=[_programme(one) for one in found], next=found.next)


def _programme(programme: Programme) -> ProgrammeOut:
    terms = max(programme.versions.all(), key=lambda version: version.number, default=None)
    return ProgrammeOut(
        id=programme.pk,
        name=programme.name,
        state=programme.state,
        slots=programme.slots,
        rewards=[RewardOut(at=one["at"], name=one["name"]) for one in terms.rewards]
        if terms
        else [],
        most_per_code=programme.max_per_code,
        ways=programme.ways,
        stores=sorted(place.store_id for place in programme.places.all()),
    )


@router.post(
    "cards/find",
    response=answer(CardsOut),
    auth=Bearer(READ.name),
    summary=gettext_noop("A customer's cards and balances"),
    description=gettext_noop(
        "A POST, so that phone numbers stand in no log. Thirty numbers of nobody in ten minutes"
        " lock looking up for ten minutes."
    ),
)
def find_cards(request: HttpRequest, body: FindIn) -> CardsOut:
    """The cards of one customer, active programmes first."""
    customer = contacts.find(caller_of(request), body)
    cards = selectors.cards_of(customer.pk)
    return CardsOut(customer=contacts.shown(customer), cards=[_card(card) for card in cards])


def _card(card: Card) -> CardOut:
    return CardOut(
        id=card.token,
        programme=card.programme_id,
        programme_name=card.programme.name,
        state=card.state,
        stamps=card.shown,
        slots=card.slots,
        rounds=card.cycle,
        expires_at=card.expires_at,
    )


@router.post(
    "stamps",
    response=answer(StampOut),
    auth=Bearer(GIVE.name),
    openapi_extra=KEYED,
    summary=gettext_noop("Stamp a card"),
    description=gettext_noop(
        "Spends the six digits that the customer shows and puts the stamp on the card at once."
    ),
)
def give(request: HttpRequest, body: StampIn, response: HttpResponse) -> StampOut:
    """Spend a code for stamping."""
    booking = Booking.of(request, "stamp", body.model_dump(exclude={"digits", "store"}))
    at = till_of(request, body.store)

    def write(code: OneTimeCode, typed: Typed) -> dict[str, Any]:
        given = till.give(
            code=code,
            counter=at.counter,
            wish=till.Wish(amount=body.amount, reason=body.reason.strip(), is_again=body.again),
            method=Method(typed.way),
            actor=at.caller.actor,
        )
        return _booked(given)

    booked = codes.spend(at, body.digits, STAMP, booking, write)
    booking.mark(response)
    return StampOut(**booked)


@router.post(
    "stamps/cancel",
    response=answer(StampOut),
    auth=Bearer(CANCEL.name),
    openapi_extra=KEYED,
    summary=gettext_noop("Take a stamp back"),
    description=gettext_noop(
        "Spends the six digits that the customer shows for cancelling. Stamps of the last 24 hours"
        " at this store."
    ),
)
def cancel(request: HttpRequest, body: CancelIn, response: HttpResponse) -> StampOut:
    """Spend a code for cancelling."""
    booking = Booking.of(request, "cancel", {"record": body.record})
    at = till_of(request, body.store)

    def write(code: OneTimeCode, typed: Typed) -> dict[str, Any]:
        taken = till.take_back(
            code=code,
            counter=at.counter,
            record_id=body.record,
            method=Method(typed.way),
            actor=at.caller.actor,
        )
        return _booked(taken)

    booked = codes.spend(at, body.digits, TAKE_BACK, booking, write)
    booking.mark(response)
    return StampOut(**booked)


@router.post(
    "stamps/{record}/undo",
    response=answer(StampOut),
    auth=Bearer(GIVE.name),
    openapi_extra=KEYED,
    summary=gettext_noop("Undo a stamp given by mistake"),
    description=gettext_noop(
        "For ten minutes, without a code of the customer: what a till confirmed in the same store."
    ),
)
def undo_stamp(
    request: HttpRequest,
    record: Annotated[int, Path(ge=1, le=LAST_ID)],
    body: UndoStampIn,
    response: HttpResponse,
) -> StampOut:
    """Take back what a till has just given."""
    booking = Booking.of(request, "undo_stamp", {"record": record, **body.model_dump()})
    at = till_of(request, body.store)
    booked = booking.once(
        lambda: _booked(undo_at_till(counter=at.counter, record_id=record, actor=at.caller.actor))
    )
    booking.mark(response)
    return StampOut(**booked)


def _booked(done: Confirmed) -> dict[str, Any]:
    """The answer as it is kept under the key."""
    told = done.as_json()
    return {"record": told.pop("record_id"), **told}


@router.get(
    "stamps",
    response=answer(LinePage),
    auth=Bearer(READ.name),
    summary=gettext_noop("The ledger of stamps, newest first"),
)
def lines(
    request: HttpRequest,
    cursor: Cursor = "",
    limit: Limit = paging.SIZE,
    store: StoreWanted = None,
) -> LinePage:
    """What was given and taken back in the token's stores, newest first."""
    stores = stores_of(caller_of(request).token)
    rows = StampRecord.objects.select_related("card").filter(
        store_id__in=stores.filter(pk=store) if store is not None else stores
    )
    found = paging.page(rows, order=selectors.ORDER, cursor=cursor, limit=limit)
    return LinePage(items=[_line(record) for record in found], next=found.next)


def _line(record: StampRecord) -> LineOut:
    return LineOut(
        record=record.pk,
        kind=record.kind,
        method=record.method,
        amount=record.amount,
        balance_after=record.balance_after,
        card=record.card.token,
        store=record.store_id,
        by=record.manager_name,
        customer_name=masked_name(record.customer_name),
        cancels=record.reverses_id,
        at=record.at,
    )


def _look(code: OneTimeCode, counter: Counter, typed: Typed) -> Mapping[str, Any]:
    seen = till.look(code, counter, Method(typed.way))
    return {
        "customer": {"number": seen.customer_number, "name": seen.customer_name},
        "programme_name": seen.programme_name,
        "slots": seen.slots,
        "before": seen.before,
        "after": seen.after,
        "most": seen.most,
        "stamped_s_ago": seen.stamped_s_ago,
        "wins": [{"in": away, "name": name} for away, name in seen.wins],
        "choices": [
            {
                "record": one.record_id,
                "amount": one.amount,
                "at": one.at.isoformat(),
                "by": one.manager_name,
                "lost": list(one.lost),
            }
            for one in seen.choices
        ],
    }


STAMP = Operation(
    OPERATIONS[Kind.ACCUMULATE],
    "stamp",
    pgettext_lazy("purpose of a code", "a stamp"),
    SUBJECT,
    GIVE.name,
    _look,
)
TAKE_BACK = Operation(
    OPERATIONS[Kind.CANCEL],
    "cancel",
    pgettext_lazy("purpose of a code", "cancelling a stamp"),
    SUBJECT,
    CANCEL.name,
    _look,
)


def read(sent: str) -> Typed:
    """Digits that were typed, or the QR picture beside them, which proves more."""
    known = ways.read(sent)
    return Typed(known.digits, known.method)
