"""A worker that is killed in the middle of a task: another one takes it up."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from launcher.paths import ROOT
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import AuditEntry, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.core import clock, tenancy
from zhanggui.core.tasks import take_up_jobs_of_dead_workers
from zhanggui.files import exports, storing
from zhanggui.files.exports import Query
from zhanggui.files.models import Task, TaskState
from zhanggui.files.permissions import EXPORT
from zhanggui.files.services import export_list

ROWS = 20_000
LIMIT_S = 100.0


def worker(url: str, var: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = dict(os.environ) | {"DATABASE_URL": url, "ZHANGGUI_VAR": str(var)}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "procrastinate", "worker", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


@pytest.mark.timeout(240)
@pytest.mark.spec("platform P39")
def test_another_worker_takes_the_task_up(race_db: str, settings: Settings, tmp_path: Path) -> None:
    private = {**settings.STORAGES["private"], "OPTIONS": {"location": str(tmp_path / "files")}}
    settings.STORAGES = {**settings.STORAGES, "private": private}
    merchant = make_merchant("tea")
    person = make_staff(merchant, role=Role.OWNER)
    export = exports.find("accounts.audit")
    assert export is not None
    rights = frozenset({EXPORT.name, export.permission})
    with tenancy.merchant_scope(merchant.pk):
        start = clock.now() - timedelta(days=1)
        AuditEntry.objects.bulk_create(
            [
                AuditEntry(
                    merchant=merchant, at=start, actor_kind="system", action="x.y.z", target="x:1"
                )
                for _ in range(ROWS)
            ],
            batch_size=5_000,
        )
        task = export_list(
            export=export,
            query=Query({}, rights, "Asia/Shanghai", person.pk),
            format_="xlsx",
            actor=person_actor(person),
        )
        assert isinstance(task, Task)

        def reload() -> Task:
            return Task.objects.get(pk=task.pk)

        first = worker(race_db, tmp_path)
        try:
            wait_until(lambda: reload().done > 0)
        finally:
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
        halfway = reload()
        assert (halfway.state, halfway.attempt) == (TaskState.RUNNING, 1)
        assert halfway.done < ROWS

        time.sleep(1.1)  # what was alive a second ago counts as dead now
        assert asyncio.run(take_up_jobs_of_dead_workers(1.0)) >= 1
        second = worker(race_db, tmp_path, "--one-shot")
        second.wait(LIMIT_S)

        done = reload()
        assert (done.state, done.attempt, done.result["rows"]) == (TaskState.DONE, 2, ROWS)
        assert done.result_file is not None
        assert storing.storage().exists(done.result_file.place)
        taken = AuditEntry.objects.filter(action="files.export.taken")
        assert taken.count() == 1
