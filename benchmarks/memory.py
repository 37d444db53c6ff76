"""How much memory the whole demo takes: web, worker, sandbox, PostgreSQL, launcher."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.place import ROOT, free_port
from benchmarks.results import Result

READY_S = 300
AT_MOST_MB = 700


def measure() -> list[Result]:
    """Start a demo of its own, open a few pages, add up what its processes hold."""
    with tempfile.TemporaryDirectory(prefix="zhanggui-bench-") as folder:
        Path(folder).chmod(0o755)
        port, sandbox_port = free_port(), free_port()
        demo = subprocess.Popen(
            [
                *(sys.executable, "-m", "launcher", "demo"),
                *("--port", str(port), "--sandbox-port", str(sandbox_port)),
            ],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if not k.startswith(("ZHANGGUI_", "DATABASE"))}
            | {"ZHANGGUI_VAR": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait(f"http://127.0.0.1:{port}/readyz")
            for path in ("/login", "/", "/healthz") * 5:
                _open(f"http://127.0.0.1:{port}{path}")
            megabytes = sum(_proportional_kb(pid) for pid in _family(demo.pid)) / 1024
        finally:
            os.killpg(demo.pid, signal.SIGINT)
            try:
                demo.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(demo.pid, signal.SIGKILL)
    return [
        Result(
            "demo.memory", megabytes, "MB", megabytes / AT_MOST_MB, f"the {AT_MOST_MB} MB allowed"
        )
    ]


def _wait(url: str) -> None:
    until = time.monotonic() + READY_S
    while not _open(url):
        if time.monotonic() > until:
            message = "the demo did not start"
            raise RuntimeError(message)
        time.sleep(0.5)


def _open(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  our own address
            return bool(response.status == 200)
    except urllib.error.HTTPError:
        return False
    except OSError:
        return False


def _family(root: int) -> list[int]:
    """A process and everything below it."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(status.parent.name)] = int(fields[1])
    found, grew = {root}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return sorted(found)


def _proportional_kb(pid: int) -> int:
    """Memory of one process, shared pages divided among those who share them."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) if found else 0
