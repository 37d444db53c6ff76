"""What the message log offers: columns, filters, orders."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.messaging import selectors, templates
from zhanggui.messaging.models import IN_WECHAT, Campaign, Route, State
from zhanggui.ui.lists import Choice, Choices, Column, ListPage, Period, Sort

STATES: Choices = (
    ("waiting", pgettext_lazy("messages", "On their way")),
    ("out", pgettext_lazy("messages", "Gone out")),
    ("trouble", pgettext_lazy("messages", "Did not get through")),
    (State.SKIPPED.value, State.SKIPPED.label),
    (State.DELIVERED.value, State.DELIVERED.label),
    (State.CANCELLED.value, State.CANCELLED.label),
)


def _templates(_request: HttpRequest) -> Choices:
    return [(one.name, one.label) for one in templates.known()]


def _mailings(_request: HttpRequest) -> Choices:
    rows = Campaign.objects.order_by(*selectors.ORDER).values_list("pk", "name")[:50]
    return [(str(pk), name) for pk, name in rows]


MESSAGES = ListPage(
    name="messaging.messages",
    search=_("Name, member number, last four digits"),
    columns=(
        Column("to", _("To"), is_fixed=True),
        Column("what", _("Message")),
        Column("way", _("Way")),
        Column("state", _("State"), is_fixed=True),
        Column("cost", pgettext_lazy("SMS", "Segments"), css="num"),
        Column("created", _("Written"), sort="newest"),
        Column("sent", _("Handed over"), is_shown=False),
    ),
    sorts=(
        Sort("newest", pgettext_lazy("order of a list", "Newest first"), selectors.ORDER),
        Sort("oldest", pgettext_lazy("order of a list", "Oldest first"), ("created_at", "id")),
    ),
    filters=(
        Choice("state", _("State"), STATES, every=_("All states")),
        Choice(
            "route",
            _("Way"),
            [(one.value, one.label) for one in (*IN_WECHAT, Route.SMS)],
            every=_("All ways"),
        ),
        Choice("template", _("Message"), _templates, is_extra=True),
        Choice("mailing", _("Mailing"), _mailings, is_extra=True),
        Period("created", _("Written")),
    ),
)
