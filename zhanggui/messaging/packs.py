"""SMS credit on sale: what a merchant can order, at whose price, and what a segment is worth.

The platform sets packs and prices; an operator may ask its own merchants another price within the
range that the platform allows (P11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Subquery

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Operator
from zhanggui.messaging.errors import AmountWrong, PackPriceWrong
from zhanggui.messaging.models import PackPrice, SmsPack
from zhanggui.ui.formats import money


@dataclass(frozen=True, slots=True)
class Offer:
    """A pack as one seller sells it."""

    pack: SmsPack
    price_fen: int
    is_own: bool = False
    """The operator's own price, not the platform's."""

    @property
    def code(self) -> str:
        """Of the pack."""
        return self.pack.code

    @property
    def name(self) -> str:
        """Of the pack."""
        return self.pack.name

    @property
    def segments(self) -> int:
        """What the pack holds."""
        return self.pack.segments

    @property
    def milli_fen(self) -> int:
        """What a segment of it costs, in thousandths of a fen."""
        return self.price_fen * 1000 // self.pack.segments

    @property
    def range_fen(self) -> tuple[int, int]:
        """The least and the most an operator may ask."""
        return range_of(self.pack)


def range_of(pack: SmsPack) -> tuple[int, int]:
    """The least and the most an operator may ask for a pack, in fen."""
    least = -(-pack.price_fen * pack.resale_from_percent // 100)
    return least, pack.price_fen * pack.resale_to_percent // 100


def on_sale(operator_id: int | None) -> list[Offer]:
    """The packs that can be ordered now at a seller, smallest first.

    A price of an operator that left the range, because the platform changed its own, is drawn
    back to the nearest one allowed.
    """
    own = PackPrice.objects.filter(pack=OuterRef("pk"), operator=operator_id)
    packs = SmsPack.objects.filter(is_on_sale=True).order_by("segments", "code")
    priced = packs.annotate(own_fen=Subquery(own.values("price_fen")))
    return [_offer(pack, pack.own_fen) for pack in priced]


def _offer(pack: SmsPack, own_fen: int | None) -> Offer:
    if own_fen is None:
        return Offer(pack, pack.price_fen)
    least, most = range_of(pack)
    return Offer(pack, min(max(own_fen, least), most), is_own=True)


def find(code: str, operator_id: int | None) -> Offer | None:
    """A pack on sale by its code, at a seller."""
    return next((offer for offer in on_sale(operator_id) if offer.code == code), None)


def milli_fen_a_segment(operator_id: int | None) -> int:
    """What a segment costs in the smallest pack on sale, in thousandths of a fen; 0 without one."""
    return next((offer.milli_fen for offer in on_sale(operator_id)), 0)


def change(*, pack: SmsPack, actor: Actor, **values: Any) -> SmsPack:
    """Change what a pack holds and costs; orders that were placed keep theirs.

    Args:
        pack: which one.
        actor: who changes it.
        values: ``name``, ``segments``, ``price_fen``, ``is_on_sale``, ``resale_from_percent``,
            ``resale_to_percent``.

    Raises:
        AmountWrong: no segments (E_SMS_AMOUNT, 422).
    """
    if values["segments"] < 1:
        raise AmountWrong(most="10,000,000")
    wanted = {**values, "name": values["name"].strip()}
    with transaction.atomic():
        before, after = audit.changed({key: getattr(pack, key) for key in wanted}, wanted)
        for key, value in wanted.items():
            setattr(pack, key, value)
        pack.save()
        if after:
            audit.record_platform(
                actor, "messaging.pack.changed", f"sms_pack:{pack.pk}", before=before, after=after
            )
    return pack


def set_price(*, pack: SmsPack, operator: Operator, price_fen: int, actor: Actor) -> PackPrice:
    """Let an operator ask its own price.

    Raises:
        PackPriceWrong: below or above what the platform allows (E_PACK_PRICE, 422).
    """
    least, most = range_of(pack)
    if not least <= price_fen <= most:
        raise PackPriceWrong(least=money(least), most=money(most))
    with transaction.atomic():
        row, _is_new = PackPrice.objects.update_or_create(
            pack=pack, operator=operator, defaults={"price_fen": price_fen}
        )
        _record(actor, "messaging.pack.priced", pack, operator, price_fen=price_fen)
    return row


def drop_price(*, pack: SmsPack, operator: Operator, actor: Actor) -> None:
    """Let an operator sell a pack at the platform's price again."""
    with transaction.atomic():
        gone, _rows = PackPrice.objects.filter(pack=pack, operator=operator).delete()
        if gone:
            _record(actor, "messaging.pack.price_dropped", pack, operator)


def _record(actor: Actor, action: str, pack: SmsPack, operator: Operator, **details: int) -> None:
    details = {"operator": operator.pk, **details}
    audit.record_platform(actor, action, f"sms_pack:{pack.pk}", details=details)
