"""The README's ten lines, run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from wechat_sandbox import config
from wechat_sandbox.serving import running

README = config.PACKAGE / "README.md"


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
