"""What a request says about where it comes from: an address and a short name of the device."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

# the first that fits names the part; the order matters: an iPad also says "Mac OS X"
SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("HarmonyOS", r"HarmonyOS|OpenHarmony"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("Mac", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux|X11"),
)
PROGRAMS = (
    ("企业微信", r"wxwork"),
    ("微信", r"MicroMessenger"),
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/|HeadlessChrome/"),
    ("Safari", r"Safari/"),
)


@lru_cache(maxsize=512)
def describe(user_agent: str) -> str:
    """A device as people name it, for example ``iPhone · 微信``; empty when nothing is known."""
    parts = [_first(SYSTEMS, user_agent), _first(PROGRAMS, user_agent)]
    return " · ".join(part for part in parts if part)


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for name, sign in names if re.search(sign, user_agent)), "")


def device_of(request: HttpRequest) -> str:
    """The device of a request."""
    return describe(request.META.get("HTTP_USER_AGENT", "")[:500])


def is_of(session_device: str, request: HttpRequest) -> bool:
    """Whether a session is used where it began; one that names no device may be used anywhere."""
    return not session_device or session_device == device_of(request)


def ip_of(request: HttpRequest) -> str | None:
    """The address of a request.

    Behind ``ZHANGGUI_PROXIES`` proxies of our own the address is the one the outermost of them
    saw; what stands left of it in ``X-Forwarded-For`` was written by the caller.
    """
    address: str = request.META.get("REMOTE_ADDR", "")
    proxies: int = getattr(settings, "PROXIES", 0)
    if proxies:
        chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(chain) >= proxies:
            address = chain[-proxies]
    return _address(address)


@lru_cache(maxsize=512)
def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


HOUSEHOLD = 64
"""Bits of an IPv6 address that one customer of a provider holds; the rest they choose freely."""


def network_of(ip: str | None) -> str:
    """What limits count: an IPv4 address, or the /64 an IPv6 address lies in; empty for None."""
    if not ip:
        return ""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, HOUSEHOLD), strict=False))
