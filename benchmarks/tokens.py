"""How often WeChat is asked when 200 callers in four processes need a new token at one moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.results import Result

if TYPE_CHECKING:
    from benchmarks.world import World

PROCESSES, THREADS = 4, 50
SLOW_S = 0.3
ROOT = Path(__file__).resolve().parent.parent


class _Wechat(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012  one list for the whole run is meant

    def do_POST(self) -> None:
        """Hand out a token after a while."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(self.path)
        time.sleep(SLOW_S)
        body = json.dumps({"access_token": f"token-{len(self.asked)}", "expires_in": 7200}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """Real processes with real threads against one PostgreSQL and one slow WeChat."""
    _Wechat.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Wechat)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        waits = _ask(world, server.server_address[1])
    finally:
        server.shutdown()
    waits.sort()
    return [
        Result("tokens.callers", len(waits), "callers", None, f"{PROCESSES} processes"),
        Result("tokens.asked", len(_Wechat.asked), "calls", None, "must be 1"),
        Result("tokens.wait.max", waits[-1] * 1000, "ms", None, f"WeChat: {SLOW_S * 1000:.0f}"),
    ]


def _ask(world: World, port: int) -> list[float]:
    begin_at = time.time() + 8  # all processes have loaded Django by then
    environment = os.environ | world.place.environment()
    environment["ZHANGGUI_WECHAT_API_URL"] = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "benchmarks.tokens", str(world.account.pk), str(begin_at)]
    children = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _number in range(PROCESSES)
    ]
    waits: list[float] = []
    for child in children:
        try:
            out, _err = child.communicate(timeout=120)
        finally:
            child.kill()
        if child.returncode:
            message = "a process of callers failed"
            raise RuntimeError(message)
        waits += json.loads(out.splitlines()[-1])
    return waits


def child(account_id: int, begin_at: float) -> list[float]:
    """What one process does: all its threads ask at the same moment."""
    import django

    django.setup()
    from django.db import connection

    from zhanggui.channels.wechat import tokens

    barrier = threading.Barrier(THREADS)

    def ask(_number: int) -> float:
        try:
            connection.ensure_connection()
        except Exception:
            barrier.abort()
            raise
        barrier.wait(timeout=60)
        time.sleep(max(0.0, begin_at - time.time()))
        began = time.perf_counter()
        try:
            tokens.access_token(account_id)
        finally:
            connection.close()
        return time.perf_counter() - began

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(ask, range(THREADS)))


if __name__ == "__main__":
    print(json.dumps(child(int(sys.argv[1]), float(sys.argv[2]))))
