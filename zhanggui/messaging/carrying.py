"""One message to its channel, outside any transaction: a call, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from zhanggui.channels.sms import services as sms
from zhanggui.channels.sms.errors import (
    SmsNotSetUp,
    SmsRefused,
    SmsStopped,
    SmsUnreachable,
)
from zhanggui.channels.sms.models import SmsPurpose
from zhanggui.channels.wechat import permits, template_values
from zhanggui.channels.wechat.client import Api
from zhanggui.channels.wechat.client.sendables import Text
from zhanggui.channels.wechat.errors import ChannelError
from zhanggui.channels.wechat.models import ChannelAccount, TemplateBinding
from zhanggui.contacts.models import IdentityLink, LinkState
from zhanggui.core import clock
from zhanggui.messaging import outcomes, receivers, routing, templates, words
from zhanggui.messaging.models import (
    BY_PERMIT,
    CampaignState,
    Kind,
    Message,
    Route,
    State,
    Why,
)
from zhanggui.messaging.outcomes import Outcome
from zhanggui.messaging.receivers import Follower, Phone
from zhanggui.messaging.routing import UNREACHABLE_STATES, House
from zhanggui.messaging.templates import MessageTemplate


@dataclass(frozen=True)
class Parcel:
    """A message with everything its call needs, so that a thread asks the database for nothing."""

    message: Message
    account: ChannelAccount | None = None
    openid: str = ""
    template_id: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    phone: str = ""
    text: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    sealed: Outcome | None = None
    """Decided before any call."""


def pack(house: House, messages: Sequence[Message], left_behind: frozenset[int]) -> list[Parcel]:
    """Everything the calls of a batch need; a handful of queries for all of them."""
    openids = _openids(house, messages)
    return [_pack(house, one, openids, is_behind=one.pk in left_behind) for one in messages]


def _openids(house: House, messages: Sequence[Message]) -> dict[int, str]:
    ids = [one.customer_id for one in messages if one.route == Route.WECHAT and one.customer_id]
    if not ids or house.account is None:
        return {}
    links = IdentityLink.objects.filter(
        customer_id__in=ids, account_id=house.account.pk, state=LinkState.ACTIVE
    ).order_by("follows", "created_at", "pk")  # the last one stays: newest of those who follow
    return dict(links.values_list("customer_id", "openid"))


def _pack(house: House, message: Message, openids: Mapping[int, str], *, is_behind: bool) -> Parcel:
    template = templates.find(message.template)
    if template is None:
        return Parcel(message, sealed=Outcome(State.SKIPPED, Why.OFF.value))
    sealed = _decided(template, message, is_behind=is_behind)
    if sealed is not None:
        return Parcel(message, sealed=sealed)
    if message.route == Route.SMS:
        return _sms(house, template, message)
    return _wechat(house, template, message, openids)


def _decided(template: MessageTemplate, message: Message, *, is_behind: bool) -> Outcome | None:
    """What needs no call: cancelled, gone, too late, or perhaps sent by a killed worker."""
    if message.customer is not None and message.customer.state in UNREACHABLE_STATES:
        return Outcome(State.SKIPPED, Why.GONE.value)
    began, campaign = message.created_at, message.campaign
    if campaign is not None:
        if campaign.state == CampaignState.CANCELLED:
            return Outcome(State.CANCELLED)
        began = max(began, campaign.due_at or began)
    if is_behind:
        is_lost = message.route in BY_PERMIT or (
            message.route == Route.WECHAT and outcomes.is_past_knowing(message)
        )
        return Outcome(State.UNSURE, outcomes.INTERRUPTED) if is_lost else None
    if clock.now() > began + template.lasts:
        return Outcome(State.SKIPPED, Why.TOO_LATE.value)
    return None


def _sms(house: House, template: MessageTemplate, message: Message) -> Parcel:
    to = receivers.of(message)
    phone = to.number if isinstance(to, Phone) else getattr(to, "phone", "")
    if not phone:
        return Parcel(message, sealed=Outcome(State.SKIPPED, Why.NO_WAY.value))
    text = words.of(house, template, message)
    given = words.values(house, message)
    return Parcel(message, phone=phone, text=text, params=words.params(template, text, given))


def _wechat(
    house: House, template: MessageTemplate, message: Message, openids: Mapping[int, str]
) -> Parcel:
    given = words.values(house, message)
    to = receivers.of(message)
    if isinstance(to, Follower):
        account = ChannelAccount.objects.filter(pk=to.account_id, is_connected=True).first()
        text = templates.filled(templates.default_words(template), given)
        if account is None:
            return Parcel(message, sealed=Outcome(State.SKIPPED, Why.NO_WAY.value))
        return Parcel(message, account=account, openid=to.openid, text=text)
    route = Route(message.route)
    account, binding = house.account_of(route), house.binding(template, route)
    openid = ""
    if account is not None and binding is not None:
        openid = openids.get(message.customer_id or 0, "")
        if route in BY_PERMIT:
            openid = _permitting(account, binding, message)
    if binding is None or account is None or not openid:
        return Parcel(message, sealed=Outcome(State.SKIPPED, Why.NO_WAY.value, may_fall_back=True))
    return Parcel(
        message,
        account=account,
        openid=openid,
        template_id=binding.template_id,
        data=template_values.data(binding.mapping, given),
        url=words.page_of(house, template, message),
    )


def _permitting(account: ChannelAccount, binding: TemplateBinding, message: Message) -> str:
    """The identity whose permission the message took; of a lasting one any that allows it."""
    if not binding.is_lasting:
        return permits.taken_from(message.number)
    if message.customer is None:
        return ""
    links = routing.links_of(message.customer, account)
    return next((one.openid for one in links if permits.has(binding, one.openid)), "")


def carry(parcel: Parcel, api_of: Callable[[ChannelAccount], Api]) -> Outcome:
    """Make the call; never raises what a channel says.

    Args:
        parcel: what.
        api_of: answers the calls of an account.
    """
    if parcel.sealed is not None:
        return parcel.sealed
    if parcel.message.route == Route.SMS:
        return _carry_sms(parcel)
    return _carry_wechat(parcel, api_of)


def _carry_wechat(parcel: Parcel, api_of: Callable[[ChannelAccount], Api]) -> Outcome:
    assert parcel.account is not None  # noqa: S101  ``pack`` sealed the others
    route, calls = parcel.message.route, api_of(parcel.account)
    to, template, data = parcel.openid, parcel.template_id, parcel.data
    try:
        if route == Route.NOTICE:
            platform_id = calls.notify(to, template, data, page=parcel.url)
        elif route == Route.MINI:
            platform_id = calls.subscription_send(to, template, data)
        elif template:
            number = parcel.message.number
            platform_id = calls.template_send(to, template, data, url=parcel.url, client_id=number)
        else:
            calls.custom_send(to, Text(parcel.text))
            platform_id = ""
    except ChannelError as error:
        is_repeatable = route == Route.WECHAT and bool(template)
        return outcomes.of_wechat_error(parcel.message, error, is_repeatable=is_repeatable)
    return Outcome(State.SENT, platform_id=platform_id)


def _carry_sms(parcel: Parcel) -> Outcome:
    message = parcel.message
    is_marketing = message.kind == Kind.MARKETING
    try:
        sent = sms.hand_over(
            phone=parcel.phone,
            text=parcel.text,
            params=parcel.params,
            template=message.template,
            purpose=SmsPurpose.MARKETING if is_marketing else SmsPurpose.NOTICE,
            merchant_id=message.merchant_id,
            out_id=message.number,
        )
    except (SmsUnreachable, SmsRefused) as error:
        return outcomes.of_sms_down(message, error)
    except (SmsStopped, SmsNotSetUp) as refusal:
        return outcomes.stopped(refusal.code)
    return outcomes.of_sms(message, sent)
