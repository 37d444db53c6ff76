"""How far the demo's data are, for the start page: a small file that is replaced whole."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

STALE_S = 20.0


@dataclass(frozen=True)
class Progress:
    """Where the making of the data stands."""

    step: str
    """``base``, ``people``, ``days``, ``done`` or ``failed``."""
    done: int = 0
    total: int = 0
    at: float = 0.0
    """Unix time of this news."""
    error: str = ""

    @property
    def is_done(self) -> bool:
        return self.step == "done"

    @property
    def is_stuck(self) -> bool:
        """Nothing was heard for a while: whoever made the data has ended."""
        return self.step == "failed" or (not self.is_done and time.time() - self.at > STALE_S)

    @property
    def percent(self) -> int:
        """0 to 100 over all steps; the days take nearly all of the time."""
        if self.is_done:
            return 100
        if self.step != "days" or not self.total:
            return 3
        return 5 + 94 * self.done // self.total


def _file() -> Path:
    return settings.ENV.var / "demo-progress.json"


def note(step: str, done: int = 0, total: int = 0, error: str = "") -> None:
    """Tell the start page where things stand."""
    replace(_file(), asdict(Progress(step, done, total, time.time(), error)))


def read() -> Progress | None:
    """What was told last; None before the first word."""
    try:
        return Progress(**json.loads(_file().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def replace(file: Path, content: object) -> None:
    """Write a JSON file so that nobody ever reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    text = json.dumps(content, ensure_ascii=False, indent=1)
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(file)
