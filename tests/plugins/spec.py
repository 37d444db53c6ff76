"""Writes which rows of the specification are proved, to ``var/spec-passed.json``.

``@pytest.mark.spec("stamps R09")`` names rows; a row is proved by the tests that carry it and
passed. A complete run replaces the file, a partial one corrects only the tests it ran.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from launcher.paths import ROOT

REPORT = ROOT / "var" / "spec-passed.json"
ROW = re.compile(r"[a-z]+ (?:[A-Z]+-?\d+[a-z]?|press \d+)")

_writer = pytest.StashKey["SpecRows"]()


class SpecRows:
    """Collects the outcome of every test of a run, on the controller when there are workers."""

    def __init__(self) -> None:
        self.rows: dict[str, set[str]] = {}
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of one phase of one test."""
        for name, value in report.user_properties:
            if name == "spec":
                self.rows.setdefault(report.nodeid, set()).add(str(value))
        if report.failed or report.skipped:
            self.failed.add(report.nodeid)
        elif report.when == "call" and not hasattr(report, "wasxfail"):
            self.passed.add(report.nodeid)

    def proved(self, known: dict[str, list[str]]) -> dict[str, list[str]]:
        """The rows proved now, given what was known about tests that did not run."""
        seen = self.passed | self.failed
        proved = {row: {test for test in tests if test not in seen} for row, tests in known.items()}
        for test in self.passed - self.failed:
            for row in self.rows.get(test, ()):
                proved.setdefault(row, set()).add(test)
        return {row: sorted(proved[row]) for row in sorted(proved) if proved[row]}


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark; count on the controller only."""
    config.addinivalue_line("markers", "spec(*rows): rows of the specification this test proves")
    if not hasattr(config, "workerinput"):
        rows = config.stash[_writer] = SpecRows()
        config.pluginmanager.register(rows, "zhanggui-spec-rows")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Attach the rows to the tests' reports; a misspelt row stops the run."""
    for item in items:
        for mark in item.iter_markers("spec"):
            for row in mark.args:
                if not ROW.fullmatch(row):
                    message = f'{item.nodeid}: {row!r} is not a row such as "stamps R09"'
                    raise pytest.UsageError(message)
                item.user_properties.append(("spec", row))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the file."""
    rows = session.config.stash.get(_writer, None)
    if rows is None or not rows.passed | rows.failed:
        return
    known = {} if _is_complete(session, exitstatus) else _known()
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    unfinished = REPORT.with_suffix(".new")
    text = json.dumps(rows.proved(known), indent=1, ensure_ascii=False)
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(REPORT)


def _is_complete(session: pytest.Session, exitstatus: int) -> bool:
    option = session.config.option
    is_narrowed = (
        option.keyword
        or option.markexpr
        or getattr(option, "lf", False)
        or option.deselect
        or option.ignore
        or option.ignore_glob
        or option.maxfail
    )
    is_all = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return is_all and not is_narrowed and exitstatus in {0, 1}


def _known() -> dict[str, list[str]]:
    try:
        known: dict[str, list[str]] = json.loads(Path(REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known
