"""The list of payments: columns, filters, orders."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.channels.pay import hooks, selectors
from zhanggui.channels.pay.models import PaymentState, Trouble, Way
from zhanggui.ui.lists import Choice, Choices, Column, ListPage, Period, Sort


def _purposes(_request: HttpRequest) -> Choices:
    return [(one.name, one.label) for one in hooks.known()]


PAYMENTS = ListPage(
    name="pay.payments",
    search=_("Number, or what was paid for"),
    columns=(
        Column("what", _("Payment"), is_fixed=True),
        Column("merchant", _("Payer")),
        Column("way", _("Way of paying")),
        Column("state", _("State")),
        Column("amount", _("Amount"), css="num"),
        Column("back", _("Given back"), is_shown=False, css="num"),
        Column("created", _("Begun")),
        Column("paid", _("Paid at"), is_shown=False),
    ),
    sorts=(
        Sort("newest", pgettext_lazy("order of a list", "Newest first"), selectors.NEWEST),
        Sort("oldest", pgettext_lazy("order of a list", "Oldest first"), ("created_at", "id")),
    ),
    filters=(
        Choice("state", _("State"), PaymentState.choices, every=_("All states")),
        Choice("way", _("Way of paying"), Way.choices, every=_("All ways of paying")),
        Choice(
            "trouble",
            _("To look at"),
            [("open", _("Not settled yet")), *Trouble.choices],
            every=_("With and without trouble"),
            is_extra=True,
        ),
        Choice("purpose", _("What for"), _purposes, every=_("Whatever for"), is_extra=True),
        Period("created", _("Begun")),
        Period("paid", _("Paid at")),
        Period("back", _("Given back")),
    ),
)
