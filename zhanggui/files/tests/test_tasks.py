"""The job centre: tasks begin with their cause, can be stopped, end in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import AuditEntry, Merchant, Person, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.core import clock, tenancy
from zhanggui.files import jobs
from zhanggui.files.errors import QuotaFull, TaskOver
from zhanggui.files.models import Task, TaskState
from zhanggui.files.services import cancel_task, retention, retry_task, running
from zhanggui.files.services.tasks import start
from zhanggui.files.tests.factories import run_jobs

pytestmark = pytest.mark.spec("platform P39")
KIND = "tests.work"
Work = Callable[[Task], jobs.Outcome | None]


@pytest.fixture
def ended() -> list[str]:
    """The states of tasks that ended without success, as their kind was told."""
    return []


@pytest.fixture
def work(ended: list[str]) -> Iterator[list[Work]]:
    """What the test's kind of task does; the list's last entry counts."""
    does: list[Work] = [lambda _task: jobs.Outcome({"n": 3})]
    kind = jobs.TaskKind(
        KIND,
        "试一试",
        lambda task: does[-1](task),  # noqa: PLW0108  which one is last changes
        unit="行",
        lines=lambda task: [("结果", str(task.result["n"]))],
        on_end=lambda task: ended.append(task.state),
    )
    jobs.register(kind)
    yield does
    jobs._kinds.pop(KIND)


@pytest.fixture
def clerk(tea: Merchant) -> Person:
    return make_staff(tea, role=Role.CLERK)


def begin(person: Person, **more: int) -> Task:
    return start(kind=KIND, title="名单.xlsx", arguments={}, actor=person_actor(person), **more)


class TestEnd:
    def test_well(self, client: Client, clerk: Person, work: list[Work]) -> None:
        task = begin(clerk, total=5)
        assert task.state == TaskState.QUEUED
        run_jobs()
        task.refresh_from_db()
        assert (task.state, task.done, task.result) == (TaskState.DONE, 5, {"n": 3})
        client.force_login(clerk)
        page = client.get(f"/m/tea/jobs/{task.pk}/").content.decode()
        assert "已完成" in page
        assert "结果" in page

    def test_refused_says_why_in_the_readers_language(
        self, client: Client, clerk: Person, work: list[Work], ended: list[str]
    ) -> None:
        def refuse(_task: Task) -> None:
            raise QuotaFull(used=5, room=4)

        work.append(refuse)
        task = begin(clerk)
        run_jobs()
        task.refresh_from_db()
        assert (task.state, task.error_code) == (TaskState.FAILED, "E_QUOTA_FULL")
        assert ended == ["failed"]
        client.force_login(clerk)
        assert (
            "文件空间已用完（5 / 4 MB）" in client.get(f"/m/tea/jobs/{task.pk}/").content.decode()
        )
        client.cookies["zhanggui_language"] = "en"
        assert "The room for files is used up" in client.get("/m/tea/jobs/").content.decode()

    def test_a_bug_gives_a_code_for_support(
        self, clerk: Person, work: list[Work], caplog: pytest.LogCaptureFixture
    ) -> None:
        work.append(lambda _task: 1 / 0)  # type: ignore[arg-type,return-value]
        task = begin(clerk)
        run_jobs()
        task.refresh_from_db()
        assert (task.state, task.error_code) == (TaskState.FAILED, "E_TASK_BROKEN")
        assert task.error_details["support_code"] in caplog.text

    def test_nothing_begins_when_the_cause_is_undone(self, clerk: Person, work: list[Work]) -> None:
        @transaction.atomic
        def step() -> None:
            assert 1 / (begin(clerk).done)

        with pytest.raises(ZeroDivisionError):
            step()
        assert run_jobs() == 0
        assert not Task.objects.exists()

    def test_runs_once_however_often_the_job_comes(self, clerk: Person, work: list[Work]) -> None:
        runs: list[int] = []
        work.append(lambda task: runs.append(task.pk))
        task = begin(clerk)
        run_jobs()
        running.run(task_id=task.pk)
        assert runs == [task.pk]


class TestCancel:
    def test_before_it_begins(self, clerk: Person, work: list[Work], ended: list[str]) -> None:
        task = cancel_task(task=begin(clerk), actor=person_actor(clerk))
        assert task.state == TaskState.CANCELLED
        run_jobs()
        task.refresh_from_db()
        assert task.state == TaskState.CANCELLED
        assert AuditEntry.objects.get().action == "files.task.cancelled"
        assert ended == ["cancelled"]

    def test_in_the_middle(
        self, clerk: Person, work: list[Work], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(running, "EVERY_S", 0)
        # the test's own transaction would hide the task from a second connection
        monkeypatch.setattr(running, "_outside", lambda _pulse: connections["default"])
        steps: list[int] = []

        def slow(task: Task) -> None:
            for step in range(10):
                steps.append(step)
                if step == 3:
                    cancel_task(task=Task.objects.get(pk=task.pk), actor=person_actor(clerk))
                jobs.progress(task, step, 10)

        work.append(slow)
        task = begin(clerk)
        run_jobs()
        task.refresh_from_db()
        assert (task.state, task.done, task.total) == (TaskState.CANCELLED, 3, 10)
        assert steps == [0, 1, 2, 3]

    def test_too_late(self, clerk: Person, work: list[Work]) -> None:
        task = begin(clerk)
        run_jobs()
        with pytest.raises(TaskOver):
            cancel_task(task=task, actor=person_actor(clerk))


class TestRetry:
    def test_begins_anew(self, client: Client, clerk: Person, work: list[Work]) -> None:
        def refuse(_task: Task) -> None:
            raise QuotaFull(used=5, room=4)

        work.append(refuse)
        task = begin(clerk)
        run_jobs()
        work.append(lambda _task: None)
        client.force_login(clerk)
        assert client.post(f"/m/tea/jobs/{task.pk}/retry").status_code == 302
        run_jobs()
        task.refresh_from_db()
        assert (task.state, task.error_code) == (TaskState.DONE, "")

    def test_not_after_success(self, clerk: Person, work: list[Work]) -> None:
        task = begin(clerk)
        run_jobs()
        with pytest.raises(TaskOver):
            retry_task(task=task, actor=person_actor(clerk))


class TestTakingUp:
    def test_a_lost_job_is_queued_again(self, clerk: Person, work: list[Work]) -> None:
        task = begin(clerk)
        Task.objects.filter(pk=task.pk).update(state=TaskState.RUNNING, job_id=None)
        assert retention.take_up_lost_tasks() == 1
        run_jobs()
        task.refresh_from_db()
        assert task.state == TaskState.DONE

    def test_gives_up_after_three_kills(self, clerk: Person, work: list[Work]) -> None:
        task = begin(clerk)
        Task.objects.filter(pk=task.pk).update(state=TaskState.RUNNING, attempt=3)
        running.run(task_id=task.pk)
        task.refresh_from_db()
        assert (task.state, task.error_code) == (TaskState.INTERRUPTED, "E_TASK_INTERRUPTED")
        assert task.may_retry

    def test_old_tasks_are_forgotten(self, clerk: Person, work: list[Work]) -> None:
        begin(clerk)
        run_jobs()
        with clock.at(timezone.now() + timedelta(days=31)):
            retention.forget()
        assert not Task.objects.exists()


class TestPages:
    def test_own_tasks_only_without_the_right(
        self, client: Client, clerk: Person, tea: Merchant, work: list[Work]
    ) -> None:
        task = begin(make_staff(tea, role=Role.CLERK))
        client.force_login(clerk)
        assert "名单.xlsx" not in client.get("/m/tea/jobs/").content.decode()
        for page in ("", "progress", "file"):
            assert client.get(f"/m/tea/jobs/{task.pk}/{page}").status_code == 404
        for page in ("cancel", "retry"):
            assert client.post(f"/m/tea/jobs/{task.pk}/{page}").status_code == 404
        client.force_login(make_staff(tea, role=Role.OWNER))
        assert "名单.xlsx" in client.get("/m/tea/jobs/").content.decode()
        assert "名单.xlsx" not in client.get("/m/tea/jobs/?who=me").content.decode()

    def test_other_merchants_see_nothing(
        self, client: Client, clerk: Person, work: list[Work]
    ) -> None:
        task = begin(clerk)
        coffee = make_merchant("coffee")
        with tenancy.merchant_scope(coffee.pk):
            client.force_login(make_staff(coffee, role=Role.OWNER))
            assert client.get(f"/m/coffee/jobs/{task.pk}/").status_code == 404

    def test_polling_is_quiet_until_something_changes(
        self, client: Client, clerk: Person, work: list[Work]
    ) -> None:
        task = begin(clerk)
        client.force_login(clerk)
        url = f"/m/tea/jobs/{task.pk}/progress"
        assert client.get(f"{url}?v={task.version}").status_code == 204
        piece = client.get(f"{url}?v=0")
        assert piece.status_code == 200
        assert f"v={task.version}" in piece.content.decode()
        run_jobs()
        over = client.get(f"{url}?v={task.version}")
        assert (over.status_code, over["HX-Refresh"]) == (204, "true")

    def test_speed_and_time_left(self, client: Client, clerk: Person, work: list[Work]) -> None:
        task = begin(clerk)
        now = clock.now()
        Task.objects.filter(pk=task.pk).update(
            state=TaskState.RUNNING,
            done=20_000,
            total=100_000,
            started_at=now - timedelta(seconds=10),
            beat_at=now,
        )
        client.force_login(clerk)
        page = client.get("/m/tea/jobs/").content.decode()
        assert "20,000 / 100,000 行 · 每秒 2,000 · 还需 40 秒" in page

    def test_state_filters(self, client: Client, clerk: Person, work: list[Work]) -> None:
        begin(clerk)
        client.force_login(clerk)
        assert "名单.xlsx" in client.get("/m/tea/jobs/?state=under_way").content.decode()
        assert "没有符合条件的任务" in client.get("/m/tea/jobs/?state=failed").content.decode()

    @pytest.mark.parametrize("tasks", [1, 12])
    def test_query_count(
        self,
        client: Client,
        clerk: Person,
        work: list[Work],
        tasks: int,
        django_assert_max_num_queries: Callable[[int], object],
    ) -> None:
        for _ in range(tasks):
            begin(clerk)
        client.force_login(clerk)
        client.get("/m/tea/jobs/")
        with django_assert_max_num_queries(9):  # type: ignore[attr-defined]
            client.get("/m/tea/jobs/")
