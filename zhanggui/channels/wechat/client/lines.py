"""Kept connections for calls that carry JSON and bring JSON.

A mailing makes 100,000 of them, and httpx2 takes twice the processor time of urllib3 for one.
Files, and everything behind a proxy, go by httpx2.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from ssl import SSLContext
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

CONNECT_S, ANSWER_S = 3.0, 6.0
KEPT_FOR_S = 5.0
"""Idle connections are not used after this time: a firewall on the way may have dropped them."""
MOST_KEPT = 40
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class NoLine(Exception):
    """There is no connection: nothing was sent."""


class NoAnswer(Exception):
    """What was sent may have arrived; nobody knows."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whole."""

    status: int
    content: bytes
    content_type: str = ""


@dataclass(slots=True)
class _Kept:
    pool: HTTPConnectionPool
    path: str
    """What the address of the server has behind its host."""
    used_at: float = field(default_factory=time.monotonic)


class Lines:
    """Connections of a process, kept from call to call; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def post(self, base: str, target: str, content: bytes, *, most: int) -> Reply:
        """Send JSON and wait for what comes back.

        Args:
            base: the server with its first part of the path, ``https://api.weixin.qq.com``.
            target: path and query behind it.
            content: the body.
            most: bytes that are read of an answer; of a longer one as many and one more.

        Raises:
            NoLine: no connection within 3 s.
            NoAnswer: it broke off, or there was no answer within 6 s.
        """
        kept = self._to(base)
        try:
            answer = kept.pool.urlopen(
                "POST",
                f"{kept.path}{target}",
                body=content,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = answer.read(most + 1)
        except (NewConnectionError, ConnectTimeoutError) as error:
            raise NoLine(type(error).__name__) from error
        except HTTPError as error:
            raise NoAnswer(type(error).__name__) from error
        if len(body) > most:
            answer.close()
        answer.release_conn()
        return Reply(answer.status, body, answer.headers.get("Content-Type", ""))

    def close(self) -> None:
        """Close what is idle."""
        for kept in self._kept.values():
            kept.pool.close()
        self._kept.clear()

    def _to(self, base: str) -> _Kept:
        kept, now = self._kept.get(base), time.monotonic()
        if kept is None or now - kept.used_at > KEPT_FOR_S:
            if kept is not None:
                kept.pool.close()  # what is in use goes on, and is closed when it comes back
            kept = self._kept[base] = self._opened(base)
        kept.used_at = now
        return kept

    def _opened(self, base: str) -> _Kept:
        parts = urlsplit(base)
        host, timeout = parts.hostname or "", Timeout(connect=CONNECT_S, read=ANSWER_S)
        if parts.scheme == "https":
            pool: HTTPConnectionPool = HTTPSConnectionPool(
                host,
                parts.port,
                timeout=timeout,
                maxsize=MOST_KEPT,
                headers=HEADERS,
                ssl_context=self._trust,
            )
        else:
            pool = HTTPConnectionPool(
                host, parts.port, timeout=timeout, maxsize=MOST_KEPT, headers=HEADERS
            )
        return _Kept(pool, parts.path)

    @cached_property
    def _trust(self) -> SSLContext:
        return httpx2.create_ssl_context()


def direct() -> Lines | None:
    """Lines of this process; None behind a proxy."""
    return None if getproxies() else Lines()
