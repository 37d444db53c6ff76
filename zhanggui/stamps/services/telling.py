"""What a customer hears about a stamp, a cancel and a reward, if the shop wants that (D46)."""

from __future__ import annotations

from collections.abc import Sequence

from zhanggui.accounts.models import Merchant
from zhanggui.messaging import routing
from zhanggui.messaging import services as messages
from zhanggui.stamps import told
from zhanggui.stamps.models import Card, Kind, Reward, StampRecord


def tell(
    record: StampRecord, card: Card, store_name: str, zone: str, won: Sequence[Reward] = ()
) -> None:
    """Send what was done to the card; inside its transaction."""
    template = told.CANCELLED if record.kind == Kind.CANCEL else told.STAMPED
    merchant = Merchant.objects.get(pk=record.merchant_id)
    if routing.is_switched_on(template):
        messages.send(
            merchant=merchant,
            to=card.customer,
            template=template.name,
            data=told.values(
                programme=card.programme.name,
                amount=record.amount,
                balance=card.shown,
                slots=card.slots,
                store=store_name,
                at=record.at,
                zone=zone,
            ),
            purpose="stamps",
            subject=f"record:{record.pk}",
        )
    for reward in won:
        if reward.coupon_id is None:  # of a coupon its own message tells
            tell_won(reward, card, store_name)


def tell_won(reward: Reward, card: Card, store_name: str) -> None:
    """Send what was won."""
    if not routing.is_switched_on(told.REWARDED):
        return
    messages.send(
        merchant=Merchant.objects.get(pk=reward.merchant_id),
        to=card.customer,
        template=told.REWARDED.name,
        data={"programme": card.programme.name, "reward": reward.name, "store": store_name},
        purpose="stamps",
        subject=f"reward:{reward.pk}",
    )


def tell_expiring(card: Card, day: str) -> None:
    """Send that a card will soon expire; once for each end."""
    if not routing.is_switched_on(told.EXPIRING):
        return
    messages.send(
        merchant=Merchant.objects.get(pk=card.merchant_id),
        to=card.customer,
        template=told.EXPIRING.name,
        data={
            "programme": card.programme.name,
            "balance": str(card.balance),
            "slots": str(card.slots),
            "day": day,
        },
        purpose="stamps",
        subject=f"card:{card.pk}:{day}",
    )
