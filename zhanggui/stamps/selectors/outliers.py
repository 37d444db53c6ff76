"""Managers beside each other: what each did at the counter in 30 days, and what stands out.

A signal proves nothing. It says where to look; each has its rows, and what somebody of the office
decides is a case with a note. Source: stamps specification 8 (collusion), feature 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median

from django.db.models import Count, Max, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Store
from zhanggui.core import clock
from zhanggui.stamps import selectors
from zhanggui.stamps.models import Case, CaseState, Kind, Method, StampRecord
from zhanggui.stamps.selectors.dashboards import UNPROVED

Text = str | Promise
DAYS = 30
LEAST = 20
"""Below so many operations nothing is said: chance alone would do it."""
ODD_SHARE = 0.1
FAR_SHARE = 0.1
SAME_SHARE = 0.5
FEW_CARDS = 3
MANY, TIMES = 50, 3


@dataclass(frozen=True, slots=True)
class Favourite:
    """A card that a manager stamped often."""

    card_id: int
    name: str
    many: int


@dataclass(slots=True)
class Manager:
    """One manager at one store."""

    manager_id: int
    name: str
    store_id: int
    store: str
    operations: int
    given: int
    cancels: int
    codes: int
    odd: int
    """Operations at odd hours."""
    far: int
    """Operations while the customer's phone was far away."""
    favourites: list[Favourite] = field(default_factory=list)
    """The three cards stamped most often."""
    cases: int = 0
    """Cases about this manager that nobody has settled."""
    usual: float = 0
    """Operations of the others in the middle."""

    @property
    def code_share(self) -> float:
        """Codes of all operations."""
        return self.codes / self.operations if self.operations else 0.0

    @property
    def same_share(self) -> float:
        """What went to the three cards, of all stamps given."""
        return sum(one.many for one in self.favourites) / self.given if self.given else 0.0

    @property
    def is_at_odd_hours(self) -> bool:
        """Whether a tenth or more was done at night."""
        return self.operations >= LEAST and self.odd >= self.operations * ODD_SHARE

    @property
    def is_often_far(self) -> bool:
        """Whether at a tenth or more the customer was somewhere else."""
        return self.operations >= LEAST and self.far >= self.operations * FAR_SHARE

    @property
    def has_favourites(self) -> bool:
        """Whether half or more went to three cards."""
        return self.given >= LEAST and self.same_share >= SAME_SHARE

    @property
    def is_far_ahead(self) -> bool:
        """Whether this one did three times as much as the others in the middle."""
        return self.usual > 0 and self.operations >= MANY and self.operations > TIMES * self.usual

    @property
    def signals(self) -> list[Text]:
        """What stands out, in a few words each."""
        found: list[tuple[bool, Text]] = [
            (self.is_at_odd_hours, _("at odd hours")),
            (self.is_often_far, _("customers far away")),
            (self.has_favourites, _("always the same cards")),
            (self.is_far_ahead, _("far more than the others")),
        ]
        return [text for is_so, text in found if is_so]


def managers(zone: str, *, days: int = DAYS) -> list[Manager]:
    """Everybody who confirmed something in these days, those who stand out first."""
    first = clock.local_date(clock.now(), zone) - timedelta(days=days - 1)
    records = StampRecord.objects.filter(at__gte=clock.start_of(first, zone)).exclude(
        Q(method__in=UNPROVED) | Q(manager_id=0)
    )
    rows = (
        selectors.with_hour(records, zone)
        .order_by()
        .values("manager_id", "store_id")
        .annotate(
            name=Max("manager_name"),
            operations=Count("pk"),
            given=Count("pk", filter=Q(kind=Kind.ACCUMULATE)),
            cancels=Count("pk", filter=Q(kind=Kind.CANCEL)),
            codes=Count("pk", filter=Q(method=Method.CODE)),
            odd=Count("pk", filter=selectors.odd_hours()),
            far=Count("pk", filter=Q(is_far=True)),
        )
    )
    stores = dict(Store.objects.values_list("pk", "name"))
    found = [Manager(store=stores.get(row["store_id"], ""), **row) for row in rows]
    _put_favourites(found, records)
    _put_cases(found)
    for one in found:
        others = [two.operations for two in found if two.manager_id != one.manager_id]
        one.usual = float(median(others)) if others else 0.0
    return sorted(found, key=lambda one: (-len(one.signals), -one.operations, one.name))


def _put_favourites(found: Sequence[Manager], records: QuerySet[StampRecord]) -> None:
    rows = (
        records.filter(kind=Kind.ACCUMULATE)
        .order_by()
        .values("manager_id", "store_id", "card_id")
        .annotate(many=Count("pk"), name=Max("customer_name"))
        .filter(many__gt=1)
        .order_by("-many", "card_id")
    )
    known = {(one.manager_id, one.store_id): one for one in found}
    for row in rows.iterator():
        one = known[row["manager_id"], row["store_id"]]
        if len(one.favourites) < FEW_CARDS:
            one.favourites.append(Favourite(row["card_id"], row["name"], row["many"]))


def _put_cases(found: Sequence[Manager]) -> None:
    ids = [one.manager_id for one in found]
    rows = Case.objects.filter(state=CaseState.OPEN, manager_id__in=ids)
    counted = dict(
        rows.order_by().values("manager_id").annotate(n=Count("pk")).values_list("manager_id", "n")
    )
    for one in found:
        one.cases = counted.get(one.manager_id, 0)
