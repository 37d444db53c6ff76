"""Plans that end or are over: what the seller of a shop looks after before its data go (U-45)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Merchant, Operator, TierState
from zhanggui.accounts.standing import GRACE, Phase
from zhanggui.billing import periods
from zhanggui.billing.models import Reminder
from zhanggui.core import clock

Text = str | Promise
ORDER = ("plan_ends_at", "pk")
SOON = timedelta(days=max(periods.NOTICES))
GOES_SOON = timedelta(days=max(periods.DELETION_NOTICES))
GONE_AFTER = GRACE + periods.DELETABLE_AFTER
PUT_AWAY_AFTER = GRACE + periods.ARCHIVED_AFTER
TONES = {
    Phase.RUNNING: "waiting",
    Phase.GRACE: "waiting",
    Phase.READ_ONLY: "danger",
    Phase.ARCHIVED: "danger",
}
PHASES: dict[Phase, Text] = {
    Phase.RUNNING: pgettext_lazy("phase of a plan", "Ends soon"),
    Phase.GRACE: pgettext_lazy("phase of a plan", "Over, days of grace"),
    Phase.READ_ONLY: pgettext_lazy("phase of a plan", "Over, read only"),
    Phase.ARCHIVED: pgettext_lazy("phase of a plan", "Over, put away"),
}


def _ended(*, at_least: timedelta, less_than: timedelta | None = None) -> Q:
    """Plans whose end lies so long back; a negative length lies ahead."""
    now = clock.now()
    found = Q(plan_ends_at__lte=now - at_least)
    return found if less_than is None else found & Q(plan_ends_at__gt=now - less_than)


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the list: what it is called and which plans are in it."""

    name: str
    label: Text
    condition: Callable[[], Q]


STAGES = (
    Stage("going", _("Data go within 30 days"), lambda: _ended(at_least=GONE_AFTER - GOES_SOON)),
    Stage("soon", PHASES[Phase.RUNNING], lambda: _ended(at_least=-SOON, less_than=timedelta(0))),
    Stage("grace", PHASES[Phase.GRACE], lambda: _ended(at_least=timedelta(0), less_than=GRACE)),
    Stage(
        "read_only",
        PHASES[Phase.READ_ONLY],
        lambda: _ended(at_least=GRACE, less_than=PUT_AWAY_AFTER),
    ),
    Stage("put_away", PHASES[Phase.ARCHIVED], lambda: _ended(at_least=PUT_AWAY_AFTER)),
)


def ending(operator: Operator | None, *, stage: str = "", search: str = "") -> QuerySet[Merchant]:
    """Shops of a seller (None: of all) whose plan ends within a week or is over; unordered.

    Frozen shops are not among them: their data stay.
    """
    known = next((one for one in STAGES if one.name == stage), None)
    found = Merchant.objects.select_related("operator").filter(
        known.condition() if known else _ended(at_least=-SOON),
        state=TierState.ACTIVE,
        data_deleted_at=None,
    )
    if operator is not None:
        found = found.filter(operator=operator)
    if search:
        found = found.filter(Q(name__icontains=search) | Q(slug__icontains=search))
    return found


def going(operator: Operator | None) -> QuerySet[Merchant]:
    """Shops whose customers' data are deleted within 30 days."""
    return ending(operator, stage="going")


@dataclass(frozen=True, slots=True)
class Ending:
    """A shop of the list."""

    merchant: Merchant
    phase: Phase
    ends_at: datetime
    goes_at: datetime
    """When its customers' data are deleted."""
    warned_at: datetime | None
    """When its owners were last warned."""

    @property
    def label(self) -> Text:
        """Where its plan is."""
        return PHASES[self.phase]

    @property
    def tone(self) -> str:
        """The colour of that."""
        return TONES[self.phase]

    @property
    def days_left(self) -> int:
        """Days until its data go, a begun one counts whole."""
        return max(-((clock.now() - self.goes_at) // timedelta(days=1)), 0)

    @property
    def is_going(self) -> bool:
        """Whether its data go within 30 days."""
        return self.goes_at - clock.now() <= GOES_SOON


def rows(merchants: Iterable[Merchant]) -> list[Ending]:
    """Shops with what holds for them; one statement, over the rows of all merchants."""
    shown = list(merchants)
    ends = {merchant.pk: merchant.plan_ends_at for merchant in shown}
    warned: dict[int, datetime] = {}
    for reminder in Reminder.objects.filter(merchant_id__in=list(ends)).order_by("at", "id"):
        if reminder.ends_at == ends[reminder.merchant_id]:
            warned[reminder.merchant_id] = reminder.at
    now = clock.now()
    return [
        Ending(
            merchant,
            periods.phase_at(end, now),
            end,
            periods.deletable_from(end),
            warned.get(merchant.pk),
        )
        for merchant in shown
        if (end := merchant.plan_ends_at) is not None
    ]
