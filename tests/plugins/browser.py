"""A browser for journeys: Chromium and a Chinese font, found on the machine or brought.

All tests that use it run in one xdist worker, so that there is one browser and one live product.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
USERS = {"browser", "live_product"}
INSTALL_S = 600
JOURNEY_S = 300
PATIENCE_MS = 30_000
OPTIONS = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # The network is shut for the browser too.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *localhost",
]
HELP = (
    "The browser tests need Chromium and a Chinese font. Install them, for instance: "
    "apt install chromium fonts-noto-cjk\n"
    "浏览器测试需要 Chromium 和中文字体，请先安装，例如：apt install chromium fonts-noto-cjk"
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares the browser or the live product together; xdist reads the marks next."""
    for item in items:
        if USERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("browser"))
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(JOURNEY_S))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """See ``_without_loop``."""
    with _without_loop(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """See ``_without_loop``."""
    with _without_loop(item):
        return (yield)


@contextmanager
def _without_loop(item: pytest.Item) -> Iterator[None]:
    """Hide Playwright's event loop from tests that do not use it.

    Once started it looks, to every later test of the process, as if that test ran inside of it.
    """
    uses_it = "playwright" in getattr(item, "fixturenames", ())
    loop = None if uses_it else asyncio._get_running_loop()
    if loop is None:
        yield
        return
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, whose event loop Django must not mistake for asynchronous code."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One headless Chromium for the whole run; open a context of your own per person."""
    program = find_chromium(playwright)
    options = OPTIONS + (["--no-sandbox"] if os.geteuid() == 0 else [])
    started = playwright.chromium.launch(executable_path=program, args=options)
    yield started
    started.close()


def find_chromium(playwright: Playwright) -> str:
    """The browser's program; installs browser and font when they are missing and it can."""
    with (Path(tempfile.gettempdir()) / f"zhanggui-browser-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [] if _on_machine(playwright) else ["chromium"]
        missing += [] if has_chinese_font() else ["fonts-noto-cjk"]
        if missing and os.geteuid() == 0 and shutil.which("apt-get"):
            _try("apt-get", "update", "-qq")
            _try("apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing)
        if not _on_machine(playwright):
            _try(sys.executable, "-m", "playwright", "install", "chromium")
    program = _on_machine(playwright)
    if program is None or not has_chinese_font():
        pytest.exit(HELP, returncode=1)
    return program


def has_chinese_font() -> bool:
    """Whether Chinese texts would be more than boxes on a screenshot."""
    if not shutil.which("fc-list"):
        return False
    listed = subprocess.run(
        ["fc-list", ":lang=zh"], capture_output=True, text=True, timeout=60, check=False
    )
    return bool(listed.stdout.strip())


def _on_machine(playwright: Playwright) -> str | None:
    for name in PROGRAMS:
        program = shutil.which(name)
        if program:
            return program
    own = Path(playwright.chromium.executable_path)
    return str(own) if own.exists() else None


def _try(*command: str) -> None:
    settings = dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(
            command,
            env=settings,
            timeout=INSTALL_S,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
