"""A light load generator: many connections, one thread, no library between it and the socket.

It shares the machine with what it measures, so every microsecond of its own is a false one.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

END = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass(slots=True)
class Outcome:
    """What a run brought."""

    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    answers: list[tuple[int, int, bytes]] = field(default_factory=list)
    """(connection, status, body), kept only when asked for."""
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies_ms) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """The latency below which this share of answers lies."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


@dataclass(slots=True)
class _Line:
    number: int
    socket: socket.socket
    requests: Iterator[bytes]
    received: bytes = b""
    sent_at: float = 0.0


def run(
    port: int, plans: Sequence[Iterator[bytes]], *, keep: bool = False, host: str = "127.0.0.1"
) -> Outcome:
    """Send each plan's requests one after the other over its own connection, all at once."""
    outcome = Outcome()
    selector = selectors.DefaultSelector()
    lines = []
    for number, plan in enumerate(plans):
        connection = socket.create_connection((host, port), timeout=60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines.append(_Line(number, connection, plan))
    began = time.perf_counter()
    open_lines = 0
    for line in lines:
        if _send_next(line):
            selector.register(line.socket, selectors.EVENT_READ, line)
            open_lines += 1
    while open_lines:
        for key, _events in selector.select(timeout=60):
            line = key.data
            if _receive(line, outcome, keep=keep) and not _send_next(line):
                selector.unregister(line.socket)
                open_lines -= 1
    outcome.seconds = time.perf_counter() - began
    for line in lines:
        line.socket.close()
    return outcome


def _send_next(line: _Line) -> bool:
    request = next(line.requests, None)
    if request is None:
        return False
    line.sent_at = time.perf_counter()
    line.socket.sendall(request)
    return True


def _receive(line: _Line, outcome: Outcome, *, keep: bool) -> bool:
    piece = line.socket.recv(262_144)
    if not piece:
        raise ConnectionError("the server closed the connection")
    line.received += piece
    head, mark, body = line.received.partition(END)
    if not mark:
        return False
    lowered = head.lower()
    at = lowered.find(LENGTH)
    if at >= 0:
        length = int(lowered[at + len(LENGTH) :].split(b"\r\n", 1)[0])
        if len(body) < length:
            return False
    elif not body.endswith(b"0" + END):  # chunked
        return False
    outcome.latencies_ms.append((time.perf_counter() - line.sent_at) * 1000)
    status = int(line.received[9:12])
    outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
    if keep:
        outcome.answers.append((line.number, status, body))
    line.received = b""
    return True


def post(port: int, path: str, *, cookies: str, csrf: str, fields: str, key: str = "") -> bytes:
    """The bytes of a form sent by the manager's page."""
    body = fields.encode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Accept: application/json",
        "Content-Type: application/x-www-form-urlencoded",
        f"Cookie: {cookies}",
        f"X-CSRFToken: {csrf}",
        f"Idempotency-Key: {key}",
        "User-Agent: Mozilla/5.0 (iPhone) MicroMessenger/8.0.50",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + END + body


def get(port: int, path: str, *, cookies: str) -> bytes:
    """The bytes of a page request."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Accept: text/html",
        f"Cookie: {cookies}",
        "User-Agent: Mozilla/5.0 (iPhone) MicroMessenger/8.0.50",
    ]
    return "\r\n".join(lines).encode() + END
