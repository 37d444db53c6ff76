"""What this module tells the registries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import audit, hooks, todo
from zhanggui.accounts import permissions as rights
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.channels.sms import hooks as sms_hooks
from zhanggui.channels.wechat import hooks as wechat_hooks
from zhanggui.channels.wechat import permits
from zhanggui.channels.wechat.menus import builtin
from zhanggui.contacts import holders, timeline
from zhanggui.contacts.models import Customer
from zhanggui.contacts.permissions import EDIT_CUSTOMERS
from zhanggui.files import jobs
from zhanggui.files.models import Task
from zhanggui.messaging import (
    campaigns,
    customers,
    finding,
    own_templates,
    permissions,
    receipts,
    spreadsheets,
    templates,
    troubles,
)
from zhanggui.messaging.models import Campaign, Rule
from zhanggui.ui import navigation as menus
from zhanggui.ui import panels, sections

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest

ACTIONS = {
    "messaging.credit.granted": _("SMS credit given"),
    "messaging.credit.taken_back": _("SMS credit taken back"),
    "messaging.credit.moved": _("SMS credit moved to the other purse"),
    "messaging.stock.filled": _("SMS stock of an operator filled"),
    "messaging.pack.changed": _("Pack of SMS credit changed"),
    "messaging.pack.priced": _("Own price of an SMS pack set"),
    "messaging.pack.price_dropped": _("Own price of an SMS pack taken away"),
    "messaging.message.resent": _("Message sent once more"),
    "messaging.consent.noted": _("Wish of a customer about messages noted"),
    "messaging.settings.changed": _("Rules for messages changed"),
    "messaging.rule.changed": _("Message changed"),
    "messaging.mailing.drafted": _("Mailing written"),
    "messaging.mailing.confirmed": _("Mailing begun"),
    "messaging.mailing.cancelled": _("Mailing cancelled"),
}


def _yes_or_no(value: object) -> str:
    return str(_("Yes") if value is True else _("No") if value is False else "—")


FIELDS = (
    ("quiet_from", _("Quiet from"), str),
    ("quiet_until", _("Quiet until"), str),
    ("marketing_a_day", _("Marketing a day"), str),
    ("service_a_day", _("Service messages a day"), str),
    ("needs_consent", _("Marketing only to those who agreed"), _yes_or_no),
    ("sms_after_wechat", _("By SMS when WeChat refuses"), _yes_or_no),
    ("is_on", _("Send this message"), _yes_or_no),
    ("by_wechat", _("By WeChat"), _yes_or_no),
    ("by_notice", _("By WeChat subscription"), _yes_or_no),
    ("by_sms", _("By SMS"), _yes_or_no),
    ("words", _("Own words for the SMS"), str),
)
WISHES_PAGE = builtin.BuiltinPage(
    "messaging.wishes",
    _("Which messages I want"),
    pgettext_lazy("button of a WeChat menu", "Messages"),
    lambda shop: reverse("messaging:own_wishes", args=[shop.slug]) if shop else "",
    is_default=False,
    order=90,
)
TRIAL_SEGMENTS = 50
"""Source: repairs specification U-40."""


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    rights.register(*permissions.ALL)
    rights.register_area("messaging", _("Messages"), order=300)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_target("sms_grant", _("SMS credit"))
    audit.register_target("message", _("Message"))
    audit.register_target("mailing", _("Mailing"), _mailings)
    audit.register_target("message_rule", _("Message"), _rules)
    audit.register_target("sms_pack", _("Pack of SMS credit"))
    audit.register_field("messaging.wants", _("Wants them"), _yes_or_no)
    for name, label, show in FIELDS:
        audit.register_field(f"messaging.{name}", label, show)
    hooks.on_merchant_created(_give_for_trying)
    sms_hooks.on_receipts(receipts.of_sms)
    sms_hooks.on_reply(receipts.of_reply)
    wechat_hooks.on_event("templatesendjobfinish", receipts.of_wechat)
    wechat_hooks.on_event(permits.SENT, receipts.of_notice)
    templates.register(own_templates.ANNOUNCEMENT, own_templates.MARKETING)
    jobs.register(
        jobs.TaskKind(
            campaigns.TASK,
            _("Mailing"),
            campaigns.run,
            "send",
            _("messages"),
            url=_mailing_url,
            may_retry=False,
            on_end=campaigns.task_ended,
        )
    )
    spreadsheets.register_all()
    finding.register_all()
    panels.register(
        place="contacts.customer",
        panel=panels.Panel(
            "messaging/panel_customer.html", _wishes, permissions.VIEW.name, order=60
        ),
    )
    todo.register(_waiting)
    holders.register(customers.HOLDER)
    timeline.register(customers.TIMELINE)
    _menus()


def _menus() -> None:
    for place, (name, label, icon, right) in enumerate(
        (
            ("log", _("Message log"), "message-2", permissions.VIEW),
            ("mailings", _("Mailings"), "send", permissions.MAILING),
            ("credit", _("SMS credit"), "wallet", permissions.VIEW),
            (
                "rules",
                _("Messages and rules"),
                "settings-2",
                permissions.MANAGE,
            ),
        )
    ):
        menus.register(
            surface="merchant",
            entry=menus.Entry(
                f"messaging_{name}",
                label,
                icon,
                f"messaging:{name}",
                right.name,
                order=300 + place * 10,
                section=sections.MESSAGES,
            ),
        )
    for surface, right in (
        ("platform", permissions.PLATFORM_CREDIT),
        ("operator", permissions.OPERATOR_CREDIT),
    ):
        menus.register(
            surface=surface,
            entry=menus.Entry(
                "sms_credit",
                _("SMS credit"),
                "wallet",
                f"messaging:{surface}_credit",
                right.name,
                order=65,
                section=sections.SALES,
            ),
        )


def _give_for_trying(merchant: Merchant, actor: Actor) -> None:
    from zhanggui.messaging import wallet  # noqa: PLC0415  loaded after the apps
    from zhanggui.messaging.models import GrantSource  # noqa: PLC0415  likewise

    wallet.grant(
        merchant=merchant,
        segments=TRIAL_SEGMENTS,
        cause="trial",
        actor=actor,
        source=GrantSource.TRIAL,
    )


def _waiting(request: MerchantRequest) -> Iterator[todo.Question]:
    if permissions.VIEW.name not in request.permissions:
        return
    slug = request.merchant.slug
    yield troubles.credit(reverse("messaging:credit", args=[slug]))
    yield troubles.failures(reverse("messaging:log", args=[slug]), request.merchant.time_zone)


def _rules(ids: Collection[int]) -> Mapping[int, str]:
    rows = Rule.objects.filter(pk__in=ids).values_list("pk", "template")
    return {pk: str(templates.label_of(name)) for pk, name in rows}


def _wishes(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    from zhanggui.messaging.views import public  # noqa: PLC0415  views are the last to load

    held: frozenset[str] = request.permissions  # type: ignore[attr-defined]  # the guard sets it
    return {
        "customer": customer,
        "wishes": public.wishes_of(customer),
        "may_edit": EDIT_CUSTOMERS.name in held,
    }


def _mailings(ids: Collection[int]) -> audit.Rows:
    return Campaign.objects.filter(pk__in=ids).values_list("pk", "name")


def _mailing_url(task: Task) -> str:
    slug = Merchant.objects.values_list("slug", flat=True).get(pk=task.merchant_id)
    return reverse("messaging:mailing", args=[slug, task.arguments["mailing"]])
