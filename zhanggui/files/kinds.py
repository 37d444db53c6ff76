"""Kinds of files that can be sent in: how large, how many, and how they are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import puremagic
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.core import pictures
from zhanggui.core.uploads import MEGABYTE
from zhanggui.files import archives
from zhanggui.files.errors import FileKind as WrongKind
from zhanggui.files.errors import SheetKind

Text = str | Promise
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class Part:
    """Something to be written to the storage; ``variant`` empty is the file itself."""

    variant: str
    content: bytes | None
    """None: the file as it was sent."""
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check made of a file: what it really is, and what is to be kept."""

    content_type: str
    parts: tuple[Part, ...]


Check = Callable[[Path], Checked]


@dataclass(frozen=True)
class Kind:
    """A kind of files."""

    name: str
    label: Text
    most_bytes: int
    check: Check
    accept: str = ""
    """For the file field of the page, which types to offer."""
    most_files: int = 1


_kinds: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    """Make kinds known; modules do so in ``apps.py``.

    Raises:
        ValueError: another kind has this name.
    """
    for kind in kinds:
        if _kinds.get(kind.name, kind) != kind:
            message = f"two kinds of file are called {kind.name}"
            raise ValueError(message)
        _kinds[kind.name] = kind


def kind_of(name: str) -> Kind:
    """The kind of this name."""
    return _kinds[name]


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        yield file


def check_picture(path: Path) -> Checked:
    """Read a picture and write it anew; the largest size is the file itself, too.

    Raises:
        PictureKind, PictureIsDrawing, PictureDamaged, PictureTooLarge: see ``core.pictures``.
    """
    with _opened(path) as file:
        cleaned = pictures.clean(file)
    parts = tuple(Part(one.name, one.content, (one.width, one.height)) for one in cleaned)
    return Checked(cleaned[0].content_type, parts)


def check_spreadsheet(path: Path) -> Checked:
    """See whether a spreadsheet can be opened without danger.

    Raises:
        SheetKind, SheetDamaged, SheetLocked, SheetBomb, SheetMacros, SheetTooLong: see each.
    """
    with _opened(path) as file:
        head = file.read(pictures.HEAD)
    if head.startswith(b"PK"):
        archives.check_spreadsheet(path)
        return Checked(XLSX, (Part("", None),))
    archives.refuse_locked(path)
    if archives.looks_like_text(head):
        return Checked(CSV, (Part("", None),))
    raise SheetKind


def check_document(path: Path) -> Checked:
    """A paper: a PDF, or a picture of it.

    Raises:
        FileKind: something else (422).
    """
    with _opened(path) as file:
        head = file.read(pictures.HEAD)
    try:
        found = {kind.extension for kind in puremagic.magic_string(head)}
    except (puremagic.PureError, ValueError):
        found = set()
    if ".pdf" in found and head.startswith(b"%PDF-"):
        return Checked(PDF, (Part("", None),))
    try:
        return check_picture(path)
    except pictures.PictureKind:
        raise WrongKind(names="PDF, JPEG, PNG, WebP, HEIC") from None


PICTURE = Kind(
    "picture",
    _("Picture"),
    10 * MEGABYTE,
    check_picture,
    accept="image/jpeg,image/png,image/webp,image/heic,image/heif,.heic",
    most_files=9,
)
DOCUMENT = Kind(
    "document",
    _("Document"),
    20 * MEGABYTE,
    check_document,
    accept="application/pdf,image/jpeg,image/png,image/webp,image/heic,.heic",
    most_files=5,
)
SPREADSHEET = Kind(
    "spreadsheet", _("Spreadsheet"), 20 * MEGABYTE, check_spreadsheet, accept=".xlsx,.csv"
)
STANDARD = (PICTURE, DOCUMENT, SPREADSHEET)
