"""Two rows that are one person: merges, moves of identities, pairs that look alike."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from zhanggui.contacts.models.customers import Customer
from zhanggui.contacts.models.links import IdentityLink
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel


class Merge(TenantModel):
    """One customer went into another; kept with what is needed to take it back."""

    survivor = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="merges")
    replaced = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="merged_by")
    changed = models.JSONField(default=dict)
    """Fields of the survivor: ``{name: [before, after]}``; emptied when the person is erased."""
    moved = models.JSONField(default=dict)
    """What each part of the system needs to put its rows back: ``{part: {...}}``."""
    are_phones_swapped = models.BooleanField(default=False)
    at = models.DateTimeField(default=clock.now)
    by_id = models.BigIntegerField(null=True)
    """The person who merged (a global row)."""
    undone_at = models.DateTimeField(null=True)
    undone_by_id = models.BigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "replaced"],
                condition=models.Q(undone_at__isnull=True),
                name="merged_into_one",
            ),
            models.CheckConstraint(
                condition=~models.Q(survivor=models.F("replaced")), name="not_merged_into_itself"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "survivor", "-at", "-id"], name="merges_of_a_survivor")
        ]

    def __str__(self) -> str:
        return f"{self.replaced_id}>{self.survivor_id}"


class LinkMoveCause(models.TextChoices):
    """Why an identity leads to another customer now."""

    MERGE = "merge", _("Merged")
    UNDO = "undo", _("Merge taken back")
    SPLIT = "split", _("Split off")


class LinkMove(TenantModel):
    """One step in the history of an identity: from whom it went to whom."""

    link = TenantForeignKey(IdentityLink, on_delete=models.CASCADE, related_name="moves")
    from_customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    to_customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    cause = models.CharField(max_length=10, choices=LinkMoveCause)
    at = models.DateTimeField(default=clock.now)
    by_id = models.BigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["merchant", "link", "-at", "-id"], name="moves_of_a_link")
        ]

    def __str__(self) -> str:
        return f"{self.link_id}:{self.from_customer_id}>{self.to_customer_id}"


class Likeness(models.TextChoices):
    """Why two customers may be one person, the surest first."""

    UNIONID = "unionid", _("Same WeChat user in two official accounts")
    PHONE = "phone", _("Same phone number")
    NAME_BIRTHDAY = "birthday", _("Same name and birthday")
    NAME_TAIL = "tail", _("Same name and last four digits of the phone")


class PairState(models.TextChoices):
    """What was decided about a pair."""

    OPEN = "open", _("To be decided")
    DISMISSED = "dismissed", _("Two different people")


class DuplicatePair(TenantModel):
    """Two customers who look like one person; found by a job, decided by staff."""

    first = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    second = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    """``first`` has the smaller id."""
    likeness = models.CharField(max_length=10, choices=Likeness)
    state = models.CharField(max_length=10, choices=PairState, default=PairState.OPEN)
    found_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True)
    decided_by_id = models.BigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "first", "second"], name="one_pair_each"),
            models.CheckConstraint(
                condition=models.Q(first__lt=models.F("second")), name="pair_in_order"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "state", "-id"], name="pairs_newest_first"),
            models.Index(fields=["merchant", "second"], name="pairs_by_second"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id}~{self.second_id}"


class DuplicateSearch(TenantModel):
    """When this merchant's customers were last compared."""

    looked_at = models.DateTimeField(default=clock.now)
    found = models.PositiveIntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant"], name="one_duplicate_search_each")
        ]

    def __str__(self) -> str:
        return f"{self.found}"
