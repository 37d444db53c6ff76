"""Kept connections for calls that carry JSON and bring JSON.

A mailing makes 100,000 of them. httpx2 takes 580 microseconds of Python for one, the standard
library 75. Files, and everything behind a proxy, go by httpx2.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2

CONNECT_S, ANSWER_S = 3.0, 6.0
KEPT_FOR_S = 5.0
"""An idle connection is not used after this time: the other side may be closing it."""
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
class _Line:
    connection: HTTPConnection
    idle_since: float = field(default_factory=time.monotonic)

    @property
    def is_good(self) -> bool:
        """Whether it can be used again: young, and the other side has not spoken or closed."""
        sock: socket.socket | None = self.connection.sock
        if sock is None or time.monotonic() - self.idle_since > KEPT_FOR_S:
            return False
        watch = select.poll()
        watch.register(sock, select.POLLIN)
        return not watch.poll(0)


class Lines:
    """Connections of a process, kept from call to call; safe to share between threads."""

    def __init__(self) -> None:
        self._idle: defaultdict[str, deque[_Line]] = defaultdict(deque)

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
        connection = self._taken(base) or self._opened(base)
        try:
            connection.request("POST", f"{urlsplit(base).path}{target}", content, HEADERS)
            answer = connection.getresponse()
            body = answer.read(most + 1)
            if answer.length and len(body) <= most:
                raise IncompleteRead(body, answer.length)
        except (OSError, HTTPException) as error:
            connection.close()
            raise NoAnswer(type(error).__name__) from error
        if answer.will_close or not answer.isclosed():
            connection.close()
        else:
            self._idle[base].append(_Line(connection))
        return Reply(answer.status, body, answer.headers.get("Content-Type", ""))

    def close(self) -> None:
        """Close what is idle."""
        for lines in self._idle.values():
            while lines:
                lines.pop().connection.close()

    def _taken(self, base: str) -> HTTPConnection | None:
        lines = self._idle[base]
        while lines:
            try:
                line = lines.pop()
            except IndexError:  # another thread took the last one
                return None
            if line.is_good:
                return line.connection
            line.connection.close()
        return None

    def _opened(self, base: str) -> HTTPConnection:
        parts = urlsplit(base)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            connection: HTTPConnection = HTTPSConnection(
                host, port, timeout=CONNECT_S, context=self._trust
            )
        else:
            connection = HTTPConnection(host, port, timeout=CONNECT_S)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise NoLine(type(error).__name__) from error
        connection.sock.settimeout(ANSWER_S)
        return connection

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return httpx2.create_ssl_context()


def direct() -> Lines | None:
    """Lines of this process; None behind a proxy."""
    return None if getproxies() else Lines()
