"""Jobs of the ledger."""

from __future__ import annotations

from django.utils.translation import gettext_noop
from procrastinate.contrib.django import app

from zhanggui.accounts.actors import system_actor


@app.periodic(cron="* * * * *", periodic_id="ledger.seal")
@app.task(name="ledger.seal", queueing_lock="ledger.seal", lock="ledger.seal")
def seal(timestamp: int) -> None:
    """Seal what was booked, every minute."""
    from zhanggui.ledger import sealing  # noqa: PLC0415  only the worker needs it

    sealing.seal_all()


@app.periodic(cron="10 3 * * *", periodic_id="ledger.check")
@app.task(name="ledger.check", queueing_lock="ledger.check", lock="ledger.check")
def check(timestamp: int) -> None:
    """Check every ledger, every night."""
    from zhanggui.ledger import checking  # noqa: PLC0415  only the worker needs it

    checking.check_all(system_actor(gettext_noop("Ledger check")))
