"""The deployment guide's files fit the program: settings, commands, limits."""

from __future__ import annotations

import re
import shlex

import pytest

from config.env import Env
from launcher.cli import _parser
from launcher.paths import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted(path.name for path in DEPLOY.glob("*.service"))
FILLED = {
    "ZHANGGUI_SECRET_KEY": "x" * 40,
    "ZHANGGUI_KEY_RING": f"1:{'A' * 43}=",
}


def settings_of(text: str) -> dict[str, str]:
    pairs = re.findall(r"^#?([A-Z_]+)=(.*)$", text, re.MULTILINE)
    return dict(pairs)


def test_every_setting_of_the_example_is_known() -> None:
    names = settings_of((DEPLOY / "zhanggui.env.example").read_text())
    known = {f"ZHANGGUI_{field.upper()}" for field in Env.model_fields} | {"DATABASE_URL"}
    assert set(names) - known == set()


@pytest.mark.spec("platform P47")
def test_the_example_with_its_secrets_filled_in_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    text = re.sub(r"^#.*$", "", (DEPLOY / "zhanggui.env.example").read_text(), flags=re.MULTILINE)
    for name, value in (settings_of(text) | FILLED).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ZHANGGUI_SANDBOX_URL", raising=False)
    for name in ("API", "OPEN", "MP", "JS"):
        monkeypatch.delenv(f"ZHANGGUI_WECHAT_{name}_URL", raising=False)
    for name in ("BASE", "BACKUP"):
        monkeypatch.delenv(f"ZHANGGUI_PAY_{name}_URL", raising=False)
    env = Env()
    assert env.is_production
    assert env.proxies == 1


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_runs_a_command_that_exists(unit: str) -> None:
    text = (DEPLOY / unit).read_text()
    command = re.search(r"/\.venv/bin/zhanggui ([^'\n]+)", text)
    assert command is not None
    _parser().parse_args(shlex.split(command[1]))
    assert "EnvironmentFile=/etc/zhanggui/env" in text


def test_guide_names_files_that_exist() -> None:
    guide = (ROOT / "docs" / "deployment.md").read_text()
    for name in re.findall(r"`deploy/([\w.-]+)`|deploy/([\w.-]+\.(?:timer|example))", guide):
        assert (DEPLOY / (name[0] or name[1])).exists()
