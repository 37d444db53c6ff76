"""What segments of customers may ask about stamps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from zhanggui.contacts.conditions import Condition, Text, register
from zhanggui.core import clock
from zhanggui.stamps.models import Card, CardState, Kind, Programme, StampRecord


def register_all() -> None:
    """Tell contacts the conditions of this module."""
    stamps = _("stamps")
    register(
        Condition("stamps.card", _("Holds a card of"), _holds, _programmes),
        Condition(
            "stamps.balance", _("Stamps on a card, at least"), _balance, unit=stamps, most=20
        ),
        Condition("stamps.missing", _("Stamps missing, at most"), _missing, unit=stamps, most=20),
        Condition(
            "stamps.collected", _("Collected a stamp within the last"), _collected, unit=_("days")
        ),
    )


def _programmes() -> Sequence[tuple[str, Text]]:
    rows = Programme.objects.order_by("name").values_list("pk", "name")
    return [(str(pk), name) for pk, name in rows]


def _holds(value: str) -> Q:
    cards = Card.objects.filter(customer_id=OuterRef("pk"), programme_id=int(value))
    return Q(Exists(cards))


def _balance(value: str) -> Q:
    cards = Card.objects.filter(
        customer_id=OuterRef("pk"), merged_into=None, balance__gte=int(value)
    )
    return Q(Exists(cards))


def _missing(value: str) -> Q:
    cards = Card.objects.filter(
        customer_id=OuterRef("pk"),
        state=CardState.OPEN,
        is_filled=False,
        balance__gte=F("slots") - int(value),
    )
    return Q(Exists(cards))


def _collected(value: str) -> Q:
    since = clock.now() - timedelta(days=int(value))
    # by the index of the newest records: the cards' owners are few beside all customers
    recent = StampRecord.objects.filter(at__gte=since, kind=Kind.ACCUMULATE)
    return Q(pk__in=recent.values("customer_id"))
