"""Jobs of billing. Nothing depends on them having run: phases and lapsed orders go by the clock."""

from __future__ import annotations

from procrastinate.contrib.django import app

from zhanggui.billing import services


@app.periodic(cron="*/5 * * * *", periodic_id="billing.lapse")
@app.task(name="billing.lapse", queueing_lock="billing.lapse")
def lapse(timestamp: int) -> None:
    """Cancel orders that were not paid in time and give their balance back."""
    services.lapse_orders()


@app.periodic(cron="7 * * * *", periodic_id="billing.remind")
@app.task(name="billing.remind", queueing_lock="billing.remind")
def remind(timestamp: int) -> None:
    """Tell owners what ends soon; every hour, as nobody is told at night."""
    services.remind()


@app.periodic(cron="17 5 * * *", periodic_id="billing.delete_due")
@app.task(name="billing.delete_due", queueing_lock="billing.delete_due")
def delete_due(timestamp: int) -> None:
    """Delete the data of shops whose plan ended long ago and whose owners were warned; at night."""
    services.delete_due()
