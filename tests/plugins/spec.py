"""Writes what is proved: rows of the specification and edges of the state machines.

``@pytest.mark.spec("stamps R09")`` names rows, ``@pytest.mark.edge("code ACTIVE>HELD")`` names what
stands in the first column of a table of ``docs/state-machines.md`` or ``docs/threats.md``. Each is
proved by the tests that carry it and passed; ``var/spec-passed.json`` and ``var/edges-passed.json``
say by which. A complete run replaces the files, a partial one corrects only the tests it ran.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from launcher.paths import ROOT

ROW = re.compile(r"[a-z]+ (?:[A-Z]+-?\d+[a-z]?|press \d+)")
DOCUMENTS = ("docs/state-machines.md", "docs/threats.md")
EDGE = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


def edges() -> list[str]:
    """The edges, refusals, invariants and threats that the documents name, in their order."""
    return [edge for name in DOCUMENTS for edge in EDGE.findall((ROOT / name).read_text("utf-8"))]


@dataclass(eq=False)  # pytest keeps plugins in sets
class Proofs:
    """Collects the outcome of every test of a run, on the controller when there are workers."""

    mark: str
    proofs: dict[str, set[str]] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    @property
    def report(self) -> Path:
        """Where the outcome is kept."""
        name = "spec" if self.mark == "spec" else "edges"
        return ROOT / "var" / f"{name}-passed.json"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of one phase of one test."""
        for name, value in report.user_properties:
            if name == self.mark:
                self.proofs.setdefault(report.nodeid, set()).add(str(value))
        if report.failed or report.skipped:
            self.failed.add(report.nodeid)
        elif report.when == "call" and not hasattr(report, "wasxfail"):
            self.passed.add(report.nodeid)

    def proved(self, known: dict[str, list[str]]) -> dict[str, list[str]]:
        """What is proved now, given what was known about tests that did not run."""
        seen = self.passed | self.failed
        proved = {one: {test for test in tests if test not in seen} for one, tests in known.items()}
        for test in self.passed - self.failed:
            for one in self.proofs.get(test, ()):
                proved.setdefault(one, set()).add(test)
        return {one: sorted(proved[one]) for one in sorted(proved) if proved[one]}

    def write(self, *, is_complete: bool) -> None:
        """Keep what the run showed."""
        known = {} if is_complete else _known(self.report)
        self.report.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.report.with_suffix(".new")
        text = json.dumps(self.proved(known), indent=1, ensure_ascii=False)
        unfinished.write_text(text + "\n", encoding="utf-8")
        unfinished.replace(self.report)


_writers = pytest.StashKey[list[Proofs]]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks; count on the controller only."""
    config.addinivalue_line("markers", "spec(*rows): rows of the specification this test proves")
    config.addinivalue_line("markers", "edge(*edges): edges and threats this test proves")
    if not hasattr(config, "workerinput"):
        config.stash[_writers] = [Proofs("spec"), Proofs("edge")]
        for writer in config.stash[_writers]:
            config.pluginmanager.register(writer, f"zhanggui-proofs-{writer.mark}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Attach the marks to the tests' reports; a misspelt one stops the run."""
    known = frozenset(edges())
    kinds: dict[str, tuple[Callable[[str], object], str]] = {
        "spec": (ROW.fullmatch, 'a row such as "stamps R09"'),
        "edge": (known.__contains__, f"in a table of {' or '.join(DOCUMENTS)}"),
    }
    for item in items:
        for name, (is_known, what) in kinds.items():
            for mark in item.iter_markers(name):
                for one in mark.args:
                    if not is_known(one):
                        message = f"{item.nodeid}: {one!r} is not {what}"
                        raise pytest.UsageError(message)
                    item.user_properties.append((name, one))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the files."""
    is_complete = _is_complete(session, exitstatus)
    for writer in session.config.stash.get(_writers, []):
        if writer.passed | writer.failed:
            writer.write(is_complete=is_complete)


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


def _known(report: Path) -> dict[str, list[str]]:
    try:
        known: dict[str, list[str]] = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known
