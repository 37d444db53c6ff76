"""The sandbox's HTML pages: small shells filled by script modules, under a strict policy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse

PAGES = Path(__file__).parent / "assets" / "pages"

# Phones are shown in frames of the start page, the in-app browser in a frame of the phone.
POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "frame-src 'self' http://*.localhost:*",
        "frame-ancestors 'self' http://127.0.0.1:* http://localhost:* http://*.localhost:*",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@cache
def _template(name: str) -> Template:
    return Template((PAGES / name).read_text(encoding="utf-8"))


def page(name: str, values: Mapping[str, str] | None = None, *, status: int = 200) -> HTMLResponse:
    """The page ``name`` with its places filled; values must already be escaped."""
    return HTMLResponse(_template(name).substitute(values or {}), status, headers=HEADERS)
