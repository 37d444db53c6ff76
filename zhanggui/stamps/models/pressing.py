"""Physical stamps and what was pressed: patterns, their states, nonces, presses, device models.

Source: stamps specification 5.5 and 7.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import pgettext, pgettext_lazy

from zhanggui.accounts.models import Store
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel
from zhanggui.stamps.errors import (
    Ambiguous,
    NonceOver,
    NonceUsed,
    PointsBad,
    PointsFew,
    PointsMany,
    PressOff,
    PressTime,
    Replayed,
    ScaleOff,
    SealNotInUse,
    StampUnknown,
    StoreShut,
)


class SealState(models.TextChoices):
    """The states of 5.5."""

    DRAFT = "draft", pgettext_lazy("state of a physical stamp", "Draft")
    ENROLLING = "enrolling", pgettext_lazy("state of a physical stamp", "Being enrolled")
    ACTIVE = "active", pgettext_lazy("state of a physical stamp", "In use")
    SUSPENDED = "suspended", pgettext_lazy("state of a physical stamp", "Suspended")
    RETIRED = "retired", pgettext_lazy("state of a physical stamp", "Retired")
    LOST = "lost", pgettext_lazy("state of a physical stamp", "Lost")


STEPS: frozenset[tuple[SealState, SealState]] = frozenset(
    {
        (SealState.DRAFT, SealState.ENROLLING),
        (SealState.ENROLLING, SealState.ACTIVE),
        (SealState.ACTIVE, SealState.SUSPENDED),
        (SealState.SUSPENDED, SealState.ACTIVE),
        *((state, SealState.RETIRED) for state in SealState if state not in {"retired", "lost"}),
        *((state, SealState.LOST) for state in SealState if state not in {"retired", "lost"}),
    }
)
"""What may follow what; everything else is refused."""

MATCHED = (SealState.ACTIVE, SealState.SUSPENDED, SealState.RETIRED, SealState.LOST)
"""Patterns a press is compared with; only the first of them gives stamps, the last two alarm."""


class Seal(TenantModel):
    """A physical stamp (印章) of a store: five points on its face."""

    name = models.CharField(max_length=40)
    store = TenantForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    points = models.JSONField()
    """Five ``[x, y]`` in millimetres, y downwards, as the stamp lies on the screen."""
    state = models.CharField(max_length=10, choices=SealState, default=SealState.DRAFT)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "name"], name="seal_name_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "store", "state"], name="seals_of_a_store"),
        ]

    def __str__(self) -> str:
        return self.name


class SealChange(TenantModel):
    """One step in the life of a physical stamp; append-only."""

    seal = TenantForeignKey(Seal, on_delete=models.PROTECT, related_name="changes")
    from_state = models.CharField(max_length=10, blank=True)
    to_state = models.CharField(max_length=10, choices=SealState)
    store = TenantForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    """Where it belongs from this step on."""
    reason = models.CharField(max_length=200, blank=True)
    by = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["merchant", "seal", "-at", "-id"], name="changes_of_a_seal"),
        ]

    def __str__(self) -> str:
        return f"{self.seal_id}: {self.to_state}"


class PressNonce(TenantModel):
    """Lets one customer press once, on one card or coupon, for one operation, within 120 s."""

    digest = models.BinaryField(max_length=32)
    """SHA-256 of the token on the phone."""
    customer_id = models.BigIntegerField()
    subject_id = models.BigIntegerField()
    """What the operation is done on: a coupon for redeeming, else a card."""
    operation = models.CharField(max_length=20)
    is_again = models.BooleanField(default=False)
    """The customer wants another stamp although one came a moment ago (D26)."""
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "digest"], name="nonce_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "expires_at"], name="nonces_that_end"),
        ]

    def __str__(self) -> str:
        return f"nonce:{self.pk}"


class PressUse(models.TextChoices):
    """What somebody pressed for."""

    STAMP = "stamp", pgettext_lazy("what a press was for", "Stamp")
    CANCEL = "cancel", pgettext_lazy("what a press was for", "Cancel a stamp")
    REDEEM = "redeem", pgettext_lazy("what a press was for", "Redeem a coupon")
    DESK = "desk", pgettext_lazy("what a press was for", "Manager page")
    ENROL = "enrol", pgettext_lazy("what a press was for", "Enrolment")
    MEASURE = "measure", pgettext_lazy("what a press was for", "Measurement")


ACCEPTED = "ok"
REFUSED: dict[str, Promise] = {
    PointsFew.code: pgettext_lazy("press refused", "Fewer than five points"),
    PointsMany.code: pgettext_lazy("press refused", "More than a stamp touched"),
    PointsBad.code: pgettext_lazy("press refused", "Touch not clear"),
    PressTime.code: pgettext_lazy("press refused", "Too short, too long or moved"),
    StampUnknown.code: pgettext_lazy("press refused", "No stamp of these stores"),
    ScaleOff.code: pgettext_lazy("press refused", "Size does not fit"),
    Ambiguous.code: pgettext_lazy("press refused", "Fits more than one stamp"),
    NonceUsed.code: pgettext_lazy("press refused", "Counted before"),
    NonceOver.code: pgettext_lazy("press refused", "Page open too long"),
    Replayed.code: pgettext_lazy("press refused", "The same press came twice"),
    SealNotInUse.code: pgettext_lazy("press refused", "Stamp not in use"),
    StoreShut.code: pgettext_lazy("press refused", "Outside opening hours"),
    PressOff.code: pgettext_lazy("press refused", "Takes no presses"),
}
"""Why a press was not taken, in a few words; the customer reads the whole sentence."""


class Press(TenantModel):
    """One press of five points or more, with what came of it.

    Raw frames and the mark of the coordinates go after 90 days, and with the customer's data.
    """

    seal = TenantForeignKey(Seal, null=True, on_delete=models.PROTECT)
    store = TenantForeignKey(Store, null=True, on_delete=models.PROTECT, related_name="+")
    use = models.CharField(max_length=10, choices=PressUse)
    outcome = models.CharField(max_length=40, default=ACCEPTED)
    """``ok`` or the code of the refusal."""
    customer_id = models.BigIntegerField(null=True)
    card_id = models.BigIntegerField(null=True)
    record_id = models.BigIntegerField(null=True)
    """What was booked."""
    model = models.CharField(max_length=80, blank=True)
    """Model and screen of the phone, as ``devices.model_of`` names them."""
    phone = models.CharField(max_length=40, blank=True)
    """A random name of one phone, for enrolment on two of them."""
    residual_um = models.IntegerField(null=True)
    largest_um = models.IntegerField(null=True)
    scale_e4 = models.IntegerField(null=True)
    """Ten thousandths: 10000 is the pattern's own size."""
    turn_e1 = models.IntegerField(null=True)
    """Tenths of a degree."""
    touches = models.PositiveSmallIntegerField(default=0)
    is_stray = models.BooleanField(default=False)
    mark = models.BinaryField(max_length=32, null=True)
    """Hash of the ten coordinates: equal to another press's means replayed."""
    frames = models.JSONField(default=dict)
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "mark"],
                condition=models.Q(mark__isnull=False),
                name="press_never_repeated",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-at", "-id"], name="presses_newest_first"),
            models.Index(fields=["merchant", "seal", "-at", "-id"], name="presses_of_a_seal"),
            models.Index(fields=["merchant", "customer_id", "-at"], name="presses_of_a_customer"),
            models.Index(fields=["merchant", "model"], name="presses_of_a_model"),
        ]

    def __str__(self) -> str:
        return f"press:{self.pk}"

    @property
    def outcome_text(self) -> str:
        """What came of it in the office's words; the code of a rarer refusal."""
        if self.outcome == ACCEPTED:
            return pgettext("press", "Taken")
        return str(REFUSED.get(self.outcome, self.outcome))

    @property
    def residual_mm(self) -> str:
        """The deviation as people read it."""
        return "" if self.residual_um is None else f"{self.residual_um / 1000:.2f}"


class Doctor(models.TextChoices):
    """What the test of a phone found."""

    FINE = "fine", pgettext_lazy("test of a phone", "Feels stamps")
    FEW = "few", pgettext_lazy("test of a phone", "Too few fingers at once")
    GESTURE = "gesture", pgettext_lazy("test of a phone", "Three-finger gesture in the way")


class DeviceScale(TenantModel):
    """What was learned about the screens of one model of phone."""

    model = models.CharField(max_length=80)
    presses = models.PositiveIntegerField(default=0)
    """Good ones; from the third on their mean size is held against the next (7.3)."""
    scale_sum_e4 = models.BigIntegerField(default=0)
    most_touches = models.PositiveSmallIntegerField(default=0)
    """The most fingers a test or a press has shown at once."""
    doctor = models.CharField(max_length=10, choices=Doctor, blank=True)
    """What the last test said."""
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "model"], name="device_model_once"),
        ]

    def __str__(self) -> str:
        return self.model
