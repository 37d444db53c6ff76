"""One customer of one merchant."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.core import clock, sealing
from zhanggui.core.models import TenantModel

PHONE_COLUMN = "contacts_customer.phone"
TAIL_PURPOSE = "contacts_customer.phone_tail"
AT_ONCE = timedelta(minutes=1)


class CustomerState(models.TextChoices):
    """Whether a customer takes part."""

    ACTIVE = "active", _("In good standing")
    BLOCKED = "blocked", _("Blocked by the shop")
    DORMANT = "dormant", pgettext_lazy("state of a customer", "Dormant")
    """Known, but none of its identities leads here any more."""
    DISPUTED = "disputed", pgettext_lazy("state of a customer", "Disputed")
    """Two people claim it; a person of the shop decides."""
    REPLACED = "replaced", pgettext_lazy("state of a customer", "Merged into another")
    ERASED = "erased", pgettext_lazy("state of a customer", "Erased")


class Gender(models.TextChoices):
    """What the customer said; most say nothing."""

    UNKNOWN = "", _("Not known")
    FEMALE = "f", pgettext_lazy("gender", "Female")
    MALE = "m", pgettext_lazy("gender", "Male")


class Source(models.TextChoices):
    """How a customer came into the list."""

    WECHAT = "wechat", pgettext_lazy("source of a customer", "Came by WeChat")
    HAND = "hand", pgettext_lazy("source of a customer", "Added by staff")
    IMPORT = "import", pgettext_lazy("source of a customer", "Imported")
    OTHER = "other", pgettext_lazy("source of a customer", "Other")


class Customer(TenantModel):
    """One person as one merchant knows it (顾客).

    ``search``, ``tag_ids``, ``store_ids`` and ``birthday`` share a GIN index that begins with the
    merchant; it stands in migration 0002, because it needs the extension ``btree_gin``.
    """

    number = models.CharField(max_length=20, db_collation="C")
    """The member number that people read out, unique in the merchant."""
    name = models.CharField(max_length=80)
    name_key = models.CharField(max_length=200)
    """NFKC, case-folded name and its pinyin, for search without the database's locale."""
    sort_key = models.CharField(max_length=120, db_collation="C", default="")
    """The pinyin of the name and the name: the order of the list by name."""
    search = ArrayField(models.CharField(max_length=40), default=list)
    """What the customer is found by: ``contacts.search.tokens_of``."""
    phone_sealed = models.BinaryField(null=True)
    phone_hash = models.BinaryField(null=True, max_length=32)
    phone_tail_hash = models.BinaryField(null=True, max_length=32)
    phone_verified_at = models.DateTimeField(null=True)
    """When the customer proved to hold the number; None while only the shop says so."""
    gender = models.CharField(max_length=1, choices=Gender, blank=True, default=Gender.UNKNOWN)
    birthday = models.PositiveIntegerField(null=True)
    """Month and day as 517 for the 17th of May; the year is often not told.

    Of the type that PostgreSQL gives a plain number: for another one GIN has no comparison.
    """
    birth_year = models.PositiveSmallIntegerField(null=True)
    note = models.CharField(max_length=1000, blank=True, default="")
    source = models.CharField(max_length=10, choices=Source, default=Source.OTHER)
    store_ids = ArrayField(models.BigIntegerField(), default=list)
    """The stores where the customer was seen."""
    tag_ids = ArrayField(models.BigIntegerField(), default=list)
    state = models.CharField(max_length=10, choices=CustomerState, default=CustomerState.ACTIVE)
    blocked_reason = models.CharField(max_length=200, blank=True, default="")
    is_follower = models.BooleanField(default=False)
    """Whether one of the identities follows its official account now."""
    created_at = models.DateTimeField(default=clock.now)
    last_seen_at = models.DateTimeField(default=clock.now)
    """The day of the last visit or sign-in; moves at most once a day."""

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "number"], name="customer_number_once"),
            models.UniqueConstraint(fields=["merchant", "phone_hash"], name="customer_phone_once"),
            models.CheckConstraint(
                condition=models.Q(birthday__isnull=True)
                | models.Q(birthday__gte=101, birthday__lte=1231),
                name="birthday_is_month_and_day",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-created_at", "-id"], name="customers_newest_first"),
            models.Index(fields=["merchant", "-last_seen_at", "-id"], name="customers_last_seen"),
            models.Index(fields=["merchant", "sort_key", "id"], name="customers_by_name"),
            models.Index(fields=["merchant", "phone_tail_hash"], name="customers_by_phone_tail"),
            models.Index(
                fields=["merchant", "state", "-created_at", "-id"], name="customers_by_state"
            ),
            models.Index(
                fields=["merchant", "source", "-created_at", "-id"], name="customers_by_source"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def phone(self) -> str:
        """The phone number in E.164, empty when not known."""
        if self.phone_sealed is None:
            return ""
        return sealing.unseal(
            bytes(self.phone_sealed), column=PHONE_COLUMN, merchant_id=self.merchant_id
        )

    @property
    def visited_at(self) -> datetime | None:
        """The last visit; None for somebody the shop wrote down and who has not come since."""
        is_noted = self.source != Source.WECHAT and self.last_seen_at - self.created_at < AT_ONCE
        return None if is_noted else self.last_seen_at

    @property
    def has_phone(self) -> bool:
        """Whether a number is known, without opening it."""
        return self.phone_hash is not None
