"""The sandbox's own time: real time plus an offset that tests may move forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

from wechat_sandbox.store import Store

BEIJING = timezone(timedelta(hours=8))


class Clock:
    """Now, as the played servers see it."""

    def __init__(self, store: Store) -> None:
        """Take up the offset kept in ``store``."""
        self._store = store
        self.offset_s = float(store.setting("clock_offset", "0"))

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.offset_s

    def advance(self, seconds: float) -> None:
        """Move the time forward (or back)."""
        self.set_offset(self.offset_s + seconds)

    def set_offset(self, seconds: float) -> None:
        """Choose the distance from real time."""
        self.offset_s = seconds
        self._store.insert("settings", key="clock_offset", value=str(seconds))

    def day(self) -> str:
        """The date in Beijing; daily quotas start again at its midnight."""
        return datetime.fromtimestamp(self.now(), UTC).astimezone(BEIJING).date().isoformat()
