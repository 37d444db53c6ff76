"""The worker of jobs, as the settings let it run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from procrastinate import App, jobs
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

TASK = QUEUE = "tests.note"
SOON_S = 2.0
LISTENS = "SELECT 1 AS one FROM pg_stat_activity WHERE query ILIKE 'LISTEN%%' AND state = 'idle'"


@pytest.fixture
def noted() -> Iterator[list[float]]:
    """When a job of the task ``TASK`` ran."""
    moments: list[float] = []
    app.task(name=TASK, queue=QUEUE)(lambda: moments.append(time.monotonic()))
    yield moments
    del app.tasks[TASK]


@pytest.mark.usefixtures("race_db")
def test_a_job_that_comes_while_the_worker_looks_for_one_runs_soon(noted: list[float]) -> None:
    """Procrastinate forgets what it is told in that moment; the next look must not be far."""
    came_at = asyncio.run(_worker_with_a_late_job(noted))
    assert noted[0] - came_at < SOON_S


async def _worker_with_a_late_job(noted: list[float]) -> float:
    """Run a worker until it has done a job that came at the end of a look that found none."""
    connector = app.connector
    assert isinstance(connector, DjangoConnector)
    with app.replace_connector(connector.get_worker_connector()) as ours:
        async with ours.open_async():
            came: list[float] = []
            look = ours.job_manager.fetch_job

            async def look_slowly(**which: Any) -> jobs.Job | None:
                found = await look(**which)
                if found is None and not came:
                    await _until_it_listens(ours)
                    came.append(time.monotonic())
                    await ours.configure_task(TASK).defer_async()
                    await asyncio.sleep(0.1)  # the notification is here now
                return found

            ours.job_manager.fetch_job = look_slowly  # type: ignore[method-assign]
            try:
                worker = asyncio.create_task(
                    ours.run_worker_async(queues=[QUEUE], install_signal_handlers=False)
                )
                while not noted:
                    await asyncio.sleep(0.02)
                worker.cancel()
                await asyncio.gather(worker, return_exceptions=True)
            finally:
                ours.job_manager.fetch_job = look  # type: ignore[method-assign]
            return came[0]


async def _until_it_listens(ours: App) -> None:
    while not await ours.connector.execute_query_all_async(LISTENS):
        await asyncio.sleep(0.02)
