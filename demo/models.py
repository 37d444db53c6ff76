"""What the demo remembers of its own making; nothing of the product reads this."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Made(models.Model):
    """A row the demo made: found again although somebody renamed or removed it since."""

    key = models.CharField(max_length=120, unique=True)
    """For example ``store:qinglan-tea/湖滨店``."""
    row_id = models.BigIntegerField()

    def __str__(self) -> str:
        return self.key


class Day(models.Model):
    """A day of the story, and up to when it was told."""

    day = models.DateField(unique=True)
    until = models.DateTimeField(null=True)
    """Events up to this moment are made; empty while the day is still to be told."""

    class Meta:
        ordering: ClassVar = ["day"]

    def __str__(self) -> str:
        return self.day.isoformat()
