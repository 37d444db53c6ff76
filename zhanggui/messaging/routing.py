"""By what a message goes: WeChat before SMS, as far as shop and customer want it (P27).

What costs nothing comes first: a template message to a follower uses nothing up; a subscription
notification, or a message of the mini program, uses up one permission of the customer unless it was
given for good; an SMS costs segments. WeCom will stand before the SMS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from zhanggui.accounts.models import Merchant
from zhanggui.channels.sms import client as sms_client
from zhanggui.channels.wechat import permits
from zhanggui.channels.wechat import services as wechat
from zhanggui.channels.wechat.models import (
    BindingState,
    ChannelAccount,
    Form,
    TemplateBinding,
)
from zhanggui.channels.wechat.models import Kind as AccountKind
from zhanggui.contacts.models import Customer, CustomerState, IdentityLink, LinkState
from zhanggui.messaging.models import (
    BY_PERMIT,
    Consent,
    Kind,
    MessagingSettings,
    Route,
    Rule,
    Why,
)
from zhanggui.messaging.templates import MessageTemplate

UNREACHABLE_STATES = (CustomerState.BLOCKED, CustomerState.REPLACED, CustomerState.ERASED)


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways a message may take, best first; without any, why there is none."""

    routes: tuple[Route, ...]
    why: Why = Why.NO_WAY


@dataclass(frozen=True)
class House:
    """What holds for all messages of a merchant, read once for many."""

    merchant: Merchant
    settings: MessagingSettings
    rules: Mapping[str, Rule]
    account: ChannelAccount | None
    mini: ChannelAccount | None
    bindings: Mapping[tuple[Route, str], TemplateBinding]
    has_sms: bool

    def rule(self, template: MessageTemplate) -> Rule:
        """The merchant's rule of a message, else the template's own."""
        kept = self.rules.get(template.name)
        if kept is not None and template.has_rule:
            return kept
        return default_rule(template)

    def binding(
        self, template: MessageTemplate, route: Route = Route.WECHAT
    ) -> TemplateBinding | None:
        """WeChat's template that stands for ours on one of its ways."""
        return self.bindings.get((route, template.name))

    def account_of(self, route: str) -> ChannelAccount | None:
        """The account that speaks on one of WeChat's ways."""
        return self.mini if route == Route.MINI else self.account

    def notices(self, template: MessageTemplate) -> list[tuple[Route, TemplateBinding]]:
        """Notifications that stand for ours; those that use up no permission first."""
        found = [(route, self.binding(template, route)) for route in BY_PERMIT]
        there = [(route, one) for route, one in found if one is not None]
        return sorted(there, key=lambda pair: not pair[1].is_lasting)


def default_rule(template: MessageTemplate) -> Rule:
    """What holds until the shop says otherwise."""
    return Rule(
        template=template.name,
        is_on=template.is_on,
        by_wechat=template.by_wechat,
        by_notice=template.by_wechat,
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
    """Read what holds for all messages of the merchant in scope; a handful of queries."""
    serving = wechat.effective_accounts(merchant)
    account, mini = serving.get(AccountKind.OFFICIAL), serving.get(AccountKind.MINI)
    accounts = [one for one in (account, mini) if one is not None]
    rows = TemplateBinding.objects.filter(account__in=accounts, state=BindingState.GOOD)
    ways = {one.pk: _way_of(one, mini) for one in rows}
    return House(
        merchant=merchant,
        settings=settings_of(),
        rules={rule.template: rule for rule in Rule.objects.all()},
        account=account,
        mini=mini,
        bindings={(ways[one.pk], one.template_key): one for one in rows},
        has_sms=sms_client.is_set_up(),
    )


def _way_of(binding: TemplateBinding, mini: ChannelAccount | None) -> Route:
    if mini is not None and binding.account_id == mini.pk:
        return Route.MINI
    return Route.NOTICE if binding.form == Form.NOTICE else Route.WECHAT


def links_of(customer: Customer, account: ChannelAccount) -> list[IdentityLink]:
    """How a customer is known to an account, those who follow it and the newest first."""
    rows = IdentityLink.objects.filter(
        customer=customer, account_id=account.pk, state=LinkState.ACTIVE
    )
    return list(rows.order_by("-follows", "-created_at", "-pk"))


def ways(house: House, template: MessageTemplate, customer: Customer) -> Ways:
    """The ways of one message to one customer, as far as shop and customer allow them."""
    rule = house.rule(template)
    if not rule.is_on:
        return Ways((), Why.OFF)
    if customer.state in UNREACHABLE_STATES:
        return Ways((), Why.GONE)
    rows = Consent.objects.filter(customer=customer, kind=template.kind)
    said = {Route(row.route): row.wants for row in rows}
    found: list[Route] = []
    refused: list[Why] = []
    for route in _reaching(house, template, rule, customer):
        spoken = Route.SMS if route == Route.SMS else Route.WECHAT
        why = refusal(house.settings, template.kind, said.get(spoken))
        if why is None:
            found.append(route)
        else:
            refused.append(why)
    return Ways(tuple(found), refused[0] if refused else Why.NO_WAY)


def _reaching(
    house: House, template: MessageTemplate, rule: Rule, customer: Customer
) -> Iterator[Route]:
    """Ways by which the shop sends this message and the customer is there."""
    follows = house.account is not None and any(
        link.follows for link in links_of(customer, house.account)
    )
    if follows and _has_wechat(house, template, rule):
        yield Route.WECHAT
    if rule.by_notice:
        for route, _binding in house.notices(template):
            yield route
    if _has_sms(house, rule) and customer.has_phone:
        yield Route.SMS


def take_permit(
    house: House, template: MessageTemplate, route: Route, customer: Customer, *, by: str
) -> bool:
    """Use one permission of a customer up for a message; False when there is none."""
    account, binding = house.account_of(route), house.binding(template, route)
    if account is None or binding is None:
        return False
    links = links_of(customer, account)
    return any(permits.take(binding, link.openid, by=by) for link in links)


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
