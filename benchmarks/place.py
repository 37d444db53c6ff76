"""A database server, a database and the web server, as the launcher starts them."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from launcher.environment import web, worker
from launcher.postgres import Cluster

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "zhanggui"
READY_S = 120.0


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Place:
    """Everything a measurement runs on; gone when it ends."""

    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="zhanggui-bench-")))
    port: int = field(default_factory=free_port)
    cluster: Cluster = field(init=False)
    server: subprocess.Popen[bytes] | None = None
    worker: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.home.chmod(0o755)
        self.cluster = Cluster(
            self.home / "postgres",
            password=secrets.token_urlsafe(16),
            settings={"max_connections": "300"},
        )

    @property
    def url(self) -> str:
        return self.cluster.url(DATABASE)

    def environment(self) -> dict[str, str]:
        """The settings of the product."""
        key = base64.b64encode(b"only for benchmarks, 32 bytes ok").decode()
        return {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": self.url,
            "ZHANGGUI_MODE": "demo",
            "ZHANGGUI_VAR": str(self.home / "var"),
            "ZHANGGUI_BASE_URL": f"http://127.0.0.1:{self.port}",
            "ZHANGGUI_SECRET_KEY": "only-for-benchmarks-" + "x" * 30,
            "ZHANGGUI_KEY_RING": f"1:{key}",
            "ZHANGGUI_SLOW_STATEMENT_MS": "60000",  # filling takes long
        }

    def start(self) -> None:
        """Start PostgreSQL, make the database, load Django into this process."""
        self.cluster.start()
        with psycopg.connect(self.cluster.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')
        os.environ.update(self.environment())
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0, interactive=False)

    def start_server(self) -> None:
        """Start the web server with the launcher's own command line and wait for it."""
        self.server = subprocess.Popen(
            web("127.0.0.1", self.port),
            cwd=ROOT,
            env=os.environ | self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + READY_S
        while self.server.poll() is None and time.monotonic() < until:
            if self._is_ready():
                return
            time.sleep(0.05)
        message = "the web server did not start"
        raise RuntimeError(message)

    def _is_ready(self) -> bool:
        # listening is not enough: the first answer waits for Django to load
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/healthz", timeout=5
            ) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill_server(self) -> None:
        """``kill -9`` of the web server with all its processes."""
        if self.server is not None:
            os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait()
            self.server = None

    def start_worker(self) -> None:
        """Start a worker with the launcher's own command line."""
        self.worker = subprocess.Popen(
            worker(),
            cwd=ROOT,
            env=os.environ | self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill_worker(self) -> None:
        """``kill -9`` of the worker."""
        if self.worker is not None:
            os.killpg(self.worker.pid, signal.SIGKILL)
            self.worker.wait()
            self.worker = None

    def kill_database(self) -> None:
        """``kill -9`` of PostgreSQL."""
        process = self.cluster.process
        if process is not None:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """End everything."""
        from django.db import connections

        connections.close_all()
        self.kill_server()
        self.kill_worker()
        self.cluster.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A plain connection for counting and filling."""
        return psycopg.connect(self.url, autocommit=True)
