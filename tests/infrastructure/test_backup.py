"""Backup and restore: what comes back into an empty installation is what was there."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from django.db import connections
from psycopg import sql
from pytest_django import DjangoDbBlocker

from launcher.backup import CONTENTS, DUMP, MANIFEST
from launcher.paths import ROOT
from tests.plugins.database import DatabaseServer
from zhanggui.accounts import services
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff
from zhanggui.contacts.tests.factories import make_customer
from zhanggui.core import tenancy

RING = f"1:{base64.b64encode(bytes(range(32))).decode()}"
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def empty(database_server: DatabaseServer) -> Iterator[str]:
    name = f"zhanggui_{database_server.run}_empty_{secrets.token_hex(4)}"
    database_server.execute("CREATE DATABASE {}", name)
    yield database_server.url(name)
    database_server.drop(name)


@dataclass(frozen=True)
class Installation:
    """One with something in it; tests only read it."""

    url: str
    var: Path


@pytest.fixture(scope="module")
def full(
    database_server: DatabaseServer,
    test_database: str,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    name, var = f"{test_database}_full", tmp_path_factory.mktemp("full")
    database_server.copy(name)
    database_server.use(name)
    with django_db_blocker.unblock():
        merchant = make_merchant("tea", name="花茶时光")
        make_staff(merchant, name="李老板")
        with tenancy.merchant_scope(merchant.pk):
            services.create_store(name="御街店", actor=ACTOR)
        for number in range(30):
            make_customer(merchant, f"顾客{number}")
        connections.close_all()
    database_server.use(test_database)
    picture = var / "files" / "ab" / "头像.bin"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(os.urandom(300_000))
    (var / "files" / "empty").touch()
    yield Installation(database_server.url(name), var)
    database_server.drop(name)


def zhanggui(
    *words: str, url: str, var: Path, ring: str = RING
) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "ZHANGGUI_MODE": "test",
        "DATABASE_URL": url,
        "ZHANGGUI_VAR": str(var),
        "ZHANGGUI_SECRET_KEY": "x" * 40,
        "ZHANGGUI_KEY_RING": ring,
    }
    return subprocess.run(
        [sys.executable, "-m", "launcher", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def content(url: str) -> dict[str, str]:
    """A digest of every row of every table."""
    found: dict[str, str] = {}
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (table,) in tables:
            query = "SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {} t"
            row = connection.execute(sql.SQL(query).format(sql.Identifier(table))).fetchone()
            assert row is not None
            found[table] = row[0]
    return found


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.spec("platform P48")
def test_what_was_saved_comes_back_whole(full: Installation, empty: str, tmp_path: Path) -> None:
    archive = tmp_path / "backups" / "one.backup"

    saved = zhanggui("backup", str(archive), url=full.url, var=full.var)
    assert saved.returncode == 0, saved.stderr
    assert "2 个文件" in saved.stdout
    assert archive.stat().st_mode & 0o077 == 0
    back = zhanggui("restore", str(archive), url=empty, var=tmp_path / "new")

    assert back.returncode == 0, back.stderr
    before = content(full.url)
    assert before["contacts_customer"] != ""
    assert content(empty) == before
    assert tree(tmp_path / "new" / "files") == tree(full.var / "files")
    # triggers came along: the audit log stays append-only
    with psycopg.connect(empty) as connection, pytest.raises(psycopg.Error, match="append"):
        connection.execute("UPDATE accounts_auditentry SET action = 'x'")


@pytest.fixture(scope="module")
def saved(full: Installation, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a backup of it is made of."""
    path = tmp_path_factory.mktemp("saved") / "one.backup"
    assert zhanggui("backup", str(path), url=full.url, var=full.var).returncode == 0
    return path.read_bytes()


class TestRefusals:
    @pytest.fixture
    def archive(self, saved: bytes, tmp_path: Path) -> Path:
        """One that a test may harm."""
        path = tmp_path / "one.backup"
        path.write_bytes(saved)
        return path

    def test_nothing_is_overwritten(
        self, archive: Path, full: Installation, tmp_path: Path
    ) -> None:
        before = archive.read_bytes()
        done = zhanggui("backup", str(archive), url=full.url, var=full.var)
        assert (done.returncode, "已存在" in done.stderr) == (1, True)
        assert archive.read_bytes() == before

        done = zhanggui("restore", str(archive), url=full.url, var=tmp_path / "new")
        assert (done.returncode, "已经有数据" in done.stderr) == (1, True)

    def test_other_keys_are_refused_before_anything_happens(
        self, archive: Path, empty: str, tmp_path: Path
    ) -> None:
        other = f"1:{base64.b64encode(b'k' * 32).decode()}"
        done = zhanggui("restore", str(archive), url=empty, var=tmp_path / "new", ring=other)
        assert (done.returncode, "密钥环" in done.stderr) == (1, True)
        assert content(empty) == {}

    def test_later_keys_are_welcome(self, archive: Path, empty: str, tmp_path: Path) -> None:
        rotated = f"{RING},2:{base64.b64encode(b'k' * 32).decode()}"
        done = zhanggui("restore", str(archive), url=empty, var=tmp_path / "new", ring=rotated)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("harm", ["cut", "changed", "escaping", "no archive", "missing"])
    def test_a_broken_archive_restores_nothing(
        self, archive: Path, empty: str, tmp_path: Path, harm: str
    ) -> None:
        _harm(archive, harm)
        done = zhanggui("restore", str(archive), url=empty, var=tmp_path / "new")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert ("不是完整的备份" in done.stderr) == (harm != "missing")
        assert content(empty) == {}
        assert not (tmp_path / "new" / "files").exists()
        assert not (tmp_path / "escaped").exists()

    def test_no_secret_is_in_the_archive_or_the_output(self, archive: Path) -> None:
        with tarfile.open(archive) as opened:
            manifest = opened.extractfile(MANIFEST)
            assert manifest is not None
            text = manifest.read().decode()
        key = RING.partition(":")[2]
        assert key not in text
        assert json.loads(text)["keys"].keys() == {"1"}
        assert base64.b64decode(key) not in archive.read_bytes()


def _harm(archive: Path, harm: str) -> None:
    if harm == "missing":
        archive.unlink()
        return
    if harm == "no archive":
        archive.write_text("not a backup")
        return
    if harm == "cut":
        archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
        return
    if harm == "changed":
        content = bytearray(archive.read_bytes())
        at = content.index(b"PGDMP") + 5_000
        content[at] ^= 1
        archive.write_bytes(content)
        return
    with tarfile.open(archive) as opened:
        members = [(m, opened.extractfile(m)) for m in opened.getmembers()]
        pieces = [(m, f.read() if f else b"") for m, f in members]
    with tarfile.open(archive, "w") as written:
        for member, piece in pieces:
            if member.name not in {MANIFEST, DUMP, CONTENTS}:
                member.name = "files/../../escaped"
            _put(written, member, piece)


def _put(written: tarfile.TarFile, member: tarfile.TarInfo, piece: bytes) -> None:
    import io

    written.addfile(member, io.BytesIO(piece))
