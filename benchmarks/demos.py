"""A demo of its own for a measurement: started by the launcher, with its data, gone at the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.place import ROOT, free_port

READY_S = 300
FILLED_S = 1800


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    var: Path
    port: int
    sandbox_port: int
    pid: int
    """Of the launcher; every program of the demo stands below it."""

    def processes(self) -> list[int]:
        """The launcher and everything below it."""
        return _family(self.pid)

    def web_processes(self) -> list[int]:
        """Those that answer requests, without the one that watches them."""
        granian = [pid for pid in self.processes() if "granian" in _command(pid)]
        return [pid for pid in granian if _parent(pid) in granian]

    def wait_until_filled(self) -> None:
        """Wait for the whole of the demo's data.

        Raises:
            RuntimeError: they could not be made.
        """
        until = time.monotonic() + FILLED_S
        while (step := self._step()) != "done":
            if step == "failed" or time.monotonic() > until:
                message = f"the demo's data were not made: {step}"
                raise RuntimeError(message)
            time.sleep(0.5)

    def _step(self) -> str:
        try:
            return str(json.loads((self.var / "demo-progress.json").read_text())["step"])
        except (OSError, ValueError):
            return ""


@contextmanager
def running() -> Iterator[Demo]:
    """Start a demo in an empty folder and wait until its pages open; end it afterwards."""
    with tempfile.TemporaryDirectory(prefix="zhanggui-bench-") as folder:
        Path(folder).chmod(0o755)
        port, sandbox_port = free_port(), free_port()
        process = subprocess.Popen(
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
            yield Demo(Path(folder), port, sandbox_port, process.pid)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def is_open(url: str) -> bool:
    """Whether an address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  our own address
            return bool(response.status == 200)
    except urllib.error.HTTPError:
        return False
    except OSError:
        return False


def proportional_mb(pid: int) -> float:
    """Memory of one process, shared pages divided among those who share them."""
    return _memory(pid, "Pss")


def resident_mb(pid: int) -> float:
    """Memory of one process, shared pages in full: what ``top`` and a limit of systemd see."""
    return _memory(pid, "Rss")


def _memory(pid: int, kind: str) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(rf"^{kind}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) / 1024 if found else 0.0


def _wait(url: str) -> None:
    until = time.monotonic() + READY_S
    while not is_open(url):
        if time.monotonic() > until:
            message = "the demo did not start"
            raise RuntimeError(message)
        time.sleep(0.5)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _parent(pid: int) -> int:
    """The process that started another; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _family(root: int) -> list[int]:
    """A process and everything below it."""
    parents = {
        int(folder.name): _parent(int(folder.name)) for folder in Path("/proc").glob("[0-9]*")
    }
    found, grew = {root}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return sorted(found)
