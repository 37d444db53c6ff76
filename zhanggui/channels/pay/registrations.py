"""What this channel tells the registries: rights, audit texts, menus, exports, what waits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import audit, todo
from zhanggui.accounts import permissions as rights
from zhanggui.channels.pay import finding, hooks, permissions, selectors, spreadsheets, trials
from zhanggui.channels.pay.models import PayAccount, Payment, Way
from zhanggui.core import tenancy
from zhanggui.ui import navigation, sections

ACTIONS = {
    "pay.account.connected": _("WeChat Pay connected"),
    "pay.account.changed": _("WeChat Pay account changed"),
    "pay.account.disconnected": _("WeChat Pay disconnected"),
    "pay.payment.begun": _("Payment begun"),
    "pay.payment.paid": _("Payment arrived"),
    "pay.payment.closed": _("Payment closed"),
    "pay.payment.late": _("Payment arrived, but goes back"),
    "pay.payment.flagged": _("Payment not booked"),
    "pay.refund.asked": _("Refund begun"),
    "pay.refund.done": _("Refund done"),
    "pay.refund.failed": _("Refund did not work"),
    "pay.trouble.done": _("Trouble of a payment settled"),
    "pay.notification.replayed": _("Payment notification worked on again"),
    "pay.bill.asked": _("Bill fetched"),
    "pay.difference.resolved": _("Difference of a bill resolved"),
}
RIGHTS = {
    "merchant": permissions.VIEW,
    "operator": permissions.OPERATOR_VIEW,
    "platform": permissions.PLATFORM_VIEW,
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    rights.register(*permissions.ALL)
    rights.register_area("pay", _("WeChat Pay"), order=450)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_target("pay_account", _("WeChat Pay account"), _accounts)
    audit.register_target("payment", _("Payment"), _payments)
    audit.register_field("ways", _("Ways of paying"), _ways)
    hooks.register(trials.PURPOSE)
    spreadsheets.register_all()
    finding.register_all()
    for surface, right in RIGHTS.items():
        navigation.register(
            surface=surface,
            entry=navigation.Entry(
                "pay",
                pgettext_lazy("menu", "Payments"),
                "coin",
                f"pay:{surface}_payments",
                right.name,
                order=420 if surface == "merchant" else 64,
                section=sections.WECHAT if surface == "merchant" else sections.SALES,
            ),
        )
        todo.register(_waiting, surface=surface)


def _accounts(ids: Collection[int]) -> audit.Rows:
    found = PayAccount.objects.filter(pk__in=ids, merchant_id=tenancy.current_merchant_id())
    return found.values_list("pk", "name")


def _payments(ids: Collection[int]) -> audit.Rows:
    return Payment.objects.filter(pk__in=ids).values_list("pk", "number")


def _ways(value: Any) -> str:
    labels = dict(Way.choices)
    names = value if isinstance(value, list) else []
    return ", ".join(str(labels.get(name, name)) for name in names)


def _waiting(request: Any) -> Iterator[todo.Question]:
    from zhanggui.channels.pay.views.till import Till  # noqa: PLC0415  views load later

    till = Till.of(request)

    def waiting(found: todo.Found) -> Iterator[todo.Todo]:
        many = sum(row["troubled"] + row["differing"] for row in found)
        if many:
            yield todo.Todo(
                _("%(n)s payments or bills need a look") % {"n": many},
                _("Money came that fits no order, a refund did not work, or a bill differs."),
                till.url("payments"),
                "coin",
                "danger",
                order=15,
            )

    if RIGHTS[till.surface].name in request.permissions:
        rows = selectors.to_look_at(till.place)
        yield todo.Question(rows, waiting, {name: F(name) for name in ("troubled", "differing")})
