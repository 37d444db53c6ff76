"""Whoever reads the audit log reads words: every action in the source has a text."""

from __future__ import annotations

import ast
import re

from tests.architecture.test_source import PRODUCT
from zhanggui.accounts import audit

ACTION = re.compile(
    r"(accounts|billing|codes|contacts|files|signin|sms|stamps|wechat)\.[a-z_]+\.(?!com$|tools$)[a-z_]+"
)
"""Hosts and places for panels look alike."""


def test_every_action_has_a_text() -> None:
    named = {
        node.value
        for file in PRODUCT
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and ACTION.fullmatch(node.value)
    }
    assert "stamps.code.confirmed" in named
    assert named - set(audit.actions()) == set()
