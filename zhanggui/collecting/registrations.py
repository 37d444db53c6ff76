"""What this module tells the registries."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import audit
from zhanggui.accounts import permissions as rights
from zhanggui.channels.pay import hooks
from zhanggui.collecting import customers, lists, permissions, services
from zhanggui.collecting.models import PaymentRequest
from zhanggui.contacts import holders, timeline
from zhanggui.contacts.models import Customer
from zhanggui.files import exports
from zhanggui.ui import navigation, panels, sections

ACTIONS = {
    "collecting.request.created": _("Payment request made"),
    "collecting.request.stopped": _("Payment request stopped"),
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    rights.register(*permissions.ALL)
    rights.register_area("collecting", pgettext_lazy("menu", "Collect money"), order=440)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_target("payment_request", _("Payment request"), _requests)
    hooks.register(services.purpose())
    exports.register(lists.EXPORT)
    holders.register(customers.HOLDER)
    timeline.register(customers.TIMELINE)
    navigation.register(
        surface="merchant",
        entry=navigation.Entry(
            "collecting",
            pgettext_lazy("menu", "Collect money"),
            "receipt-yuan",
            "collecting:requests",
            permissions.VIEW.name,
            order=410,
            section=sections.WECHAT,
        ),
    )
    panels.register(
        place="contacts.customer-head",
        panel=panels.Panel(
            "collecting/backoffice/_ask.html", _ask, permissions.REQUEST.name, order=40
        ),
    )


def _requests(ids: Collection[int]) -> audit.Rows:
    return PaymentRequest.objects.filter(pk__in=ids).values_list("pk", "title")


def _ask(request: HttpRequest, subject: object) -> dict[str, Any] | None:
    return {"customer": subject} if isinstance(subject, Customer) else None
