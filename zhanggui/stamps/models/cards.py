"""Programmes and cards, and the records of their stamps.

Source: stamps specification 4 and 5.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store, picture_url
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts.models import Customer
from zhanggui.core import clock, tokens
from zhanggui.core.models import TenantForeignKey, TenantModel
from zhanggui.ledger.models import Account, Transaction
from zhanggui.stamps.models.rounds import Terms, WhenFull


class Method(models.TextChoices):
    """How it was proved: the assurance that the ledger shows (7.7)."""

    PRESS = "press", _("Pressed stamp")
    PRESS_COUNTER = "press+counter", _("Pressed stamp and counter code")
    CODE = "otp", _("One-time code")
    SCAN = "staff-scan", _("Code scanned by the staff")
    COUNTER = "counter", _("Counter code")
    BACK_OFFICE = "office", _("Back office")
    UNDO = "undo", _("Undone at the counter")


def ways_at_first() -> list[str]:
    """What a programme takes unless its office chooses otherwise."""
    return [Method.PRESS.value, Method.CODE.value, Method.SCAN.value]


def strong_at_first() -> list[str]:
    """What a reward of high value needs unless its office chooses otherwise (feature 9)."""
    return [Method.PRESS_COUNTER.value, Method.SCAN.value]


class ProgrammeState(models.TextChoices):
    """Whether a programme gives stamps."""

    ACTIVE = "active", pgettext_lazy("state of a programme", "Active")
    PAUSED = "paused", _("Paused")
    ENDED = "ended", pgettext_lazy("state of a programme", "Ended")


class Programme(TenantModel):
    """What a card collects and what it leads to."""

    name = models.CharField(max_length=60)
    slots = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(2), MaxValueValidator(20)]
    )
    reward = models.CharField(max_length=60)
    rules = models.TextField(blank=True, max_length=1000)
    code_ttl_s = models.PositiveSmallIntegerField(
        default=180, validators=[MinValueValidator(60), MaxValueValidator(600)]
    )
    max_per_code = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    """A manager may give 1..max_per_code stamps for one code; more than 1 needs a reason (D24)."""
    per_day = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(200)]
    )
    """A card takes so many stamps in a day (D25)."""
    gap_s = models.PositiveSmallIntegerField(default=30, validators=[MaxValueValidator(3600)])
    """So many seconds lie between two stamps on a card (D25)."""
    ways = ArrayField(models.CharField(max_length=16), default=ways_at_first)
    """How its cards are stamped: values of ``Method``, see ``ways.OFFERED``."""
    strong_from_fen = models.PositiveIntegerField(null=True)
    """A reward worth this or more is won only by ``strong_ways``; None: by any way."""
    strong_ways = ArrayField(models.CharField(max_length=16), default=strong_at_first)
    design = models.CharField(max_length=20, blank=True, default="")
    """Which drawn stamp and card customers see; empty for the plain seal."""
    picture_token = models.CharField(max_length=40, blank=True, default="")
    """The shop's own picture on top of the card (``accounts.PlacePicture``)."""
    state = models.CharField(max_length=10, choices=ProgrammeState, default=ProgrammeState.ACTIVE)
    issue_account = TenantForeignKey(Account, on_delete=models.PROTECT)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "name"], name="programme_name_once"),
            models.CheckConstraint(
                condition=models.Q(code_ttl_s__gte=60, code_ttl_s__lte=600),
                name="code_life_60_to_600_s",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def picture_url(self) -> str:
        """Where its picture is shown; empty without one."""
        return picture_url(self.picture_token)


class ProgrammeStore(TenantModel):
    """A store that takes part in a programme."""

    programme = TenantForeignKey(Programme, on_delete=models.CASCADE, related_name="places")
    store = TenantForeignKey(Store, on_delete=models.CASCADE, related_name="+")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "programme", "store"], name="programme_in_a_store_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.programme_id}@{self.store_id}"


class CardState(models.TextChoices):
    """The states of 5.3."""

    OPEN = "open", pgettext_lazy("state of a card", "Open")
    REWARDED = "rewarded", pgettext_lazy("state of a card", "Full, rewarded")
    EXPIRED = "expired", pgettext_lazy("state of a card", "Expired")
    BLOCKED = "blocked", pgettext_lazy("state of a card", "Blocked")
    MERGED = "merged", pgettext_lazy("state of a card", "Joined to another card")


class Card(TenantModel):
    """One customer's card of one programme; its stamps lie in its ledger account.

    Its numbers are plain ones: PostgreSQL reads and prepares each ``CHECK`` of a table anew for
    each stamp, and what they come from (``Terms``) is checked (ADR 43).
    """

    token = models.CharField(max_length=40, default=tokens.new_token)
    programme = TenantForeignKey(Programme, on_delete=models.PROTECT, related_name="cards")
    customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="cards")
    account = TenantForeignKey(Account, on_delete=models.PROTECT)
    balance = models.IntegerField(default=0)
    """Cache of the ledger account, updated with each booking and compared by a command."""
    version = models.IntegerField(default=0)
    """Grows with every change, so that the phone can ask cheaply whether anything is new."""
    state = models.CharField(max_length=10, choices=CardState, default=CardState.OPEN)
    is_filled = models.BooleanField(default=False)
    """Its only round was filled and the programme has no other: it stays full (``stop``)."""
    terms = TenantForeignKey(Terms, on_delete=models.PROTECT)
    cycle = models.IntegerField(default=0)
    """How many rounds were filled."""
    slots = models.SmallIntegerField()
    """From ``terms``, so that the counter reads one row."""
    valid_days = models.SmallIntegerField(default=0)
    """From ``terms``."""
    due_at = models.SmallIntegerField()
    """The balance at which something is won next: the counter stays below it or takes care."""
    floor = models.SmallIntegerField(default=0)
    """Below this balance a cancel would take a reward of this round with it."""
    expires_at = models.DateTimeField(null=True)
    stamped_at = models.DateTimeField(null=True)
    """When the last stamp came (D25)."""
    stamped_by = models.CharField(max_length=16, blank=True, db_default="")
    """How the last stamp came, a value of ``Method`` (D26)."""
    day = models.DateField(null=True)
    """The business day of ``day_stamps``."""
    day_stamps = models.SmallIntegerField(default=0)
    merged_into = TenantForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="merged"
    )
    """The card it went into when its customer and another one became one; it is shown instead."""
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "token"], name="card_token_once"),
            models.UniqueConstraint(
                fields=["merchant", "programme", "customer"],
                condition=models.Q(merged_into__isnull=True),
                name="one_card_per_customer",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "customer"], name="cards_of_a_customer"),
            models.Index(fields=["merchant", "created_at"], name="cards_by_day_taken"),
            models.Index(
                fields=["merchant", "expires_at"],
                condition=models.Q(expires_at__isnull=False, state="open"),
                name="cards_that_expire",
            ),
            models.Index(
                fields=["merchant", "merged_into"],
                condition=models.Q(merged_into__isnull=False),
                name="cards_that_went_into_one",
            ),
        ]

    def __str__(self) -> str:
        return f"card:{self.pk}"

    @property
    def shown(self) -> int:
        """How many stamps people see on it: all of them on a card that was filled and stays so."""
        return self.slots + self.balance if self.is_filled else self.balance

    @property
    def state_tone(self) -> str:
        """The colour of the state, for ``ui.status``."""
        tones = {
            CardState.BLOCKED: "danger",
            CardState.REWARDED: "brand",
            CardState.EXPIRED: "waiting",
            CardState.MERGED: "muted",
        }
        return tones.get(CardState(self.state), "success")

    @property
    def can_win(self) -> bool:
        """Whether it still brings its reward: full already, or open on a card not ended."""
        has_ended = self.programme.state == ProgrammeState.ENDED
        return self.state == CardState.REWARDED or (self.state == CardState.OPEN and not has_ended)

    @property
    def ways_ahead(self) -> list[dict[str, Any]]:
        """What it brings on the way, as its rules say; nothing once it brings no reward."""
        return self.terms.rewards if self.can_win else []

    @property
    def room(self) -> int | None:
        """How many stamps it still takes; None: any number, rounds follow each other."""
        if self.is_filled:
            return max(0, -self.balance)
        return None if self.terms.when_full == WhenFull.RENEW else max(0, self.slots - self.balance)

    @property
    def last_at(self) -> datetime | None:
        """The last second of a card that ends: people read its last day, not the one after."""
        return self.expires_at - timedelta(seconds=1) if self.expires_at else None

    def takes_stamps(self, moment: datetime) -> bool:
        """Whether its own state lets it: not blocked, not over, not full for good."""
        return self.state == CardState.OPEN and not self.is_over(moment)

    def is_over(self, moment: datetime) -> bool:
        """Whether its time is up, also before the job has noted it."""
        return self.expires_at is not None and self.expires_at <= moment


class Kind(models.TextChoices):
    """What a record says happened."""

    ACCUMULATE = "accumulate", _("Stamp")
    CANCEL = "cancel", _("Cancel a stamp")


class StampRecord(TenantModel):
    """What people read of a booking: names as they were then. Erasable; the ledger is not."""

    is_merchant_checked = False

    transaction = TenantForeignKey(Transaction, on_delete=models.PROTECT)
    kind = models.CharField(max_length=12, choices=Kind)
    method = models.CharField(max_length=16, choices=Method)
    card = TenantForeignKey(Card, on_delete=models.PROTECT, related_name="records")
    customer = TenantForeignKey(Customer, on_delete=models.PROTECT)
    store = TenantForeignKey(Store, on_delete=models.PROTECT)
    manager_id = models.BigIntegerField()
    """The person who confirmed (a global row); 0 for a stamp pressed on the phone, or a till."""
    manager_name = models.CharField(max_length=80)
    customer_name = models.CharField(max_length=80)
    name_key = models.CharField(max_length=200)
    amount = models.SmallIntegerField()
    """+k given, -k taken back."""
    balance_after = models.IntegerField()
    code = TenantForeignKey(OneTimeCode, null=True, on_delete=models.PROTECT)
    reverses = TenantForeignKey("self", null=True, on_delete=models.PROTECT)
    reason = models.CharField(max_length=200, blank=True)
    distance_m = models.PositiveIntegerField(null=True)
    """How far at least the customer's phone was from the store; None: it did not tell."""
    is_far = models.BooleanField(default=False, db_default=False)
    """Farther than the shop takes for being there (``Limits.far_from_m``): "remote" (section 8)."""
    at = models.DateTimeField(default=clock.now)
    business_date = models.DateField()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "transaction"], name="record_once"),
            models.UniqueConstraint(
                fields=["merchant", "code"],
                condition=models.Q(code__isnull=False),
                name="code_booked_once",
            ),
            models.UniqueConstraint(
                fields=["merchant", "reverses"],
                condition=models.Q(reverses__isnull=False),
                name="cancelled_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "store", "-at", "-id"], name="records_of_a_store"),
            models.Index(fields=["merchant", "-at", "-id"], name="records_newest_first"),
            models.Index(fields=["merchant", "card", "-at", "-id"], name="records_of_a_card"),
            models.Index(
                fields=["merchant", "-at", "-id"],
                condition=models.Q(is_far=True),
                name="records_from_far",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount:+d}"
