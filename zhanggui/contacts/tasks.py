"""Jobs of this module."""

from __future__ import annotations

from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Merchant, TierState
from zhanggui.core import tenancy


@app.periodic(cron="23 * * * *", periodic_id="contacts.erase_due")
@app.task(name="contacts.erase_due", queueing_lock="contacts.erase_due")
def erase_due(timestamp: int) -> None:
    """Carry out requests to be forgotten whose waiting period is over, every hour."""
    from zhanggui.contacts import services  # noqa: PLC0415  only the worker needs them

    services.erase_due_everywhere(actor=system_actor(gettext_noop("Erasure on request")))


@app.periodic(cron="5 * * * *", periodic_id="contacts.forget_places")
@app.task(name="contacts.forget_places", queueing_lock="contacts.forget_places")
def forget_places(timestamp: int) -> None:
    """Let go where phones were, every hour."""
    from zhanggui.contacts.services import whereabouts  # noqa: PLC0415  only the worker needs them

    whereabouts.forget()


@app.periodic(cron="11 4 * * *", periodic_id="contacts.find_duplicates")
@app.task(name="contacts.find_duplicates", queueing_lock="contacts.find_duplicates")
def find_duplicates(timestamp: int) -> None:
    """Compare the customers of every merchant, every night."""
    from zhanggui.contacts import services  # noqa: PLC0415  only the worker needs them

    active = Merchant.objects.filter(state=TierState.ACTIVE)
    for merchant_id in active.values_list("pk", flat=True):
        with tenancy.merchant_scope(merchant_id):
            services.find_duplicates(actor=system_actor(gettext_noop("Search for duplicates")))
