"""A file that was kept: checked, under a random name, seen through signed links only."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from zhanggui.core import clock, tokens
from zhanggui.core.models import TenantModel


class StoredFile(TenantModel):
    """One file of one merchant; what lies on the disk is called by ``token``, never by ``name``."""

    token = models.CharField(max_length=26, default=tokens.new_token)
    kind = models.CharField(max_length=40)
    """The registered kind: ``picture``, ``document``, ``spreadsheet``, ``result`` ..."""
    name = models.CharField(max_length=200)
    """What the person called it; shown and offered at the download."""
    content_type = models.CharField(max_length=100)
    size = models.BigIntegerField()
    """Bytes on the disk, all sizes of a picture together."""
    sha256 = models.BinaryField(max_length=32)
    """Of the content as it was sent, so that the same file is recognised."""
    variants = models.JSONField(default=dict)
    """The sizes of a picture: ``{"large": [1600, 1200], ...}``; empty for other files."""
    owner = models.CharField(max_length=60, blank=True)
    """What holds the file, ``task:12``; a file that nothing holds is deleted after a day."""
    person_id = models.BigIntegerField(null=True)
    """Who sent it in (a global row, so no constraint)."""
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True)
    """When it is deleted whatever holds it; null: when its owner goes."""

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "token"], name="file_token_once"),
            models.CheckConstraint(condition=models.Q(size__gte=0), name="file_size_positive"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "owner"], name="files_by_owner"),
            models.Index(fields=["merchant", "kind", "sha256"], name="files_by_content"),
            models.Index(fields=["merchant", "expires_at"], name="files_by_end"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> str:
        """The file's name in the storage."""
        return f"{self.merchant_id}/{self.token[:2]}/{self.token}"

    def place_of(self, variant: str) -> str:
        """The name of one size of a picture in the storage."""
        return f"{self.place}.{variant}" if variant in self.variants else self.place

    @property
    def is_picture(self) -> bool:
        return bool(self.variants)

    def size_of(self, variant: str) -> tuple[int, int] | None:
        """Width and height of one size of a picture."""
        found: Any = self.variants.get(variant)
        return (int(found[0]), int(found[1])) if found else None
