"""What somebody who meets the project looks for first."""

from __future__ import annotations

import pytest

from launcher.paths import ROOT


@pytest.mark.spec("platform P51")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("LICENSE", "License"),
        ("SECURITY.md", "report"),
        ("CONTRIBUTING.md", "changelog.d"),
        ("CHANGELOG.md", "Changelog"),
    ],
)
def test_is_there_and_found_from_the_readme(name: str, says: str) -> None:
    assert says.casefold() in (ROOT / name).read_text(encoding="utf-8").casefold()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"]({name})" in readme, f"README.md does not lead to {name}"
