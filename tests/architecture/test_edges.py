"""The page of the state machines, the code and the marks of the tests say the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.paths import ROOT
from tests.plugins.spec import DOCUMENTS, EDGE, edges
from zhanggui.codes.models import CodeState
from zhanggui.coupons.models import CouponState
from zhanggui.coupons.rules import EDGES
from zhanggui.stamps.models import STEPS, CardState, InvitationState, PendingState, SealState

STEP = re.compile(r"(\w+) (\w+)>([A-Z]+)( .+)?")
ARROW = re.compile(r"^ *(\S+) --> (\w+)", re.MULTILINE)
NEW = "new"
STATES = {
    "code": set(CodeState.names),
    "invitation": set(InvitationState.names),
    "request": set(PendingState.names),
    "binding": {"ACTIVE", "REMOVED"},  # by its column removed_at
    "card": set(CardState.names),
    "coupon": set(CouponState.names),
    "seal": set(SealState.names),
}
TABLES = {
    "coupon": {(before.name, after.name) for before, after in EDGES},
    "seal": {(before.name, after.name) for before, after in STEPS},
}
"""Machines whose steps are data in the code."""


def steps(text: str) -> set[tuple[str, str, str]]:
    """Machine, from, to of every edge in a part of the page."""
    found = (STEP.fullmatch(edge) for edge in EDGE.findall(text))
    return {(step[1], step[2], step[3]) for step in found if step}


def chapters() -> dict[str, str]:
    """The page by its headings."""
    text = (ROOT / DOCUMENTS[0]).read_text("utf-8")
    return {part.split("\n", 1)[0]: part for part in text.split("\n## ")[1:]}


ALL_STEPS = steps("".join(chapters().values()))


def marked() -> set[str]:
    """What the marks in the tests' text name."""
    found: set[str] = set()
    for folder in ("tests", "zhanggui"):
        for path in (ROOT / folder).rglob("test_*.py"):
            found.update(_marks(path))
    return found


def _marks(path: Path) -> Iterator[str]:
    text = path.read_text("utf-8")
    if "mark.edge" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.edge":
            yield from (ast.literal_eval(argument) for argument in node.args)


def test_every_line_has_a_test_and_every_mark_a_line() -> None:
    known, named = set(edges()), marked()
    assert sorted(known - named) == []
    assert sorted(named - known) == []


def test_no_line_stands_there_twice() -> None:
    assert len(edges()) == len(set(edges()))


@pytest.mark.parametrize("machine", STATES)
def test_the_page_knows_the_states_of_the_models(machine: str) -> None:
    named = {state for name, *pair in ALL_STEPS for state in pair if name == machine}
    assert named - {NEW} == STATES[machine]


@pytest.mark.parametrize("machine", TABLES)
def test_the_page_has_the_steps_of_the_code(machine: str) -> None:
    named = {(before, after) for name, before, after in ALL_STEPS if name == machine}
    assert {(before, after) for before, after in named if before != NEW} == TABLES[machine]


@pytest.mark.parametrize("chapter", chapters())
def test_diagram_and_tables_agree(chapter: str) -> None:
    text = chapters()[chapter]
    drawn = {(NEW if a == "[*]" else a, b) for a, b in ARROW.findall(text)}
    listed = {(before, after) for _machine, before, after in steps(text)}
    assert drawn == {(a, b) for a, b in listed if a != b or (a, b) in drawn}
