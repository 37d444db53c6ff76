"""The shop's own picture on top of its cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant
from zhanggui.accounts.services import pictures
from zhanggui.core.errors import NotFound
from zhanggui.stamps.models import Programme

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


def set_picture(*, programme_id: int, content: bytes | None, actor: Actor) -> Programme:
    """Put a picture on every card of a programme; None takes it off.

    Raises:
        NotFound: no such programme (404).
        PictureTooBig, PictureUnreadable: nothing was changed (422).
    """
    with transaction.atomic():
        programme = Programme.objects.select_for_update().filter(pk=programme_id).first()
        if programme is None:
            raise NotFound
        merchant = Merchant.objects.get(pk=programme.merchant_id)
        if pictures.put_on(programme, merchant=merchant, content=content):
            action = "unpictured" if content is None else "pictured"
            audit.record(actor, f"stamps.programme.{action}", f"programme:{programme.pk}")
    return programme
