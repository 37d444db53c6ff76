"""What this module tells the registries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, hooks, todo
from zhanggui.accounts import permissions as rights
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.channels.sms import hooks as sms_hooks
from zhanggui.contacts import holders, timeline
from zhanggui.files import jobs
from zhanggui.messaging import (
    campaigns,
    customers,
    own_templates,
    permissions,
    receipts,
    templates,
    troubles,
)
from zhanggui.messaging.models import Campaign
from zhanggui.ui import navigation as menus

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest

ACTIONS = {
    "messaging.credit.granted": _("SMS credit given"),
    "messaging.credit.taken_back": _("SMS credit taken back"),
    "messaging.credit.moved": _("SMS credit moved to the other purse"),
    "messaging.stock.filled": _("SMS stock of an operator filled"),
    "messaging.pack.changed": _("Pack of SMS credit changed"),
    "messaging.message.resent": _("Message sent once more"),
    "messaging.consent.noted": _("Wish of a customer about messages noted"),
    "messaging.settings.changed": _("Rules for messages changed"),
    "messaging.rule.changed": _("Message changed"),
    "messaging.mailing.drafted": _("Mailing written"),
    "messaging.mailing.confirmed": _("Mailing begun"),
    "messaging.mailing.cancelled": _("Mailing cancelled"),
}
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
    audit.register_field("messaging.wants", _("Wants them"), _yes_or_no)
    hooks.on_merchant_created(_give_for_trying)
    sms_hooks.on_receipts(receipts.of_sms)
    sms_hooks.on_reply(receipts.of_reply)
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
    todo.register(_waiting)
    holders.register(customers.HOLDER)
    timeline.register(customers.TIMELINE)
    _menus()


def _menus() -> None:
    group = _("Messages")
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
                group=group,
            ),
        )
    for surface, right, order in (
        ("platform", permissions.PLATFORM_CREDIT, 64),
        ("operator", permissions.OPERATOR_CREDIT, 64),
    ):
        menus.register(
            surface=surface,
            entry=menus.Entry(
                "sms_credit",
                _("SMS credit"),
                "wallet",
                f"messaging:{surface}_credit",
                right.name,
                order=order,
                group=_("Sales"),
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


def _waiting(request: MerchantRequest) -> Iterator[todo.Todo]:
    if permissions.VIEW.name not in request.permissions:
        return
    slug = request.merchant.slug
    yield from troubles.credit(reverse("messaging:credit", args=[slug]))
    yield from troubles.failures(reverse("messaging:log", args=[slug]), request.merchant.time_zone)


def _mailings(ids: Collection[int]) -> Mapping[int, str]:
    return dict(Campaign.objects.filter(pk__in=ids).values_list("pk", "name"))


def _mailing_url(task: jobs.Task) -> str:
    slug = Merchant.objects.values_list("slug", flat=True).get(pk=task.merchant_id)
    return reverse("messaging:mailing", args=[slug, task.arguments["mailing"]])


def _yes_or_no(value: object) -> str:
    return str(_("Yes") if value is True else _("No") if value is False else "—")
