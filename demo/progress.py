"""How far the demo's data are, for the start page: a small file that is replaced whole."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

from demo.errors import DemoError

LOCK = "demo-data.lock"
PATIENCE_S = 1.0


@dataclass(frozen=True)
class Progress:
    """Where the making of the data stands."""

    step: str
    """``base``, ``days``, ``done`` or ``failed``."""
    done: int = 0
    total: int = 0
    error: str = ""

    @property
    def is_done(self) -> bool:
        return self.step == "done"

    @property
    def is_stuck(self) -> bool:
        """Whoever made the data has ended without finishing."""
        return self.step == "failed" or (not self.is_done and not is_somebody_at_work())

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
    replace(_file(), asdict(Progress(step, done, total, error)))


def read() -> Progress | None:
    """What was told last; None before the first word."""
    try:
        return Progress(**json.loads(_file().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def only_one() -> Iterator[None]:
    """Let one process at a time make data.

    Raises:
        DemoError: another one does.
    """
    folder = settings.ENV.var
    folder.mkdir(parents=True, exist_ok=True)
    give_up_at = time.monotonic() + PATIENCE_S
    with (folder / LOCK).open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > give_up_at:  # the start page looks for an instant only
                    message = "the demo data are being made by another process already"
                    raise DemoError(message) from error
                time.sleep(0.05)
        yield


def is_somebody_at_work() -> bool:
    """Whether a process makes data now; its end, however it comes, lets go of the lock."""
    try:
        with (settings.ENV.var / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def replace(file: Path, content: object) -> None:
    """Write a JSON file so that nobody ever reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    text = json.dumps(content, ensure_ascii=False, indent=1)
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(file)
