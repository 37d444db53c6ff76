"""What processes keep in memory for a moment, tests see at once."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the keys of pushes anew for each of them: rows change from test to test."""
    from zhanggui.channels.wechat import receivers

    monkeypatch.setattr(receivers, "KNOWN_FOR_S", 0.0)
