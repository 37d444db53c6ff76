"""People who sign in; platform > operator > merchant > store; memberships; sessions; audit log."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from zhanggui.core import clock, sealing
from zhanggui.core.models import TenantForeignKey, TenantModel

PHONE_COLUMN = "accounts_person.phone"


class TierState(models.TextChoices):
    """Whether a tier's people may work."""

    ACTIVE = "active", pgettext_lazy("state of a tier", "Active")
    FROZEN = "frozen", pgettext_lazy("state of a tier", "Frozen")


class Operator(models.Model):
    """Serves many merchants (运营者/代理商)."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=40, unique=True)
    state = models.CharField(max_length=10, choices=TierState, default=TierState.ACTIVE)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.name


class Merchant(models.Model):
    """The tenant (商家): every business row belongs to exactly one. A cold table: no counters."""

    operator = models.ForeignKey(
        Operator,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="merchants",
    )
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=40, unique=True)
    trade = models.CharField(max_length=40, blank=True)
    time_zone = models.CharField(max_length=40, default="Asia/Shanghai")
    state = models.CharField(max_length=10, choices=TierState, default=TierState.ACTIVE)
    created_at = models.DateTimeField(default=clock.now)

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
    state = models.CharField(max_length=10, choices=StoreState, default=StoreState.OPEN)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "name"], name="store_name_once_a_merchant")
        ]

    def __str__(self) -> str:
        return self.name


class PersonManager(models.Manager["Person"]):
    """Finds people by what they sign in with."""

    def by_phone(self, phone: str) -> Person | None:
        """The person with this phone number (E.164), if there is one."""
        hashes = [phone_hash(phone, version=version) for version in sealing.versions()]
        return self.filter(phone_hash__in=hashes).first()

    def get_by_natural_key(self, phone: str) -> Person:
        """Django's way to ask for ``by_phone``."""
        found = self.by_phone(phone)
        if found is None:
            raise Person.DoesNotExist
        return found


def phone_hash(phone: str, version: int | None = None) -> bytes:
    """The keyed hash under which a person's phone number (E.164) is looked up."""
    return sealing.keyed_hash(phone, purpose=PHONE_COLUMN, merchant_id=None, version=version)


class Person(AbstractBaseUser):
    """Who signs in: by phone and password, or (store managers) by WeChat alone."""

    name = models.CharField(max_length=80)
    phone_sealed = models.BinaryField(null=True)
    phone_hash = models.BinaryField(null=True, unique=True, max_length=32)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "phone_hash"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name

    @property
    def phone(self) -> str:
        """The phone number in E.164, empty when the person has none."""
        if self.phone_sealed is None:
            return ""
        return sealing.unseal(bytes(self.phone_sealed), column=PHONE_COLUMN, merchant_id=None)

    def set_phone(self, phone: str) -> None:
        """Put the number (E.164) on the row, sealed and hashed; does not save."""
        self.phone_sealed = sealing.seal(phone, column=PHONE_COLUMN, merchant_id=None)
        self.phone_hash = phone_hash(phone)


class Tier(models.TextChoices):
    """Where a membership holds."""

    PLATFORM = "platform", _("Platform")
    OPERATOR = "operator", _("Operator")
    MERCHANT = "merchant", _("Merchant")


class Role(models.TextChoices):
    """Preset sets of rights; the sets themselves stand in ``permissions.py``."""

    OWNER = "owner", pgettext_lazy("role", "Owner")
    MANAGER = "manager", pgettext_lazy("role", "Manager")
    CLERK = "clerk", pgettext_lazy("role", "Clerk")
    FINANCE = "finance", pgettext_lazy("role", "Finance")
    CUSTOM = "custom", _("Own set of rights")


class Membership(models.Model):
    """A person's role at one platform, operator or merchant; one person may hold several."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    tier = models.CharField(max_length=10, choices=Tier)
    operator = models.ForeignKey(
        Operator, null=True, blank=True, on_delete=models.CASCADE, related_name="memberships"
    )
    merchant = models.ForeignKey(
        Merchant, null=True, blank=True, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role)
    rights = models.JSONField(default=list, blank=True)
    """Names of the rights, only for the role ``custom``."""
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "tier", "operator", "merchant"],
                nulls_distinct=False,
                name="one_membership_per_place",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(tier="platform", operator__isnull=True, merchant__isnull=True)
                    | models.Q(tier="operator", operator__isnull=False, merchant__isnull=True)
                    | models.Q(tier="merchant", operator__isnull=True, merchant__isnull=False)
                ),
                name="membership_names_its_tier",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier}:{self.role}"

    @property
    def role_label(self) -> str:
        """The role in words; who owns an operator or the platform is no shopkeeper."""
        if self.role == Role.OWNER and self.tier != Tier.MERCHANT:
            return gettext("Head")
        return str(self.get_role_display())


class Session(AbstractBaseSession):
    """A sign-in; the person stands in a column so that sessions can be listed and ended."""

    person_id = models.BigIntegerField(null=True, db_index=True)
    created_at = models.DateTimeField(default=clock.now)
    device = models.CharField(max_length=120, blank=True)

    @classmethod
    def get_session_store_class(cls) -> Any:
        """The store that reads and writes this table."""
        from zhanggui.accounts.sessions import SessionStore  # noqa: PLC0415  they need each other

        return SessionStore


class ActorKind(models.TextChoices):
    """Who acts."""

    PERSON = "person", _("Person")
    CUSTOMER = "customer", _("Customer")
    SYSTEM = "system", _("System")


class AuditEntry(TenantModel):
    """Who did what to what, when and from where, inside one merchant; append-only (a trigger)."""

    at = models.DateTimeField(default=clock.now)
    actor_kind = models.CharField(max_length=10, choices=ActorKind)
    actor_id = models.BigIntegerField(null=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=60)
    store = TenantForeignKey(Store, null=True, on_delete=models.PROTECT)
    details = models.JSONField(default=dict)
    device = models.CharField(max_length=120, blank=True)
    ip = models.GenericIPAddressField(null=True)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-at", "-id"], name="audit_newest_first")
        ]

    def __str__(self) -> str:
        return self.action


class PlatformAuditEntry(models.Model):
    """The same for what belongs to no single merchant: sign-ins, tiers; append-only (a trigger)."""

    at = models.DateTimeField(default=clock.now, db_index=True)
    person_id = models.BigIntegerField(null=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=60, blank=True)
    details = models.JSONField(default=dict)
    device = models.CharField(max_length=120, blank=True)
    ip = models.GenericIPAddressField(null=True)

    def __str__(self) -> str:
        return self.action
