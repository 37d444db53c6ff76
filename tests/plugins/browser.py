"""A browser for journeys: Chromium and a Chinese font, found on the machine or brought.

Tests that use it go to few xdist workers (``sharing``) and take turns in its windows. Chromium
sometimes hangs while it closes one: then it is killed, and the next test gets a new one.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Playwright,
    ViewportSize,
    expect,
    sync_playwright,
)
from playwright.sync_api import Error as PlaywrightError

PROGRAMS = (
    # Without the frame of windows and buttons, which takes a quarter of the processor time.
    *("chromium-headless-shell", "chrome-headless-shell"),
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
)
USERS = {"playwright", "live_product"}
MARK = f"--zhanggui-tests={secrets.token_hex(8)}"
"""An option that Chromium does not know and that tells ours from others."""
CLOSES_S = 20.0
INSTALL_S = 600
JOURNEY_S = 300
PATIENCE_MS = 30_000
SWITCHED_OFF = (
    # Buttons and menus drawn by pages of their own: two thirds of the time a new window takes.
    *("InitialWebUI", "WebUIReloadButton", "WebUIToolbar", "PreloadTopChromeWebUI"),
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
    # What Playwright switches off itself; Chromium follows the last list only.
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades"),
    *("HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding"),
    *("ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "AimEnabled"),
    *("OptimizationHints", "NetworkTimeServiceQuerying", "PreconnectToSearch"),
    "SpareRendererForSitePerProcess",  # a process for a page that may come
    # A process for each site: a phone in a page, and a page in the phone, are three.
    *("IsolateOrigins", "site-per-process"),
)
OPTIONS = [
    f"--disable-features={','.join(SWITCHED_OFF)}",
    "--disable-site-isolation-trials",
    "--renderer-process-limit=1",
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give journeys the time they need."""
    for item in items:
        is_slow = USERS.intersection(getattr(item, "fixturenames", ()))
        if is_slow and not item.get_closest_marker("timeout"):
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """See ``_without_loop``: what a test began with a connection ends with the same one."""
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


@contextmanager
def _shown_again() -> Iterator[None]:
    """What lives as long as the run may end with a test that the loop is hidden from."""
    loop = asyncio._get_running_loop()
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, whose event loop Django must not mistake for asynchronous code."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as started, _shown_again():
        yield started
    asyncio._set_running_loop(None)


class Chromium:
    """One headless Chromium for many tests, started when it is needed and again when it is gone."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._program = find_chromium(playwright)
        self._browser: Browser | None = None

    def __call__(self) -> Browser:
        """The running browser."""
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(
                executable_path=self._program,
                args=[*OPTIONS, MARK, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
            )
        return self._browser

    def close(self) -> None:
        """End it."""
        if self._browser is not None:
            with _patience(), suppress(PlaywrightError):
                self._browser.close()


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Chromium]:
    """The browser of the whole run."""
    started = Chromium(playwright)
    with _shown_again():
        yield started
    started.close()


@pytest.fixture
def browser(chromium: Chromium) -> Iterator[Browser]:
    """A browser; take a ``window`` per person, or a context of your own, which is closed."""
    running = chromium()
    yield running
    kept = [one.context for one in _idle.get(running, [])]
    for context in running.contexts:
        if context not in kept:
            close(context)


class Window:
    """A window with a profile of its own. It stays: a new one takes longer than three pages."""

    def __init__(self, browser: Browser, size: ViewportSize) -> None:
        self.size = size
        self.context = browser.new_context(viewport=size, locale="zh-CN", reduced_motion="reduce")
        self._places: set[str] = set()
        self.context.on("page", self._follow)
        self.page = self.context.new_page()

    def _follow(self, page: Page) -> None:
        page.on("framenavigated", lambda frame: self._places.add(frame.url))

    def empty(self) -> None:
        """Leave one empty page, no cookies, and nothing that pages stored."""
        for page in self.context.pages:
            if page is not self.page:
                page.close()
        for frame in self.page.frames:
            with suppress(PlaywrightError):  # not every frame has one
                frame.evaluate("sessionStorage.clear()")
        self.page.goto("about:blank")
        self.page.set_viewport_size(self.size)
        self.page.emulate_media(color_scheme="null")
        self.context.clear_cookies()
        self.context.clear_permissions()
        self._empty_stores()

    def _empty_stores(self) -> None:
        sites = {urlsplit(place)._replace(path="", query="", fragment="") for place in self._places}
        devtools = self.context.new_cdp_session(self.page)
        for site in sites:
            if site.netloc:
                origin = {"origin": site.geturl(), "storageTypes": "all"}
                devtools.send("Storage.clearDataForOrigin", origin)
        devtools.detach()
        self._places.clear()


_idle: WeakKeyDictionary[Browser, list[Window]] = WeakKeyDictionary()
"""Windows that nobody uses, by the browser they are of."""


@contextmanager
def window(browser: Browser, size: ViewportSize) -> Iterator[Page]:
    """Somebody's window with one page in it, as if it were new."""
    idle = _idle.setdefault(browser, [])
    taken = next((one for one in idle if one.size == size), None)
    if taken:
        idle.remove(taken)
    else:
        taken = Window(browser, size)
    try:
        yield taken.page
    finally:
        try:
            with _patience():
                taken.empty()
            idle.append(taken)
        except PlaywrightError:
            close(taken.context)


def close(context: BrowserContext) -> None:
    """Close somebody's windows, whether Chromium likes it or not."""
    with _patience(), suppress(PlaywrightError):
        context.close()


@contextmanager
def _patience() -> Iterator[None]:
    """Kill the browser if what is done here takes too long; Playwright itself would wait on."""
    guard = threading.Timer(CLOSES_S, kill)
    guard.start()
    try:
        yield
    finally:
        guard.cancel()


def kill() -> None:
    """End our browser at once."""
    for pid in pids():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def pids() -> list[int]:
    """Processes of our browser, known by their command line where the system shows it."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if MARK.encode() in file.read_bytes().split(b"\0"):
                found.append(int(file.parent.name))
    return found


def find_chromium(playwright: Playwright) -> str:
    """The browser's program; installs browser and font when they are missing and it can."""
    with (Path(tempfile.gettempdir()) / f"zhanggui-browser-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.geteuid() == 0 and shutil.which("apt-get"):
            _install_packages(playwright)
        if not _on_machine(playwright):
            _try(sys.executable, "-m", "playwright", "install", "chromium")
    program = _on_machine(playwright)
    if program is None or not has_chinese_font():
        pytest.exit(HELP, returncode=1)
    return program


def _install_packages(playwright: Playwright) -> None:
    """Install what is missing; not every system has the smaller browser."""
    missing = [] if has_chinese_font() else ["fonts-noto-cjk"]
    missing += [] if _on_machine(playwright) else ["chromium-headless-shell", "chromium"]
    if missing:
        _try("apt-get", "update", "-qq")
    for package in missing:
        if package == "chromium" and _on_machine(playwright):
            return
        _try("apt-get", "install", "-qq", "-y", "--no-install-recommends", package)


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


@contextmanager
def without_network(sign: Locator) -> Iterator[None]:
    """Take the network from the page that has this sign, and give it back.

    On a machine without any network the browser tells pages of no change, so it is told here.
    """
    is_told = sign.evaluate("() => navigator.onLine")
    for is_away, name in ((True, "offline"), (False, "online")):
        sign.page.context.set_offline(is_away)
        if not is_told:
            sign.evaluate("(_sign, name) => window.dispatchEvent(new Event(name))", name)
        if is_away:
            yield
