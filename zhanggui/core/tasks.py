"""Jobs of the core."""

from __future__ import annotations

from procrastinate.contrib.django import app

from zhanggui.core import retention


@app.periodic(cron="37 4 * * *", periodic_id="core.forget")
@app.task(name="core.forget", queueing_lock="core.forget")
def forget(timestamp: int) -> None:
    """Remove old answers and counters, every night."""
    retention.forget()
