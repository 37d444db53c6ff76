"""How a merchant stands with its plan: what is switched on, and whether it may write now.

Billing answers, guards, menus and phone pages ask. The answer comes from the merchant's own row
and the clock, so that asking costs no statement and no job has to run for a phase to change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, LiteralString

from django.utils.functional import Promise

from zhanggui.accounts.errors import PlanArchived, PlanLimit, PlanReadOnly, ShopPaused

if TYPE_CHECKING:
    from zhanggui.accounts.models import Merchant

Text = str | Promise
GRACE = timedelta(days=7)
"""So long everything works after a plan has ended (U-45)."""

AT_WORK: LiteralString = """(
  m.state = 'active'
  AND (m.plan_ends_at IS NULL OR m.plan_ends_at > %(now)s::timestamptz - interval '7 days')
  AND coalesce(m.plan_steps -> (
        CASE WHEN (m.plan_steps #>> '{1,from}')::timestamptz <= %(now)s::timestamptz
             THEN 1 ELSE 0 END) -> 'features' ? %(feature)s, true))"""
"""``takes_business`` in SQL, for hot doors that read the merchant ``m`` anyway."""


class Phase(StrEnum):
    """Where a merchant's plan is in its life (U-45)."""

    RUNNING = "running"
    GRACE = "grace"
    """It ended a few days ago; everything works, with a banner."""
    READ_ONLY = "read_only"
    """Signing in, reading, exporting and paying work; what customers hold stays visible."""
    ARCHIVED = "archived"
    """Only owners come in, to pay and to take their data away."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for a merchant at this moment."""

    phase: Phase = Phase.RUNNING
    features: frozenset[str] | None = None
    """What the plan switches on; None: everything."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """How many of something the plan allows; what is not named has no limit."""
    plan: str = ""
    """What the plan is called."""
    ends_at: datetime | None = None
    """When the plan ends or ended; None: it has no end."""
    notice: Text = ""
    """One sentence for the banner on every page of the back office."""
    notice_tone: str = "waiting"
    notice_url: str = ""
    """Where the plan is looked at and renewed."""
    notice_permission: str = ""
    """The right to open that page."""

    @property
    def may_write(self) -> bool:
        """Whether new business is taken and anything may be changed."""
        return self.phase in {Phase.RUNNING, Phase.GRACE}

    @property
    def is_archived(self) -> bool:
        """Whether only owners come in."""
        return self.phase == Phase.ARCHIVED

    def has(self, feature: str) -> bool:
        """Whether a feature is switched on; what belongs to no feature always is."""
        return not feature or self.features is None or feature in self.features


type Provider = Callable[[Merchant], Standing]


def _everything(merchant: Merchant) -> Standing:
    return Standing()


_provider: list[Provider] = [_everything]


def provide(provider: Provider) -> None:
    """Say how standings are found (billing does, once per process)."""
    _provider[:] = [provider]


def of(merchant: Merchant) -> Standing:
    """How a merchant stands now; without billing everything is allowed."""
    return _provider[0](merchant)


def takes_business(merchant: Merchant, feature: str = "") -> bool:
    """Whether new business is taken: at work, the plan not over, the feature switched on."""
    stands = of(merchant)
    return merchant.state == "active" and stands.may_write and stands.has(feature)


def refuse_paused(merchant: Merchant) -> None:
    """Refuse new business of a merchant whose plan is over; phone pages ask this first.

    Raises:
        ShopPaused: the plan ended and its days of grace are over (E_SHOP_PAUSED, 403).
    """
    if not of(merchant).may_write:
        raise ShopPaused(name=merchant.name)


def admit(
    standing: Standing,
    *,
    is_owner: bool,
    is_safe: bool,
    works_read_only: bool,
    may_see_plan: bool = False,
) -> None:
    """Decide whether a back-office request may pass.

    Args:
        standing: how the merchant stands.
        is_owner: whether an owner asks.
        is_safe: whether it only reads.
        works_read_only: whether the page works after the end of a plan.
        may_see_plan: whether a refusal offers the page of the plan.

    Raises:
        PlanArchived: only owners, and only to pay and to export (E_PLAN_ARCHIVED, 403).
        PlanReadOnly: a write while the plan is read-only (E_READ_ONLY, 403).
    """
    if standing.is_archived and not (is_owner and works_read_only):
        raise PlanArchived
    if not is_safe and not standing.may_write and not works_read_only:
        raise PlanReadOnly(way_url=standing.notice_url if may_see_plan else "")


def hold(merchant_id: int) -> Merchant:
    """The merchant's row, locked, so that of two at once only one takes the last place."""
    from zhanggui.accounts.models import Merchant  # noqa: PLC0415  models load after this module

    return Merchant.objects.select_for_update(no_key=True).get(pk=merchant_id)


def refuse_beyond(merchant: Merchant, kind: str, *, has: int, what: Text) -> None:
    """Refuse one more of something when the plan has no room for it; after ``hold``.

    Args:
        merchant: whose plan is asked.
        kind: the limit's name, for example ``staff``.
        has: how many there are now.
        what: what is counted, in words.

    Raises:
        PlanLimit: there is no room (E_PLAN_LIMIT, 409).
    """
    stands = of(merchant)
    most = stands.limits.get(kind)
    if most is not None and has >= most:
        raise PlanLimit(plan=stands.plan, most=most, what=what)
