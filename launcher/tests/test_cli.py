"""Commands that are handed on to Django."""

from __future__ import annotations

import pytest

from launcher import cli, production


class TestPassingOn:
    @pytest.mark.parametrize(
        ("words", "handed_on"),
        [
            (["manage", "shell", "-c", "1"], ["shell", "-c", "1"]),
            (["migrate"], ["migrate"]),
            (["verify-ledger", "--merchant", "tea"], ["verify_ledger", "--merchant", "tea"]),
        ],
    )
    def test_names_the_command_of_django(
        self, words: list[str], handed_on: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        got: list[list[str]] = []
        monkeypatch.setattr(production, "manage", got.append)
        cli.main(words)

        assert got == [handed_on]
