"""What the office keeps beside cards and stamps: printed posters, and what rewards cost.

Source: platform specification P33, P35; stamps specification, feature 10.
"""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store, picture_url
from zhanggui.core import clock, tokens
from zhanggui.core.models import TenantForeignKey, TenantModel


class Look(models.TextChoices):
    """The drawn background of a poster."""

    PAPER = "paper", pgettext_lazy("background of a poster", "Paper")
    CINNABAR = "cinnabar", pgettext_lazy("background of a poster", "Cinnabar")
    CELADON = "celadon", pgettext_lazy("background of a poster", "Celadon")
    NIGHT = "night", pgettext_lazy("background of a poster", "Night")


class Poster(TenantModel):
    """Something printed that brings customers to a card: at the door, on a table, at the till.

    Its QR code says ``/q/<token>`` of a tracked code, which leads to this row; so programme, store
    and words can change while the paper hangs.
    """

    token = models.CharField(max_length=26, default=tokens.new_token)
    """Names it in the customer's address."""
    name = models.CharField(max_length=40)
    """What the shop knows it by, such as "front door"."""
    programme = TenantForeignKey("stamps.Programme", null=True, on_delete=models.PROTECT)
    """The card it leads to; None: all that the shop offers."""
    store = TenantForeignKey(Store, null=True, on_delete=models.PROTECT, related_name="+")
    """Where it hangs; its name is printed. None: anywhere."""
    headline = models.CharField(max_length=24)
    text = models.CharField(max_length=60, blank=True)
    look = models.CharField(max_length=10, choices=Look, default=Look.PAPER)
    shows_logo = models.BooleanField(default=True)
    picture_token = models.CharField(max_length=40, blank=True)
    """The shop's own background (``accounts.PlacePicture``); empty: only the drawn one."""
    code_id = models.BigIntegerField()
    """The tracked code that is printed (a global row)."""
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.CharField(max_length=80, blank=True)
    archived_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "token"], name="poster_token_once"),
            models.UniqueConstraint(fields=["merchant", "name"], name="poster_name_once"),
            models.UniqueConstraint(fields=["merchant", "code_id"], name="poster_code_once"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def picture_url(self) -> str:
        """Where its own background is shown; empty without one."""
        return picture_url(self.picture_token)


class RewardCosts(TenantModel):
    """What the rewards of a programme cost the shop, and how many of them will be claimed."""

    programme = TenantForeignKey("stamps.Programme", on_delete=models.CASCADE)
    costs = models.JSONField(default=dict)
    """Fen by position, ``{"5": 300, "10": 1800}``; a missing one costs what its coupon does."""
    percent = models.PositiveSmallIntegerField(null=True, validators=[MaxValueValidator(100)])
    """Of open stamps that will become a reward; None: as the last 180 days were."""
    changed_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "programme"], name="costs_of_a_programme"),
            models.CheckConstraint(
                condition=models.Q(percent__isnull=True) | models.Q(percent__lte=100),
                name="no_more_than_all_rewards",
            ),
        ]

    def __str__(self) -> str:
        return f"costs:{self.programme_id}"
