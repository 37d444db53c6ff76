"""Static files in front of Django: minified and compressed once for all processes.

What is written stays as it is: a browser that takes compressed files gets the copy made of it here,
with brotli or else gzip, our style sheets and scripts without their comments and blanks. Nothing is
built, so a changed file is there with the next start.

ServeStatic's middleware is asynchronous only: under WSGI it sends every request through an event
loop and a second thread, which costs more than most pages do. Its WSGI layer has no such price.
"""

from __future__ import annotations

import gzip
import logging
import os
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import brotli  # type: ignore[import-untyped]
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles import finders
from rcssmin import cssmin  # type: ignore[import-untyped]
from rjsmin import jsmin  # type: ignore[import-untyped]
from servestatic import ServeStatic  # type: ignore[import-untyped]
from servestatic.responders import StaticFile  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from wsgiref.headers import Headers
    from wsgiref.types import WSGIApplication

log = logging.getLogger(__name__)
PACKED = frozenset({".css", ".js", ".json", ".map", ".svg", ".txt"})
WORTH_BYTES = 200
"""Less than this only grows."""
LARGE_BYTES = 200_000
"""From here on brotli's best would take seconds of a first start."""
MINIFY: dict[str, Callable[[str], str]] = {".css": cssmin, ".js": jsmin}


def _brotli(content: bytes) -> bytes:
    quality = 9 if len(content) > LARGE_BYTES else 11
    packed: bytes = brotli.compress(content, quality=quality)
    return packed


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "br": (".br", _brotli),
    "gzip": (".gz", _gzip),
}
"""By the name of the encoding: how its copies end and what makes them."""


class Server(ServeStatic):  # type: ignore[misc]
    """Answers with the smallest copy of a file the browser takes."""

    def get_static_file(self, path: str, url: str, stat_cache: Any = None) -> StaticFile:
        """A file with its headers, and its compressed copies if it has them."""
        plain = super().get_static_file(path, url, stat_cache)
        packed = packed_copies(Path(path), url)
        if not packed:
            return plain
        _encoding, _path, headers = plain.alternatives[0]
        return StaticFile(path, headers, encodings=packed)


def packed_copies(path: Path, url: str) -> dict[str, str]:
    """The compressed copies of a file by encoding, made where missing; none if it is small."""
    if path.suffix not in PACKED or path.stat().st_size < WORTH_BYTES:
        return {}
    content = path.read_bytes()
    if path.suffix in MINIFY and is_ours(url):
        content = MINIFY[path.suffix](content.decode()).encode()
    name = sha256(content).hexdigest()[:32]
    copies = {}
    for encoding, (ending, pack) in PACKERS.items():
        copy = Path(settings.STATIC_PACKED) / f"{name}{ending}"
        try:
            if not copy.exists():
                _write(copy, pack(content))
        except OSError as error:  # a full or read-only disk makes pages heavier, not missing
            log.warning("static files are sent as they are: %s", error)
            return {}
        copies[encoding] = str(copy)
    return copies


def is_ours(url: str) -> bool:
    """Whether the product's own code is there; what others wrote is sent byte for byte."""
    folder = url.removeprefix(settings.STATIC_URL).partition("/")[0]
    return any(
        app.label == folder and app.name.startswith("zhanggui.") for app in apps.get_app_configs()
    )


def _write(copy: Path, content: bytes) -> None:
    """Whole or not at all: several processes start at once."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=copy.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(copy)


def with_static_files(application: WSGIApplication) -> WSGIApplication:
    """Answer what lies under ``STATIC_URL``, pass all else on.

    Files come from ``STATIC_ROOT`` in production, elsewhere from where they were written. The list
    is made once, at the start.
    """
    server = Server(application, allow_all_origins=False, add_headers_function=_no_guessing)
    if settings.IS_PRODUCTION:
        server.add_files(settings.STATIC_ROOT, prefix=settings.STATIC_URL)
        return cast("WSGIApplication", server)
    for finder in finders.get_finders():
        for path, storage in finder.list(None):
            url = settings.STATIC_URL + path.replace("\\", "/")
            if url not in server.files:
                server.add_file_to_dictionary(url, storage.path(path))
    return cast("WSGIApplication", server)


def _no_guessing(headers: Headers, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
