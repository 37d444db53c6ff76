"""Rows of the specification count as proved only by tests that passed."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.plugins.spec import ROW, Proofs

type Phase = Literal["setup", "call", "teardown"]
type Outcome = Literal["passed", "failed", "skipped"]


def report(test: str, when: Phase, outcome: Outcome, row: str) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=test,
        location=("", None, ""),
        keywords={},
        outcome=outcome,
        longrepr=None,
        when=when,
        user_properties=[("spec", row)],
    )


def run(rows: Proofs, test: str, row: str, call: Outcome, teardown: Outcome = "passed") -> None:
    rows.pytest_runtest_logreport(report(test, "setup", "passed", row))
    rows.pytest_runtest_logreport(report(test, "call", call, row))
    rows.pytest_runtest_logreport(report(test, "teardown", teardown, row))


class TestSpecRows:
    def test_counts_what_passed(self) -> None:
        rows = Proofs("spec")
        run(rows, "test_a", "stamps R09", "passed")
        run(rows, "test_b", "stamps R09", "passed")
        run(rows, "test_c", "stamps R10", "failed")
        run(rows, "test_d", "stamps R11", "skipped")
        run(rows, "test_e", "stamps R12", "passed", teardown="failed")
        assert rows.proved({}) == {"stamps R09": ["test_a", "test_b"]}

    def test_corrects_only_what_ran(self) -> None:
        rows = Proofs("spec")
        run(rows, "test_a", "stamps R09", "failed")
        run(rows, "test_b", "stamps R10", "passed")
        known = {"stamps R09": ["test_a", "test_z"], "stamps R08": ["test_a"]}
        assert rows.proved(known) == {"stamps R09": ["test_z"], "stamps R10": ["test_b"]}

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("stamps R09", True), ("platform P07", True), ("R09", False), ("stamps r9", False)],
    )
    def test_knows_a_row(self, text: str, expected: bool) -> None:
        assert bool(ROW.fullmatch(text)) is expected
