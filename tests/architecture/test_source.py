"""What no line of the product may do, found by reading the source."""

from __future__ import annotations

from tests.architecture.source import PRODUCT, sources

ALLOWED = {
    "zhanggui/core/clock.py": "it is the clock",
    "zhanggui/stamps/desks.py": "a session ends by the time Django's own store asks for",
    "demo/progress.py": "is the other process alive? the moved clock cannot tell",
}
NOW = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("timezone", "now"),
    ("time", "time"),
}
"""``time.perf_counter`` and ``time.monotonic`` measure, they do not tell the time."""


def test_asks_only_the_clock_for_the_time() -> None:
    found = [
        f"{owner}.{name}() in {source.place}, line {line}"
        for source in sources()
        if source.place not in ALLOWED
        for owner, name, line in source.calls
        if (owner, name) in NOW
    ]
    assert found == [], "ask zhanggui.core.clock"


def test_no_code_is_a_micro_qr_code() -> None:
    """``segno.make`` makes one of a short text; WeChat's scanner does not read it."""
    made = [
        (name, f"{source.place}, line {line}")
        for source in sources()
        for owner, name, line in source.calls
        if owner == "segno"
    ]
    assert "make_qr" in {name for name, _where in made}
    assert [where for name, where in made if name != "make_qr"] == []


def test_no_file_is_called_utils() -> None:
    names = {"utils", "misc", "helpers", "common"}
    assert [source.place for source in sources() if source.file.stem in names] == []


def test_there_are_files_to_look_at() -> None:
    assert len(PRODUCT) > 100
