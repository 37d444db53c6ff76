"""Running a sandbox in this process: as a program, or in a thread beside a test."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import URLError

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from wechat_sandbox.app import Sandbox, create_app


def _server(app: Sandbox, host: str, port: int) -> Server:
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    )


async def serve(app: Sandbox, host: str, port: int) -> None:
    """Serve until the process is told to stop."""
    server = _server(app, host, port)
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, server.stop)
    await server.serve()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(*, port: int | None = None, **settings: Any) -> Iterator[Sandbox]:
    """A sandbox on a real port of this machine while the block runs; for tests.

    ``settings`` are those of `create_app`; the address is ``app.world.config.public``.
    """
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    app = create_app(public=address, **settings)
    ready: list[tuple[asyncio.AbstractEventLoop, Server]] = []

    async def main() -> None:
        server = _server(app, "127.0.0.1", port)
        ready.append((asyncio.get_running_loop(), server))
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    try:
        _wait(address)
        yield app
    finally:
        if ready:
            loop, server = ready[0]
            loop.call_soon_threadsafe(server.stop)
        thread.join(timeout=10)
        app.world.store.close()


def _wait(address: str, *, timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            opener.open(f"{address}/_sandbox/health", timeout=1).close()
        except (URLError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return
