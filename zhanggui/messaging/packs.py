"""SMS credit on sale: what a merchant can order, and what a segment is worth."""

from __future__ import annotations

from django.db.models import QuerySet

from zhanggui.messaging.models import SmsPack


def on_sale() -> QuerySet[SmsPack]:
    """The packs that can be ordered now, smallest first."""
    return SmsPack.objects.filter(is_on_sale=True).order_by("segments", "code")


def find(code: str) -> SmsPack | None:
    """A pack on sale by its code."""
    return on_sale().filter(code=code).first()


def milli_fen_a_segment() -> int:
    """What a segment costs in the smallest pack on sale, in thousandths of a fen; 0 without one."""
    pack = on_sale().first()
    return pack.price_fen * 1000 // pack.segments if pack else 0
