"""Files taken in, held, handed out and removed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from zhanggui.files.models import StoredFile

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


def store_upload(*, file: UploadedFile, kind: str, actor: Actor) -> StoredFile:
    """Check a file somebody sent and keep it for the merchant in scope.

    The view must be marked with ``@takes_files(kind)`` (``zhanggui.files.uploading``), or no file
    arrives. Nothing holds the file yet: call :func:`hold` when what it belongs to is saved, or
    it is deleted after a day.

    Args:
        file: as it arrived in ``request.FILES``.
        kind: a registered kind of file: ``picture``, ``document`` or ``spreadsheet``.
        actor: who sends it.

    Raises:
        FileRefused: too big, of another kind, damaged or dangerous (413, 422).
        QuotaFull: the merchant's room is used up (409).
    """
    raise NotImplementedError


def keep_result(
    *, path: Path, name: str, content_type: str, actor: Actor, expires_in: timedelta
) -> StoredFile:
    """Keep a file the product made, such as an export; ``path`` is moved away.

    ``name`` is what the download is called. It goes by itself after ``expires_in``.
    """
    raise NotImplementedError


def hold(*, stored: StoredFile, owner: str) -> None:
    """Say what a file belongs to (``customer:12``); it stays until that is released."""
    raise NotImplementedError


def release(*, owner: str) -> None:
    """Let go of every file of an owner; they are deleted a day later."""
    raise NotImplementedError


def remove_file(*, stored: StoredFile) -> None:
    """Delete a file from the storage and the tables when the transaction commits."""
    raise NotImplementedError


def file_url(stored: StoredFile, request: HttpRequest, *, variant: str = "") -> str:
    """An address that shows the file to the person of this request, for an hour.

    Signed and bound to the person: forwarded to somebody else it answers 404.

    Args:
        stored: the file.
        request: of the person who will look.
        variant: a size of a picture: ``large``, ``medium``, ``small``.
    """
    raise NotImplementedError
