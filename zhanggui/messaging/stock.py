"""Credit that operators and the platform give: operators out of their stock (P11).

The platform fills an operator's stock; what an operator gives to a merchant leaves it by one
conditional statement, so that two colleagues cannot give the same segments away.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant, Operator
from zhanggui.core import tokens
from zhanggui.messaging import wallet
from zhanggui.messaging.errors import AmountWrong, ReasonNeeded, StockShort
from zhanggui.messaging.models import Grant, GrantSource, Purse, Stock, StockMove


def left(operator: Operator) -> int:
    """What an operator can still give."""
    found = Stock.objects.filter(operator=operator).values_list("segments", flat=True)
    return found.first() or 0


def fill(*, operator: Operator, segments: int, reason: str, actor: Actor) -> StockMove:
    """Put segments into an operator's stock.

    Raises:
        AmountWrong, ReasonNeeded: the form is not filled right (422).
    """
    _check(segments, reason)
    with transaction.atomic():
        Stock.objects.get_or_create(operator=operator)
        Stock.objects.filter(operator=operator).update(segments=F("segments") + segments)
        move = _note(operator, segments, None, reason, actor)
        audit.record_platform(
            actor,
            "messaging.stock.filled",
            f"operator:{operator.pk}",
            details={"segments": segments},
        )
    return move


def give(
    *,
    operator: Operator | None,
    merchant: Merchant,
    purse: Purse,
    segments: int,
    reason: str,
    actor: Actor,
) -> Grant:
    """Give a merchant credit: an operator out of its stock, the platform as much as it likes.

    Raises:
        AmountWrong, ReasonNeeded: the form is not filled right (422).
        StockShort: the operator has less (E_SMS_STOCK, 409).
    """
    _check(segments, reason)
    with transaction.atomic():
        source = GrantSource.OPERATOR if operator else GrantSource.PLATFORM
        if operator is not None:
            taken = Stock.objects.filter(operator=operator, segments__gte=segments).update(
                segments=F("segments") - segments
            )
            if not taken:
                raise StockShort(left=f"{left(operator):,}")
            cause = f"stock:{_note(operator, -segments, merchant.pk, reason, actor).pk}"
        else:
            cause = f"gift:{tokens.new_token(16)}"
        return wallet.grant(
            merchant=merchant,
            segments=segments,
            cause=cause,
            actor=actor,
            purse=purse,
            source=source,
            reason=reason,
        )


def _note(
    operator: Operator, amount: int, merchant_id: int | None, reason: str, actor: Actor
) -> StockMove:
    return StockMove.objects.create(
        operator=operator,
        amount=amount,
        merchant_id=merchant_id,
        reason=reason.strip()[:200],
        by_name=actor.name[:80],
    )


def _check(segments: int, reason: str) -> None:
    if not 1 <= segments <= wallet.MOST_AT_ONCE:
        raise AmountWrong(most=f"{wallet.MOST_AT_ONCE:,}")
    if not reason.strip():
        raise ReasonNeeded
