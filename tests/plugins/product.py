"""The whole product as real processes, started by the very command people use.

``live_product`` is empty and lasts for the whole run, on free ports, in a database and a folder of
its own.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.env import parse_key_ring
from launcher.environment import Addresses, demo_environment
from launcher.paths import ROOT
from launcher.ports import answers
from launcher.processes import end_with_parent
from launcher.secretfile import demo_secrets
from tests.plugins.database import DatabaseServer

STARTED_S = 90.0
STOPPED_S = 30.0


LISTEN = """
import contextlib, io, json, os, sys, traceback
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what is logged goes elsewhere
for line in sys.stdin:
    printed, problem = io.StringIO(), ""
    with contextlib.redirect_stdout(printed):
        try:
            exec(json.loads(line), {})
        except BaseException:
            problem = traceback.format_exc()
    print(json.dumps([printed.getvalue(), problem]), file=answers, flush=True)
"""


class Shell:
    """Python with a product's settings, started when it is first needed: a start takes seconds."""

    def __init__(self, settings: Callable[[], dict[str, str]]) -> None:
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None

    def run(self, code: str) -> str:
        """Run code in a namespace of its own; answers what it prints."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "shell", "-v", "0", "-c", LISTEN],
                cwd=ROOT,
                env=self._settings(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        printed, problem = json.loads(self._process.stdout.readline())
        assert not problem, printed + problem
        return str(printed)

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.communicate(timeout=STOPPED_S)


@dataclass(frozen=True)
class LiveProduct:
    """A running product with its sandbox."""

    addresses: Addresses
    database_url: str
    var: Path
    process: subprocess.Popen[bytes]
    shell: Shell

    @property
    def url(self) -> str:
        """Address of the product, without a slash at its end."""
        return self.addresses.product

    @property
    def sandbox_url(self) -> str:
        """Address of the sandbox, without a slash at its end."""
        return self.addresses.sandbox

    @property
    def key_ring(self) -> dict[int, bytes]:
        """The keys its secrets are sealed with."""
        return parse_key_ring(demo_secrets(self.var).key_ring)

    def run(self, code: str) -> str:
        """Run Python code in the product's settings; answers what it prints."""
        return self.shell.run(code)

    def log(self) -> str:
        """Everything the programs have written so far."""
        return (self.var / "log").read_text(encoding="utf-8", errors="replace")


def free_port() -> int:
    """A port nobody listens on just now."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def run_product(var: Path, database_url: str) -> Iterator[LiveProduct]:
    """Start the product, wait until it is ready, end it afterwards."""
    addresses = Addresses(free_port(), free_port())
    settings = {"DATABASE_URL": database_url, "ZHANGGUI_VAR": str(var), "NO_COLOR": "1"}
    with (var / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "launcher", "demo"),
                *("--port", str(addresses.port), "--sandbox-port", str(addresses.sandbox_port)),
                "--without-data",
            ],
            cwd=ROOT,
            env=dict(os.environ) | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent(signal.SIGTERM),
        )

    def known() -> dict[str, str]:
        return demo_environment(var, demo_secrets(var), database_url, addresses)

    product = LiveProduct(addresses, database_url, var, process, Shell(known))
    try:
        _wait_ready(product)
        yield product
    finally:
        product.shell.close()
        process.terminate()
        try:
            process.wait(STOPPED_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_ready(product: LiveProduct) -> None:
    deadline = time.monotonic() + STARTED_S
    while "Zhanggui is ready" not in product.log():
        if product.process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the product did not start:\n{product.log()[-4000:]}")
        time.sleep(0.1)
    assert answers("127.0.0.1", product.addresses.port, "/readyz") == 200


@pytest.fixture(scope="session")
def live_product(
    database_server: DatabaseServer, test_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveProduct]:
    """Web, worker and sandbox with an empty database."""
    assert test_database  # the template is there
    name = f"zhanggui_{database_server.run}_live_{secrets.token_hex(4)}"
    database_server.copy(name)
    try:
        url = database_server.url(name)
        with run_product(tmp_path_factory.mktemp("product"), url) as product:
            yield product
    finally:
        database_server.drop(name)
