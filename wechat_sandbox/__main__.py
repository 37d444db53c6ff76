"""``python -m wechat_sandbox``: the sandbox as a program of its own."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sqlite3
import sys
from pathlib import Path

from wechat_sandbox.app import create_app
from wechat_sandbox.config import UnsafeSandbox
from wechat_sandbox.serving import serve


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="wechat_sandbox", description="Plays WeChat's servers and its users' phones."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument(
        "--product", default="http://127.0.0.1:8000", help="canonical address of the product"
    )
    parser.add_argument(
        "--public", help="address under which the sandbox is reached (default: host and port)"
    )
    parser.add_argument("--data", default="var/sandbox.sqlite3", help="file that keeps the state")
    return parser.parse_args()


def _is_taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def main() -> int:
    """Run until stopped; returns the exit status."""
    given = _arguments()
    public = given.public or f"http://{given.host}:{given.port}"
    if _is_taken(given.host, given.port):
        print(f"Port {given.port} is in use; choose another with --port.", file=sys.stderr)  # noqa: T201
        return 1
    try:
        if given.data != ":memory:":
            Path(given.data).parent.mkdir(parents=True, exist_ok=True)
        app = create_app(given.data, product=given.product, public=public)
    except (UnsafeSandbox, OSError, sqlite3.Error) as problem:
        print(f"The sandbox cannot start: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"WeChat sandbox: {public}/", flush=True)  # noqa: T201
    asyncio.run(serve(app, given.host, given.port))
    app.world.store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
