"""What the fraud desk looks for by itself: shares of codes, fast cards, managers who stand out.

Each finding is a case, once for its subject; a person of the office settles it with a note.
Source: stamps specification D25, feature 8.
"""

from __future__ import annotations

from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, Min

from zhanggui.accounts.models import Merchant, Person, Store, TierState
from zhanggui.core import clock, tenancy
from zhanggui.stamps import ways
from zhanggui.stamps.models import (
    CaseKind,
    Kind,
    Method,
    Reward,
    RewardState,
    Seal,
    SealState,
    StampRecord,
)
from zhanggui.stamps.selectors import outliers
from zhanggui.stamps.services.alarming import alarm

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

LOOKED_AT = 50
SHARE = 0.2
FAST = timedelta(days=1)
WEEK = timedelta(days=7)
MANY = 50
TIMES = 3
FAR_SINCE = timedelta(days=1)


def watch(actor: Actor) -> None:
    """Look at every merchant that is at work."""
    active = Merchant.objects.filter(state=TierState.ACTIVE)
    for merchant_id in active.values_list("pk", flat=True):
        with tenancy.merchant_scope(merchant_id), transaction.atomic():
            watch_codes(actor)
            watch_cards(actor)
            watch_managers(actor)
            watch_habits(actor)
            watch_places(actor)


def code_share(store_id: int) -> float | None:
    """Which part of a store's last 50 operations was done by code; None before there are 50."""
    newest = StampRecord.objects.filter(store_id=store_id).exclude(method=Method.BACK_OFFICE)
    methods = list(newest.order_by("-at", "-pk").values_list("method", flat=True)[:LOOKED_AT])
    if len(methods) < LOOKED_AT:
        return None
    return sum(one in ways.ALIKE[Method.CODE] for one in methods) / LOOKED_AT


def watch_codes(actor: Actor) -> None:
    """Stores that have a stamp in use and yet confirm by code: once a week for each (D25)."""
    with_stamp = Seal.objects.filter(state=SealState.ACTIVE).values("store_id")
    week = clock.now().strftime("%G-W%V")
    for store in Store.objects.filter(pk__in=with_stamp):
        share = code_share(store.pk)
        if share is not None and share > SHARE:
            alarm(CaseKind.CODE_SHARE, f"store:{store.pk}:{week}", store_id=store.pk, actor=actor)


def watch_cards(actor: Actor) -> None:
    """Cards whose round was filled within a day of its first stamp."""
    won = Reward.objects.filter(state=RewardState.ISSUED, issued_at__gt=clock.now() - FAST).exclude(
        transaction=None
    )
    for reward in won.select_related("card", "transaction"):
        earlier = Reward.objects.filter(card_id=reward.card_id, cycle=reward.cycle - 1)
        since = earlier.exclude(transaction=None).values_list("issued_at", flat=True).first()
        records = StampRecord.objects.filter(card_id=reward.card_id, kind=Kind.ACCUMULATE)
        if since is not None:
            records = records.filter(at__gt=since)
        first = records.filter(at__lte=reward.issued_at).aggregate(first=Min("at"))["first"]
        if first is not None and reward.issued_at - first < FAST:
            store_id = reward.transaction.store_id if reward.transaction else None
            alarm(CaseKind.FAST_CARD, f"reward:{reward.pk}", store_id=store_id, actor=actor)


def watch_managers(actor: Actor) -> None:
    """Managers who confirmed three times as many codes in a week as their colleagues do."""
    since = clock.now() - WEEK
    rows = list(
        StampRecord.objects.filter(at__gt=since, method__in=ways.ALIKE[Method.CODE])
        .exclude(manager_id=0)  # a till
        .order_by()
        .values("manager_id", "store_id")
        .annotate(many=Count("pk"))
    )
    week = clock.now().strftime("%G-W%V")
    for row in rows:
        others = [one["many"] for one in rows if one["manager_id"] != row["manager_id"]]
        if others and row["many"] >= MANY and row["many"] > TIMES * median(others):
            name = Person.objects.values_list("name", flat=True).get(pk=row["manager_id"])
            alarm(
                CaseKind.OUTLIER,
                f"manager:{row['manager_id']}:{week}",
                store_id=row["store_id"],
                actor=actor,
                manager=(row["manager_id"], name),
            )


def watch_habits(actor: Actor) -> None:
    """Managers who stamp at night, or the same few cards again and again: once a week for each."""
    zone = Merchant.objects.values_list("time_zone", flat=True).get(
        pk=tenancy.current_merchant_id()
    )
    week = clock.now().strftime("%G-W%V")
    for one in outliers.managers(zone):
        habits = (
            (CaseKind.OFF_HOURS, one.is_at_odd_hours),
            (CaseKind.SAME_CARDS, one.has_favourites),
        )
        for kind, is_so in habits:
            if is_so:
                alarm(
                    kind,
                    f"manager:{one.manager_id}:{week}",
                    store_id=one.store_id,
                    actor=actor,
                    manager=(one.manager_id, one.name),
                )


def watch_places(actor: Actor) -> None:
    """Stamps while the customer's phone was far away: one case for each customer and day."""
    far = StampRecord.objects.filter(is_far=True, at__gt=clock.now() - FAR_SINCE)
    for record in far.order_by("at", "pk"):
        alarm(
            CaseKind.FAR,
            f"customer:{record.customer_id}:{record.business_date}",
            store_id=record.store_id,
            actor=actor,
            manager=(record.manager_id, record.manager_name) if record.manager_id else None,
            record_id=record.pk,
        )
