"""Files nobody asked for: no page takes any, so none may reach the disk."""

from __future__ import annotations

from typing import Any, Never

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler, SkipFile


class NoFiles(FileUploadHandler):
    """Drop every file of a form, and refuse forms beyond ``DATA_UPLOAD_MAX_MEMORY_SIZE``.

    Django counts plain fields only; a file would be written to the disk, however big, by
    whoever finds a form that posts, the sign-in for example.
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
