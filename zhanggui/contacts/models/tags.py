"""Tags: the shop's own words for its customers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.core import clock
from zhanggui.core.models import TenantModel


class TagColour(models.TextChoices):
    """The colours of tags; each reads well on light and dark ground."""

    INDIGO = "info", pgettext_lazy("colour", "Indigo")
    CELADON = "success", pgettext_lazy("colour", "Celadon")
    AMBER = "waiting", pgettext_lazy("colour", "Amber")
    CINNABAR = "brand", pgettext_lazy("colour", "Cinnabar")
    PLUM = "danger", pgettext_lazy("colour", "Plum")
    GREY = "muted", pgettext_lazy("colour", "Grey")


class Tag(TenantModel):
    """A word put on customers; which ones carry it stands in ``Customer.tag_ids``."""

    name = models.CharField(max_length=20)
    name_key = models.CharField(max_length=20, db_collation="C")
    """The folded name: two tags never differ only in case or width."""
    colour = models.CharField(max_length=10, choices=TagColour, default=TagColour.INDIGO)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "name_key"], name="tag_name_once")
        ]

    def __str__(self) -> str:
        return self.name
