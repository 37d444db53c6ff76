"""What a card goes by and what happens to it besides stamps: terms, rewards, events, adjustments.

Source: stamps specification D25, D27, D31, D32, D37, D38, 5.3 and 5.6.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel
from zhanggui.ledger.models import Transaction

OPERATIONS_A_DAY = 200
SECOND_PERSON_ABOVE = 5
SIGNIN_FOR_UNDO_MIN = 30
FAR_FROM_M = 1000


class WhenFull(models.TextChoices):
    """What follows a full card (D27)."""

    STOP = "stop", _("The card is done: it takes no more stamps")
    RENEW = "renew", _("A new round begins: stamps that are over count for it")


class Terms(TenantModel):
    """One version of a programme's rules; a card keeps the one under which its round began."""

    programme = TenantForeignKey(
        "stamps.Programme", on_delete=models.CASCADE, related_name="versions"
    )
    number = models.PositiveSmallIntegerField()
    slots = models.PositiveSmallIntegerField()
    when_full = models.CharField(max_length=6, choices=WhenFull)
    rewards = models.JSONField(default=list)
    """``[{"at": 10, "name": "…", "template": 3 or null}, …]`` by position; the last is the full
    card's."""
    reward_at = ArrayField(models.PositiveSmallIntegerField(), default=list)
    """The positions of ``rewards``."""
    valid_days = models.PositiveSmallIntegerField(default=0)
    """A round ends so many days after its first stamp; 0: it does not."""
    ends_on = models.DateField(null=True)
    """The last day on which cards are valid; None: there is none."""
    created_at = models.DateTimeField(default=clock.now)
    by = models.CharField(max_length=80, blank=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "programme", "number"], name="terms_number_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.programme_id}.{self.number}"

    @property
    def reward(self) -> str:
        """What the full card is worth."""
        return str(self.rewards[-1]["name"]) if self.rewards else ""

    def at(self, position: int) -> dict[str, Any]:
        """The reward of a position."""
        return next(one for one in self.rewards if one["at"] == position)

    def due_after(self, balance: int) -> int:
        """The next position at which something is won."""
        return min((at for at in self.reward_at if at > balance), default=self.slots)


class RewardState(models.TextChoices):
    """What became of a reward as far as the card is concerned; its coupon knows the rest."""

    ISSUED = "issued", pgettext_lazy("state of a reward", "Given")
    VOIDED = "voided", pgettext_lazy("state of a reward", "Void")


class Reward(TenantModel):
    """What a card has won at one of its positions."""

    card = TenantForeignKey("stamps.Card", on_delete=models.PROTECT, related_name="rewards")
    terms = TenantForeignKey(Terms, on_delete=models.PROTECT)
    cycle = models.PositiveIntegerField()
    """Which round of the card, from 0."""
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60)
    coupon_id = models.BigIntegerField(null=True)
    """The coupon that was issued; None: it is handed out at the counter."""
    store_id = models.BigIntegerField(null=True)
    """Where it was won; None: in the office."""
    transaction = TenantForeignKey(Transaction, null=True, on_delete=models.PROTECT)
    """What took the stamps of a full card; None for a reward on the way."""
    card_expires_at = models.DateTimeField(null=True)
    """When that round would have ended, in case it is opened again."""
    state = models.CharField(max_length=8, choices=RewardState, default=RewardState.ISSUED)
    issued_at = models.DateTimeField(default=clock.now)
    voided_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)
    """When a manager gave it to the customer; None: not yet, or its coupon knows."""
    handed_by = models.CharField(max_length=80, blank=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "card", "cycle", "position"],
                condition=models.Q(state="issued"),
                name="one_reward_a_position",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-issued_at", "-id"], name="rewards_newest_first"),
            models.Index(
                fields=["merchant", "-issued_at", "-id"],
                condition=models.Q(state="issued", coupon_id=None, handed_at=None),
                name="rewards_to_hand_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.card_id}/{self.cycle}/{self.position}"

    @property
    def is_full_card(self) -> bool:
        """Whether it took the stamps of a whole round."""
        return self.transaction_id is not None


class EventKind(models.TextChoices):
    """What moved stamps of a card without being a stamp or its cancel."""

    REWARD = "reward", _("Reward given")
    REOPENED = "reopened", _("Reward withdrawn")
    EXPIRY = "expiry", _("Expired")
    ADJUST = "adjust", _("Adjusted by hand")
    MOVED = "moved", _("Moved to another card")
    JOINED = "joined", _("Came from another card")
    MOVED_BACK = "moved_back", _("Moved back")


class CardEvent(TenantModel):
    """A line of a card's history beside its stamps; the ledger has the amounts."""

    card = TenantForeignKey("stamps.Card", on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=10, choices=EventKind)
    transaction = TenantForeignKey(Transaction, null=True, on_delete=models.PROTECT)
    amount = models.IntegerField(default=0)
    balance_after = models.IntegerField()
    text = models.CharField(max_length=200, blank=True)
    """The reward's name, or the reason."""
    by = models.CharField(max_length=80, blank=True)
    lots = models.JSONField(default=list)
    """Which stamps went: ``[[record, amount], …]``, those that came first in front."""
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["merchant", "card", "-at", "-id"], name="events_of_a_card"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount:+d}"

    @property
    def icon(self) -> str:
        """What stands beside it."""
        icons = {
            "reward": "gift",
            "reopened": "gift-off",
            "expiry": "clock-off",
            "moved": "arrows-join",
            "joined": "arrows-join",
            "moved_back": "arrows-split",
        }
        return icons.get(self.kind, "adjustments")


class AdjustmentState(models.TextChoices):
    """Whether a change by hand still waits for a second person (D38)."""

    WAITING = "waiting", pgettext_lazy("state of an adjustment", "Waiting for a second person")
    DONE = "done", pgettext_lazy("state of an adjustment", "Booked")
    REJECTED = "rejected", pgettext_lazy("state of an adjustment", "Turned down")


class Adjustment(TenantModel):
    """Stamps given or taken by the office without a code, with a reason (D38)."""

    card = TenantForeignKey("stamps.Card", on_delete=models.PROTECT, related_name="adjustments")
    amount = models.SmallIntegerField()
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=AdjustmentState, default=AdjustmentState.WAITING)
    asked_by_id = models.BigIntegerField()
    asked_by = models.CharField(max_length=80)
    asked_at = models.DateTimeField(default=clock.now)
    decided_by_id = models.BigIntegerField(null=True)
    decided_by = models.CharField(max_length=80, blank=True)
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(amount=0), name="adjusted_by_something"),
            models.CheckConstraint(
                condition=models.Q(decided_by_id__isnull=True)
                | ~models.Q(decided_by_id=models.F("asked_by_id")),
                name="nobody_approves_their_own",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-asked_at", "-id"], name="adjustments_newest_first"),
            models.Index(
                fields=["merchant"],
                condition=models.Q(state="waiting"),
                name="adjustments_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.card_id} {self.amount:+d}"


class Limits(TenantModel):
    """What a shop has set for all its programmes; without a row the defaults hold."""

    operations_a_day = models.PositiveIntegerField(
        default=OPERATIONS_A_DAY, validators=[MinValueValidator(10), MaxValueValidator(100_000)]
    )
    """Codes that one manager may confirm in a day (D25)."""
    may_stamp_own = models.BooleanField(default=False)
    """Whether a manager may stamp the own card (D37)."""
    second_person_above = models.PositiveSmallIntegerField(default=SECOND_PERSON_ABOVE)
    """An adjustment of more stamps than this needs a second person (D38)."""
    may_press_when_shut = models.BooleanField(default=True, db_default=True)
    """Stamps pressed outside a store's hours count, and are a case; else they are refused (7.7)."""
    signin_for_undo_min = models.PositiveSmallIntegerField(
        default=SIGNIN_FOR_UNDO_MIN, validators=[MinValueValidator(5), MaxValueValidator(720)]
    )
    """A manager who signed in longer ago does so again before undoing (section 8)."""
    asks_place = models.BooleanField(default=False, db_default=False)
    """Customers are asked to let the shop know where they are when they collect (7.7)."""
    far_from_m = models.PositiveIntegerField(
        default=FAR_FROM_M,
        db_default=FAR_FROM_M,
        validators=[MinValueValidator(100), MaxValueValidator(100_000)],
    )
    """A phone farther than this from the store is "remote"."""
    reward_fen_a_day = models.PositiveIntegerField(null=True)
    """What one card may win in a day; more takes a second person (section 8). None: any."""

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant"], name="limits_of_a_merchant_once")
        ]

    def __str__(self) -> str:
        return str(self.operations_a_day)
