"""What the operation sees: figures for those with the token, slow statements without values."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from zhanggui.core.metrics import SLOW, SlowStatements

TOKEN = {"Authorization": "Bearer red-seal"}


def figure(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} ([\d.e+-]+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.django_db
@pytest.mark.spec("platform P49")
def test_requests_are_counted_by_route(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = "red-seal"
    name = 'zhanggui_requests_total{method="GET",route="m/<slug:merchant>/",status="302"}'
    before = figure(client.get("/metrics", headers=TOKEN).content.decode(), name)

    client.get("/m/some-shop-of-somebody/")

    text = client.get("/metrics", headers=TOKEN).content.decode()
    assert figure(text, name) == before + 1
    assert "some-shop-of-somebody" not in text
    assert 'zhanggui_jobs{state="failed"} 0.0' in text
    assert figure(text, "zhanggui_database_connections") >= 1
    assert "zhanggui_oldest_job_seconds 0.0" in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "given"),
    [("", TOKEN), ("", {}), ("red-seal", {}), ("red-seal", {"Authorization": "Bearer x"})],
)
def test_strangers_find_nothing(
    client: Client, settings: Settings, token: str, given: dict[str, str]
) -> None:
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", headers=given).status_code == 404


@pytest.mark.django_db
@pytest.mark.spec("platform P49")
def test_slow_statements_are_logged_without_values(caplog: pytest.LogCaptureFixture) -> None:
    before = SLOW._value.get()
    with (
        connection.execute_wrapper(SlowStatements(limit_ms=200)),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT pg_sleep(0.25), %s", ["13800138000"])
        cursor.execute("SELECT %s", ["quick"])
    assert SLOW._value.get() == before + 1
    logged = caplog.text
    assert "pg_sleep" in logged
    assert "13800138000" not in logged


def test_a_new_connection_is_watched_once_however_often_it_is_made(race_db: str) -> None:
    for _ in range(3):
        connection.close()
        connection.ensure_connection()
    watching = [one for one in connection.execute_wrappers if isinstance(one, SlowStatements)]
    assert len(watching) == 1
