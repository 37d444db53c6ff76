"""The network is shut in tests: only this machine can be reached."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

DOORS = ("connect", "connect_ex", "sendto")
"""Methods of a socket whose last argument is an address."""


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


def _guarded(way: Callable[..., Any]) -> Callable[..., Any]:
    def guard(door: socket.socket, *given: Any) -> Any:
        address = given[-1] if given else None
        if isinstance(address, tuple):
            _refuse_others(address[0])
        return way(door, *given)

    return guard


def _refuse_others(host: object) -> None:
    if not is_loopback(host):
        message = f"tests must not reach {host!r}"
        raise NetworkShut(message)


def pytest_configure() -> None:
    """Stand in every door of Python's sockets, from here on.

    An audit hook would be called for each ``id()``, too: a hundredth of the whole run.
    """
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *given: Any, **named: Any) -> Any:
        _refuse_others(host)
        return look_up(host, *given, **named)

    for name in DOORS:
        setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    socket.getaddrinfo = getaddrinfo
