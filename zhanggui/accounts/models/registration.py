"""How merchants come in by themselves: the page of a place, its agreement, applications."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models.people import Person
from zhanggui.accounts.models.tiers import Merchant, Operator
from zhanggui.core import clock


class RegistrationSettings(models.Model):
    """What an operator (or, without one, the platform) lets strangers do and how it looks."""

    operator = models.ForeignKey(
        Operator, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    is_open = models.BooleanField(default=False)
    needs_approval = models.BooleanField(default=True)
    shortest_password = models.PositiveSmallIntegerField(default=6)
    """Signs a new password needs (U-7); what an operator asks for adds to the platform's rule."""
    title = models.CharField(max_length=40, blank=True)
    """Above the sign-in; empty shows the operator's name."""
    logo_token = models.CharField(max_length=40, blank=True)
    background_token = models.CharField(max_length=40, blank=True)
    """Tokens of ``PlacePicture``; empty shows the installation's own look."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["operator"], nulls_distinct=False, name="one_registration_per_place"
            ),
            models.CheckConstraint(
                condition=models.Q(shortest_password__range=(6, 32)),
                name="shortest_password_6_to_32",
            ),
        ]

    def __str__(self) -> str:
        return self.title or str(self.operator_id)


class PictureKind(models.TextChoices):
    """Where a picture of a place stands."""

    LOGO = "logo", _("Logo")
    BACKGROUND = "background", _("Background")
    CARD = "card", pgettext_lazy("kind of a picture", "Card or coupon")
    DRAFT = "draft", pgettext_lazy("kind of a picture", "Of a form not saved yet")


class PlacePicture(models.Model):
    """A small picture that everybody may see: of a sign-in page, a shop, a card or a coupon.

    Made anew from what was sent, public under its token.
    """

    operator = models.ForeignKey(
        Operator, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    merchant = models.ForeignKey(
        Merchant, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    """Set for what a shop shows; without both it is the platform's."""
    kind = models.CharField(max_length=10, choices=PictureKind)
    token = models.CharField(max_length=40, unique=True)
    content = models.BinaryField()
    """WebP (a shop's logo: PNG), without metadata, at most a few hundred kilobytes."""
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.token


def picture_url(token: str) -> str:
    """Where a picture is shown; empty without one."""
    return reverse("accounts:look", args=[token]) if token else ""


class AgreementVersion(models.Model):
    """One text of a place's registration agreement; append-only (a trigger), the newest holds."""

    operator = models.ForeignKey(
        Operator, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    number = models.PositiveIntegerField()
    text = models.TextField()
    person_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["operator", "number"],
                nulls_distinct=False,
                name="agreement_number_once_a_place",
            )
        ]

    def __str__(self) -> str:
        return str(self.number)

    @property
    def paragraphs(self) -> list[tuple[bool, str]]:
        """The text in paragraphs: whether it is a heading (``# ...``), and its words."""
        parts = [part.strip() for part in self.text.split("\n\n")]
        return [(part.startswith("#"), part.lstrip("#").strip()) for part in parts if part]


class ApplicationState(models.TextChoices):
    """How far an application came."""

    WAITING = "waiting", pgettext_lazy("state of an application", "Waiting")
    APPROVED = "approved", pgettext_lazy("state of an application", "Approved")
    REJECTED = "rejected", pgettext_lazy("state of an application", "Rejected")


class Application(models.Model):
    """Somebody wants to become a merchant of a place; also kept where no approval is needed.

    It is the proof of which agreement was accepted, by whom, when and from where.
    """

    operator = models.ForeignKey(
        Operator, null=True, blank=True, on_delete=models.PROTECT, related_name="applications"
    )
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="applications")
    registered_name = models.CharField(max_length=80)
    trade = models.CharField(max_length=40, blank=True)
    agreement = models.ForeignKey(
        AgreementVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(
        max_length=10, choices=ApplicationState, default=ApplicationState.WAITING
    )
    reason = models.CharField(max_length=200, blank=True)
    """Why it was rejected, in words for the applicant."""
    merchant = models.ForeignKey(
        Merchant, null=True, blank=True, on_delete=models.PROTECT, related_name="applications"
    )
    """The merchant it became."""
    decided_by_id = models.BigIntegerField(null=True)
    """The person who decided; none where no approval was needed."""
    decided_at = models.DateTimeField(null=True)
    ip = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "operator"],
                condition=models.Q(state="waiting"),
                nulls_distinct=False,
                name="one_waiting_application",
            ),
            models.CheckConstraint(
                condition=models.Q(state="approved", merchant__isnull=False)
                | (~models.Q(state="approved") & models.Q(merchant__isnull=True)),
                name="approved_means_a_merchant",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["operator", "-created_at", "-id"], name="applications_of_a_place")
        ]

    def __str__(self) -> str:
        return f"{self.registered_name}: {self.state}"
