"""Jobs of this module; safe to run twice."""

from __future__ import annotations

from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from zhanggui.accounts.actors import system_actor
from zhanggui.channels.pay.tasks import AGAIN, QUEUE

ACTOR = system_actor(gettext_noop("Payment request ended"))


@app.task(queue=QUEUE, name="collecting.close_tries", retry=AGAIN)
def close_tries(merchant_id: int, request_id: int) -> None:
    """Close the orders that still wait, once a request was paid or stopped."""
    from zhanggui.collecting import services  # noqa: PLC0415  they need each other

    services.close_tries(merchant_id=merchant_id, request_id=request_id)
