"""Static files in front of Django.

ServeStatic's middleware is asynchronous only: under WSGI it sends every request through an event
loop and a second thread, which costs more than most pages do. Its WSGI layer has no such price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.contrib.staticfiles import finders
from servestatic import ServeStatic  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from wsgiref.headers import Headers
    from wsgiref.types import WSGIApplication


def with_static_files(application: WSGIApplication) -> WSGIApplication:
    """Answer what lies under ``STATIC_URL``, pass all else on.

    Files come from ``STATIC_ROOT`` in production, elsewhere from where they were written. The list
    is made once, at the start.
    """
    server = ServeStatic(application, add_headers_function=_no_guessing)
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
