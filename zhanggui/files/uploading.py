"""Views that take files of a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from zhanggui.core import limits, uploads
from zhanggui.core.limits import Limit
from zhanggui.files import kinds
from zhanggui.files.errors import NoFile

UPLOADS = Limit("files.upload", most=120, window_s=600, lock_s=600)
"""Of one person; a shop that sends 120 files in ten minutes is a program gone wrong."""


def takes_files[F: Callable[..., Any]](kind: kinds.Kind) -> Callable[[F], F]:
    """Mark a view that takes files of a kind; stands above the guard.

    Everything else drops files and refuses long requests (``zhanggui.core.uploads``).
    """
    return uploads.takes_files(most_bytes=kind.most_bytes, most_files=kind.most_files)


def file_of(request: HttpRequest, name: str = "file") -> UploadedFile[bytes]:
    """The file of a request, counted against the person's limit; outside any transaction.

    Raises:
        NoFile: none was sent (E_NO_FILE, 422).
        TooMany: too many files in a short time (E_TOO_MANY, 429).
    """
    subject: str = request.actor.key  # type: ignore[attr-defined]  # every guard sets it
    limits.check((UPLOADS, subject))
    found = request.FILES.get(name)
    if not isinstance(found, UploadedFile):
        raise NoFile
    limits.count(UPLOADS, subject)
    return found
