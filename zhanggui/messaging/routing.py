"""By what a message goes: WeChat before SMS, as far as shop and customer want it (P27).

WeChat costs nothing and needs a template of the official account and a customer who follows it;
SMS costs segments and needs a number. WeCom will stand between the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from zhanggui.accounts.models import Merchant
from zhanggui.channels.sms import client as sms_client
from zhanggui.channels.wechat import services as wechat
from zhanggui.channels.wechat.models import BindingState, ChannelAccount, TemplateBinding
from zhanggui.contacts.models import Customer, CustomerState, IdentityLink, LinkState
from zhanggui.messaging.models import (
    Consent,
    Kind,
    MessagingSettings,
    Route,
    Rule,
    Why,
)
from zhanggui.messaging.templates import MessageTemplate

UNREACHABLE_STATES = (CustomerState.BLOCKED, CustomerState.REPLACED, CustomerState.ERASED)


class Way(NamedTuple):
    """The way chosen, or why there is none."""

    route: Route
    why: Why | None = None


@dataclass(frozen=True)
class House:
    """What holds for all messages of a merchant, read once for many."""

    merchant: Merchant
    settings: MessagingSettings
    rules: Mapping[str, Rule]
    account: ChannelAccount | None
    bindings: Mapping[str, TemplateBinding]
    has_sms: bool

    def rule(self, template: MessageTemplate) -> Rule:
        """The merchant's rule of a message, else the template's own."""
        kept = self.rules.get(template.name)
        if kept is not None and template.has_rule:
            return kept
        return default_rule(template)

    def binding(self, template: MessageTemplate) -> TemplateBinding | None:
        """The template of the official account that stands for ours."""
        return self.bindings.get(template.name)


def default_rule(template: MessageTemplate) -> Rule:
    """What holds until the shop says otherwise."""
    return Rule(
        template=template.name,
        is_on=template.is_on,
        by_wechat=template.by_wechat,
        by_sms=template.by_sms,
    )


def is_switched_on(template: MessageTemplate) -> bool:
    """Whether the merchant in scope sends a message; one query, for doors that ask first."""
    kept = Rule.objects.filter(template=template.name).values_list("is_on", flat=True).first()
    return template.is_on if kept is None else kept


def settings_of() -> MessagingSettings:
    """The rules of the merchant in scope."""
    return MessagingSettings.objects.first() or MessagingSettings()


def house_of(merchant: Merchant) -> House:
    """Read what holds for all messages of the merchant in scope; four queries."""
    account = wechat.effective_account(merchant)
    bindings = TemplateBinding.objects.filter(account=account, state=BindingState.GOOD)
    return House(
        merchant=merchant,
        settings=settings_of(),
        rules={rule.template: rule for rule in Rule.objects.all()},
        account=account,
        bindings={one.template_key: one for one in bindings} if account else {},
        has_sms=sms_client.is_set_up(),
    )


def link_of(customer: Customer, account: ChannelAccount) -> IdentityLink | None:
    """How a customer is reached through the official account: only who follows it."""
    return (
        IdentityLink.objects.filter(
            customer=customer, account_id=account.pk, state=LinkState.ACTIVE, follows=True
        )
        .order_by("-created_at", "-pk")
        .first()
    )


def choose(house: House, template: MessageTemplate, customer: Customer) -> Way:
    """The way of one message to one customer."""
    rule = house.rule(template)
    if not rule.is_on:
        return Way(Route.NONE, Why.OFF)
    if customer.state in UNREACHABLE_STATES:
        return Way(Route.NONE, Why.GONE)
    rows = Consent.objects.filter(customer=customer, kind=template.kind)
    said = {Route(row.route): row.wants for row in rows}
    reasons: list[Why] = []
    if _has_wechat(house, template, rule) and house.account and link_of(customer, house.account):
        why = refusal(house.settings, template.kind, said.get(Route.WECHAT))
        if why is None:
            return Way(Route.WECHAT)
        reasons.append(why)
    if _has_sms(house, rule) and customer.has_phone:
        why = refusal(house.settings, template.kind, said.get(Route.SMS))
        if why is None:
            return Way(Route.SMS)
        reasons.append(why)
    return Way(Route.NONE, reasons[0] if reasons else Why.NO_WAY)


def falls_back(house: House, template: MessageTemplate, customer: Customer | None) -> bool:
    """Whether what WeChat refused may go by SMS instead."""
    if customer is None or not house.settings.sms_after_wechat or not customer.has_phone:
        return False
    if customer.state in UNREACHABLE_STATES or not _has_sms(house, house.rule(template)):
        return False
    said = Consent.objects.filter(customer=customer, kind=template.kind, route=Route.SMS)
    wants = said.values_list("wants", flat=True).first()
    return refusal(house.settings, template.kind, wants) is None


def refusal(settings: MessagingSettings, kind: Kind, wants: bool | None) -> Why | None:
    """Why what somebody said forbids a message; None when it may go.

    Args:
        settings: the shop's.
        kind: of the message.
        wants: what the customer said of this way; None for nothing yet.
    """
    if wants is False:
        return Why.REFUSES
    if kind == Kind.MARKETING and settings.needs_consent and wants is None:
        return Why.NO_CONSENT
    return None


def _has_wechat(house: House, template: MessageTemplate, rule: Rule) -> bool:
    return rule.by_wechat and house.account is not None and house.binding(template) is not None


def _has_sms(house: House, rule: Rule) -> bool:
    return rule.by_sms and house.has_sms
