"""Files taken in, held, handed out and removed."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import file_digest
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpRequest

from zhanggui.accounts import audit
from zhanggui.accounts.models import ActorKind
from zhanggui.core import clock, tenancy
from zhanggui.core.db import turns
from zhanggui.core.uploads import MEGABYTE, FileTooBig
from zhanggui.files import kinds, links, quotas, scanners, storing
from zhanggui.files.errors import FileEmpty
from zhanggui.files.models import StoredFile
from zhanggui.files.names import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.uploadedfile import UploadedFile

    from zhanggui.accounts.actors import Actor

RESULT = "result"
"""The kind of files the product makes itself."""


def store_upload(*, file: UploadedFile[bytes], kind: str, actor: Actor) -> StoredFile:
    """Check a file somebody sent and keep it for the merchant in scope.

    The view must be marked with ``@takes_files(kind)`` (``zhanggui.files.uploading``), or no file
    arrives. Nothing holds the file yet: call :func:`hold` when what it belongs to is saved, or
    it is deleted after a day.

    Args:
        file: as it arrived in ``request.FILES``.
        kind: a registered kind of file: ``picture``, ``document`` or ``spreadsheet``.
        actor: who sends it.

    Raises:
        FileTooBig: larger than the kind allows (E_FILE_TOO_BIG, 413).
        FileEmpty: nothing in it (E_FILE_EMPTY, 422).
        FileInfected: a scanner stopped it (E_FILE_INFECTED, 422).
        QuotaFull: the merchant's room is used up (E_QUOTA_FULL, 409).
        DomainError: what the kind's own check refuses (422), see ``kinds``.
    """
    with _checked(file, kind) as (path, checked):
        with path.open("rb") as content:
            sha256 = file_digest(content, "sha256").digest()
        stored = StoredFile(
            merchant_id=tenancy.current_merchant_id(),
            kind=kind,
            name=safe_name(file.name or "", checked.content_type),
            content_type=checked.content_type,
            sha256=sha256,
            person_id=actor.id if actor.kind == ActorKind.PERSON else None,
        )
        return _keep(stored, checked.parts, path, actor)


def read_picture(*, file: UploadedFile[bytes]) -> bytes:
    """Check a picture somebody sent, for a module that keeps it in a row of its own.

    Answers its large size, written anew (JPEG or PNG). The view must be marked as for
    :func:`store_upload`, whose refusals are this function's, too.
    """
    with _checked(file, kinds.PICTURE.name) as (_path, checked):
        return checked.parts[0].content or b""


@contextmanager
def _checked(file: UploadedFile[bytes], kind: str) -> Iterator[tuple[Path, kinds.Checked]]:
    wanted = kinds.kind_of(kind)
    size = file.size or 0
    if not size:
        raise FileEmpty
    if size > wanted.most_bytes:
        raise FileTooBig(most=wanted.most_bytes // MEGABYTE)
    with _as_path(file) as path:
        scanners.refuse_infected(path)
        yield path, wanted.check(path)


def keep_result(
    *, path: Path, name: str, content_type: str, actor: Actor, expires_in: timedelta
) -> StoredFile:
    """Keep a file the product made, such as an export.

    ``name`` is what the download is called. It goes by itself after ``expires_in``.
    """
    with path.open("rb") as content:
        sha256 = file_digest(content, "sha256").digest()
    stored = StoredFile(
        merchant_id=tenancy.current_merchant_id(),
        kind=RESULT,
        name=safe_name(name, content_type),
        content_type=content_type,
        sha256=sha256,
        person_id=actor.id if actor.kind == ActorKind.PERSON else None,
        expires_at=clock.now() + expires_in,
    )
    return _keep(stored, (kinds.Part("", None),), path, actor)


def _keep(
    stored: StoredFile, parts: tuple[kinds.Part, ...], path: Path, actor: Actor
) -> StoredFile:
    stored.variants = {part.variant: list(part.size) for part in parts if part.size}
    sizes = [path.stat().st_size if part.content is None else len(part.content) for part in parts]
    stored.size = sum(sizes)
    with transaction.atomic():
        if stored.kind != RESULT:
            turns.take("files.quota", stored.merchant_id)  # two at once must not both fit
            quotas.refuse_beyond(stored.merchant_id, stored.size)
        for part in parts:
            place = stored.place_of(part.variant)
            storing.put(place, path if part.content is None else part.content)
        stored.save(force_insert=True)
        if stored.kind != RESULT:
            audit.record(
                actor,
                "files.file.stored",
                f"file:{stored.pk}",
                details={"kind": stored.kind, "size": stored.size},
            )
    return stored


@contextmanager
def _as_path(file: UploadedFile[bytes]) -> Iterator[Path]:
    """The file on the disk; what came in memory is written there first."""
    temporary = getattr(file, "temporary_file_path", None)
    if temporary is not None:
        yield Path(temporary())
        return
    with NamedTemporaryFile() as copy:
        for piece in file.chunks():
            copy.write(piece)
        copy.flush()
        yield Path(copy.name)


def hold(*, stored: StoredFile, owner: str, expires_at: datetime | None = None) -> None:
    """Say what a file belongs to (``customer:12``); it stays until that is released."""
    StoredFile.objects.filter(pk=stored.pk).update(owner=owner, expires_at=expires_at)
    stored.owner, stored.expires_at = owner, expires_at


def release(*, owner: str) -> None:
    """Let go of every file of an owner; they are deleted the next night."""
    StoredFile.objects.filter(owner=owner).update(owner="", expires_at=clock.now())


_records: set[str] = set()


def keep_records(kind: str) -> None:
    """Name owners (``transfer``) whose files are records of money: they outlive their merchant."""
    _records.add(kind)


def release_all() -> int:
    """Let go of all files of the merchant in scope but records of money; gone the next night."""
    files = StoredFile.objects.all()
    for kind in _records:
        files = files.exclude(owner__startswith=f"{kind}:")
    return files.update(owner="", expires_at=clock.now())


def remove_file(*, stored: StoredFile) -> None:
    """Delete a file from the tables, and from the storage when the transaction commits."""
    places = storing.places_of(stored)
    with transaction.atomic():
        storing.delete_rows(StoredFile.objects.filter(pk=stored.pk))
        transaction.on_commit(lambda: storing.remove(places))


def file_url(stored: StoredFile, request: HttpRequest, *, variant: str = "") -> str:
    """An address that shows the file to the person of this request, for an hour.

    Signed and bound to the person: forwarded to somebody else it answers 404.

    Args:
        stored: the file.
        request: of the person who will look.
        variant: a size of a picture: ``large``, ``medium``, ``small``.
    """
    return links.address(stored, request, variant=variant)
