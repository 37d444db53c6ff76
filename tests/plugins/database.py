"""One PostgreSQL for a test run, one migrated template in it, one copy of that per worker.

What the migrations made is written down in ``var/test`` and read again as long as they stay the
same: migrating takes as long as a hundred tests.

The first process that needs it starts the server; with xdist that is the controller, and the
workers are told the address. ``ZHANGGUI_TEST_DATABASE_URL`` names a server to use instead (its
role must be allowed to create databases).
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pytest_django import DjangoDbBlocker

from launcher.binaries import postgres_binaries
from launcher.paths import ROOT
from launcher.postgres import Cluster

PREFIX = "zhanggui-test-"
TEMPLATE_LOCK = 20_260_101
KEPT_FOR = frozenset({"migrations", "requirements"})
"""Folders whose files decide how the migrated database looks."""

_clusters = pytest.StashKey[Cluster]()


class DatabaseServer:
    """The run's server: makes, copies and drops databases."""

    def __init__(self, url: str, run: str) -> None:
        self.run = run
        self.parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}

    @property
    def template(self) -> str:
        """Name of the migrated database all others are copies of."""
        return f"zhanggui_{self.run}_template"

    def url(self, database: str) -> str:
        """A ``DATABASE_URL`` for another process."""
        from urllib.parse import quote

        host = self.parts.get("host", "")
        place = f"@/{database}?host={host}&port={self.parts.get('port', '5432')}"
        if not host.startswith("/"):
            place = f"@{host}:{self.parts.get('port', '5432')}/{database}"
        return f"postgresql://{self.parts['user']}:{quote(self.parts.get('password', ''))}{place}"

    def execute(self, statement: LiteralString, *names: str) -> None:
        """Run a statement about whole databases; each ``{}`` is a quoted name."""
        with psycopg.connect(**self.parts, autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def copy(self, name: str, original: str = "") -> None:
        """Make a database out of the template, or out of another one.

        Its files are copied: through the log, as PostgreSQL would, takes twice as long.
        """
        statement: LiteralString = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
        self.execute(statement, name, original or self.template)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def use(self, name: str) -> None:
        """Let Django's connections of all threads go to this database from now on."""
        from django.conf import settings
        from django.db import connections

        connection = connections["default"]
        connection.close()
        place = {
            "NAME": name,
            "HOST": self.parts.get("host", ""),
            "PORT": self.parts.get("port", ""),
            "USER": self.parts["user"],
            "PASSWORD": self.parts.get("password", ""),
        }
        for known in (
            settings.DATABASES["default"],
            connections.settings["default"],
            connection.settings_dict,
        ):
            known.update(place)

    def ensure_template(self) -> None:
        """Migrate the template once per run; who comes second waits for the first."""
        from django.core.management import call_command
        from django.db import connections

        with psycopg.connect(**self.parts, autocommit=True) as guard:  # type: ignore[arg-type]
            guard.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
            known = guard.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.template])
            if known.fetchone():
                return
            unfinished = f"{self.template}_new"
            self.drop(unfinished)
            self.execute("CREATE DATABASE {}", unfinished)
            self.use(unfinished)
            kept = _kept_dump()
            if not (kept.exists() and self._run("pg_restore", "-d", unfinished, str(kept))):
                self.execute("DROP DATABASE {} WITH (FORCE)", unfinished)
                self.execute("CREATE DATABASE {}", unfinished)
                call_command("migrate", verbosity=0, interactive=False)
                connections.close_all()
                self._keep(unfinished, kept)
            self.execute("ALTER DATABASE {} RENAME TO {}", unfinished, self.template)

    def _keep(self, name: str, kept: Path) -> None:
        """Write the migrated database down for the next run."""
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in kept.parent.glob("template-*"):
            old.unlink(missing_ok=True)
        unfinished = kept.with_suffix(f".{os.getpid()}")
        if self._run("pg_dump", "-Fc", "-Z1", "-f", str(unfinished), name):
            unfinished.replace(kept)

    def _run(self, program: str, *arguments: str) -> bool:
        """Run a program of PostgreSQL's; False when it did not do all of it."""
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
        place = {names[name]: value for name, value in self.parts.items() if name in names}
        done = subprocess.run(
            [str(postgres_binaries(None) / program), *arguments],
            env=os.environ | place,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0


def _kept_dump() -> Path:
    """Where the migrated database of these very migrations is kept between runs."""
    content = sha256(version("django").encode())
    for home in ("zhanggui", "demo", "migrations", "requirements"):
        for path in sorted((ROOT / home).rglob("*")):
            if path.suffix in {".py", ".sql", ".txt"} and path.parent.name in KEPT_FOR:
                content.update(path.read_bytes())
    return ROOT / "var" / "test" / f"template-{content.hexdigest()[:16]}"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the controller's server is."""
    node.workerinput["zhanggui_server"] = _server_url(node.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server, also after Ctrl-C."""
    cluster = config.stash.get(_clusters, None)
    if cluster:
        cluster.remove()


def _server_url(config: pytest.Config) -> str:
    given = os.environ.get("ZHANGGUI_TEST_DATABASE_URL")
    if given:
        return given
    cluster = config.stash.get(_clusters, None)
    if cluster is None:
        _remove_leftovers()
        home = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        cluster = Cluster(Path(home), password=secrets.token_urlsafe(16), is_durable=False)
        config.stash[_clusters] = cluster
        cluster.start()
    return cluster.url("postgres")


def _remove_leftovers() -> None:
    """Delete the files of servers whose test run was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        try:
            os.kill(int(pid), 0)
        except (ProcessLookupError, ValueError):
            shutil.rmtree(folder, ignore_errors=True)
        except PermissionError:
            continue


@pytest.fixture(scope="session")
def database_server(request: pytest.FixtureRequest) -> DatabaseServer:
    """The PostgreSQL server of this run."""
    workerinput: dict[str, str] = getattr(request.config, "workerinput", {})
    url = workerinput.get("zhanggui_server") or _server_url(request.config)
    return DatabaseServer(url, workerinput.get("testrunuid", f"{os.getpid()}")[:8])


@pytest.fixture(scope="session")
def test_database(
    request: pytest.FixtureRequest,
    database_server: DatabaseServer,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """Name of this worker's own database, in use by Django."""
    workerinput: dict[str, str] = getattr(request.config, "workerinput", {})
    name = f"zhanggui_{database_server.run}_{workerinput.get('workerid', 'alone')}"
    with django_db_blocker.unblock():
        database_server.ensure_template()
    database_server.copy(name)
    database_server.use(name)
    yield name
    from django.db import connections

    connections.close_all()
    database_server.drop(name)


END_OTHERS: LiteralString = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
TABLES: LiteralString = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
SHAPE: LiteralString = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_constraint),
       (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O')
"""
"""What a test changes that drops an index or lets a trigger rest."""


class RaceDatabase:
    """One database for all tests of a worker in which commits are real.

    Emptied between them, which takes a tenth of a new copy's time: a copy is 1,400 files.
    """

    def __init__(self, server: DatabaseServer, name: str) -> None:
        self.server = server
        self.name = name
        self._shape: object = None
        self._rows: dict[str, bytes] = {}
        """What the migrations wrote, by table."""

    def renew(self) -> None:
        """Make it what the template is; sequences alone go on."""
        if self._shape is None or not self._emptied():
            self.server.drop(self.name)
            self.server.copy(self.name)
            with self._connection() as connection:
                self._shape = connection.execute(SHAPE).fetchone()
                self._rows = {name: copied(connection, name) for name in tables_of(connection)}

    def _emptied(self) -> bool:
        """Empty it; False when that is forbidden, or would not be enough."""
        with self._connection() as connection:
            connection.execute(END_OTHERS)
            if connection.execute(SHAPE).fetchone() != self._shape:
                return False
            try:  # neither triggers nor foreign keys: some tables refuse that anything is deleted
                connection.execute("SET session_replication_role = replica")
            except psycopg.errors.InsufficientPrivilege:
                return False
            every = sql.SQL("; ").join(
                sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in self._rows
            )
            connection.execute(every)
            for name, rows in self._rows.items():
                if rows:
                    pasted(connection, name, rows)
        return True

    def _connection(self) -> psycopg.Connection[Any]:
        parts = self.server.parts | {"dbname": self.name}
        return psycopg.connect(**parts)  # type: ignore[arg-type]


def tables_of(connection: psycopg.Connection[Any]) -> list[str]:
    """Names of all tables."""
    return [name for (name,) in connection.execute(TABLES)]


def copied(connection: psycopg.Connection[Any], name: str) -> bytes:
    """All rows of a table, as COPY writes them."""
    place = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))
    with connection.cursor().copy(place) as copy:
        return b"".join(bytes(piece) for piece in copy)


def pasted(connection: psycopg.Connection[Any], name: str, rows: bytes) -> None:
    """Write such rows into a table."""
    place = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))
    with connection.cursor().copy(place) as copy:
        copy.write(rows)


@pytest.fixture(scope="session")
def race_database(database_server: DatabaseServer, test_database: str) -> Iterator[RaceDatabase]:
    """This worker's database for tests with real commits."""
    name = f"{test_database}_race"
    yield RaceDatabase(database_server, name)
    database_server.drop(name)


@pytest.fixture
def race_db(
    request: pytest.FixtureRequest,
    race_database: RaceDatabase,
    test_database: str,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """A database as fresh as migrated, in which commits are real and threads see each other.

    Not together with the ``django_db`` mark, which would hide everything in one transaction.
    Yields the ``DATABASE_URL``, for tests that start other processes.
    """
    if request.node.get_closest_marker("django_db"):
        pytest.fail("race_db and the django_db mark exclude each other")
    from django.db import connections

    race_database.renew()
    server = race_database.server
    server.use(race_database.name)
    with django_db_blocker.unblock():
        yield server.url(race_database.name)
        connections.close_all()
    server.use(test_database)
