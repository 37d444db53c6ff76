"""The demo as a person runs it: with its own PostgreSQL, through every kind of end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from launcher.environment import Addresses
from launcher.paths import ROOT
from launcher.ports import answers
from launcher.processes import _marked
from tests.plugins.product import free_port

pytestmark = pytest.mark.timeout(400)
STARTS_S = 150.0
CHANGED = "zhanggui/stamps/migrations/0001_initial.py"


@dataclass
class Demo:
    """A demo in a folder of its own, started and ended from outside."""

    var: Path
    addresses: Addresses = field(default_factory=lambda: Addresses(free_port(), free_port()))
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + STARTS_S
        while "Zhanggui is ready" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def try_another(self) -> str:
        done = subprocess.run(
            self.command(), env=self.environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        return done.stderr

    def command(self) -> list[str]:
        ports = (
            *("--port", str(self.addresses.port)),
            *("--sandbox-port", str(self.addresses.sandbox_port)),
        )
        return [sys.executable, "-P", "-m", "launcher", "demo", "--without-data", *ports]

    def environment(self) -> dict[str, str]:
        settings = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        ours = {"ZHANGGUI_VAR": str(self.var), "ZHANGGUI_WEB_PROCESSES": "1", "NO_COLOR": "1"}
        return settings | ours

    def end(self, order: signal.Signals) -> int:
        assert self.process
        self.process.send_signal(order)
        return self.process.wait(30)

    @property
    def log(self) -> Path:
        return self.var / "log"

    @property
    def status(self) -> int:
        return answers("127.0.0.1", self.addresses.port, "/readyz")

    def postmaster(self) -> int:
        text = next(self.var.glob("postgresql/data/postmaster.pid")).read_text()
        return int(text.split("\n")[0])


@pytest.fixture
def demo() -> Iterator[Demo]:
    # Not below pytest's own folder: every pytest that starts shuts it to root's PostgreSQL.
    with tempfile.TemporaryDirectory(prefix="zhanggui-demo-") as folder:
        var = Path(folder)
        var.chmod(0o755)
        made = Demo(var)
        yield made
        if made.process and made.process.poll() is None:
            made.end(signal.SIGTERM)


class TestDemo:
    def test_survives_every_kind_of_end(self, demo: Demo) -> None:
        demo.start()
        assert demo.status == 200
        assert "A demo runs already" in demo.try_another()

        os.kill(demo.postmaster(), signal.SIGKILL)
        assert demo.end(signal.SIGKILL) == -9

        demo.start()
        assert demo.status == 200

        for pid in [*_marked(str(demo.var)), demo.postmaster()]:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + STARTS_S
        while demo.status != 200:
            assert time.monotonic() < deadline, demo.log.read_text()
            time.sleep(0.1)

        assert demo.end(signal.SIGINT) == 0
        assert _marked(str(demo.var)) == []
        assert demo.status == 0
        assert "Traceback" not in demo.log.read_text()

        record = demo.var / "postgresql" / "migrations.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | {CHANGED: "another"}))
        assert "make demo-reset" in demo.try_another(), "tables of another version"
