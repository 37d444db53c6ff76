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

STOP_S = 3.0


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
    told = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, told.set)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(told.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
        return
    server.stop()  # type: ignore[no-untyped-call]
    # Requests that still wait for a slow product must not keep the program alive; what the
    # server says about being cut off helps nobody.
    loop.set_exception_handler(lambda _loop, _context: None)
    await asyncio.wait({serving}, timeout=STOP_S)


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
        wait_for(address)
        yield app
    finally:
        if ready:
            loop, server = ready[0]
            loop.call_soon_threadsafe(server.stop)
        thread.join(timeout=10)
        app.world.store.close()


def wait_for(address: str, *, timeout_s: float = 20.0) -> None:
    """Return when the sandbox at ``address`` answers."""
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
