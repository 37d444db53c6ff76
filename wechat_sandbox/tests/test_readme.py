"""The README's ten lines, run as they stand, and what it says has to be installed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from wechat_sandbox import config
from wechat_sandbox.serving import running

README = config.PACKAGE / "README.md"
NAMES = {"PIL": "pillow"}
"""What a module is called in an index, where the names differ."""


def test_the_ten_lines_do_what_they_say(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8").partition("## Ten lines")[2]
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found
    script = tmp_path / "ten.py"
    script.write_text(found.group(1), encoding="utf-8")
    assert len([line for line in found.group(1).splitlines() if line.strip()]) == 10
    assert "wechat_sandbox" not in found.group(1)

    with running() as sandbox:
        done = subprocess.run(
            [sys.executable, "-I", str(script), sandbox.world.config.public],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert done.returncode == 0, done.stderr
    assert "<Event><![CDATA[subscribe]]></Event>" in done.stdout
    assert "'outcome': 'accepted'" in done.stdout


def test_requirements_are_what_is_imported() -> None:
    text = (config.PACKAGE / "requirements.txt").read_text(encoding="utf-8")
    asked = {line for line in text.splitlines() if line and not line.startswith("#")}
    modules: set[str] = set()
    for file in config.PACKAGE.rglob("*.py"):
        if file.parent.name != "tests":
            modules |= set(_imported(ast.parse(file.read_text(encoding="utf-8"))))
    foreign = modules - sys.stdlib_module_names - {"wechat_sandbox"}

    assert asked == {NAMES.get(one, one) for one in foreign}


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
