"""Whoever reads the audit log reads words: every action and every target has a text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import sources
from zhanggui.accounts import audit

ACTION = re.compile(
    r"(accounts|billing|codes|contacts|files|signin|sms|stamps|wechat)\.[a-z_]+\.(?!com$|tools$)[a-z_]+"
)
"""Hosts and places for panels look alike."""


def test_every_action_has_a_text() -> None:
    named = {text for source in sources() for text in source.texts if ACTION.fullmatch(text)}
    assert "stamps.code.confirmed" in named
    assert named - set(audit.actions()) == set()


def test_every_target_has_a_text() -> None:
    named = {kind for source in sources() for call in source.acts for kind in _targets(call)}
    assert {"code", "wechat_component"} <= named
    assert {kind for kind in named if str(audit.target_kind(kind).label) == kind} == set()


def test_every_program_that_acts_has_a_name() -> None:
    """Jobs stand in the log as people call them, in their language."""
    bare = [
        f"{source.place}: {ast.unparse(call)}"
        for source in sources()
        if "management" not in source.file.parts
        for call in source.acts
        if ast.unparse(call.func) == "system_actor"
        and any(isinstance(given, ast.Constant) and given.value for given in call.args)
    ]
    assert bare == []


def _targets(call: ast.Call) -> Iterator[str]:
    """The kind of each ``kind:<id>`` that is written where an entry is made."""
    if not ast.unparse(call.func).startswith("audit.record"):
        return
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(argument, ast.JoinedStr) and isinstance(
            first := argument.values[0], ast.Constant
        ):
            kind, colon, rest = str(first.value).partition(":")
            if colon and not rest:
                yield kind
