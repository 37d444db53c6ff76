"""Jobs of this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procrastinate.contrib.django import app

from zhanggui.core import tenancy

if TYPE_CHECKING:
    from zhanggui.files.models import Task

QUEUE = "files"
AT_ONCE = 2
"""So many tasks run at the same time, so that a worker with four places has two left for the rest;
those of one merchant run one after the other."""


def queue(task: Task) -> int:
    """Put the work of a task into the queue; answers the number of the job."""
    lock = f"files:{task.merchant_id % AT_ONCE}"
    job_id: int = run_task.configure(lock=lock).defer(merchant_id=task.merchant_id, task_id=task.pk)
    return job_id


@app.task(queue=QUEUE, name="files.run_task")
def run_task(merchant_id: int, task_id: int) -> None:
    """Do the work of a task."""
    from zhanggui.files.services import running  # noqa: PLC0415  they need each other

    with tenancy.merchant_scope(merchant_id):
        running.run(task_id=task_id)


@app.task(queue=QUEUE, name="files.run_tier_export", lock="files:tiers")
def run_tier_export(number: int) -> None:
    """Write a long list of the platform or of an operator."""
    from zhanggui.files.services import tier_exports  # noqa: PLC0415  they need each other

    tier_exports.run(number=number)


@app.periodic(cron="* * * * *", periodic_id="files.take_up")
@app.task(queue=QUEUE, name="files.take_up", queueing_lock="files.take_up")
def take_up(timestamp: int) -> None:
    """Queue tasks again whose job got lost, every minute."""
    from zhanggui.files.services import retention  # noqa: PLC0415  they need each other

    retention.take_up_lost_tasks()


@app.periodic(cron="47 3 * * *", periodic_id="files.forget")
@app.task(queue=QUEUE, name="files.forget", queueing_lock="files.forget")
def forget(timestamp: int) -> None:
    """Remove files nobody holds, results that expired, old tasks, every night."""
    from zhanggui.files.services import retention  # noqa: PLC0415  they need each other

    retention.forget()
