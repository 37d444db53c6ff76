"""Installing twice does nothing twice."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launcher.paths import ROOT
from tools import install


@pytest.mark.skipif(not install._is_complete("dev"), reason="installed by other means")
class TestSecondRun:
    @pytest.mark.parametrize("kind", ["run", "dev"])
    def test_is_silent_and_quick(self, kind: str) -> None:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, ROOT / "tools" / "install.py", kind],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert time.monotonic() - began < 1


class TestStamps:
    def test_see_every_change(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(install, "ROOT", tmp_path)
        file = tmp_path / "run.txt"
        seen = [install.digest([file])]
        for text in ("", "django==6.1", "django==6.2"):
            file.write_text(text)
            seen.append(install.digest([file]))
        assert len(set(seen)) == 4 - 1  # a missing file and an empty one are both nothing

    def test_a_development_install_is_never_thinned_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stamp = tmp_path / "stamp"
        monkeypatch.setattr(install, "STAMP", stamp)
        assert install._kind("run") == "run"
        stamp.write_text('{"kind": "dev"}')
        assert install._kind("run") == "dev"
        stamp.write_text('{"kind": "de')  # interrupted while writing
        assert install._kind("run") == "run"


class TestPython:
    def test_takes_the_wanted_version_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = [("/a/python3.14", (3, 14)), ("/b/python3.13", (3, 13))]
        monkeypatch.setattr(install, "_interpreters", lambda uv: iter(found))
        assert install.find_python(_NoNetwork()) == "/b/python3.13"

    def test_falls_back_to_what_is_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(install, "_interpreters", lambda uv: iter([("/a/python", (3, 12))]))
        assert install.find_python(_NoNetwork()) == "/a/python"

    def test_what_cannot_be_read_is_skipped(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As with root's PATH inherited by somebody else: ``su`` without ``-``."""
        monkeypatch.setenv("PATH", str(tmp_path))
        is_there = Path.exists

        def refuse(path: Path) -> bool:
            if path.is_relative_to(tmp_path):
                raise PermissionError(path)
            return is_there(path)

        (tmp_path / "python3.13").write_text("#!/bin/sh\n")  # not executable
        monkeypatch.setattr(Path, "exists", refuse)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        assert list(install._interpreters(_NoNetwork())) == []

    def test_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(install, "_interpreters", lambda uv: iter([]))
        with pytest.raises(install.Stop, match="Install Python 3"):
            install.find_python(_NoNetwork())


class _NoNetwork(install.Uv):
    def __init__(self) -> None:
        self.program = shutil.which("false") or "/bin/false"
