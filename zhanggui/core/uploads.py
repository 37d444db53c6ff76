"""Which views take files, and how much: everything else drops or refuses them.

A form that posts could otherwise be sent a file of any size by whoever finds it, the sign-in for
example. A view that wants files says so::

    @takes_files(most_bytes=10 * MEGABYTE)
    @merchant_view("contacts.import_customers")
    def upload(request): ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Never

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import (
    FileUploadHandler,
    SkipFile,
    StopUpload,
    TemporaryFileUploadHandler,
)
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError
from zhanggui.core.middleware import answer_refusal

MEGABYTE = 1024 * 1024
FIELDS_AT_MOST = MEGABYTE
"""What the plain fields and the wrapping may take beside the files."""


class FileTooBig(DomainError):
    code = "E_FILE_TOO_BIG"
    status = 413
    text = _("The file is larger than %(most)s MB. Choose a smaller one; nothing was kept.")


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much a view takes in one request."""

    most_bytes: int
    most_files: int = 1

    @property
    def most_in_all(self) -> int:
        """The longest request with all its files."""
        return self.most_bytes * self.most_files + FIELDS_AT_MOST


def takes_files[F: Callable[..., Any]](*, most_bytes: int, most_files: int = 1) -> Callable[[F], F]:
    """Mark a view that wants files; only people who are signed in can send it any.

    Args:
        most_bytes: the largest file.
        most_files: how many a request may carry; those beyond are dropped.
    """
    allowance = Allowance(most_bytes, most_files)

    def mark(view: F) -> F:
        view.takes_files = allowance  # type: ignore[attr-defined]
        return view

    return mark


class UploadMiddleware:
    """Open the door for files in front of views that are marked, before anything is read.

    Stands before the CSRF check, which is the first to read a form. A request that says it is
    longer than the view allows is answered at once, unread.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponseBase | None:
        """Choose what happens to files of this request."""
        allowance: Allowance | None = getattr(view, "takes_files", None)
        if allowance is None or request.method != "POST":
            return None
        if _length(request) > allowance.most_in_all:
            refusal = FileTooBig(most=allowance.most_bytes // MEGABYTE)
            response = answer_refusal(request, refusal)
            response["Connection"] = "close"
            return response
        if SESSION_KEY in request.session:
            request.upload_handlers = [BoundedFiles(request, allowance)]
        return None


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


class BoundedFiles(TemporaryFileUploadHandler):
    """Write files to the disk as they come, at most as many and as long as the view allows."""

    def __init__(self, request: HttpRequest, allowance: Allowance) -> None:
        super().__init__(request)
        self.allowance = allowance
        self.count = 0
        self.written = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file.

        Raises:
            SkipFile: there were as many as the view takes already.
        """
        self.count += 1
        if self.count > self.allowance.most_files:
            raise SkipFile
        self.written = 0
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Write a piece.

        Raises:
            StopUpload: the file is longer than the view allows, whatever its length said.
        """
        self.written += len(raw_data)
        if self.written > self.allowance.most_bytes + FIELDS_AT_MOST:
            raise StopUpload(connection_reset=True)
        super().receive_data_chunk(raw_data, start)
        return None

    def file_complete(self, file_size: int) -> Any:
        """Hand the file over, and let go of it: whoever ends a later file closes what is held."""
        done = super().file_complete(file_size)
        vars(self).pop("file", None)
        return done


class NoFiles(FileUploadHandler):
    """Drop every file of a form, and refuse forms beyond ``DATA_UPLOAD_MAX_MEMORY_SIZE``.

    Django counts plain fields only; a file would be written to the disk, however big.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803  Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Look at the length before anything is read.

        Raises:
            RequestDataTooBig: more than a form may have (400).
        """
        if content_length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            message = "a form with files is longer than DATA_UPLOAD_MAX_MEMORY_SIZE"
            raise RequestDataTooBig(message)

    def new_file(self, *_args: Any, **_kwargs: Any) -> Never:
        """Leave the file out.

        Raises:
            SkipFile: always; its bytes are read over.
        """
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Nothing arrives here."""

    def file_complete(self, file_size: int) -> None:
        """There is no file."""
