"""What a merchant decides about messages: hours, caps, which message by what, own words."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.messaging import templates
from zhanggui.messaging.errors import HoursWrong, PlacesUnknown
from zhanggui.messaging.models import MessagingSettings, Rule
from zhanggui.messaging.routing import default_rule, settings_of
from zhanggui.messaging.templates import MessageTemplate

HOURS_A_DAY = 24
MOST_A_DAY = 100
SETTINGS = (
    "quiet_from",
    "quiet_until",
    "marketing_a_day",
    "service_a_day",
    "needs_consent",
    "sms_after_wechat",
)
RULE = ("is_on", "by_wechat", "by_notice", "by_sms", "words")


@dataclass(frozen=True, slots=True)
class SettingsInput:
    """Hours, caps and fall-back as a shop wants them."""

    quiet_from: int
    quiet_until: int
    marketing_a_day: int
    service_a_day: int
    needs_consent: bool
    sms_after_wechat: bool


def change_settings(*, wanted: SettingsInput, actor: Actor) -> MessagingSettings:
    """Keep a merchant's hours and caps.

    Raises:
        HoursWrong: an hour or a cap out of range (422).
    """
    hours = (wanted.quiet_from, wanted.quiet_until)
    caps = (wanted.marketing_a_day, wanted.service_a_day)
    are_hours = all(0 <= hour < HOURS_A_DAY for hour in hours)
    if not are_hours or not all(0 <= cap <= MOST_A_DAY for cap in caps):
        raise HoursWrong
    with transaction.atomic():
        row = MessagingSettings.objects.select_for_update().first() or MessagingSettings()
        before = {name: getattr(row, name) for name in SETTINGS}
        for name in SETTINGS:
            setattr(row, name, getattr(wanted, name))
        row.save()
        _record(actor, "messaging.settings.changed", f"merchant:{row.merchant_id}", before, row)
    return row


def change_rule(
    *,
    template: MessageTemplate,
    is_on: bool,
    by_wechat: bool,
    by_notice: bool,
    by_sms: bool,
    words: str,
    actor: Actor,
) -> Rule:
    """Decide about one message of the product.

    Raises:
        PlacesUnknown: the words name a place the message cannot fill (422).
    """
    unknown = templates.unknown_places(template, words)
    if unknown:
        raise PlacesUnknown(places=", ".join(f"{{{name}}}" for name in unknown))
    with transaction.atomic():
        row = Rule.objects.select_for_update().filter(
            template=template.name
        ).first() or default_rule(template)
        before = {name: getattr(row, name) for name in RULE}
        row.is_on, row.by_wechat, row.by_notice, row.by_sms = is_on, by_wechat, by_notice, by_sms
        row.words = words.strip()
        row.save()
        _record(actor, "messaging.rule.changed", f"message_rule:{row.pk}", before, row)
    return row


def _record(
    actor: Actor,
    action: str,
    target: str,
    before: dict[str, object],
    row: MessagingSettings | Rule,
) -> None:
    after = {name: getattr(row, name) for name in before}
    old, new = audit.changed(before, after)
    if not new:
        return
    details = {"template": row.template} if isinstance(row, Rule) else {}
    audit.record(
        actor,
        action,
        target,
        details=details,
        before={f"messaging.{name}": value for name, value in old.items()},
        after={f"messaging.{name}": value for name, value in new.items()},
    )


def current() -> SettingsInput:
    """What holds now."""
    row = settings_of()
    return SettingsInput(**{name: getattr(row, name) for name in SETTINGS})
