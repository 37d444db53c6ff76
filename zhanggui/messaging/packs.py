"""SMS credit on sale: what a merchant can order, and what a segment is worth."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.messaging.errors import AmountWrong
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


def change(
    *,
    pack: SmsPack,
    name: str,
    segments: int,
    price_fen: int,
    is_on_sale: bool,
    actor: Actor,
) -> SmsPack:
    """Change what a pack holds and costs; orders that were placed keep theirs.

    Raises:
        AmountWrong: no segments (E_SMS_AMOUNT, 422).
    """
    if segments < 1:
        raise AmountWrong(most="10,000,000")
    wanted = {
        "name": name.strip(),
        "segments": segments,
        "price_fen": price_fen,
        "is_on_sale": is_on_sale,
    }
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
