"""How jobs are run: by a worker that has connections of its own and leaves those of tasks alone."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.db import close_old_connections
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.job_context import JobContext
from procrastinate.middleware import SyncCallNext
from procrastinate.periodic import PeriodicRegistry, PeriodicTask
from procrastinate.worker import Worker


def worker_app() -> App:
    """The app a worker looks for jobs with.

    Procrastinate's command would put the worker's connections into the one app that tasks are
    deferred by. A job that defers another would then do so outside of its own transaction: the
    other could run before what it is about was committed, and even if that was rolled back. So
    the worker has an app of its own, with the same tasks; these defer through Django's connection
    as they do everywhere else.
    """
    connector = app.connector
    if not isinstance(connector, DjangoConnector):
        message = "the app of the tasks must use Django's connection"
        raise TypeError(message)
    ours = app.with_connector(connector.get_worker_connector())
    ours.worker_defaults = {**app.worker_defaults, "task_middleware": [with_good_connections]}
    ours.periodic_registry = PeriodicRegistry()  # type: ignore[no-untyped-call]
    for key, known in app.periodic_registry.periodic_tasks.items():
        # the worker itself defers these, by its own connections
        task = copy(known.task)
        task.blueprint = ours
        ours.periodic_registry.periodic_tasks[key] = PeriodicTask(
            task=task,
            cron=known.cron,
            periodic_id=known.periodic_id,
            configure_kwargs=known.configure_kwargs,
        )
    return ours


def with_good_connections(call_next: SyncCallNext, _context: JobContext, _worker: Worker) -> Any:
    """Run a task with connections that work; Django does this for requests only.

    Without it a thread whose connection broke, say by a restart of PostgreSQL, would fail every
    job it ever gets.
    """
    close_old_connections()
    try:
        return call_next()
    finally:
        close_old_connections()
