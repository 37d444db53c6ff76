"""``/metrics`` for Prometheus: requests of all web processes, jobs, the database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http import HTTPStatus

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector

SHARED = "PROMETHEUS_MULTIPROC_DIR"


def metrics(request: HttpRequest) -> HttpResponse:
    """All figures, for whoever knows ``ZHANGGUI_METRICS_TOKEN``; nobody when it is not set."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token = settings.METRICS_TOKEN
    if not token or not constant_time_compare(given, token):
        raise Http404
    registry = CollectorRegistry()
    if os.environ.get(SHARED):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(Jobs())
    return HttpResponse(
        generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4, status=HTTPStatus.OK
    )


class Jobs(Collector):
    """What the workers have before them, read when somebody looks."""

    def collect(self) -> Iterator[Metric]:
        """Jobs by state, the age of the oldest that waits, connections of the database."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY 1")
            jobs = dict(cursor.fetchall())
            cursor.execute(
                """
                SELECT coalesce(extract(epoch FROM now() - min(e.at)), 0)
                FROM procrastinate_jobs j
                JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred'
                WHERE j.status = 'todo' AND coalesce(j.scheduled_at, now()) <= now()
                """
            )
            (oldest,) = cursor.fetchone() or (0,)
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            )
            (connections,) = cursor.fetchone() or (0,)
        by_state = GaugeMetricFamily("zhanggui_jobs", "Jobs by state.", labels=["state"])
        for state in ("todo", "doing", "failed"):
            by_state.add_metric([state], float(jobs.get(state, 0)))
        yield by_state
        yield GaugeMetricFamily(
            "zhanggui_oldest_job_seconds", "How long the oldest due job waits.", float(oldest)
        )
        yield GaugeMetricFamily(
            "zhanggui_database_connections", "Connections to this database.", float(connections)
        )
