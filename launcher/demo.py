"""``zhanggui demo``: the whole installation on one machine, from nothing to a printed address."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from launcher import environment as settings
from launcher.database import require_database
from launcher.environment import HOST, Addresses
from launcher.log import Log
from launcher.messages import Stop
from launcher.paths import ROOT, require_writable, var_directory
from launcher.ports import answers, require_free_port
from launcher.postgres import Cluster, home_within_reach, server_environment
from launcher.processes import MARK, Interrupted, Service, Supervisor, end_leftovers
from launcher.secretfile import demo_secrets

READY_S = 180.0  # for slow machines; what fails is noticed long before
DATA_COMMAND = ROOT / "demo" / "management" / "commands" / "demo_data.py"
SANDBOX_DATA = "sandbox.sqlite3"
RESETTABLE = (f"{SANDBOX_DATA}*", "demo*.json")
SHOWN_SIGN_INS = 12
RECORD = "migrations.json"
OLD_RECORD = "migrated"
"""What versions before the record kept: one sum of everything."""
REQUIRED = "requirements/run.txt"


@dataclass(frozen=True)
class Options:
    """What a person may choose for a demo."""

    addresses: Addresses
    has_data: bool = True
    starts_over: bool = False


def run_demo(options: Options) -> int:
    """Run the demo until somebody ends it; answers the process status.

    Raises:
        Stop: something is in the way that a person must move.
    """
    var = var_directory()
    require_writable(var)
    log = Log()
    with _only_one(var, options.addresses):
        if end_leftovers(str(var)):
            log.say("已清理上次遗留的进程。 Ended what an earlier run had left behind.")
        if options.starts_over:
            _start_over(var)
        _require_ports(options.addresses)
        demo = Demo(options, var, log)
        try:
            demo.start()
            demo.supervisor.watch()
        except Interrupted:
            log.say("\n正在停止…… Stopping...")
        finally:
            demo.supervisor.stop()
    log.say("已停止，数据保留在 " + f"{var}。 Stopped; the data stay there.")
    return 0


class Demo:
    """The programs of a running demo."""

    def __init__(self, options: Options, var: Path, log: Log) -> None:
        self.options = options
        self.var = var
        self.log = log
        self.secrets = demo_secrets(var)
        self.supervisor = Supervisor(log)
        self.supervisor.listen_to_signals()
        self.cluster: Cluster | None = None
        self.environment: dict[str, str] = {}

    def start(self) -> None:
        """Start everything in order and say when it can be used."""
        began = time.monotonic()
        database_url = os.environ.get("DATABASE_URL") or self._start_postgres()
        addresses = self.options.addresses
        self.environment = settings.demo_environment(
            self.var, self.secrets, database_url, addresses
        ) | {MARK: str(self.var)}
        require_database(database_url)
        self._migrate()
        data = self.var / SANDBOX_DATA
        self.supervisor.add(
            Service(
                "web",
                settings.web(HOST, addresses.port),
                self.environment | settings.shared_metrics(self.var),
                ROOT,
            )
        )
        self._add("wechat", settings.sandbox(addresses, data))
        # The worker waits for its turn: on a small machine the first page would wait for it.
        self._wait_for(addresses.port, "/readyz")
        self._add("jobs", settings.worker())
        self._wait_for(addresses.sandbox_port, "/")
        self._make_data()
        self._show(time.monotonic() - began)

    def _wait_for(self, port: int, path: str) -> None:
        self.supervisor.wait_until(
            lambda: answers(HOST, port, path) == HTTPStatus.OK, limit_s=READY_S
        )

    def _start_postgres(self) -> str:
        cluster = cluster_of_demo(self.var, self.secrets.database_password)
        self.cluster = cluster
        cluster.prepare()
        child = self.supervisor.add(
            Service(
                name="db",
                command=cluster.command(),
                environment=server_environment(),
                folder=Path("/"),
                stop_order=signal.SIGINT,
                is_base=True,
                options=cluster.account.spawn_options() if cluster.account else {},
                before=cluster.prepare,
            )
        )
        self.supervisor.wait_until(cluster.is_ready, limit_s=READY_S)
        cluster.ensure_database()
        child.failures = 0
        return cluster.url()

    def _migrate(self) -> None:
        """Bring the schema up to date; our own database remembers what it was brought to."""
        record = Record(self.cluster.home) if self.cluster else None
        wanted = sums_of_migrations()
        if record and record.is_of(wanted):
            return
        if record and record.is_of_another_version(wanted):
            raise Stop(
                "这个演示的数据是另一个版本的程序建立的，数据表不一样，这个版本用不了。"
                "请运行 make demo-reset 重新生成（会删除演示里的数据）。",
                "Another version made this demo's data, and its tables are not this version's. "
                "Run make demo-reset to make it anew (what is in the demo is deleted).",
            )
        self.log.say("更新数据库结构…… Bringing the database up to date...")
        if self._run("db", settings.manage("migrate", "--noinput", "--verbosity", "0")):
            raise Stop(
                "数据库结构更新失败，原因见上面的日志。",
                "The database could not be brought up to date; the log above says why.",
            )
        if record:
            record.write(wanted)

    def _make_data(self) -> None:
        if not self.options.has_data or not DATA_COMMAND.exists():
            return
        if not (self.var / "demo.json").exists():
            self.log.say(
                f"正在生成演示数据，页面已可打开：{self.options.addresses.product}/ "
                "Making the demo's data; the page can be opened already."
            )
        if self._run("demo", settings.manage("demo_data")):
            self.log.say(
                "演示数据没有全部生成，原因见上面的日志。 "
                "Not all demo data were made; the log above says why."
            )

    def _add(self, name: str, command: list[str]) -> None:
        self.supervisor.add(Service(name, command, self.environment, ROOT))

    def _run(self, name: str, command: list[str]) -> int:
        return self.supervisor.run(Service(name, command, self.environment, ROOT, is_task=True))

    def _show(self, seconds: float) -> None:
        addresses = self.options.addresses
        lines = [
            f"掌柜已就绪（{seconds:.1f} 秒）  Zhanggui is ready ({seconds:.1f} s)",
            f"  商家后台  product   {addresses.product}/",
            f"  微信沙箱  WeChat    {addresses.sandbox}/",
            *_sign_ins(self.var / "demo.json"),
            "  按 Ctrl-C 停止，数据会保留  Ctrl-C ends it, the data stay",
        ]
        rule = "─" * 72
        self.log.say("\n".join(["", rule, *lines, rule]))


def cluster_of_demo(var: Path, password: str) -> Cluster:
    """The demo's own PostgreSQL."""
    return Cluster(home_within_reach(var / "postgresql"), password=password)


@contextlib.contextmanager
def _only_one(var: Path, addresses: Addresses) -> Iterator[None]:
    """Hold the demo's lock.

    Raises:
        Stop: another demo works with the same folder.
    """
    with (var / "demo.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            where = lock.read().strip()
            raise Stop(
                f"这个目录（{var}）里已经有一个演示在运行：{where}。"
                "请先停止它，或用 ZHANGGUI_VAR 指定别的目录。",
                f"A demo runs already with {var}: {where}. "
                "Stop it first, or set ZHANGGUI_VAR to another folder.",
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(f"{addresses.product}/ (pid {os.getpid()})")
        lock.flush()
        yield


def _require_ports(addresses: Addresses) -> None:
    require_free_port(HOST, addresses.port, option="--port", setting="ZHANGGUI_PORT")
    require_free_port(
        HOST, addresses.sandbox_port, option="--sandbox-port", setting="ZHANGGUI_SANDBOX_PORT"
    )


def _start_over(var: Path) -> None:
    """Delete the demo's data; a database of somebody else's is not ours to delete.

    Raises:
        Stop: ``DATABASE_URL`` is set.
    """
    if os.environ.get("DATABASE_URL"):
        raise Stop(
            "设置了 DATABASE_URL，那个数据库不由演示管理。请自行清空它，再运行 make demo。",
            "DATABASE_URL is set, and that database is not the demo's to delete. "
            "Empty it yourself, then run make demo.",
        )
    cluster = cluster_of_demo(var, "")
    if cluster.data.exists():
        cluster.end_leftovers()
    cluster.remove()
    for pattern in RESETTABLE:
        for file in var.glob(pattern):
            file.unlink()
    shutil.rmtree(var / "files", ignore_errors=True)


Sums = dict[str, str]
"""A sum of each file that a schema depends on, by its path."""


@dataclass(frozen=True)
class Record:
    """Which migrations a demo's database has been through."""

    home: Path

    def is_of(self, wanted: Sums) -> bool:
        """Whether nothing is to be done."""
        return self._read() == wanted

    def is_of_another_version(self, wanted: Sums) -> bool:
        """Whether a migration it has been through is another one now: no step leads from there."""
        known = self._read()
        if known is None:
            return (self.home / OLD_RECORD).exists()
        return any(wanted.get(file) != sum_ for file, sum_ in known.items() if file != REQUIRED)

    def write(self, done: Sums) -> None:
        """Remember what the database was brought to."""
        (self.home / RECORD).write_text(json.dumps(done), encoding="utf-8")

    def _read(self) -> Sums | None:
        try:
            found: Sums = json.loads((self.home / RECORD).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return found


def sums_of_migrations() -> Sums:
    """The migrations of this version, and the packages that bring their own."""
    homes = ("config", "demo", "zhanggui")
    files = [file for home in homes for file in (ROOT / home).glob("**/migrations/*.py")]
    paths = [REQUIRED, *sorted(str(file.relative_to(ROOT)) for file in files)]
    return {path: hashlib.sha256((ROOT / path).read_bytes()).hexdigest() for path in paths}


def _sign_ins(file: Path) -> list[str]:
    """The demo's people as its data set names them: ``{"sign_ins": [{"title", "phone", ...}]}``."""
    try:
        known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    people = known.get("sign_ins") or []
    lines = [
        f"    {person.get('phone', '')}  {person.get('password', '')}  {person.get('title', '')}"
        for person in people[:SHOWN_SIGN_INS]
    ]
    if len(people) > SHOWN_SIGN_INS:
        lines.append("    其余账号见商家后台首页  the others are on the first page")
    return ["  登录账号  sign-ins", *lines] if lines else []
