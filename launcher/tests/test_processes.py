"""The supervisor: restarts what fell, ends everything, leaves nothing behind."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from launcher import processes
from launcher.log import Log
from launcher.messages import Stop
from launcher.processes import MARK, Service, Supervisor, end_leftovers

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
WITH_CHILD = (
    "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', "
    "'import time; time.sleep(60)']); print('child', p.pid, flush=True); time.sleep(60)"
)
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('up', flush=True); time.sleep(60)"
)

LAST_WORDS = """
import signal, sys, time
def end(*_order):
    time.sleep({delay_s}); print("{name} down", flush=True); sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(written: io.StringIO) -> Iterator[Supervisor]:
    made = Supervisor(Log(written))
    yield made
    made.stop()


def service(code: str, folder: Path, **environment: str) -> Service:
    settings = dict(os.environ) | environment
    return Service("web", [sys.executable, "-c", code], settings, folder)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class TestSupervisor:
    def test_passes_on_lines_with_a_name(
        self, supervisor: Supervisor, written: io.StringIO, tmp_path: Path
    ) -> None:
        status = supervisor.run(
            Service(
                "demo",
                [sys.executable, "-c", "print('一'); print('two'); raise SystemExit(3)"],
                dict(os.environ),
                tmp_path,
                is_task=True,
            )
        )
        assert status == 3
        assert written.getvalue() == "demo   | 一\ndemo   | two\n"

    def test_restarts_what_was_killed(
        self,
        supervisor: Supervisor,
        written: io.StringIO,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(processes, "FIRST_DELAY_S", 0.05)
        child = supervisor.add(service(SLEEP, tmp_path))
        supervisor.wait_until(lambda: written.getvalue().count("| up") == 1, limit_s=10)
        assert child.process
        child.process.kill()
        supervisor.wait_until(lambda: written.getvalue().count("| up") == 2, limit_s=10)
        assert "SIGKILL" in written.getvalue()
        assert "starts again in 0.05 s" in written.getvalue()

    def test_gives_up_on_what_never_starts(
        self, supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(processes, "FIRST_DELAY_S", 0.01)
        supervisor.add(service("raise SystemExit(1)", tmp_path))
        with pytest.raises(Stop, match="fails again and again"):
            supervisor.wait_until(lambda: False, limit_s=20)

    def test_a_fallen_parent_takes_its_children_along(
        self, supervisor: Supervisor, written: io.StringIO, tmp_path: Path
    ) -> None:
        parent = supervisor.add(service(WITH_CHILD, tmp_path))
        supervisor.wait_until(lambda: "child" in written.getvalue(), limit_s=10)
        pid = int(written.getvalue().split()[-1])
        assert is_alive(pid)
        assert parent.process
        parent.process.kill()
        supervisor.wait_until(lambda: not is_alive(pid), limit_s=10)

    def test_ends_the_stubborn_too(
        self,
        supervisor: Supervisor,
        written: io.StringIO,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(processes, "STOP_S", 0.3)
        child = supervisor.add(service(STUBBORN, tmp_path))
        supervisor.wait_until(lambda: "| up" in written.getvalue(), limit_s=10)
        process = child.process
        supervisor.stop()
        assert process
        assert process.returncode == -9

    def test_waits_for_all_at_once(
        self,
        supervisor: Supervisor,
        written: io.StringIO,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(processes, "STOP_S", 1.0)
        for _program in range(3):
            supervisor.add(service(STUBBORN, tmp_path))
        supervisor.wait_until(lambda: written.getvalue().count("| up") == 3, limit_s=20)
        began = time.monotonic()
        supervisor.stop()
        assert 1.0 < time.monotonic() - began < 2.0

    def test_ends_a_base_after_those_who_use_it(
        self, supervisor: Supervisor, written: io.StringIO, tmp_path: Path
    ) -> None:
        for name, delay_s in (("base", 0), ("user", 0.4)):
            program = service(LAST_WORDS.format(name=name, delay_s=delay_s), tmp_path)
            supervisor.add(replace(program, is_base=name == "base"))
        supervisor.wait_until(lambda: written.getvalue().count("up") == 2, limit_s=10)
        supervisor.stop()
        assert written.getvalue().index("user down") < written.getvalue().index("base down")

    def test_ends_when_nobody_reads(self, tmp_path: Path) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "w", encoding="utf-8") as target:  # noqa: PTH123
            supervisor = Supervisor(Log(target))
            supervisor.add(service(SLEEP, tmp_path))
            with pytest.raises(processes.Interrupted):
                supervisor.wait_until(lambda: False, limit_s=10)
            supervisor.stop()
            os.dup2(os.open(os.devnull, os.O_WRONLY), writer)


class TestLeftovers:
    def test_are_known_by_their_mark_only(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", SLEEP]
        ours, other = (
            subprocess.Popen(
                command, env=dict(os.environ) | {MARK: str(tmp_path / name)}, stdout=subprocess.PIPE
            )
            for name in ("ours", "other")
        )
        with ours, other:
            for process in (ours, other):
                assert process.stdout
                process.stdout.readline()
            began = time.monotonic()
            assert end_leftovers(str(tmp_path / "ours")) == 1
            assert ours.wait(5) == -15
            assert time.monotonic() - began < 5
            assert other.poll() is None
            other.kill()
