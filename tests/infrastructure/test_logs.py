"""What reaches the log: never a value of a row, never a token of an address."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest
import structlog
from django.test import RequestFactory
from django.urls import resolve

from config.logs import Formatter, Lines, logging_config

DUPLICATE = (
    'duplicate key value violates unique constraint "x"\nDETAIL:  Key (openid)=(oLVPpjqs9Bhv)'
)


@pytest.fixture(params=[True, False], ids=["production", "demo"])
def line(request: pytest.FixtureRequest) -> logging.Formatter:
    """The formatter of the one handler there is."""
    before = structlog.get_config()
    made = logging_config(is_production=request.param)["formatters"]["line"]
    structlog.configure(**before)
    return Formatter(processors=made["processors"], foreign_pre_chain=made["foreign_pre_chain"])


def test_tracebacks_do_not_quote_rows(line: logging.Formatter) -> None:
    try:
        raise LookupError(DUPLICATE)
    except LookupError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "broken", (), sys.exc_info())

    written = line.format(record)

    assert "oLVPpjqs9Bhv" not in written
    assert "violates unique constraint" in written
    assert "DETAIL: left out" in written


def test_lines_of_django_name_the_route(line: logging.Formatter) -> None:
    request = RequestFactory().get("/w/tea/cards/865ap8qx3jacxdfay7zjxg3am2/")
    request.resolver_match = resolve(request.path)
    record = logging.LogRecord(
        "django.request", logging.ERROR, "x.py", 1, "Broken: %s", (request.path,), None
    )
    record.request = request

    written = line.format(record)

    assert "865ap8qx3jacxdfay7zjxg3am2" not in written
    assert "Broken: w/<slug:merchant>/cards/<slug:token>/" in written


@pytest.mark.parametrize(
    "event",
    [
        {"event": "request", "route": "staff/confirm", "status": 200, "took_ms": 1.5},
        {"event": "refused", "reason": "no such code", "who": None, "sign": "a=b"},
        {"event": "broken", "exception": "Traceback ...", "at": "x"},
    ],
    ids=["request", "quoted", "traceback"],
)
def test_demo_lines_are_those_of_structlog(event: dict[str, Any]) -> None:
    head = {"timestamp": "2026-11-22T06:00:00Z", "level": "info", "logger": "zhanggui.request"}
    theirs = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    ours = Lines(colors=False, pad_event_to=0)

    assert ours(None, "", head | event) == theirs(None, "", head | event)


def test_the_short_way_of_the_formatter_writes_the_same(line: logging.Formatter) -> None:
    event = {"event": "request", "level": "info", "status": 200}
    whole = structlog.stdlib.ProcessorFormatter(
        processors=line.processors,  # type: ignore[attr-defined]
    )
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, event, (), None)
    record._logger, record._name = None, "info"

    assert line.format(record) == whole.format(record)


def test_lines_of_requests_can_be_left_out() -> None:
    levels = [
        logging_config(is_production=False, logs_requests=wanted)["loggers"]["zhanggui.request"]
        for wanted in (True, False)
    ]

    assert levels == [{"level": "INFO"}, {"level": "WARNING"}]
