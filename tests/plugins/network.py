"""The network is shut in tests: only this machine can be reached."""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

EVENTS = {"socket.connect", "socket.sendto", "socket.getaddrinfo"}


class NetworkShut(AssertionError):
    """A test tried to reach another machine."""


def is_loopback(host: object) -> bool:
    """Whether a host name or address means this machine."""
    if host is None:
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in {"", "localhost"} or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in EVENTS:
        return
    address = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    host = address[0] if isinstance(address, tuple) else address
    is_local_path = event != "socket.getaddrinfo" and not isinstance(address, tuple)
    if not is_local_path and not is_loopback(host):
        message = f"tests must not reach {host}"
        raise NetworkShut(message)


def pytest_configure() -> None:
    """Watch every connection from here on; such a hook cannot be taken off again."""
    sys.addaudithook(_refuse)
