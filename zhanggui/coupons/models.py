"""Coupons: what a template promises, what a customer holds, and every use of it.

Source: stamps specification 5.4 and 5.6 (unit coupon-use), D34-D36.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store, picture_url
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts.models import Customer
from zhanggui.core import clock, tokens
from zhanggui.core.models import TenantForeignKey, TenantModel
from zhanggui.ledger.models import Account, Transaction

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U
CODE_LENGTH = 12  # 60 bits


def new_code() -> str:
    """A coupon's own code: 60 random bits in Crockford's letters, never one after another."""
    return "".join(secrets.choice(CROCKFORD) for _ in range(CODE_LENGTH))


class CouponKind(models.TextChoices):
    """What a coupon is worth."""

    GIFT = "gift", pgettext_lazy("kind of a coupon", "Gift")
    CASH = "cash", pgettext_lazy("kind of a coupon", "Amount off")
    PERCENT = "percent", pgettext_lazy("kind of a coupon", "Percent off")


class Validity(models.TextChoices):
    """From when until when."""

    FIXED = "fixed", _("From one day to another, the same for everybody")
    DAYS = "days", _("A number of days after each customer gets it")


class TemplateState(models.TextChoices):
    """Whether coupons of a template are given out and taken."""

    ACTIVE = "active", pgettext_lazy("state of a coupon template", "Active")
    STOPPED = "stopped", pgettext_lazy("state of a coupon template", "No longer issued")
    PAUSED = "paused", pgettext_lazy("state of a coupon template", "On hold")


class CouponTemplate(TenantModel):
    """What every coupon of one kind promises, and how many there may be (券模板)."""

    name = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=CouponKind)
    amount_fen = models.PositiveIntegerField(default=0)
    """Off the bill, for ``cash``; what it costs the shop otherwise (for the liability)."""
    percent_off = models.PositiveSmallIntegerField(default=0)
    """15 means 15 % off, which people call 8.5 折; only for ``percent``."""
    min_spend_fen = models.PositiveIntegerField(default=0)
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list)
    """ISO weekdays (1 Monday) on which it can be used; empty means all of them."""
    terms = models.TextField(blank=True, max_length=1000)
    validity = models.CharField(max_length=8, choices=Validity, default=Validity.DAYS)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    days_valid = models.PositiveSmallIntegerField(default=30)
    days_until_start = models.PositiveSmallIntegerField(default=0)
    uses = models.PositiveSmallIntegerField(default=1)
    """How often one coupon can be used."""
    stock = models.PositiveIntegerField(null=True)
    """How many may be issued in all; None: any number."""
    left = models.PositiveIntegerField(null=True)
    """Of ``stock``; taken by one conditional statement."""
    per_person = models.PositiveSmallIntegerField(null=True)
    is_transferable = models.BooleanField(default=True)
    takes_press = models.BooleanField(default=False)
    """The store's stamp, pressed on the customer's phone, redeems it, too."""
    picture_token = models.CharField(max_length=40, blank=True, default="")
    """The shop's own picture of it (``accounts.PlacePicture``)."""
    state = models.CharField(max_length=8, choices=TemplateState, default=TemplateState.ACTIVE)
    issue_account = TenantForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "name"], name="coupon_template_name_once"),
            models.CheckConstraint(
                condition=models.Q(stock__isnull=True, left__isnull=True)
                | models.Q(stock__isnull=False, left__lte=models.F("stock")),
                name="coupon_stock_left_within",
            ),
            models.CheckConstraint(
                condition=models.Q(validity="days", days_valid__gte=1)
                | models.Q(validity="fixed", starts_at__lt=models.F("ends_at")),
                name="coupon_template_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def last_at(self) -> datetime | None:
        """The last second in which it can be used: people read 23:59, not 00:00 of the next day."""
        return self.ends_at - timedelta(seconds=1) if self.ends_at else None

    @property
    def picture_url(self) -> str:
        """Where its picture is shown; empty without one."""
        return picture_url(self.picture_token)


class TemplateStore(TenantModel):
    """A store where coupons of a template are taken; none listed means every store."""

    template = TenantForeignKey(CouponTemplate, on_delete=models.CASCADE, related_name="places")
    store = TenantForeignKey(Store, on_delete=models.CASCADE, related_name="+")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "template", "store"], name="coupon_template_in_a_store"
            )
        ]

    def __str__(self) -> str:
        return f"{self.template_id}@{self.store_id}"


class CouponState(models.TextChoices):
    """The states of 5.4; ``rules.state_now`` says which of them holds by the clock."""

    ISSUED = "issued", pgettext_lazy("state of a coupon", "Not started")
    USABLE = "usable", pgettext_lazy("state of a coupon", "Usable")
    HELD = "held", pgettext_lazy("state of a coupon", "Being redeemed")
    REDEEMED = "redeemed", pgettext_lazy("state of a coupon", "Used up")
    EXPIRED = "expired", pgettext_lazy("state of a coupon", "Expired")
    VOIDED = "voided", pgettext_lazy("state of a coupon", "Voided")
    FROZEN = "frozen", pgettext_lazy("state of a coupon", "Frozen")


class Way(models.TextChoices):
    """How a coupon came to its customer."""

    REWARD = "reward", pgettext_lazy("way of a coupon", "Reward")
    HAND = "hand", pgettext_lazy("way of a coupon", "By hand")
    SEGMENT = "segment", pgettext_lazy("way of a coupon", "To a segment")
    LINK = "link", pgettext_lazy("way of a coupon", "By link")


class Coupon(TenantModel):
    """One customer's right to something, once or several times; its uses lie in the ledger."""

    token = models.CharField(max_length=26, default=tokens.new_token)
    """Names it in the customer's address."""
    code = models.CharField(max_length=CODE_LENGTH, default=new_code)
    """What people read out; found by the back office only."""
    template = TenantForeignKey(CouponTemplate, on_delete=models.PROTECT, related_name="coupons")
    customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="coupons")
    issued_to_id = models.BigIntegerField()
    """Who got it first: limits count by this person also after it was handed on."""
    person_no = models.PositiveSmallIntegerField(null=True)
    """1..limit of this person; None where no limit counts it."""
    way = models.CharField(max_length=8, choices=Way)
    cause = models.CharField(max_length=80)
    """Why it was issued, such as ``card:17:reward:10``; one coupon for each."""
    account = TenantForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=CouponState, default=CouponState.ISSUED)
    total = models.PositiveSmallIntegerField(default=1)
    usable = models.PositiveSmallIntegerField(default=1)
    held = models.PositiveSmallIntegerField(default=0)
    redeemed = models.PositiveSmallIntegerField(default=0)
    voided = models.PositiveSmallIntegerField(default=0)
    """Uses taken back or lapsed; the state tells which."""
    use_no = models.PositiveSmallIntegerField(default=1)
    """Grows with each undone use."""
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    held_by = models.CharField(max_length=40, blank=True)
    """``code:17`` or what a till named."""
    held_until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    """Why it was frozen or voided."""
    version = models.PositiveIntegerField(default=0)
    """Grows with every change, for the phone that asks whether anything is new."""
    issued_at = models.DateTimeField(default=clock.now)
    issued_by = models.CharField(max_length=80)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "token"], name="coupon_token_once"),
            models.UniqueConstraint(fields=["merchant", "code"], name="coupon_code_once"),
            models.UniqueConstraint(fields=["merchant", "cause"], name="one_coupon_per_cause"),
            models.UniqueConstraint(
                fields=["merchant", "template", "issued_to_id", "person_no"],
                condition=models.Q(person_no__isnull=False),
                name="coupons_of_a_person_numbered",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    total=models.F("usable")
                    + models.F("held")
                    + models.F("redeemed")
                    + models.F("voided")
                ),
                name="coupon_counts_add_up",
            ),
            models.CheckConstraint(
                condition=models.Q(state="held", held__gte=1, held_until__isnull=False)
                | (~models.Q(state="held") & models.Q(held=0)),
                name="coupon_held_has_an_end",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "customer", "-id"], name="coupons_of_a_customer"),
            models.Index(fields=["merchant", "template", "-id"], name="coupons_of_a_template"),
            models.Index(fields=["merchant", "-issued_at", "-id"], name="coupons_newest_first"),
            models.Index(
                fields=["merchant", "ends_at"],
                condition=models.Q(state__in=["issued", "usable", "held"]),
                name="coupons_that_will_end",
            ),
        ]

    def __str__(self) -> str:
        return f"coupon:{self.pk}"

    @property
    def last_at(self) -> datetime:
        """The last second in which it can be used: people read 23:59, not 00:00 of the next day."""
        return self.ends_at - timedelta(seconds=1)


class CouponChange(TenantModel):
    """A step of a coupon's life; rows are only added."""

    is_merchant_checked = False

    coupon = TenantForeignKey(Coupon, on_delete=models.CASCADE, related_name="changes")
    before = models.CharField(max_length=8, choices=CouponState, blank=True)
    after = models.CharField(max_length=8, choices=CouponState)
    note = models.CharField(max_length=200, blank=True)
    by = models.CharField(max_length=80)
    store = TenantForeignKey(Store, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["merchant", "coupon", "-id"], name="changes_of_a_coupon")
        ]

    def __str__(self) -> str:
        return f"{self.before or '-'} > {self.after}"


class UseKind(models.TextChoices):
    """What a line of the ledger of redemptions says (核销流水)."""

    REDEEM = "redeem", pgettext_lazy("use of a coupon", "Redeemed")
    UNDO = "undo", pgettext_lazy("use of a coupon", "Redemption undone")


STANDS = "standing"
"""The word of lists and addresses for redemptions that were not taken back."""
STANDING = models.Q(kind=UseKind.REDEEM.value, userecord__isnull=True)
"""Their rows; what "redeemed" means wherever it is counted."""


class UseMethod(models.TextChoices):
    """How it was proved (assurance)."""

    CODE = "otp", _("One-time code")
    PRESS = "press", _("Pressed stamp")
    OFFICE = "office", _("Back office")
    TILL = "till", _("Till")


class UseRecord(TenantModel):
    """A redemption or its undoing as people read it, with names as they were. Erasable."""

    is_merchant_checked = False

    transaction = TenantForeignKey(Transaction, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=UseKind)
    method = models.CharField(max_length=8, choices=UseMethod)
    coupon = TenantForeignKey(Coupon, on_delete=models.PROTECT, related_name="records")
    template = TenantForeignKey(CouponTemplate, on_delete=models.PROTECT, related_name="+")
    template_name = models.CharField(max_length=40)
    customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    customer_name = models.CharField(max_length=80)
    name_key = models.CharField(max_length=200)
    store = TenantForeignKey(Store, null=True, on_delete=models.PROTECT, related_name="+")
    manager_id = models.BigIntegerField()
    """The person (a global row) who confirmed; 0 for a machine."""
    manager_name = models.CharField(max_length=80)
    worth_fen = models.PositiveIntegerField(default=0)
    use_no = models.PositiveSmallIntegerField()
    code = TenantForeignKey(OneTimeCode, null=True, on_delete=models.PROTECT, related_name="+")
    reverses = TenantForeignKey("self", null=True, on_delete=models.PROTECT)
    reason = models.CharField(max_length=200, blank=True)
    reported_at = models.DateTimeField(null=True)
    """When the customer said "that was not me" (D46)."""
    reported_text = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=clock.now)
    business_date = models.DateField()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "transaction"], name="use_record_once"),
            models.UniqueConstraint(
                fields=["merchant", "code"],
                condition=models.Q(code__isnull=False),
                name="code_redeemed_once",
            ),
            models.UniqueConstraint(
                fields=["merchant", "reverses"],
                condition=models.Q(reverses__isnull=False),
                name="redemption_undone_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "store", "-at", "-id"], name="uses_of_a_store"),
            models.Index(fields=["merchant", "-at", "-id"], name="uses_newest_first"),
            models.Index(fields=["merchant", "coupon", "-id"], name="uses_of_a_coupon"),
            models.Index(fields=["merchant", "customer", "-at", "-id"], name="uses_of_a_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.coupon_id}"


class CouponLink(TenantModel):
    """An address (and its QR code) by which customers take a coupon themselves."""

    token = models.CharField(max_length=26, default=tokens.new_token)
    template = TenantForeignKey(CouponTemplate, on_delete=models.PROTECT, related_name="links")
    name = models.CharField(max_length=40)
    """What the shop knows it by, such as a poster or a leaflet."""
    most = models.PositiveIntegerField(null=True)
    left = models.PositiveIntegerField(null=True)
    """Of ``most``; the template's stock counts besides."""
    taken = models.PositiveIntegerField(default=0)
    is_open = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "token"], name="coupon_link_token_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "template", "-id"], name="links_of_a_template")
        ]

    def __str__(self) -> str:
        return self.name

    def is_over(self, now: datetime) -> bool:
        """Whether nobody can take a coupon here any more."""
        has_ended = self.expires_at is not None and self.expires_at <= now
        return not self.is_open or has_ended or self.left == 0


class GiftState(models.TextChoices):
    """What became of a coupon that somebody wants to hand on."""

    OPEN = "open", pgettext_lazy("state of a gift", "Waiting to be taken")
    TAKEN = "taken", pgettext_lazy("state of a gift", "Taken")
    BACK = "back", pgettext_lazy("state of a gift", "Kept after all")


class CouponGift(TenantModel):
    """A coupon handed on by a link that works once, for 24 hours, until it is taken back."""

    token = models.CharField(max_length=26, default=tokens.new_token)
    coupon = TenantForeignKey(Coupon, on_delete=models.CASCADE, related_name="gifts")
    giver = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    taker = TenantForeignKey(Customer, null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=GiftState, default=GiftState.OPEN)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "token"], name="coupon_gift_token_once"),
            models.UniqueConstraint(
                fields=["merchant", "coupon"],
                condition=models.Q(state="open"),
                name="one_open_gift_per_coupon",
            ),
        ]

    def __str__(self) -> str:
        return f"gift:{self.pk}"
