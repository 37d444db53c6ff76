"""What the overview says about messages: credit that runs low, messages that failed."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from zhanggui.accounts.todo import Todo
from zhanggui.channels.sms.errors import advice_of
from zhanggui.core import clock
from zhanggui.messaging import credit_warnings, wallet
from zhanggui.messaging.models import TROUBLE, Message, Purse, Route, State, Wallet, Why
from zhanggui.ui.formats import count

OURS = ("SmsNoBalance", "SmsNotAllowed", "SmsUnreachable")
"""The provider's trouble, not one of a number: it concerns every message."""


def credit(url: str) -> Iterator[Todo]:
    """Purses that are nearly empty."""
    for row in Wallet.objects.order_by("purse"):
        purse = Purse(row.purse)
        left = wallet.balance(purse)
        if not credit_warnings.is_low(row, left):
            continue
        yield Todo(
            _("SMS credit “%(purse)s”: %(left)s left")
            % {"purse": purse.label, "left": count(left)},
            _("Without credit customers are told nothing by SMS. Buy more in time."),
            url,
            "wallet",
            "danger" if left == 0 else "waiting",
            order=15,
        )


def failures(url: str, zone: str) -> Iterator[Todo]:
    """Messages of today that did not get through, and what it is about."""
    today = clock.start_of(clock.local_date(clock.now(), zone), zone)
    rows = Message.objects.filter(created_at__gte=today).order_by()
    counted = rows.filter(state__in=[*TROUBLE, State.SKIPPED]).values_list(
        "route", "state", "error", "error_kind"
    )
    broken = no_credit = 0
    kind = ""
    for route, state, error, error_kind, many in counted.annotate(many=Count("pk")):
        if state in TROUBLE:
            broken += many
            kind = error_kind if route == Route.SMS and error_kind in OURS else kind
        elif error == Why.NO_CREDIT:
            no_credit += many
    if broken:
        text = ngettext(
            "%(n)s message did not get through today",
            "%(n)s messages did not get through today",
            broken,
        )
        reason = advice_of(kind) or _("Each says why and what helps.")
        yield Todo(
            text % {"n": count(broken)}, reason, f"{url}?state=trouble", "message-off", order=25
        )
    if no_credit:
        text = ngettext(
            "%(n)s message was not sent for want of credit",
            "%(n)s messages were not sent for want of credit",
            no_credit,
        )
        yield Todo(
            text % {"n": count(no_credit)},
            _("Buy credit, then send them again from the log."),
            f"{url}?state=skipped",
            "wallet",
            "danger",
            order=16,
        )
