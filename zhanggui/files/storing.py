"""Where files lie: the storage called ``private``, a folder now; nobody else knows paths."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, storages
from django.db.models import QuerySet

from zhanggui.core import clock
from zhanggui.files.models import StoredFile


def storage() -> Storage:
    """The storage of private files."""
    return storages["private"]


def put(place: str, content: bytes | Path) -> int:
    """Write a file; a path is copied. Answers its length."""
    if isinstance(content, bytes):
        storage().save(place, ContentFile(content))
        return len(content)
    with content.open("rb") as source:
        storage().save(place, File(source))
    return content.stat().st_size


def remove(places: list[str]) -> None:
    """Delete files; those that are gone already do not matter."""
    for place in places:
        storage().delete(place)


def opened(stored: StoredFile, variant: str = "") -> BinaryIO:
    """A file's content, to be read in pieces.

    Raises:
        FileNotFoundError: it is not there any more.
    """
    found: Any = storage().open(stored.place_of(variant), "rb")
    return found  # type: ignore[no-any-return]


@contextmanager
def on_disk(stored: StoredFile) -> Iterator[Path]:
    """The file as one on this machine's disk, for programs that want a path."""
    store = storage()
    try:
        yield Path(store.path(stored.place))
    except NotImplementedError:  # a storage elsewhere: fetch it
        with NamedTemporaryFile() as copy, store.open(stored.place, "rb") as source:
            for piece in source.chunks():
                copy.write(piece)
            copy.flush()
            yield Path(copy.name)


def delete_rows(rows: QuerySet[Any]) -> int:
    """Delete rows by one statement that names their merchant; answers how many.

    Django's own way looks for references first and then deletes by bare ids (rule 16 of
    ``docs/adr/0005-tenancy-in-the-database.md``). Whoever calls this has undone references.
    """
    found: int = rows._raw_delete(rows.db)  # noqa: SLF001
    return found


def places_of(stored: StoredFile) -> list[str]:
    """Everything in the storage that belongs to a file."""
    if stored.is_picture:
        return [stored.place_of(variant) for variant in stored.variants]
    return [stored.place]


def lost_places(merchant_id: int, *, older_than: timedelta) -> Iterator[str]:
    """Files of a merchant in the storage that no row knows (a transaction was undone)."""
    store = storage()
    before = clock.now() - older_than
    try:
        folders, _files = store.listdir(str(merchant_id))
    except FileNotFoundError:
        return
    for folder in folders:
        _folders, names = store.listdir(f"{merchant_id}/{folder}")
        known = set(
            StoredFile.objects.filter(token__in={name.split(".")[0] for name in names}).values_list(
                "token", flat=True
            )
        )
        for name in names:
            place = f"{merchant_id}/{folder}/{name}"
            if name.split(".")[0] not in known and store.get_modified_time(place) < before:
                yield place
