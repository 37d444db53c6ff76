"""What people call their files, made safe to show; nothing on the disk is called like that."""

from __future__ import annotations

from pathlib import PurePosixPath

from zhanggui.files.cells import shown

LONGEST = 200
_SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "application/pdf": ".pdf",
    "text/csv": ".csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}


def safe_name(given: str, content_type: str) -> str:
    """The name without folders and hidden signs, ending as what the file really is."""
    name = shown(given.replace("\\", "/").rsplit("/", 1)[-1]).replace("\n", " ").replace("\t", " ")
    suffix = _SUFFIXES.get(content_type, "")
    stem = PurePosixPath(name).stem if suffix else name
    stem = stem.strip(" .") or "file"
    return stem[: LONGEST - len(suffix)] + suffix
