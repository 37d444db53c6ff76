"""The living page as a browser gets it, and one window for all tests of a file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.core.handlers.wsgi import WSGIHandler
from playwright.sync_api import Page

from tests.plugins.browser import Chromium, close
from zhanggui.ui.staticfiles import with_static_files


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 50


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The product's own handler with its middlewares; the kit needs no database."""
    server = make_server(
        "127.0.0.1", 0, with_static_files(WSGIHandler()), server_class=_Server, handler_class=_Quiet
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def windows() -> Iterator[list[Page]]:
    """The window that tests take turns in: a new one takes longer than most of them."""
    opened: list[Page] = []
    yield opened
    for page in opened:
        close(page.context)


@pytest.fixture
def page(chromium: Chromium, windows: list[Page], site: str) -> Page:
    """The window with nothing left in it."""
    if not windows or windows[-1].is_closed():
        windows.append(chromium().new_context(locale="zh-CN").new_page())
    page = windows[-1]
    page.goto("about:blank")
    page.set_viewport_size({"width": 1280, "height": 900})
    devtools = page.context.new_cdp_session(page)
    devtools.send("Storage.clearDataForOrigin", {"origin": site, "storageTypes": "all"})
    devtools.detach()
    return page
