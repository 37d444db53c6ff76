"""Who works where, in which role; own roles; invitations; support access."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models.people import Person
from zhanggui.accounts.models.tiers import Merchant, Operator
from zhanggui.core import clock


class Tier(models.TextChoices):
    """Where a membership holds."""

    PLATFORM = "platform", _("Platform")
    OPERATOR = "operator", _("Operator")
    MERCHANT = "merchant", _("Merchant")


class Role(models.TextChoices):
    """Preset sets of rights; each right says which of them carry it."""

    OWNER = "owner", pgettext_lazy("role", "Owner")
    MANAGER = "manager", pgettext_lazy("role", "Manager")
    CLERK = "clerk", pgettext_lazy("role", "Clerk")
    FINANCE = "finance", pgettext_lazy("role", "Finance")
    SERVICE = "service", pgettext_lazy("role", "Customer service")
    DISPATCHER = "dispatcher", pgettext_lazy("role", "Dispatcher")
    TECHNICIAN = "technician", pgettext_lazy("role", "Technician")
    REVIEWER = "reviewer", pgettext_lazy("role", "Event reviewer")
    SCANNER = "scanner", pgettext_lazy("role", "Event scanner")
    DRAW_HOST = "draw_host", pgettext_lazy("role", "Draw host")
    CUSTOM = "custom", _("Own role")


def _of_a_place(tier: str = "tier") -> models.Q:
    return (
        models.Q(**{tier: "platform"}, operator__isnull=True, merchant__isnull=True)
        | models.Q(**{tier: "operator"}, operator__isnull=False, merchant__isnull=True)
        | models.Q(**{tier: "merchant"}, operator__isnull=True, merchant__isnull=False)
    )


_OWN_ROLE_IS_NAMED = models.Q(role="custom", role_set__isnull=False) | (
    ~models.Q(role="custom") & models.Q(role_set__isnull=True)
)


class AtPlace(models.Model):
    """A row of the platform, of one operator or of one merchant."""

    tier = models.CharField(max_length=10, choices=Tier)
    operator = models.ForeignKey(
        Operator, null=True, blank=True, on_delete=models.CASCADE, related_name="%(class)ss"
    )
    merchant = models.ForeignKey(
        Merchant, null=True, blank=True, on_delete=models.CASCADE, related_name="%(class)ss"
    )

    class Meta:
        abstract = True

    @property
    def place(self) -> Merchant | Operator | None:
        """The merchant or operator; None is the platform."""
        return self.merchant or self.operator


class RoleSet(AtPlace):
    """An own role of a place: a name, a sentence and the rights it carries."""

    name = models.CharField(max_length=40)
    explanation = models.CharField(max_length=200, blank=True)
    rights = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "tier",
                "operator",
                "merchant",
                Lower("name"),
                nulls_distinct=False,
                name="role_name_once_a_place",
            ),
            models.CheckConstraint(condition=_of_a_place(), name="role_names_its_tier"),
        ]

    def __str__(self) -> str:
        return self.name


class RoleHolder(AtPlace):
    """Something that gives a role at a place: a membership, an invitation."""

    role = models.CharField(max_length=10, choices=Role)
    role_set = models.ForeignKey(
        RoleSet, null=True, blank=True, on_delete=models.PROTECT, related_name="%(class)ss"
    )
    """The own role, only for the role ``custom``."""

    class Meta:
        abstract = True

    @property
    def role_label(self) -> str:
        """The role in words; who owns an operator or the platform is no shopkeeper."""
        if self.role_set is not None:
            return self.role_set.name
        return role_label(Role(self.role), Tier(self.tier))


def role_label(role: Role, tier: Tier) -> str:
    """A preset role in the words of its tier."""
    if tier != Tier.MERCHANT and role == Role.OWNER:
        return gettext("Head")
    if tier != Tier.MERCHANT and role == Role.CLERK:
        return gettext("Employee")
    return str(role.label)


class Invitation(RoleHolder):
    """A link that makes whoever accepts it a colleague; the token is shown once."""

    token_digest = models.BinaryField(max_length=32, unique=True)
    note = models.CharField(max_length=80, blank=True)
    """For whom it is, in the words of whoever invites."""
    invited_by = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    form_key = models.CharField(max_length=80, blank=True)
    """Key of the form that made it, so that sending it twice makes one."""
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    max_uses = models.PositiveSmallIntegerField(default=1)
    uses = models.PositiveSmallIntegerField(default=0)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["invited_by", "form_key"],
                condition=~models.Q(form_key=""),
                name="one_invitation_per_form",
            ),
            models.CheckConstraint(condition=_of_a_place(), name="invitation_names_its_tier"),
            models.CheckConstraint(
                condition=_OWN_ROLE_IS_NAMED, name="invitation_names_its_own_role"
            ),
            models.CheckConstraint(
                condition=models.Q(uses__lte=models.F("max_uses")),
                name="staff_invitation_not_overused",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier}:{self.role}"

    @property
    def is_used_up(self) -> bool:
        """Whether everybody it was for has accepted."""
        return self.uses >= self.max_uses

    @property
    def is_open(self) -> bool:
        """Whether somebody may still accept it."""
        return self.revoked_at is None and not self.is_used_up and self.expires_at > clock.now()


class Membership(RoleHolder):
    """A person's role at one platform, operator or merchant; one person may hold several."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    invitation = models.ForeignKey(
        Invitation, null=True, blank=True, on_delete=models.SET_NULL, related_name="memberships"
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "tier", "operator", "merchant"],
                nulls_distinct=False,
                name="one_membership_per_place",
            ),
            models.CheckConstraint(condition=_of_a_place(), name="membership_names_its_tier"),
            models.CheckConstraint(
                condition=_OWN_ROLE_IS_NAMED, name="membership_names_its_own_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier}:{self.role}"


class SupportSession(models.Model):
    """Somebody of a tier above at work inside a merchant, for a reason and a limited time."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="+")
    operator = models.ForeignKey(Operator, null=True, on_delete=models.CASCADE, related_name="+")
    """The operator whose employee it is; None: the platform's."""
    reason = models.CharField(max_length=200)
    starts_at = models.DateTimeField(default=clock.now)
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    """When somebody ended it before its time."""
    ended_by_id = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="support_has_an_end"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-starts_at", "-id"], name="support_newest_first"),
            models.Index(fields=["person", "merchant"], name="support_of_a_person"),
        ]

    def __str__(self) -> str:
        return f"support:{self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether it still lets its person in."""
        return self.ended_at is None and self.ends_at > clock.now()
