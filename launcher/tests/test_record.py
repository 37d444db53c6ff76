"""A demo remembers which migrations made its tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.demo import OLD_RECORD, RECORD, REQUIRED, Record, sums_of_migrations

DONE = {REQUIRED: "r", "a/migrations/0001_initial.py": "1"}


def test_knows_this_version() -> None:
    sums = sums_of_migrations()

    assert "zhanggui/stamps/migrations/0001_initial.py" in sums
    assert sums_of_migrations() == sums


@pytest.mark.parametrize(
    ("wanted", "is_of", "is_another"),
    [
        (DONE, True, False),
        (DONE | {"a/migrations/0002_more.py": "2"}, False, False),
        (DONE | {REQUIRED: "newer packages"}, False, False),
        (DONE | {"a/migrations/0001_initial.py": "made anew"}, False, True),
        ({REQUIRED: "r"}, False, True),
    ],
    ids=["the-same", "one-more", "packages", "made-anew", "one-less"],
)
def test_tells_what_migrating_can_follow(
    tmp_path: Path, wanted: dict[str, str], is_of: bool, is_another: bool
) -> None:
    record = Record(tmp_path)
    record.write(DONE)

    assert (record.is_of(wanted), record.is_of_another_version(wanted)) == (is_of, is_another)


@pytest.mark.parametrize(
    ("file", "is_another"), [(None, False), (RECORD, False), (OLD_RECORD, True)]
)
def test_without_a_record(tmp_path: Path, file: str | None, is_another: bool) -> None:
    """A new demo, one that was interrupted while it wrote, one of a version without records."""
    if file:
        (tmp_path / file).write_text("{")
    record = Record(tmp_path)

    assert not record.is_of(DONE)
    assert record.is_of_another_version(DONE) == is_another
