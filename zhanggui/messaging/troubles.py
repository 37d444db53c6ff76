"""What the overview says about messages: credit that runs low, messages that failed."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from zhanggui.accounts.todo import Found, Question, Todo
from zhanggui.channels.sms.errors import advice_of
from zhanggui.core import clock
from zhanggui.messaging import credit_warnings, wallet
from zhanggui.messaging.models import (
    TROUBLE,
    WAITING,
    Message,
    Purse,
    Route,
    State,
    Wallet,
    Why,
)
from zhanggui.ui.formats import count

OURS = ("SmsNoBalance", "SmsNotAllowed", "SmsOverLimit", "SmsUnreachable")
"""The provider's trouble, not one of a number: it concerns every message."""


def credit(url: str) -> Question:
    """Purses that are nearly empty."""

    def low(found: Found) -> Iterator[Todo]:
        for row in sorted(found, key=lambda row: str(row["purse"])):
            left = int(row["left"] or 0)
            if not credit_warnings.is_low(int(row["filled"]), left):
                continue
            yield Todo(
                _("SMS credit “%(purse)s”: %(left)s left")
                % {"purse": Purse(row["purse"]).label, "left": count(left)},
                _("Without credit customers are told nothing by SMS. Buy more in time."),
                url,
                "wallet",
                "danger" if left == 0 else "waiting",
                order=15,
            )

    wanted = {"purse": F("purse"), "filled": F("filled"), "left": wallet.lying()}
    return Question(Wallet.objects.all(), low, wanted)


GROUPED = ("route", "state", "error", "error_kind")


def failures(url: str, zone: str) -> Question:
    """Messages of today that did not get through or have to wait, and what it is about."""
    today = clock.start_of(clock.local_date(clock.now(), zone), zone)
    shown = [*TROUBLE, *WAITING, State.SKIPPED]
    rows = Message.objects.filter(created_at__gte=today, state__in=shown)
    wanted = {name: F(name) for name in GROUPED} | {"many": Count("pk")}
    since = f"created_from={clock.local_date(clock.now(), zone)}"
    return Question(
        rows.order_by().values(*GROUPED), lambda found: _not_through(found, url, since), wanted
    )


def _not_through(found: Found, url: str, since: str) -> Iterator[Todo]:
    broken = no_credit = held_up = 0
    kind, waits_for = "", ""
    for row in found:
        is_ours = row["route"] == Route.SMS and row["error_kind"] in OURS
        if row["state"] in TROUBLE:
            broken += row["many"]
            kind = row["error_kind"] if is_ours else kind
        elif row["state"] in WAITING:
            held_up += row["many"] if is_ours else 0
            waits_for = row["error_kind"] if is_ours else waits_for
        elif row["error"] == Why.NO_CREDIT:
            no_credit += row["many"]
    if held_up:
        text = ngettext(
            "%(n)s message waits for the SMS provider",
            "%(n)s messages wait for the SMS provider",
            held_up,
        )
        wait = _("%(why)s Nothing is lost: they go out by themselves, for a day.") % {
            "why": advice_of(waits_for)
        }
        waiting = f"{url}?state=waiting&{since}"
        yield Todo(text % {"n": count(held_up)}, wait, waiting, "clock-pause", order=24)
    if broken:
        text = ngettext(
            "%(n)s message did not get through today",
            "%(n)s messages did not get through today",
            broken,
        )
        reason = advice_of(kind) or _("Each says why and what helps.")
        yield Todo(
            text % {"n": count(broken)},
            reason,
            f"{url}?state=trouble&{since}",
            "message-off",
            order=25,
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
            f"{url}?state=skipped&{since}",
            "wallet",
            "danger",
            order=16,
        )
