"""One PostgreSQL server of our own: made, started, found ready, stopped, recovered.

Never as root, reachable only through a socket in a private folder and with a password, and gone
when the process that started it is gone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

from launcher.accounts import unprivileged_account
from launcher.binaries import major_version, postgres_binaries, refuge
from launcher.messages import Stop
from launcher.processes import end_with_parent

USER = "zhanggui"
LONGEST_SOCKET_FOLDER = 80
STATUS_LINE = 7  # of postmaster.pid, counted from 0
FIRST_WITH_BUILTIN_LOCALE = 17
READY_S = 30.0
STOP_S = 20.0

COMMON = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "log_checkpoints": "off",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_line_prefix": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
QUICK = {
    "autovacuum": "off",
    "track_counts": "off",
    "update_process_title": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "30min",
}


class Cluster:
    """A server whose files lie in one folder, owned by the user it runs as.

    Args:
        home: folder for data and socket; see ``home_within_reach``.
        password: of the role ``zhanggui``, which owns everything.
        is_durable: False gives up crash safety for speed; for tests only.
        settings: PostgreSQL settings on top of ours.
    """

    def __init__(
        self,
        home: Path,
        *,
        password: str,
        is_durable: bool = True,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.home = home.resolve()
        self.data = self.home / "data"
        self.password = password
        self.is_durable = is_durable
        self.account = unprivileged_account()
        self.settings = COMMON | ({} if is_durable else QUICK) | (settings or {})
        self.process: subprocess.Popen[bytes] | None = None
        self._binaries: Path | None = None

    @property
    def binaries(self) -> Path:
        """Folder of ``postgres``, ``initdb``, ``pgbench`` of the version in use."""
        if self._binaries is None:
            self._binaries = postgres_binaries(self.account)
        return self._binaries

    @property
    def socket_folder(self) -> Path:
        """Inside home, or in the system's temporary folder when that path is too long."""
        inside = self.home / "run"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER:
            return inside
        mark = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"zhanggui-{mark}"

    def url(self, database: str = USER) -> str:
        """The ``DATABASE_URL`` of a database in this server."""
        return f"postgresql://{USER}:{quote(self.password)}@/{database}?host={self.socket_folder}"

    def prepare(self) -> None:
        """Make folders and data if there are none; clear away what a crash left behind.

        Raises:
            Stop: the place cannot be written or holds another version's data.
        """
        self._make_private(self.home)
        self._make_private(self.socket_folder)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        found = int((self.data / "PG_VERSION").read_text().strip())
        expected = major_version(self.binaries)
        if found != expected:
            raise Stop(
                f"{self.data} 是 PostgreSQL {found} 的数据，而现在的程序是 {expected}。"
                "演示数据可用 make demo-reset 重建。",
                f"{self.data} holds data of PostgreSQL {found}, the programs are {expected}. "
                "Demo data can be made anew with make demo-reset.",
            )
        self.end_leftovers()

    def command(self) -> list[str]:
        """The command line of the server."""
        settings = self.settings | {"unix_socket_directories": str(self.socket_folder)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(self.binaries / "postgres"), "-D", str(self.data), *options]

    def start(self, log: int | IO[bytes] = subprocess.DEVNULL) -> None:
        """Start the server and wait until it answers; it ends with the calling thread."""
        self.prepare()
        self.process = subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=end_with_parent(signal.SIGINT),
            cwd="/",
            env=server_environment(),
            **(self.account.spawn_options() if self.account else {}),
        )
        self.wait_ready(self.process.poll)

    def wait_ready(self, poll: Callable[[], int | None]) -> None:
        """Wait until the server answers.

        Raises:
            Stop: it ended or did not answer within 30 seconds.
        """
        deadline = time.monotonic() + READY_S
        while not self.is_ready():
            if poll() is not None or time.monotonic() > deadline:
                raise Stop(
                    f"PostgreSQL 没有启动成功（数据在 {self.data}）。",
                    f"PostgreSQL did not start (its data is in {self.data}).",
                )
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Whether the server lets us in.

        Raises:
            Stop: the password in ``secrets.json`` is not the one the data was made with.
        """
        if not self._says_ready():
            return False
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=3).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Stop(
                    f"{self.home} 里的数据库是用另一份密钥文件 secrets.json 建立的。"
                    "请恢复那份文件，或用 make demo-reset 重新开始。",
                    f"The database in {self.home} was made with another secrets.json. "
                    "Put that file back, or start over with make demo-reset.",
                ) from error
            return False
        return True

    def _says_ready(self) -> bool:
        """What the server notes in its lock file; asking it too early would fill the log."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"

    def ensure_database(self, name: str = USER) -> None:
        """Create the database unless it exists."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if not known.fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def stop(self) -> None:
        """Stop the server: politely, then at once."""
        if self.process is None:
            return
        for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(order)
                try:
                    self.process.wait(STOP_S / 2)
                except subprocess.TimeoutExpired:
                    continue
            break
        self.process = None

    def remove(self) -> None:
        """Stop the server and delete its files."""
        self.stop()
        shutil.rmtree(self.socket_folder, ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def end_leftovers(self) -> None:
        """End a server or its backends that outlived their launcher; remove their lock file.

        The process numbers in the lock file may belong to somebody else by now, so only processes
        that work in our data folder are touched.
        """
        for order in (signal.SIGINT, signal.SIGKILL):
            deadline = time.monotonic() + STOP_S / 2
            while pids := self._pids_at_work():
                for pid in pids:
                    _signal(pid, order)
                if time.monotonic() > deadline:
                    break
                time.sleep(0.1)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for lock in self.socket_folder.glob(".s.PGSQL.*"):
            lock.unlink(missing_ok=True)

    def _pids_at_work(self) -> list[int]:
        proc = Path("/proc")
        if not (proc / "self" / "cwd").exists():
            return self._pid_by_lock_file()
        pids = []
        for entry in proc.iterdir():
            if not entry.name.isdigit():
                continue
            try:
                is_ours = (entry / "cwd").readlink() == self.data
                is_zombie = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            if is_ours and not is_zombie:
                pids.append(int(entry.name))
        return pids

    def _pid_by_lock_file(self) -> list[int]:
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n")[0])
        except (OSError, ValueError):
            return []
        shown = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False
        )
        return [pid] if os.fsencode(self.data) in shown.stdout else []

    def _initialise(self) -> None:
        unfinished = self.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.home, prefix="password") as secret:
            secret.write(self.password)
            secret.flush()
            if self.account:
                os.chown(secret.name, self.account.uid, self.account.gid)
            done = subprocess.run(
                [
                    self.binaries / "initdb",
                    *("-D", unfinished, "-U", USER, "--auth=scram-sha-256", "--encoding=UTF8"),
                    f"--pwfile={secret.name}",
                    *self._locale(),
                    *([] if self.is_durable else ["--no-sync"]),
                ],
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                env=server_environment(),
                **(self.account.spawn_options() if self.account else {}),
            )
        if done.returncode:
            reason = done.stderr.strip()
            raise Stop(
                f"无法在 {self.home} 建立数据库：\n{reason}",
                f"The database could not be made in {self.home}; the reason stands above.",
            )
        unfinished.rename(self.data)

    def _locale(self) -> list[str]:
        if major_version(self.binaries) >= FIRST_WITH_BUILTIN_LOCALE:
            return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        return ["--no-locale"]

    def _make_private(self, folder: Path) -> None:
        owner = self.account.uid if self.account else os.geteuid()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.account and folder.stat().st_uid == 0 and not folder.is_symlink():
                os.chown(folder, self.account.uid, self.account.gid)
            if folder.lstat().st_uid != owner or folder.is_symlink():
                raise PermissionError(1, "another user owns it")
            folder.chmod(0o700)
        except OSError as error:
            raise Stop(
                f"无法使用目录 {folder}：{error.strerror}。请用 ZHANGGUI_VAR 指定别的目录。",
                f"Cannot use the folder {folder}: {error.strerror}. "
                "Set ZHANGGUI_VAR to another folder.",
            ) from error


def home_within_reach(wanted: Path) -> Path:
    """The wanted folder, or one in the refuge when the server's user cannot get to it."""
    account = unprivileged_account()
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if account is None or account.may_enter(wanted.parent):
        return wanted
    return refuge() / hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]


def server_environment() -> dict[str, str]:
    """What the server may see of our environment: nothing that could redirect or disclose."""
    kept = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
