"""What looks wrong and is settled by a person of the office.

Source: stamps specification D46, 7.7 and feature 8.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel


class CaseKind(models.TextChoices):
    """What a case is about; more kinds come with the fraud desk."""

    NOT_ME = "not_me", _("Customer: “that was not me”")
    REPLAYED = "replayed", _("Press sent twice")
    GONE_SEAL = "gone_seal", _("Lost or retired stamp used")
    TOO_EXACT = "too_exact", _("Presses too exact to be real")
    CODE_SHARE = "code_share", _("Many codes at a store with a stamp: broken, or misuse?")
    FAST_CARD = "fast_card", _("A card was filled within a day")
    OUTLIER = "outlier", _("A manager confirms far more codes than the others")
    OFF_HOURS = "off_hours", _("A manager stamps at odd hours")
    SHUT_PRESS = "shut_press", _("A stamp was pressed outside opening hours")
    FAR = "far", _("Stamps while the customer's phone was far away")
    SAME_CARDS = "same_cards", _("A manager stamps the same few cards")


class CaseState(models.TextChoices):
    """Whether somebody still has to look."""

    OPEN = "open", pgettext_lazy("state of a case", "Open")
    SETTLED = "settled", pgettext_lazy("state of a case", "Settled")


class Verdict(models.TextChoices):
    """What came out."""

    FOUNDED = "founded", _("Right: something was wrong")
    UNFOUNDED = "unfounded", _("A mistake: all was in order")


class Case(TenantModel):
    """Something that looks wrong and that a person of the office settles with a note."""

    kind = models.CharField(max_length=12, choices=CaseKind)
    subject = models.CharField(max_length=40)
    """What it is about, such as ``record:17``: one case for each kind and subject."""
    record = TenantForeignKey("stamps.StampRecord", null=True, on_delete=models.PROTECT)
    store = TenantForeignKey(Store, null=True, on_delete=models.PROTECT)
    manager_id = models.BigIntegerField(null=True)
    """The person (a global row) whose act it is about."""
    manager_name = models.CharField(max_length=80, blank=True)
    text = models.CharField(max_length=300, blank=True)
    """The customer's own words."""
    state = models.CharField(max_length=10, choices=CaseState, default=CaseState.OPEN)
    verdict = models.CharField(max_length=10, choices=Verdict, blank=True)
    note = models.CharField(max_length=500, blank=True)
    opened_at = models.DateTimeField(default=clock.now)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=80, blank=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "kind", "subject"], name="one_case_a_subject"
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", settled_at__isnull=True)
                | (models.Q(state="settled", settled_at__isnull=False) & ~models.Q(note="")),
                name="a_settled_case_says_why",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-opened_at", "-id"], name="cases_newest_first"),
            models.Index(fields=["merchant"], condition=models.Q(state="open"), name="open_cases"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"
