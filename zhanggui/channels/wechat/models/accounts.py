"""The third-party platform, and official accounts and mini programs with their secrets.

All of these are global tables: an account belongs to a tier, not only to merchants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Merchant, Operator, Person, Tier
from zhanggui.core import clock, sealing

if TYPE_CHECKING:
    from zhanggui.channels.wechat.models.replies import AutoReply


class Leased(models.Model):
    """Something WeChat hands out for two hours; one process fetches it for all (``tokens``)."""

    access_token_sealed = models.BinaryField(null=True)
    access_token_at = models.DateTimeField(null=True)
    access_token_expires_at = models.DateTimeField(null=True)
    token_lease = models.CharField(max_length=26, blank=True)
    token_lease_until = models.DateTimeField(null=True)
    """While this lies ahead, one process is fetching a token and the others wait."""

    class Meta:
        abstract = True

    def seal(self, column: str, text: str) -> None:
        """Put a secret on the row, sealed for its column and app id; does not save."""
        sealed = sealing.seal(text, column=self._box(column), merchant_id=None)
        setattr(self, f"{column}_sealed", sealed)

    def unseal(self, column: str) -> str:
        """Read a secret by its column's name without ``_sealed``, such as ``aes_key``.

        Raises:
            CannotOpen: there is none, or its key left the ring.
        """
        sealed = getattr(self, f"{column}_sealed")
        if sealed is None:
            raise sealing.CannotOpen(column)
        return sealing.unseal(bytes(sealed), column=self._box(column), merchant_id=None)

    def has(self, column: str) -> bool:
        """Whether a secret is there; it is not opened."""
        return getattr(self, f"{column}_sealed") is not None

    def _box(self, column: str) -> str:
        return f"{self._meta.db_table}.{column}.{self.bound_to}"

    @property
    def bound_to(self) -> str:
        """The app id that the secrets on the row are sealed for."""
        raise NotImplementedError


class TokenHolder(Leased):
    """Whatever has an app id, an access token of its own and pushes under its own keys."""

    app_id = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    secret_sealed = models.BinaryField(null=True)
    callback_token_sealed = models.BinaryField(null=True)
    aes_key_sealed = models.BinaryField(null=True)
    previous_callback_token_sealed = models.BinaryField(null=True)
    previous_aes_key_sealed = models.BinaryField(null=True)
    """Pushes under the old token and key still come for a while after they were changed."""
    keys_changed_at = models.DateTimeField(null=True)
    last_callback_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)
    last_error_code = models.IntegerField(null=True)
    last_error_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def bound_to(self) -> str:
        """Its own app id."""
        return self.app_id


class Component(TokenHolder):
    """Our third-party platform (第三方平台): merchants authorise it to act for their accounts.

    Source: Open Platform, chapter 3 of the digest.
    """

    is_active = models.BooleanField(default=True)
    ticket_sealed = models.BinaryField(null=True)
    """``component_verify_ticket``: pushed every ten minutes, good for twelve hours."""
    ticket_at = models.DateTimeField(null=True)
    ticket_asked_at = models.DateTimeField(null=True)
    """When WeChat was last asked to push tickets again."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_active"],
                condition=models.Q(is_active=True),
                name="one_active_component",
            )
        ]


class Kind(models.TextChoices):
    """What an app id stands for."""

    OFFICIAL = "official", _("Official account")
    MINI = "mini", _("Mini program")


class Way(models.TextChoices):
    """How we came to act for an account."""

    SECRET = "secret", _("By app id and secret")
    AUTHORISED = "authorised", _("By authorisation")


class Standing(models.TextChoices):
    """Whether an account still lets us act."""

    GOOD = "good", _("In force")
    REVOKED = "revoked", _("Authorisation withdrawn")


class PushMode(models.TextChoices):
    """How WeChat sends its pushes, as chosen in the account's settings."""

    PLAIN = "plain", _("Plain")
    COMPATIBLE = "compatible", _("Compatible")
    SAFE = "safe", _("Safe")


class ChannelAccount(TokenHolder):
    """An official account (公众号) or mini program (小程序), owned by one tier.

    With its own secret it fetches tokens itself; authorised, it has a refresh token and the
    component's credentials fetch them, and pushes come under the component's keys.
    """

    tier = models.CharField(max_length=10, choices=Tier)
    operator = models.ForeignKey(Operator, null=True, blank=True, on_delete=models.PROTECT)
    merchant = models.ForeignKey(Merchant, null=True, blank=True, on_delete=models.PROTECT)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.OFFICIAL)
    way = models.CharField(max_length=10, choices=Way, default=Way.SECRET)
    push_mode = models.CharField(max_length=10, choices=PushMode, default=PushMode.SAFE)
    original_id = models.CharField(max_length=40, blank=True)
    """``gh_...``; learned from the first callback when nobody wrote it down."""
    is_connected = models.BooleanField(default=True)
    """Cleared instead of deleting: followers and identity links keep pointing here."""
    component = models.ForeignKey(Component, null=True, on_delete=models.PROTECT)
    refresh_token_sealed = models.BinaryField(null=True)
    function_ids = ArrayField(models.IntegerField(), default=list)
    """Permission sets (权限集) the merchant granted; never assume all."""
    standing = models.CharField(max_length=10, choices=Standing, default=Standing.GOOD)
    authorised_at = models.DateTimeField(null=True)
    """The platform's time of the newest authorisation, so that a late older event changes
    nothing."""
    revoked_at = models.DateTimeField(null=True)
    principal = models.CharField(max_length=120, blank=True)
    """The legal person behind the account (主体)."""
    alias = models.CharField(max_length=80, blank=True)
    avatar_url = models.CharField(max_length=500, blank=True)
    picture_url = models.CharField(max_length=500, blank=True)
    """The account's own QR code, from its information page."""
    service_type = models.IntegerField(null=True)
    """Official account: 0 and 1 subscription (订阅号), 2 service account (服务号)."""
    verify_type = models.IntegerField(null=True)
    """-1 not verified; 0 and above verified in some way."""
    informed_at = models.DateTimeField(null=True)
    """When name, picture and kind were last read from WeChat."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tier", "operator", "merchant", "kind"],
                condition=models.Q(is_connected=True),
                nulls_distinct=False,
                name="one_account_per_tier_and_kind",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(tier="platform", operator__isnull=True, merchant__isnull=True)
                    | models.Q(tier="operator", operator__isnull=False, merchant__isnull=True)
                    | models.Q(tier="merchant", operator__isnull=True, merchant__isnull=False)
                ),
                name="account_names_its_tier",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(way="secret", secret_sealed__isnull=False)
                    | models.Q(way="authorised", component__isnull=False)
                ),
                name="account_has_secret_or_component",
            ),
        ]

    @cached_property
    def listening(self) -> list[AutoReply]:
        """The automatic replies that are on, as they were when this row was read."""
        return list(self.auto_replies.filter(is_on=True).order_by("pk"))


class PageTicket(Leased):
    """The ``jsapi_ticket`` of an account: pages inside WeChat are signed with it (JS-SDK)."""

    account = models.OneToOneField(
        ChannelAccount, on_delete=models.CASCADE, related_name="page_ticket"
    )

    def __str__(self) -> str:
        return f"{self.account_id}:{self.pk}"

    @property
    def bound_to(self) -> str:
        """The account's app id."""
        return self.account.app_id


class Ending(models.TextChoices):
    """How a visit to the authorisation page ended."""

    OPEN = "", _("Under way")
    CONNECTED = "connected", _("Connected")
    REFUSED = "refused", _("Not connected")


class AuthorisationVisit(models.Model):
    """One visit to WeChat's authorisation page: who began it, for which place.

    The return carries only what we put into its address, so the state stands for this row.
    """

    state_digest = models.BinaryField(max_length=32, unique=True)
    code_digest = models.BinaryField(max_length=32, db_index=True)
    """Digest of the pre-authorisation code: WeChat's push names it, the browser's return
    does not."""
    component = models.ForeignKey(Component, on_delete=models.CASCADE)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    tier = models.CharField(max_length=10, choices=Tier)
    operator = models.ForeignKey(Operator, null=True, on_delete=models.CASCADE)
    merchant = models.ForeignKey(Merchant, null=True, on_delete=models.CASCADE)
    kind = models.CharField(max_length=10, choices=Kind)
    app_id = models.CharField(max_length=40, blank=True)
    """Set when one known account is to be authorised again."""
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(db_index=True)
    busy_until = models.DateTimeField(null=True)
    """While this lies ahead, the return or the push is exchanging its code and the other waits."""
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=10, choices=Ending, default=Ending.OPEN, blank=True)
    refusal = models.CharField(max_length=40, blank=True)
    """The code of what was refused, such as ``E_ACCOUNT_TAKEN``."""
    account = models.ForeignKey(ChannelAccount, null=True, on_delete=models.SET_NULL)
    wanted = models.ForeignKey(
        ChannelAccount, null=True, on_delete=models.SET_NULL, related_name="wanted_by"
    )
    """The account that was authorised here while it is in use elsewhere; whoever stands above
    both places may move it."""

    def __str__(self) -> str:
        return f"{self.tier}:{self.pk}"
