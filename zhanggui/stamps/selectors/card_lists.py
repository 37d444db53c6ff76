"""Cards and the rewards they won, as lists: what can be filtered, and the rows that fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.contacts.search import fold
from zhanggui.core import clock, numbers
from zhanggui.coupons.models import Coupon
from zhanggui.stamps import selectors
from zhanggui.stamps.models import Card, CardState, Programme, Reward, RewardState
from zhanggui.ui.lists import Choice, Choices, Column, ListPage, Period, Sort

NEWEST_FIRST = pgettext_lazy("order of a list", "Newest first")
OLDEST_FIRST = pgettext_lazy("order of a list", "Oldest first")
NEWEST_REWARD = ("-issued_at", "-id")
SOME, NONE, NO_END = "some", "none", "no_end"
CARD_NAMES = ("programme", "state", "holding", "end")
CARD_PERIODS = ("taken", "until")
REWARD_NAMES = ("programme", "state")


def programme_choices(_request: HttpRequest) -> Choices:
    """The shop's programmes for a filter."""
    rows = Programme.objects.order_by("id").values_list("pk", "name")
    return [(str(pk), name) for pk, name in rows]


CARDS = ListPage(
    name="stamps.cards",
    search=_("Name, member no., last 4 of the phone"),
    columns=(
        Column("customer", _("Customer"), is_fixed=True),
        Column("programme", _("Programme")),
        Column("stamps", _("Stamps"), css="num", is_fixed=True),
        Column("rounds", _("Rounds filled"), css="num", is_shown=False),
        Column("state", _("State")),
        Column("until", _("Valid until")),
        Column("taken", pgettext_lazy("card", "Taken")),
    ),
    sorts=(
        Sort("newest", NEWEST_FIRST, ("-id",)),
        Sort("oldest", OLDEST_FIRST, ("id",)),
    ),
    filters=(
        Choice("programme", _("Programme"), programme_choices, every=_("All programmes")),
        Choice("state", _("State"), CardState.choices, every=_("All states")),
        Choice(
            "holding",
            _("Stamps"),
            [(SOME, _("With stamps on it")), (NONE, _("Without stamps"))],
            is_extra=True,
        ),
        Choice("end", _("Validity"), [(NO_END, _("No end"))], is_extra=True),
        Period("taken", pgettext_lazy("card", "Taken")),
        Period("until", _("Valid until")),
    ),
)
REWARDS = ListPage(
    name="stamps.rewards",
    search=_("Name, member no., last 4 of the phone"),
    columns=(
        Column("customer", _("Customer"), is_fixed=True),
        Column("reward", _("Reward"), is_fixed=True),
        Column("programme", _("Programme")),
        Column("position", _("At stamp no."), css="num"),
        Column("state", _("State")),
        Column("issued", pgettext_lazy("reward", "Won")),
    ),
    sorts=(
        Sort("newest", NEWEST_FIRST, NEWEST_REWARD),
        Sort("oldest", OLDEST_FIRST, ("issued_at", "id")),
    ),
    filters=(
        Choice("programme", _("Programme"), programme_choices, every=_("All programmes")),
        Choice("state", _("State"), RewardState.choices, every=_("All states")),
        Period("issued", pgettext_lazy("reward", "Won")),
    ),
)


def cards(values: Mapping[str, Any], *, search: str, zone: str) -> QuerySet[Card]:
    """Cards that fit; unordered, with customer, programme and terms.

    Args:
        values: ``programme``, ``state``, ``holding`` (some, none), ``end`` (no_end), and the days
            ``taken_from``, ``taken_to``, ``until_from``, ``until_to``; all may be missing.
        search: part of the name, member number or last four of the phone.
        zone: of the shop.
    """
    rows = Card.objects.select_related("customer", "programme", "terms")
    programme = numbers.whole(str(values.get("programme") or ""))
    if programme is not None:
        rows = rows.filter(programme_id=programme)
    if values.get("state"):
        rows = rows.filter(state=values["state"])
    if values.get("holding") == SOME:
        rows = rows.filter(balance__gt=0)
    elif values.get("holding") == NONE:
        rows = rows.filter(balance__lte=0)
    if values.get("end") == NO_END:
        rows = rows.filter(expires_at=None)
    rows = rows.filter(_days("created_at", values, "taken", zone))
    rows = rows.filter(_until(values, zone))
    wanted = fold(search)
    if wanted:
        rows = rows.filter(customer_id__in=selectors.customers_like(wanted))
    return rows


def rewards(values: Mapping[str, Any], *, search: str, zone: str) -> QuerySet[Reward]:
    """Rewards that fit; unordered. ``values``: programme, state, issued_from, issued_to."""
    rows = Reward.objects.select_related("card__customer", "card__programme", "terms")
    programme = numbers.whole(str(values.get("programme") or ""))
    if programme is not None:
        rows = rows.filter(card__programme_id=programme)
    if values.get("state"):
        rows = rows.filter(state=values["state"])
    rows = rows.filter(_days("issued_at", values, "issued", zone))
    wanted = fold(search)
    if wanted:
        rows = rows.filter(card__customer_id__in=selectors.customers_like(wanted))
    return rows


def coupons_of(rewards_shown: Collection[Reward]) -> dict[int, Coupon]:
    """The coupons these rewards were given as, by id."""
    ids = {reward.coupon_id for reward in rewards_shown if reward.coupon_id}
    return Coupon.objects.in_bulk(ids) if ids else {}


def _days(column: str, values: Mapping[str, Any], name: str, zone: str) -> Q:
    """Whole days in the shop's zone, both included."""
    fits = Q()
    first, last = values.get(f"{name}_from"), values.get(f"{name}_to")
    if isinstance(first, date):
        fits &= Q(**{f"{column}__gte": clock.start_of(first, zone)})
    if isinstance(last, date) and last < date.max:
        fits &= Q(**{f"{column}__lt": clock.start_of(last + timedelta(days=1), zone)})
    return fits


def _until(values: Mapping[str, Any], zone: str) -> Q:
    """By the last day of a card: its end is the midnight after it."""
    fits = Q()
    first, last = values.get("until_from"), values.get("until_to")
    if isinstance(first, date):
        fits &= Q(expires_at__gt=clock.start_of(first, zone))
    if isinstance(last, date) and last < date.max:
        fits &= Q(expires_at__lte=clock.start_of(last + timedelta(days=1), zone))
    return fits


def given_between(first: date, last: date, zone: str) -> Q:
    """The condition for rewards won in these days, both included."""
    return _days("issued_at", {"issued_from": first, "issued_to": last}, "issued", zone)


def taken_between(first: date, last: date, zone: str) -> Q:
    """The condition for cards taken in these days, both included."""
    return _days("created_at", {"taken_from": first, "taken_to": last}, "taken", zone)


def used_between(first: date, last: date, zone: str) -> Q:
    """The condition for redemptions of these days, both included."""
    return _days("at", {"at_from": first, "at_to": last}, "at", zone)
