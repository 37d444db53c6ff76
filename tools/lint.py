"""Runs every check there is over the code, the templates and the texts.

python -m tools.lint            all of it
python -m tools.lint --quick    what takes seconds
python -m tools.lint --format   put the code and the templates into shape
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.plugins.environment import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
TEMPLATE_HOMES = ("demo", "zhanggui", "wechat_sandbox")
DJANGO_VERSION = "6.1"

Checks = dict[str, list[str]]


def main() -> int:
    """Run the command line; answer the process status."""
    parser = argparse.ArgumentParser(description="Check or format everything.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--quick", action="store_true", help="only what takes seconds")
    what.add_argument("--format", action="store_true", help="put everything into shape")
    asked = parser.parse_args()
    if asked.format:
        return run_all(formatters())
    return run_all(quick_checks() if asked.quick else quick_checks() | slow_checks())


def quick_checks() -> Checks:
    """What is quick enough for every commit."""
    return {
        "ruff check": [program("ruff"), "check", "--quiet", "."],
        "ruff format": [program("ruff"), "format", "--check", "--quiet", "."],
        "imports": [program("lint-imports")],
        "templates": [
            program("djade"),
            "--target-version",
            DJANGO_VERSION,
            "--check",
            *templates(),
        ],
        "texts": [sys.executable, "-m", "tools.texts", "--check"],
        "refusals": [sys.executable, "-m", "tools.refusals", "--check"],
        "rights": [sys.executable, "-m", "tools.rights", "--check"],
    }


def slow_checks() -> Checks:
    """The rest."""
    return {
        "types": [program("mypy")],
        "markup": [program("djlint"), "--quiet", "--lint", *templates()],
        "migrations": [
            *(sys.executable, "-W", "ignore", "manage.py"),
            *("makemigrations", "--check", "--dry-run"),
        ],
    }


def formatters() -> Checks:
    """What rewrites files."""
    return {
        "ruff check": [program("ruff"), "check", "--quiet", "--fix", "."],
        "ruff format": [program("ruff"), "format", "--quiet", "."],
        "templates": [program("djade"), "--target-version", DJANGO_VERSION, *templates()],
    }


def run_all(checks: Checks) -> int:
    """Run all of them, also after one has failed; answer 1 if any did."""
    failed = [name for name, command in checks.items() if not run(name, command)]
    print(f"\nfailed: {', '.join(failed)}" if failed else "\nall is well")
    return 1 if failed else 0


def run(name: str, command: list[str]) -> bool:
    """Run one check; show what it says only when it fails."""
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    is_good = done.returncode == 0
    print(f"{'ok  ' if is_good else 'FAIL'} {name} ({time.monotonic() - began:.1f} s)", flush=True)
    if not is_good:
        print(done.stdout + done.stderr)
    return is_good


def environment() -> dict[str, str]:
    """Settings under which Django can be loaded without an installation."""
    return dict(os.environ) | SETTINGS


def program(name: str) -> str:
    """A tool of this environment."""
    return str(BIN / name)


def templates() -> list[str]:
    """All Django templates."""
    return [str(file.relative_to(ROOT)) for file in _templates()]


def _templates() -> Iterator[Path]:
    for home in TEMPLATE_HOMES:
        for file in sorted((ROOT / home).rglob("*.html")):
            if "templates" in file.parts and "node_modules" not in file.parts:
                yield file


if __name__ == "__main__":
    sys.exit(main())
