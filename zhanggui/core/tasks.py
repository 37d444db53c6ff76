"""Jobs of the core."""

from __future__ import annotations

from procrastinate.contrib.django import app

from zhanggui.core import retention

GONE_AFTER_S = 30.0
"""A worker that has not said anything for so long is dead (it does so every ten seconds)."""


@app.periodic(cron="37 4 * * *", periodic_id="core.forget")
@app.task(name="core.forget", queueing_lock="core.forget")
def forget(timestamp: int) -> None:
    """Remove old answers and counters, every night."""
    retention.forget()


@app.periodic(cron="* * * * *", periodic_id="core.take_up")
@app.task(name="core.take_up", queueing_lock="core.take_up")
async def take_up(timestamp: int) -> None:
    """Give the jobs of workers that were killed to others, every minute.

    All jobs are safe to run twice.
    """
    await take_up_jobs_of_dead_workers(GONE_AFTER_S)


async def take_up_jobs_of_dead_workers(gone_after_s: float) -> int:
    """Put jobs back into the queue whose worker is silent; answers how many."""
    stalled = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=gone_after_s))
    for job in stalled:
        await app.job_manager.retry_job(job)
    return len(stalled)
