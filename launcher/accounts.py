"""The unprivileged system user PostgreSQL runs as when the launcher itself is root."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.messages import Stop

CANDIDATES = ("postgres", "nobody", "daemon", "www-data")


@dataclass(frozen=True)
class Account:
    """A user that exists on this machine already; none is ever created."""

    name: str
    uid: int
    gid: int

    def spawn_options(self) -> dict[str, Any]:
        """What ``subprocess`` needs to run a program as this user and nothing more."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def may_enter(self, folder: Path) -> bool:
        """Whether this user gets to the inside of a folder through all of its parents."""
        return all(
            self._has(part.stat(), stat.S_IXOTH) for part in [folder, *folder.parents]
        ) and self._has(folder.stat(), stat.S_IROTH)

    def _has(self, status: os.stat_result, bit: int) -> bool:
        if status.st_uid == self.uid:
            bit <<= 6
        elif status.st_gid == self.gid:
            bit <<= 3
        return bool(status.st_mode & bit)


def unprivileged_account() -> Account | None:
    """Whom to drop to: nobody when the launcher is an ordinary user already.

    Raises:
        Stop: the launcher is root and the machine has none of the usual unprivileged users.
    """
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise Stop(
        "PostgreSQL 不能以 root 身份运行，而系统里没有 postgres、nobody 等普通用户。"
        "请换普通用户运行，或用 DATABASE_URL 指定已有的数据库。",
        "PostgreSQL refuses to run as root and this machine has no user postgres or nobody. "
        "Run this as an ordinary user, or point DATABASE_URL at a server.",
    )
