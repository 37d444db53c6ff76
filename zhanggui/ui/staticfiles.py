"""Static files in front of Django, compressed once for all processes.

ServeStatic's middleware is asynchronous only: under WSGI it sends every request through an event
loop and a second thread, which costs more than most pages do. Its WSGI layer has no such price.
"""

from __future__ import annotations

import gzip
import logging
import os
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.staticfiles import finders
from servestatic import ServeStatic  # type: ignore[import-untyped]
from servestatic.responders import StaticFile  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from wsgiref.headers import Headers
    from wsgiref.types import WSGIApplication

log = logging.getLogger(__name__)
PACKED = frozenset({".css", ".js", ".json", ".map", ".svg", ".txt"})
WORTH_BYTES = 1_400
"""Less fits into one packet as it is."""


class Server(ServeStatic):  # type: ignore[misc]
    """Answers with the compressed copy of a file where the browser takes it."""

    def get_static_file(self, path: str, url: str, stat_cache: Any = None) -> StaticFile:
        """A file with its headers, and its compressed copy if it has one."""
        plain = super().get_static_file(path, url, stat_cache)
        packed = packed_copy(Path(path))
        if packed is None:
            return plain
        _encoding, _path, headers = plain.alternatives[0]
        return StaticFile(path, headers, encodings={"gzip": str(packed)})


def packed_copy(path: Path) -> Path | None:
    """The gzip copy of a file under its content's name, made if it is missing; None without one."""
    if path.suffix not in PACKED or path.stat().st_size < WORTH_BYTES:
        return None
    content = path.read_bytes()
    packed = Path(settings.STATIC_PACKED) / f"{sha256(content).hexdigest()[:32]}.gz"
    if packed.exists():
        return packed
    try:
        packed.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=packed.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(gzip.compress(content, mtime=0))
        Path(name).replace(packed)  # whole or not at all: several processes start at once
    except OSError as error:  # a full or read-only disk makes pages heavier, not missing
        log.warning("static files are sent as they are: %s", error)
        return None
    return packed


def with_static_files(application: WSGIApplication) -> WSGIApplication:
    """Answer what lies under ``STATIC_URL``, pass all else on.

    Files come from ``STATIC_ROOT`` in production, elsewhere from where they were written. The list
    is made once, at the start.
    """
    server = Server(application, add_headers_function=_no_guessing)
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
