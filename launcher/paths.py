"""Where things lie: the project, its changing files, and a refuge for a dropped-rights server."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from launcher.messages import Stop

ROOT = Path(__file__).resolve().parent.parent
NEEDED_FREE_BYTES = 300 * 1024 * 1024


def var_directory() -> Path:
    """The folder of everything that changes (``ZHANGGUI_VAR``, else ``var`` in the project)."""
    return Path(os.environ.get("ZHANGGUI_VAR") or ROOT / "var").expanduser().resolve()


def require_writable(folder: Path) -> None:
    """Make the folder and see that there is room in it.

    Raises:
        Stop: it cannot be made or written, or less than 300 MB are free.
    """
    probe = folder / ".probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        raise Stop(
            f"无法写入目录 {folder}：{error.strerror}。请检查权限和磁盘，"
            "或用环境变量 ZHANGGUI_VAR 指定别的目录。",
            f"Cannot write to {folder}: {error.strerror}. Check its rights and the disk, "
            "or set ZHANGGUI_VAR to another folder.",
        ) from error
    free = shutil.disk_usage(folder).free
    if free < NEEDED_FREE_BYTES:
        raise Stop(
            f"磁盘空间不足：{folder} 只剩 {free // 2**20} MB，至少需要 "
            f"{NEEDED_FREE_BYTES // 2**20} MB。请清理磁盘，或用 ZHANGGUI_VAR 指定别的目录。",
            f"The disk is nearly full: {free // 2**20} MB are left at {folder}, "
            f"{NEEDED_FREE_BYTES // 2**20} MB are needed. Make room, or set ZHANGGUI_VAR "
            "to another folder.",
        )
