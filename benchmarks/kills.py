"""``kill -9`` of the web server and of PostgreSQL in the middle of confirms."""

from __future__ import annotations

import json
import random
import re
import socket
import threading
import time
from typing import TYPE_CHECKING

from benchmarks.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.world import Desk, World

CLIENTS = 8
TRIES = 1800  # ten a second: a loaded machine needs its time to start the servers again
BOOKED = "SELECT count(*) FROM ledger_transaction WHERE merchant_id = %(m)s"


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """Ten times: confirms under load, something is killed, everybody tries again."""
    runs, seconds = (2, 6) if is_quick else (10, 30)
    before = world.counted(BOOKED)
    codes = iter(world.live_codes(6_000 if is_quick else 200_000))
    told = Told(codes)
    for run in range(runs):
        _one_run(world, told, seconds, run)
    acknowledged = told.records
    booked = _booked_of(world)
    lost = sum(record not in booked for record in acknowledged.values())
    doubled = len(acknowledged) - len(set(acknowledged.values()))
    extra = world.counted(BOOKED) - before - len(acknowledged)
    return [
        Result("kills.runs", runs, "runs", None, f"{seconds} s each"),
        Result("kills.acknowledged", len(acknowledged), "stamps"),
        Result("kills.lost", lost, "stamps"),
        Result("kills.doubled", doubled, "stamps"),
        Result("kills.booked_without_answer", extra, "stamps", None, "the client gave up waiting"),
        Result("kills.ledger_findings", world.findings(), "findings"),
    ]


def _booked_of(world: World) -> set[int]:
    with world.place.connect() as connection:
        rows = connection.execute(
            "SELECT id FROM stamps_stamprecord WHERE merchant_id = %s", [world.merchant.pk]
        ).fetchall()
    return {int(str(row[0])) for row in rows}


class Told:
    """What the clients were told, over all runs."""

    def __init__(self, codes: Iterator[str]) -> None:
        self._codes = codes
        self._lock = threading.Lock()
        self.records: dict[str, int] = {}

    def next_code(self) -> str:
        """A code nobody else confirms."""
        with self._lock:
            return next(self._codes)

    def keep(self, digits: str, record: int) -> None:
        """An answer has arrived."""
        with self._lock:
            self.records[digits] = record


def _one_run(world: World, told: Told, seconds: float, run: int) -> None:
    from django.db import connections

    connections.close_all()
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_client, args=(world, desk, told, until))
        for desk in world.desks[:CLIENTS]
    ]
    for thread in threads:
        thread.start()
    chance = random.Random(run)
    time.sleep(seconds * (0.3 + 0.4 * chance.random()))
    if run % 2:
        world.place.kill_database()
        world.place.cluster.start()
    else:
        world.place.kill_server()
        world.place.start_server()
    for thread in threads:
        thread.join()


def _client(world: World, desk: Desk, told: Told, until: float) -> None:
    while time.monotonic() < until:
        digits = told.next_code()
        request = desk.confirm(world.place.port, digits, f"kill-{digits}")
        for _ in range(TRIES):  # the reply may be lost: the same key again until it comes
            record = _try(world.place.port, request)
            if record is not None:
                told.keep(digits, record)
                break
            time.sleep(0.1)


def _try(port: int, request: bytes) -> int | None:
    return answer_of(port, request)[1]


def answer_of(port: int, request: bytes) -> tuple[int, int | None]:
    """Status and record of one request on a connection of its own; (0, None): nobody answered."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(request)
            received = b""
            while not _is_whole(received):
                piece = connection.recv(65_536)
                if not piece:
                    return 0, None
                received += piece
    except OSError:
        return 0, None
    status, body = int(received[9:12]), received.split(b"\r\n\r\n", 1)[1]
    if status != 200 or not body.startswith(b"{"):
        return status, None
    return status, int(json.loads(body)["record_id"])


def _is_whole(received: bytes) -> bool:
    head, mark, body = received.partition(b"\r\n\r\n")
    found = re.search(rb"\r\ncontent-length: *(\d+)", head.lower())
    return bool(mark) and (len(body) >= int(found[1]) if found else body.endswith(b"}"))
