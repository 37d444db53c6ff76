"""``backup`` and ``restore``: the database and the files of an installation in one archive.

The archive is a plain tar: ``manifest.json``, ``database.dump`` (``pg_dump -Fc``), ``files/...``
and last ``contents.json`` with the SHA-256 of everything before it. The key ring is not in it: who
finds a backup alone reads no phone number and no secret. The manifest holds fingerprints of the
keys, so that a restore with another ring is refused before it begins.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from launcher.binaries import postgres_binaries
from launcher.messages import Stop

FORMAT = 1
MANIFEST, DUMP, FILES, CONTENTS = "manifest.json", "database.dump", "files", "contents.json"
PIECE = 1024 * 1024
FINGERPRINT_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Place:
    """What is saved, or filled: a database, the folder of files, the keys."""

    database_url: str
    files: Path
    key_ring: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Saved:
    """What an archive holds."""

    path: Path
    tables: int
    rows: int
    files: int
    size: int
    """Bytes."""


def backup(place: Place, target: Path) -> Saved:
    """Write an archive; a half-written one never carries the wanted name.

    Raises:
        Stop: the target exists or cannot be written, or the database cannot be read.
    """
    if target.exists():
        raise Stop(
            f"{target} 已存在。请换个文件名，备份不会覆盖任何文件。",
            f"{target} exists. Choose another name; a backup overwrites nothing.",
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".zhanggui-") as folder:
            dump = Path(folder) / DUMP
            manifest = _dump_database(place, dump)
            unfinished = Path(folder) / "archive"
            saved = _write(unfinished, manifest, dump, place.files, target)
            unfinished.chmod(0o600)
            unfinished.rename(target)
    except OSError as error:
        raise Stop(
            f"无法写入 {target}：{error.strerror}。",
            f"{target} cannot be written: {error.strerror}.",
        ) from error
    return saved


def restore(place: Place, source: Path) -> Saved:
    """Fill an empty installation from an archive and compare what arrived with what was saved.

    Nothing is changed unless archive, keys, database and folder are all right; the database is
    filled in one transaction.

    Raises:
        Stop: the archive is broken, the keys are others, or the installation is not empty.
    """
    with _opened(source) as archive:
        manifest = _manifest(archive, source)
        _require_keys(manifest, place.key_ring)
        _require_empty(place)
        place.files.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.files.parent, prefix=".zhanggui-") as folder:
            count = _unpack(archive, Path(folder), source)
            _restore_database(place, Path(folder) / DUMP)
            _compare(place, manifest)
            if place.files.exists():
                place.files.rmdir()
            unpacked = Path(folder) / FILES
            unpacked.mkdir(exist_ok=True)
            unpacked.rename(place.files)
    tables: dict[str, int] = manifest["tables"]
    return Saved(source, len(tables), sum(tables.values()), count, source.stat().st_size)


# -- the database


def _dump_database(place: Place, dump: Path) -> dict[str, Any]:
    with _connected(place.database_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        # the dump and the counts see the very same moment
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        snapshot = str(row[0]) if row else ""
        tables = _counts(connection)
        if not tables:
            raise Stop(
                "数据库是空的，没有可备份的内容。",
                "The database is empty; there is nothing to save.",
            )
        _client(
            place.database_url,
            "pg_dump",
            *("--format", "custom", "--no-owner", "--no-privileges"),
            *("--snapshot", snapshot, "--file", str(dump)),
        )
    return {
        "format": FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "tables": tables,
        "keys": _fingerprints(place.key_ring),
    }


def _restore_database(place: Place, dump: Path) -> None:
    _client(
        place.database_url,
        "pg_restore",
        *("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"),
        *("--dbname", str(conninfo_to_dict(place.database_url)["dbname"]), str(dump)),
    )


def _client(url: str, program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's; the password goes by the environment, where ``ps`` is blind.

    Raises:
        Stop: with the program's own words.
    """
    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
        "sslmode": "PGSSLMODE",
        "sslrootcert": "PGSSLROOTCERT",
    }
    parts = conninfo_to_dict(url)
    place = {names[name]: str(value) for name, value in parts.items() if name in names}
    done = subprocess.run(
        [str(postgres_binaries(None) / program), *arguments],
        env={**os.environ, **place},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Stop(
            f"{program} 失败：\n{done.stderr.strip()}",
            f"{program} failed; what it said stands above. Nothing was changed.",
        )


def _counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    names = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    ).fetchall()
    found: dict[str, int] = {}
    for (name,) in names:
        row = connection.execute(
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
        ).fetchone()
        found[name] = row[0] if row else 0
    return found


def _compare(place: Place, manifest: Mapping[str, Any]) -> None:
    with _connected(place.database_url) as connection:
        arrived = _counts(connection)
    if arrived != manifest["tables"]:
        differing = sorted(
            name
            for name in {*arrived, *manifest["tables"]}
            if arrived.get(name) != manifest["tables"].get(name)
        )
        raise Stop(
            f"恢复后的数据与备份不一致：{', '.join(differing)}。请不要使用这个数据库。",
            f"What arrived differs from the backup: {', '.join(differing)}. Do not use it.",
        )


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, connect_timeout=5) as connection:
        yield connection


# -- the archive


def _write(
    unfinished: Path, manifest: Mapping[str, Any], dump: Path, files: Path, target: Path
) -> Saved:
    contents: dict[str, str] = {}
    with tarfile.open(unfinished, "w", format=tarfile.PAX_FORMAT) as archive:
        _add_bytes(archive, MANIFEST, json.dumps(manifest, indent=1).encode(), contents)
        _add_file(archive, DUMP, dump, contents)
        kept = [path for path in sorted(files.rglob("*")) if path.is_file()]
        for path in kept:
            name = f"{FILES}/{path.relative_to(files).as_posix()}"
            try:
                _add_file(archive, name, path, contents)
            except FileNotFoundError:
                continue  # deleted a moment ago, as was its row
        _add_bytes(archive, CONTENTS, json.dumps(contents, indent=1).encode(), {})
    tables: dict[str, int] = manifest["tables"]
    return Saved(
        target,
        len(tables),
        sum(tables.values()),
        sum(1 for name in contents if name.startswith(f"{FILES}/")),
        unfinished.stat().st_size,
    )


def _add_bytes(
    archive: tarfile.TarFile, name: str, content: bytes, contents: dict[str, str]
) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mode = 0o600
    archive.addfile(info, io.BytesIO(content))
    contents[name] = hashlib.sha256(content).hexdigest()


def _add_file(archive: tarfile.TarFile, name: str, path: Path, contents: dict[str, str]) -> None:
    info = tarfile.TarInfo(name)
    info.mode = 0o600
    with path.open("rb") as file:
        info.size = os.fstat(file.fileno()).st_size
        reader = _Hashing(file)
        archive.addfile(info, reader)
    contents[name] = reader.digest.hexdigest()


class _Hashing(io.RawIOBase):
    """Reads a file and remembers the SHA-256 of what went by."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next piece."""
        piece = self.file.read(size)
        self.digest.update(piece)
        return piece


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:") as archive:
            yield archive
    except FileNotFoundError as error:
        raise Stop(f"没有这个文件：{source}", f"There is no such file: {source}") from error
    except (tarfile.TarError, EOFError) as error:
        raise _broken(source) from error


def _manifest(archive: tarfile.TarFile, source: Path) -> dict[str, Any]:
    first = archive.next()
    file = archive.extractfile(first) if first is not None and first.name == MANIFEST else None
    if file is None:
        raise _broken(source)
    try:
        found: dict[str, Any] = json.loads(file.read())
    except ValueError as error:
        raise _broken(source) from error
    if found.get("format") != FORMAT:
        raise Stop(
            f"{source} 由别的版本生成（格式 {found.get('format')}），这个版本只认得格式 {FORMAT}。",
            f"{source} was made by another version (format {found.get('format')}); this one "
            f"knows format {FORMAT} only.",
        )
    return found


def _unpack(archive: tarfile.TarFile, folder: Path, source: Path) -> int:
    """Unpack dump and files, checking each against ``contents.json``; answers how many files."""
    found: dict[str, str] = {}
    wanted: dict[str, str] | None = None
    for member in archive:
        file = archive.extractfile(member) if member.isreg() else None
        if file is None:
            raise _broken(source)
        if member.name == CONTENTS:
            wanted = json.loads(file.read())
            continue
        target = (folder / member.name).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise _broken(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        reader = _Hashing(file)
        with target.open("wb") as kept:
            shutil.copyfileobj(reader, kept, PIECE)
        found[member.name] = reader.digest.hexdigest()
    if wanted is None or wanted != found:
        raise _broken(source)
    return sum(1 for name in found if name.startswith(f"{FILES}/"))


def _broken(source: Path) -> Stop:
    return Stop(
        f"{source} 不是完整的备份：内容缺失或被改动过。没有恢复任何数据。",
        f"{source} is no complete backup: something is missing or was changed. "
        "Nothing was restored.",
    )


# -- conditions


def _fingerprints(ring: Mapping[int, bytes]) -> dict[str, str]:
    return {
        str(version): hashlib.sha256(b"zhanggui key ring" + key).hexdigest()[:FINGERPRINT_LENGTH]
        for version, key in ring.items()
    }


def _require_keys(manifest: Mapping[str, Any], ring: Mapping[int, bytes]) -> None:
    ours = _fingerprints(ring)
    missing = [v for v, print_ in manifest["keys"].items() if ours.get(v) != print_]
    if missing:
        raise Stop(
            f"ZHANGGUI_KEY_RING 与备份时不同（版本 {', '.join(missing)}）。"
            "用它读不出备份里的手机号和密钥，请换成当时的密钥环。",
            f"ZHANGGUI_KEY_RING is not the one of the backup (versions {', '.join(missing)}): "
            "phone numbers and secrets could not be read. Set the ring of that time.",
        )


def _require_empty(place: Place) -> None:
    with _connected(place.database_url) as connection:
        tables = len(_counts(connection))
    if tables or (place.files.exists() and any(place.files.iterdir())):
        raise Stop(
            "这里已经有数据。只能恢复到空的数据库和空的文件目录，请新建一个数据库再试。",
            "There are data here already. A backup is restored into an empty database and an "
            "empty folder only; make a new database and try again.",
        )
