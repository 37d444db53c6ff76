"""The description of what is played keeps up with the code."""

from __future__ import annotations

import re
from pathlib import Path

from wechat_sandbox.played.errors import TEXTS
from wechat_sandbox.played.wire import ENDPOINTS

PACKAGE = Path(__file__).parents[1]
TEXT = (PACKAGE / "PLAYED.md").read_text(encoding="utf-8")


def codes(head: str) -> set[int]:
    """The numbers listed after a sentence."""
    listed = TEXT.partition(head)[2].strip().partition("\n\n")[0]
    return {int(one) for one in re.findall(r"-?\d+", listed)}


def test_every_error_code_is_listed_once() -> None:
    natural, faults = codes("the rule behind them is broken:"), codes("with `errcode`):")

    assert natural | faults == set(TEXTS) - {0}
    assert not natural & faults


def test_a_code_that_is_refused_somewhere_is_listed_as_natural() -> None:
    source = "".join(one.read_text(encoding="utf-8") for one in (PACKAGE / "played").glob("*.py"))
    refused = {int(one) for one in re.findall(r"Refusal\((-?\d+)", source)}

    assert refused <= codes("the rule behind them is broken:")


def test_every_call_is_named() -> None:
    missing = [
        path
        for path in ENDPOINTS
        if path.rsplit("/", 1)[-1] not in TEXT
        and "/newtmpl/" not in path
        and "/tags/" not in path
        and "/template/" not in path
        and "/menu/" not in path
        and "authorizer_option" not in path
    ]
    assert missing == []


def test_the_tests_it_names_exist() -> None:
    for name in re.findall(r"`(test_\w+\.py)", TEXT):
        assert (PACKAGE / "tests" / name).is_file(), name
