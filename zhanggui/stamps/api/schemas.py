"""What tills send and get about stamps, and what a token may be allowed."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from pydantic import Field

from zhanggui.api.schemas import Customer, Digits, Id, In, Line, Out, Page
from zhanggui.api.scopes import Scope
from zhanggui.stamps.permissions import FEATURE

READ = Scope(
    "stamps.read",
    _("Look up stamp programmes, cards and the ledger"),
    _("Finds a customer by member number or phone number and sees the stamps; names are masked."),
    feature=FEATURE.name,
    order=10,
)
GIVE = Scope(
    "stamps.give",
    _("Stamp cards by six digits"),
    _(
        "Whoever has the token and a customer's code puts stamps on that card, and may undo it for"
        " ten minutes."
    ),
    feature=FEATURE.name,
    is_writing=True,
    order=20,
)
CANCEL = Scope(
    "stamps.cancel",
    _("Cancel stamps by six digits"),
    _("Takes a stamp of the last 24 hours back, with the customer's code for cancelling."),
    feature=FEATURE.name,
    is_writing=True,
    order=30,
)
SCOPES = (READ, GIVE, CANCEL)

MOST_STAMPS = 10


class RewardOut(Out):
    """Something that a card leads to."""

    at: int = Field(description=gettext_noop("How many stamps lead to it."), examples=[10])
    name: str = Field(examples=["招牌奶茶一杯"])


class ProgrammeOut(Out):
    """A stamp programme."""

    id: int
    name: str = Field(examples=["奶茶集章卡"])
    state: str = Field(description=gettext_noop("active, paused or ended."), examples=["active"])
    slots: int = Field(description=gettext_noop("Stamps on a full card."), examples=[10])
    rewards: list[RewardOut]
    most_per_code: int = Field(description=gettext_noop("Stamps that one code may be worth."))
    ways: list[str] = Field(
        description=gettext_noop("How its cards are stamped; a till needs otp or staff-scan."),
        examples=[["press", "otp", "staff-scan"]],
    )
    stores: list[int] = Field(description=gettext_noop("Where it is valid; empty: everywhere."))


class ProgrammePage(Page):
    """A page of programmes."""

    items: list[ProgrammeOut]


class CardOut(Out):
    """A customer's card."""

    id: str = Field(description=gettext_noop("Names the card for good."))
    programme: int
    programme_name: str
    state: str = Field(
        description=gettext_noop("open, rewarded, expired or blocked."), examples=["open"]
    )
    stamps: int = Field(examples=[3])
    slots: int = Field(examples=[10])
    rounds: int = Field(description=gettext_noop("How many rounds were filled."), examples=[0])
    expires_at: datetime | None


class CardsOut(Out):
    """Whose cards, and which."""

    customer: Customer
    cards: list[CardOut]


class StampIn(In):
    """One code, one booking."""

    digits: Digits
    store: Id | None = Field(
        default=None,
        description=gettext_noop("May be left out when the token has one store only."),
    )
    amount: int = Field(default=1, ge=1, le=MOST_STAMPS, strict=True)
    reason: Line = Field(
        default="", description=gettext_noop("Needed for more than one stamp; kept in the ledger.")
    )
    again: bool = Field(
        default=False,
        strict=True,
        description=gettext_noop(
            "True when the card was stamped another way a moment ago and this is one more."
        ),
    )


class CancelIn(In):
    """One code, one stamp back."""

    digits: Digits
    store: Id | None = None
    record: Id | None = Field(
        default=None,
        description=gettext_noop("Which stamp; the newest of this store when left out."),
    )


class UndoStampIn(In):
    """In which store."""

    store: Id | None = None


class StampOut(Out):
    """What was booked."""

    record: int = Field(description=gettext_noop("The line of the ledger."), examples=[4711])
    kind: str = Field(description=gettext_noop("accumulate or cancel."), examples=["accumulate"])
    amount: int = Field(description=gettext_noop("Given above zero, taken back below."))
    customer_name: str = Field(examples=["王**"])
    programme_name: str
    store_name: str
    slots: int
    before: int
    after: int
    at: datetime
    won: list[str] = Field(description=gettext_noop("Rewards given with it."))
    lost: list[str] = Field(description=gettext_noop("Rewards made void with it."))


class LineOut(Out):
    """A line of the ledger."""

    record: int
    kind: str
    method: str = Field(description=gettext_noop("press, otp, counter and others."))
    amount: int
    balance_after: int
    card: str
    store: int
    by: str = Field(description=gettext_noop("The manager, the stamp or the token."))
    customer_name: str
    cancels: int | None = Field(description=gettext_noop("The line it takes back."))
    at: datetime


class LinePage(Page):
    """A page of the ledger, newest first."""

    items: list[LineOut]
