"""Jobs around one-time codes."""

from __future__ import annotations

from procrastinate.contrib.django import app

from zhanggui.codes import services
from zhanggui.core import tenancy


@app.periodic(cron="*/5 * * * *", periodic_id="codes.tidy")
@app.task(name="codes.tidy", queueing_lock="codes.tidy")
def tidy(timestamp: int) -> None:
    """Mark expired codes and wipe old digits of every merchant."""
    with tenancy.all_merchants("digits of ended codes are wiped for every merchant"):
        services.tidy()
