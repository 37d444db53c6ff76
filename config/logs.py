"""Structured logs: one line an event; never a phone number, openid, token or message body."""

from __future__ import annotations

import logging
import re
from typing import Any

import structlog

DETAIL = re.compile(r"^([ |]*DETAIL|[ |]*CONTEXT):.*$", re.MULTILINE)
"""PostgreSQL's second line of an error quotes values of the row: phones, openids, names."""


def without_values(
    _logger: Any, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Cut the database's quotations out of tracebacks, tokens in paths out of Django's lines."""
    if "exception" in event:
        event["exception"] = DETAIL.sub(r"\1: left out", event["exception"])
    record = event.get("_record")
    request = getattr(record, "request", None)
    path = getattr(request, "path", "")
    if len(path) > 1 and isinstance(event.get("event"), str):
        match = getattr(request, "resolver_match", None)
        event["event"] = event["event"].replace(path, match.route if match else "-")
    return event


class Lines(structlog.dev.ConsoleRenderer):
    """What structlog's own writes, in a fifth of its time: each request writes a line."""

    def __call__(
        self, logger: structlog.types.WrappedLogger, name: str, event: structlog.types.EventDict
    ) -> str:
        """One line; more only for a traceback."""
        if not event.keys().isdisjoint(_LONG):
            return super().__call__(logger, name, event)
        parts = [str(event.pop("timestamp", "")), f"[{event.pop('level', ''):<9}]"]
        parts.append(str(event.pop("event", "")))
        parts += [f"[{event.pop(key)}]" for key in ("logger", "logger_name") if key in event]
        parts += [f"{key}={_shown(event[key])}" for key in sorted(event)]
        return " ".join(parts)


_LONG = frozenset({"stack", "exception", "exc_info"})
_QUOTED = frozenset(" \t=\r\n\"'")


def _shown(value: object) -> str:
    if isinstance(value, str) and _QUOTED.isdisjoint(value):
        return value
    return repr(value)


class Formatter(structlog.stdlib.ProcessorFormatter):
    """structlog's, with a short way for a plain event of ours: no traceback, no request."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        event = record.msg
        if isinstance(event, dict) and event.keys().isdisjoint(_LONG) and not record.exc_info:
            return str(self.processors[-1](None, "", dict(event)))
        return super().format(record)


def logging_config(*, is_production: bool, logs_requests: bool = True) -> dict[str, Any]:
    """The dictConfig for standard logging; JSON lines in production, readable ones else."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if is_production
        else Lines(colors=False, pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": Formatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.processors.format_exc_info,
                    without_values,
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    final,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "fontTools": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "httpx2": {"level": "WARNING"},
            "procrastinate": {"level": "WARNING"},
            "zhanggui.request": {"level": "INFO" if logs_requests else "WARNING"},
        },
    }
