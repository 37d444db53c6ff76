"""How much room a merchant has for files; plans may say otherwise than the standard."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Sum

from zhanggui.core.uploads import MEGABYTE
from zhanggui.files.errors import QuotaFull
from zhanggui.files.models import StoredFile

STANDARD = 1024 * MEGABYTE
RoomOf = Callable[[int], int]


def _standard(_merchant_id: int) -> int:
    return STANDARD


_provider: list[RoomOf] = [_standard]


def provide(room_of: RoomOf) -> None:
    """Say how many bytes a merchant (by id) may keep; billing may."""
    _provider[:] = [room_of]


def room(merchant_id: int) -> int:
    """How many bytes a merchant may keep."""
    return _provider[0](merchant_id)


def used() -> int:
    """How many bytes the merchant in scope keeps."""
    found: int | None = StoredFile.objects.aggregate(sum=Sum("size"))["sum"]
    return found or 0


def refuse_beyond(merchant_id: int, more: int) -> None:
    """See whether so many more bytes find room.

    Raises:
        QuotaFull: they do not (409).
    """
    present, most = used(), room(merchant_id)
    if present + more > most:
        raise QuotaFull(used=round(present / MEGABYTE), room=round(most / MEGABYTE))
