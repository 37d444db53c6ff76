"""The wallet of a merchant: SMS segments in double entry, filled, set aside, spent, given back.

Two purses, each with an account of what lies in it and one of what is set aside for messages on
their way. ``reserve`` belongs into the business transaction, ``settle`` into the one that notes
what became of the messages. Source: specification P28, dining 9.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Concat
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.core import clock, tenancy
from zhanggui.core.constraints import insert
from zhanggui.ledger import services as ledger
from zhanggui.ledger.errors import NotEnough
from zhanggui.ledger.models import Account, Unit
from zhanggui.messaging import credit_warnings
from zhanggui.messaging.errors import AmountWrong, CreditSpent, NoCredit
from zhanggui.messaging.models import Grant, GrantSource, Purse, Wallet

OUTSIDE, USED = "sms:outside", "sms:used"
MOST_AT_ONCE = 10_000_000
EVENTS = {
    "filled": "messaging.credit.filled",
    "taken_back": "messaging.credit.taken_back",
    "moved": "messaging.credit.moved",
    "held": "messaging.credit.held",
    "settled": "messaging.credit.settled",
}


EVENT_LABELS = {
    EVENTS["filled"]: pgettext_lazy("SMS credit", "Filled"),
    EVENTS["taken_back"]: pgettext_lazy("SMS credit", "Taken back"),
    EVENTS["moved"]: pgettext_lazy("SMS credit", "Moved between the purses"),
    EVENTS["held"]: pgettext_lazy("SMS credit", "Set aside for messages"),
    EVENTS["settled"]: pgettext_lazy("SMS credit", "Not used and given back"),
}


class _Known(Exception):
    """The cause has given before."""


def code_of(purse: Purse) -> str:
    """The ledger's code of what lies in a purse."""
    return f"sms:{purse.value}"


def held_code_of(purse: Purse) -> str:
    """The ledger's code of what is set aside for messages on their way."""
    return f"sms:{purse.value}:held"


def balance(purse: Purse) -> int:
    """Segments a merchant can still spend; of the merchant in scope."""
    return _kept(code_of(purse))


def held(purse: Purse) -> int:
    """Segments set aside for messages on their way."""
    return _kept(held_code_of(purse))


def lying() -> Subquery:
    """Segments a merchant can still spend, beside the rows of its wallets."""
    code = Concat(Value("sms:"), OuterRef("purse"))
    found = Account.objects.filter(unit=Unit.SMS, code=code, merchant_id=OuterRef("merchant_id"))
    return Subquery(found.values("balance"))


def _kept(code: str) -> int:
    found = Account.objects.filter(unit=Unit.SMS, code=code)
    return found.values_list("balance", flat=True).first() or 0


def grant(
    *,
    merchant: Merchant,
    segments: int,
    cause: str,
    actor: Actor,
    purse: Purse = Purse.SERVICE,
    source: GrantSource = GrantSource.ORDER,
    reason: str = "",
    paid_fen: int = 0,
) -> Grant:
    """Put credit into a purse, once for each cause; a repeat answers what was given.

    Args:
        merchant: who gets it; its scope is opened here.
        segments: how many, 1 to 10,000,000.
        cause: what for, for example ``order:17``; at most 40 signs, unique in the merchant.
        actor: who gives.
        purse: where it goes.
        source: where it comes from.
        reason: shown in the statement.
        paid_fen: what was paid for it.

    Raises:
        AmountWrong: not within the range (E_SMS_AMOUNT, 422).
    """
    _check(segments)
    with tenancy.merchant_scope(merchant.pk), transaction.atomic():
        row = Grant(
            purse=purse,
            segments=segments,
            source=source,
            cause=cause,
            reason=reason.strip()[:200],
            paid_fen=paid_fen,
            by_name=actor.name[:80],
        )
        try:
            insert(row, _Known)
        except _Known:
            return Grant.objects.get(cause=cause)
        amounts = {_purse(purse): segments, _shared(OUTSIDE): -segments}
        _book("filled", f"grant:{row.pk}", amounts, merchant.time_zone)
        _fill(purse, segments, paid_fen * 1000)
        audit.record(
            actor,
            "messaging.credit.granted",
            f"sms_grant:{row.pk}",
            details={"segments": segments, "purse": purse.value, "source": source.value},
        )
    return row


def take_back(*, merchant: Merchant, cause: str, actor: Actor) -> Grant:
    """Take credit back that was given for a cause, for example when its order is refunded.

    Raises:
        CreditSpent: part of it is gone (E_SMS_SPENT, 409).
        Grant.DoesNotExist: nothing was given for this cause: a bug of the caller.
    """
    with tenancy.merchant_scope(merchant.pk), transaction.atomic():
        row = Grant.objects.select_for_update().get(cause=cause)
        if row.taken_back_at is not None:
            return row
        amounts = {_purse(Purse(row.purse)): -row.segments, _shared(OUTSIDE): row.segments}
        try:
            _book("taken_back", f"grant:{row.pk}:back", amounts, merchant.time_zone)
        except NotEnough as error:
            raise CreditSpent from error
        _take_price(Purse(row.purse), row.segments, row.paid_fen * 1000)
        row.taken_back_at = clock.now()
        row.save(update_fields=["taken_back_at"])
        audit.record(
            actor,
            "messaging.credit.taken_back",
            f"sms_grant:{row.pk}",
            details={"segments": row.segments},
        )
    return row


def move(*, merchant: Merchant, source: Purse, segments: int, key: str, actor: Actor) -> None:
    """Move credit into the other purse.

    Args:
        merchant: whose; its scope is open.
        source: the purse it leaves.
        segments: how many.
        key: moves once; for example the form's idempotency key.
        actor: who moves.

    Raises:
        AmountWrong: not within the range (422).
        NoCredit: the purse holds less (E_SMS_CREDIT, 409).
        AlreadyBooked: the key has moved before (409).
    """
    _check(segments)
    goal = Purse.MARKETING if source == Purse.SERVICE else Purse.SERVICE
    with transaction.atomic():
        amounts = {_purse(source): -segments, _purse(goal): segments}
        try:
            _book("moved", f"move:{key}"[:60], amounts, merchant.time_zone)
        except NotEnough as error:
            raise NoCredit(needed=segments, left=balance(source)) from error
        _fill(goal, segments, segments * price_of(source))
        audit.record(
            actor,
            "messaging.credit.moved",
            f"merchant:{merchant.pk}",
            details={"segments": segments, "from": source.value, "to": goal.value},
        )
        credit_warnings.look(merchant, source, balance(source))


def price_of(purse: Purse) -> int:
    """What a segment of a purse cost on average, in thousandths of a fen."""
    rows = Wallet.objects.filter(purse=purse)
    return rows.values_list("milli_fen", flat=True).first() or 0


def _fill(purse: Purse, segments: int, milli_fen: int) -> None:
    """Note a filling, already booked: the new average price, and that it may be warned of again."""
    row, _is_new = Wallet.objects.select_for_update().get_or_create(purse=purse)
    row.filled, row.warned_at = balance(purse), None
    held_before = row.filled + held(purse) - segments
    row.milli_fen = (held_before * row.milli_fen + milli_fen) // (held_before + segments)
    row.save(update_fields=["filled", "warned_at", "milli_fen"])


def _take_price(purse: Purse, segments: int, milli_fen: int) -> None:
    """Take what was paid for segments out of the average again, after they were taken back."""
    row = Wallet.objects.select_for_update().get(purse=purse)
    left = balance(purse) + held(purse)
    if left:
        row.milli_fen = max(0, (left + segments) * row.milli_fen - milli_fen) // left
        row.save(update_fields=["milli_fen"])


def reserve(*, merchant: Merchant, purse: Purse, segments: int, cause: str) -> None:
    """Set credit aside for messages, in the transaction that writes them down.

    Args:
        merchant: whose; its scope is open.
        purse: which purse pays.
        segments: of all messages together, at least 1.
        cause: what for, for example ``message:17``; sets aside once.

    Raises:
        NoCredit: the purse holds less (E_SMS_CREDIT, 409).
        AlreadyBooked: set aside before (409).
    """
    amounts = {_purse(purse): -segments, _held(purse): segments}
    with transaction.atomic():
        try:
            _book("held", f"{cause}:held", amounts, merchant.time_zone)
        except NotEnough as error:
            raise NoCredit(needed=segments, left=balance(purse)) from error
        credit_warnings.look(merchant, purse, balance(purse))


def settle(*, merchant: Merchant, purse: Purse, used: int, freed: int, cause: str) -> None:
    """Book what became of messages: what a provider took is spent, the rest goes back.

    Call it in the transaction in which exactly these messages change their state.

    Args:
        merchant: whose; its scope is open.
        purse: which purse had paid.
        used: segments of messages a provider took.
        freed: segments of messages that cost nothing.
        cause: for example ``batch:<token>``; books once.
    """
    amounts = {_held(purse): -used - freed}
    if used:
        amounts[_shared(USED)] = used
    if freed:
        amounts[_purse(purse)] = freed
    if used or freed:
        _book("settled", cause, amounts, merchant.time_zone)


def _check(segments: int) -> None:
    if not 1 <= segments <= MOST_AT_ONCE:
        raise AmountWrong(most=f"{MOST_AT_ONCE:,}")


def _book(event: str, cause: str, amounts: dict[int, int], zone: str) -> None:
    ledger.book(unit=Unit.SMS, event=EVENTS[event], cause=cause, amounts=amounts, zone=zone)


def _purse(purse: Purse) -> int:
    return ledger.open_account(unit=Unit.SMS, code=code_of(purse)).pk


def _held(purse: Purse) -> int:
    return ledger.open_account(unit=Unit.SMS, code=held_code_of(purse)).pk


def _shared(code: str) -> int:
    # one side of every booking of the merchant: kept without a balance, so that nobody queues
    return ledger.open_account(unit=Unit.SMS, code=code, is_cached=False).pk
