"""Jobs of this module."""

from __future__ import annotations

from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from zhanggui.accounts.actors import system_actor


@app.periodic(cron="*/10 * * * *", periodic_id="stamps.expire")
@app.task(name="stamps.expire", queueing_lock="stamps.expire")
def expire(timestamp: int) -> None:
    """Take the stamps off cards whose time is up; the counter refuses them before that."""
    from zhanggui.stamps.services import expiring  # noqa: PLC0415  only the worker needs them

    expiring.expire_due(system_actor(gettext_noop("Stamps that expire")))


@app.periodic(cron="* * * * *", periodic_id="stamps.add_up")
@app.task(name="stamps.add_up", queueing_lock="stamps.add_up", lock="stamps.add_up")
def add_up(timestamp: int) -> None:
    """Add up by days what was sealed, every minute, so that figures are quick."""
    from zhanggui.stamps.services import tallying  # noqa: PLC0415  only the worker needs them

    tallying.add_up_all()


@app.periodic(cron="50 3 * * *", periodic_id="stamps.forget")
@app.task(name="stamps.forget", queueing_lock="stamps.forget")
def forget(timestamp: int) -> None:
    """Let raw touches and old rights to press go, and QR codes for managers that ran out."""
    from zhanggui.stamps import retention  # noqa: PLC0415  only the worker needs them

    retention.forget()
    retention.close_invitations()


@app.periodic(cron="20 2 * * *", periodic_id="stamps.tell_expiring")
@app.task(name="stamps.tell_expiring", queueing_lock="stamps.tell_expiring")
def tell_expiring(timestamp: int) -> None:
    """Tell customers whose cards expire within a week, once a day."""
    from zhanggui.stamps.services import expiring  # noqa: PLC0415  only the worker needs them

    expiring.tell_expiring()


@app.periodic(cron="40 * * * *", periodic_id="stamps.watch")
@app.task(name="stamps.watch", queueing_lock="stamps.watch")
def watch(timestamp: int) -> None:
    """Look for what the fraud desk should see, every hour."""
    from zhanggui.stamps.services import watching  # noqa: PLC0415  only the worker needs them

    watching.watch(system_actor(gettext_noop("Look at the counters")))
