"""What people keep of a list: their columns and their saved views."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.accounts.models.people import Person
from zhanggui.core import clock


class SavedView(models.Model):
    """Filters under a name, or (without a name) the columns somebody chose for a list."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    place = models.CharField(max_length=40)
    """Where it holds: ``merchant:12``, ``operator:3``, ``platform``."""
    list_name = models.CharField(max_length=60)
    name = models.CharField(max_length=30, blank=True)
    query = models.CharField(max_length=1000, blank=True)
    columns = models.JSONField(default=list, blank=True)
    is_shared = models.BooleanField(default=False)
    """Everybody at the place sees it."""
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["place", "list_name", "person", "name"], name="one_view_of_a_name"
            )
        ]

    def __str__(self) -> str:
        return f"{self.list_name}:{self.name}"
