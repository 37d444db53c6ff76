"""The worker of jobs, as the settings let it run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

import pytest
from django.core.management import get_commands
from django.db import OperationalError, connection, connections, transaction
from procrastinate import App, jobs
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.core.jobs import worker_app

FIRST, SECOND = "tests.first", "tests.second"
QUEUE = "tests"
SOON_S = 2.0
LISTENS = "SELECT 1 AS one FROM pg_stat_activity WHERE query ILIKE 'LISTEN%%' AND state = 'idle'"

pytestmark = pytest.mark.usefixtures("race_db")
type Task = Callable[[], object]


@pytest.fixture
def tasks() -> Iterator[dict[str, Task]]:
    """What the two tasks do."""
    done: dict[str, Task] = {}

    for name in (FIRST, SECOND):
        app.task(name=name, queue=QUEUE)(lambda name=name: done[name]())
    yield done
    for name in (FIRST, SECOND):
        del app.tasks[name]


def closing(task: Task) -> Task:
    """A task that is the last of its thread."""

    def run() -> None:
        try:
            task()
        finally:
            connections.close_all()

    return run


async def work_until(ours: App, is_done: Callable[[], bool]) -> None:
    """Run a worker as the command does, for a while."""
    async with ours.open_async():
        worker = asyncio.create_task(
            ours.run_worker_async(queues=[QUEUE], install_signal_handlers=False)
        )
        while not is_done():
            await asyncio.sleep(0.02)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


def test_a_job_that_comes_while_the_worker_looks_for_one_runs_soon(tasks: dict[str, Task]) -> None:
    """Procrastinate forgets what it is told in that moment; the next look must not be far."""
    ran: list[float] = []
    came: list[float] = []
    tasks[FIRST] = lambda: ran.append(time.monotonic())
    ours = worker_app()
    look = ours.job_manager.fetch_job

    async def look_slowly(queues: Iterable[str] | None, worker_id: int) -> jobs.Job | None:
        found = await look(queues=queues, worker_id=worker_id)
        if found is None and not came:
            while not await ours.connector.execute_query_all_async(LISTENS):
                await asyncio.sleep(0.02)
            came.append(time.monotonic())
            await ours.job_manager.defer_job_async(app.configure_task(FIRST, queue=QUEUE).job)
            await asyncio.sleep(0.1)  # the notification is here now
        return found

    ours.job_manager.fetch_job = look_slowly  # type: ignore[method-assign]
    asyncio.run(work_until(ours, lambda: bool(ran)))
    assert ran[0] - came[0] < SOON_S


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_job_defers_another_in_its_own_transaction(
    tasks: dict[str, Task], *, is_kept: bool
) -> None:
    seen: list[bool] = []
    ran: list[str] = []

    def defer_and_wait() -> None:
        try:
            with transaction.atomic():
                app.configure_task(SECOND, queue=QUEUE).defer()
                time.sleep(0.2)  # a worker with nothing to do would have taken it
                seen.append(bool(ran))
                if not is_kept:
                    raise InterruptedError
        except InterruptedError:
            ran.append("nothing is left")

    tasks[FIRST] = closing(defer_and_wait)
    tasks[SECOND] = closing(lambda: ran.append("second"))
    app.configure_task(FIRST, queue=QUEUE).defer()
    asyncio.run(work_until(worker_app(), lambda: bool(ran)))
    assert seen == [False]
    assert ran == ["second" if is_kept else "nothing is left"]
    assert not ProcrastinateJob.objects.filter(task_name=SECOND, status="todo").exists()


def test_a_broken_connection_spoils_one_job_only(tasks: dict[str, Task]) -> None:
    ran: list[str] = []

    def break_off() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        except OperationalError:
            ran.append("broken")

    def count() -> None:
        ran.append(f"{ProcrastinateJob.objects.filter(task_name=SECOND).count()}")

    tasks[FIRST], tasks[SECOND] = break_off, closing(count)
    app.configure_task(FIRST, queue=QUEUE).defer()
    app.configure_task(SECOND, queue=QUEUE).defer()
    ours = worker_app()
    ours.worker_defaults = {**ours.worker_defaults, "concurrency": 1}
    asyncio.run(work_until(ours, lambda: len(ran) == 2))
    assert ran == ["broken", "1"]


def test_the_command_is_ours() -> None:
    assert get_commands()["procrastinate"] == "zhanggui.core"
