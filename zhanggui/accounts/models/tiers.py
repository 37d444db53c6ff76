"""Platform > operator > merchant > store."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.points import Point
from zhanggui.core import clock
from zhanggui.core.models import TenantModel


class TierState(models.TextChoices):
    """Whether a tier's people may work."""

    ACTIVE = "active", pgettext_lazy("state of a tier", "Active")
    FROZEN = "frozen", pgettext_lazy("state of a tier", "Frozen")
    ARCHIVED = "archived", pgettext_lazy("state of a tier", "Archived")


class ShutBy(models.TextChoices):
    """Whose act shut a merchant; what one tier froze, the other does not open."""

    NOBODY = "", pgettext_lazy("who froze it", "Nobody")
    ITSELF = "itself", pgettext_lazy("who froze it", "Frozen itself")
    OPERATOR = "operator", pgettext_lazy("who froze it", "Frozen with its operator")


class Operator(models.Model):
    """Serves many merchants (运营者/代理商)."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=40, unique=True)
    state = models.CharField(max_length=10, choices=TierState, default=TierState.ACTIVE)
    state_reason = models.CharField(max_length=200, blank=True)
    """Why it is frozen or archived, in words; its people read it."""
    form_key = models.CharField(max_length=40, blank=True)
    """Key of the form that took it in, so that sending it twice makes one."""
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["form_key"],
                condition=~models.Q(form_key=""),
                name="one_operator_per_form",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Merchant(models.Model):
    """The tenant (商家): every business row belongs to exactly one. A cold table: no counters.

    ``state`` is what holds now, whoever caused it, so that every door asks one column.
    ``shut_by`` says whose act it was: unfreezing an operator opens only what it had shut.
    """

    operator = models.ForeignKey(
        Operator,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="merchants",
    )
    name = models.CharField(max_length=80)
    """What the public sees (U-2: free, at most 40 signs in forms)."""
    registered_name = models.CharField(max_length=80, blank=True)
    """As registered; only the operator or the platform changes it, with a reason."""
    slug = models.SlugField(max_length=40, unique=True)
    trade = models.CharField(max_length=40, blank=True)
    time_zone = models.CharField(max_length=40, default="Asia/Shanghai")
    state = models.CharField(max_length=10, choices=TierState, default=TierState.ACTIVE)
    shut_by = models.CharField(max_length=10, choices=ShutBy, blank=True, default=ShutBy.NOBODY)
    state_reason = models.CharField(max_length=200, blank=True)
    """Why it is frozen or archived, in words; its people read it."""
    allows_support = models.BooleanField(default=True)
    """Whether people of the tiers above may enter in a support session (P07)."""
    needs_second_factor = models.BooleanField(default=False)
    """Whether its people enter only with a second factor (P05)."""
    logo_token = models.CharField(max_length=40, blank=True)
    """Token of its ``PlacePicture``; empty without a logo."""
    form_key = models.CharField(max_length=40, blank=True)
    """Key of the form that took it in, so that sending it twice makes one."""
    created_at = models.DateTimeField(default=clock.now)
    plan_ends_at = models.DateTimeField(null=True)
    """When the plan ends, copied by billing; None: it has no end. Read by guards and hot doors."""
    plan_steps = models.JSONField(null=True)
    """What the plan switches on and how much it allows, from when; copied by billing, read by
    ``standing``. None: everything."""

    data_deleted_at = models.DateTimeField(null=True)
    """When its customers' data were deleted, long after its plan had ended (U-45)."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["form_key"],
                condition=~models.Q(form_key=""),
                name="one_merchant_per_form",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="merchants_newest_first"),
            models.Index(
                fields=["operator", "-created_at", "-id"], name="merchants_of_an_operator"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class StoreState(models.TextChoices):
    """Whether a store is in business."""

    OPEN = "open", pgettext_lazy("state of a store", "Open")
    CLOSED = "closed", pgettext_lazy("state of a store", "Closed")


class Store(TenantModel):
    """A place of a merchant (门店)."""

    name = models.CharField(max_length=80)
    address = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=30, blank=True)
    hours = models.JSONField(default=dict, blank=True)
    """When it is open, see ``accounts.hours``; empty: nobody has told."""
    latitude = models.FloatField(null=True)
    """Where it stands on the map, see ``accounts.points``; None: nobody has told."""
    longitude = models.FloatField(null=True)
    state = models.CharField(max_length=10, choices=StoreState, default=StoreState.OPEN)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "name"], name="store_name_once_a_merchant"),
            models.CheckConstraint(
                condition=models.Q(latitude__isnull=True, longitude__isnull=True)
                | models.Q(latitude__isnull=False, longitude__isnull=False),
                name="a_place_has_both_degrees",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def point(self) -> Point | None:
        """Where it stands on the map."""
        if self.latitude is None or self.longitude is None:
            return None
        return Point(self.latitude, self.longitude)
