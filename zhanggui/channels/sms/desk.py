"""What the platform sees of its SMS providers: which is active, what is set, how each is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.channels.sms import receipts
from zhanggui.channels.sms.models import OutgoingSms, ProviderHealth, SmsPurpose, SmsState
from zhanggui.channels.sms.providers import AliyunProvider, SandboxProvider, TencentProvider
from zhanggui.core import clock

Text = str | Promise
NAMES: dict[str, Text] = {
    TencentProvider.name: _("Tencent Cloud"),
    AliyunProvider.name: _("Alibaba Cloud"),
    SandboxProvider.name: _("Sandbox"),
}
LOOK_BACK = timedelta(days=1)
RECEIPT_WITHIN = timedelta(minutes=10)
"""Receipts usually come within seconds; after ten minutes one is missing."""
ENOUGH_MISSING = 5


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that must be set; secrets say only whether they are."""

    label: Text
    value: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """One provider on the platform's page."""

    name: str
    label: Text
    role: str
    """``active``, ``reserve`` or empty."""
    settings: tuple[Setting, ...]
    health: ProviderHealth
    out: int
    """Messages it took in the last day."""
    arrived: int
    silent: int
    """Of them without a receipt although it is due."""
    address: str
    """Where its receipts and replies go; empty for one that sends none."""

    @property
    def is_complete(self) -> bool:
        """Whether everything it needs is set."""
        return all(one.is_set for one in self.settings)

    @property
    def state(self) -> tuple[str, Text]:
        """Colour and words of how it is doing."""
        if not self.role:
            return "muted", pgettext_lazy("an SMS provider", "Not used")
        if not self.is_complete:
            return "danger", _("Settings are missing")
        if self.health.is_down:
            return "danger", _("Takes nothing now")
        if self.health.ok_at is None:
            return "waiting", _("Not tried yet")
        return "success", pgettext_lazy("an SMS provider", "Works")

    @property
    def has_lost_receipts(self) -> bool:
        """Whether so many receipts are missing that the address in its console is wrong."""
        return bool(self.address) and self.silent >= ENOUGH_MISSING and self.silent * 2 > self.out


def providers() -> list[Desk]:
    """Every provider this program knows, those in use first."""
    counted = _counted()
    known = {row.provider: row for row in ProviderHealth.objects.all()}
    names = [name for name in NAMES if name != SandboxProvider.name or _role(name)]
    desks = [_desk(name, counted.get(name, (0, 0, 0)), known.get(name)) for name in names]
    return sorted(desks, key=lambda one: ("active", "reserve", "").index(one.role))


def _role(name: str) -> str:
    if name == settings.SMS_PROVIDER:
        return "active"
    return "reserve" if name == settings.SMS_RESERVE else ""


def _desk(name: str, counts: tuple[int, int, int], health: ProviderHealth | None) -> Desk:
    out, arrived, silent = counts
    pushes = name in {TencentProvider.name, AliyunProvider.name} and bool(_role(name))
    path = reverse("sms:push", args=[name, receipts.tokens_of(name)[0]]) if pushes else ""
    return Desk(
        name=name,
        label=NAMES[name],
        role=_role(name),
        settings=_SETTINGS[name](),
        health=health or ProviderHealth(provider=name),
        out=out,
        arrived=arrived,
        silent=silent if pushes else 0,
        address=f"{settings.BASE_URL}{path}" if path else "",
    )


def _counted() -> dict[str, tuple[int, int, int]]:
    now = clock.now()
    out = [SmsState.SENT, SmsState.DELIVERED, SmsState.LOST]
    rows = OutgoingSms.objects.filter(created_at__gte=now - LOOK_BACK, state__in=out)
    found = rows.order_by().values_list("provider")
    late = Q(state=SmsState.SENT, done_at__lt=now - RECEIPT_WITHIN)
    counted = found.annotate(
        out=Count("pk"),
        arrived=Count("pk", filter=Q(state=SmsState.DELIVERED)),
        silent=Count("pk", filter=late),
    )
    return {name: (many, arrived, silent) for name, many, arrived, silent in counted}


def _secret(label: Text, value: str) -> Setting:
    return Setting(label, "", bool(value))


def _templates(given: Mapping[str, str]) -> Setting:
    label = _("Approved templates")
    missing = [one for one in (SmsPurpose.CODE, SmsPurpose.NOTICE) if one.value not in given]
    return Setting(label, ", ".join(sorted(given)), not missing)


def _tencent() -> tuple[Setting, ...]:
    account = settings.SMS_TENCENT
    return (
        _secret(_("Secret id"), account.secret_id),
        _secret(_("Secret key"), account.secret_key),
        Setting(
            pgettext_lazy("at an SMS provider", "Application"), account.app_id, bool(account.app_id)
        ),
        Setting(_("Signature"), account.sign_name, bool(account.sign_name)),
        _templates(account.templates),
    )


def _aliyun() -> tuple[Setting, ...]:
    account = settings.SMS_ALIYUN
    return (
        _secret(_("Access key id"), account.key_id),
        _secret(_("Access key secret"), account.key_secret),
        Setting(_("Signature"), account.sign_name, bool(account.sign_name)),
        _templates(account.templates),
    )


def _sandbox() -> tuple[Setting, ...]:
    url = settings.SMS_GATEWAY_URL
    return (Setting(_("Address"), url, bool(url)),)


_SETTINGS = {
    TencentProvider.name: _tencent,
    AliyunProvider.name: _aliyun,
    SandboxProvider.name: _sandbox,
}


def down() -> QuerySet[ProviderHealth]:
    """The active provider while it takes nothing, as rows; none while all is well."""
    return ProviderHealth.objects.filter(provider=settings.SMS_PROVIDER, failures__gt=0)
