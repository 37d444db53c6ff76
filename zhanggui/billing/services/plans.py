"""The plan of a merchant: begun, extended, upgraded, taken back; copied where guards read it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant
from zhanggui.billing import periods, selectors
from zhanggui.billing.errors import DowngradePlanned, NoPlan, NoUpgrade, PlanMoved, UpgradeFirst
from zhanggui.billing.models import Change, Edition, Order, Plan, PlanChange
from zhanggui.core import clock, tenancy

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


def start_trial(*, merchant: Merchant, actor: Actor) -> Plan | None:
    """Let a new merchant try the service for 15 days; nothing where no edition is for that.

    Runs in the transaction that creates the merchant (A7, U-40).
    """
    edition = Edition.objects.filter(is_trial=True).first()
    if edition is None:
        return None
    now = clock.now()
    ends_at = periods.add_days(now, periods.TRIAL_DAYS, merchant.time_zone)
    with tenancy.merchant_scope(merchant.pk), transaction.atomic():
        plan = Plan(edition=edition, is_trial=True, began_at=now, ends_at=ends_at)
        plan.save(force_insert=True)
        keep(plan, Change.TRIAL, before=None, actor=actor)
    merchant.refresh_from_db(fields=["plan_ends_at", "plan_steps"])
    return plan


def locked_plan() -> Plan:
    """The plan of the merchant in scope, locked until the transaction ends.

    Everything that touches plan, orders or balance of a merchant begins here, so that two steps
    never work from the same state.

    Raises:
        NoPlan: the merchant has none (E_NO_PLAN, 409).
    """
    plan = Plan.objects.select_for_update().first()
    if plan is None:
        raise NoPlan
    if plan.next_from is not None and plan.next_from <= clock.now():
        plan.edition, plan.next_edition = plan.next_edition, None  # type: ignore[assignment]
        plan.next_from = None
    return plan


def lock(merchant: Merchant) -> Plan | None:
    """The locked plan, or None where nothing is sold; then the merchant itself is locked.

    Credit can also be bought where no plan is.
    """
    try:
        return locked_plan()
    except NoPlan:
        Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
        return None


def plan_to_give(edition: Edition) -> Plan:
    """The locked plan, or a new one that ends now, to which a gift is added."""
    try:
        return locked_plan()
    except NoPlan:
        now = clock.now()
        return Plan(
            merchant_id=tenancy.current_merchant_id(), edition=edition, began_at=now, ends_at=now
        )


def picture(plan: Plan) -> dict[str, Any]:
    """A plan as its history keeps it."""
    return {
        "edition": plan.edition_id,
        "is_trial": plan.is_trial,
        "ends_at": plan.ends_at.isoformat(),
        "next_edition": plan.next_edition_id,
        "next_from": plan.next_from.isoformat() if plan.next_from else None,
    }


def extend(
    plan: Plan, edition: Edition, *, months: int, days: int, zone: str, is_gift: bool = False
) -> None:
    """Add a period (U-42): in the same edition, or a smaller one from the present end on.

    What is over or only tried begins anew in the edition bought; days of a trial that are left
    are added (U-43). A gift may change the edition at once.

    Raises:
        UpgradeFirst: a bigger edition for a running plan (E_UPGRADE_FIRST, 409).
        DowngradePlanned: another edition follows already (E_DOWNGRADE_PLANNED, 409).
    """
    now = clock.now()
    ends_at = periods.extended(plan.ends_at, months=months, days=days, zone=zone)
    if plan.is_trial or plan.ends_at <= now or is_gift:
        plan.edition, plan.is_trial = edition, False
        plan.next_edition, plan.next_from = None, None
    elif edition.rank > plan.edition.rank:
        raise UpgradeFirst
    elif plan.next_edition is not None and plan.next_edition.pk != edition.pk:
        raise DowngradePlanned
    elif edition.rank < plan.edition.rank and plan.next_edition is None:
        plan.next_edition, plan.next_from = edition, plan.ends_at
    plan.ends_at = ends_at


def upgrade_price(plan: Plan, edition: Edition, merchant: Merchant) -> int:
    """What it costs now to have a bigger edition until the end of the plan (U-43).

    Raises:
        NoUpgrade: the plan is a trial or over, or nothing would become bigger (E_NO_UPGRADE, 409).
    """
    left = [] if plan.is_trial else periods.stretches(plan, clock.now())
    smaller = [one for one in left if one.rank < edition.rank]
    if not smaller or any(one.rank > edition.rank for one in left):
        raise NoUpgrade
    day_fen = selectors.day_prices(merchant)
    if edition.pk not in day_fen:
        raise NoUpgrade
    new = day_fen[edition.pk]
    return periods.upgrade_fen(
        (new - day_fen.get(one.edition_id, new), one.length) for one in smaller
    )


def upgrade(plan: Plan, edition: Edition, merchant: Merchant, paid_fen: int) -> None:
    """Switch to a bigger edition at once, for as long as the plan runs.

    Raises:
        PlanMoved: it costs more now than was paid, as the plan was extended in between (409).
        NoUpgrade: as ``upgrade_price``.
    """
    if upgrade_price(plan, edition, merchant) > paid_fen:
        raise PlanMoved
    plan.edition = edition
    plan.next_edition, plan.next_from = None, None


def keep(
    plan: Plan,
    kind: Change,
    *,
    before: dict[str, Any] | None,
    actor: Actor,
    order: Order | None = None,
    reason: str = "",
) -> None:
    """Save a changed plan with its history and its copy on the merchant's row."""
    plan.save()
    after = picture(plan)
    PlanChange(
        kind=kind,
        order_id=order.pk if order else None,
        before=before,
        after=after,
        reason=reason,
    ).save(force_insert=True)
    copy_to_merchant(plan)
    details = {"kind": kind.value, "before": before, "after": after}
    audit.record(actor, "billing.plan.changed", f"plan:{plan.pk}", details=details)


def copy_to_merchant(plan: Plan) -> None:
    """Put the plan where guards, menus and hot doors read it without a statement of their own."""
    steps = [_step(plan.edition, plan.is_trial, None)]
    if plan.next_edition is not None:
        steps.append(_step(plan.next_edition, False, plan.next_from))
    Merchant.objects.filter(pk=plan.merchant_id).update(plan_ends_at=plan.ends_at, plan_steps=steps)


def copy_edition(edition: Edition) -> int:
    """Bring a changed edition to every merchant that has it; answers how many have."""
    has_it = Q(edition=edition) | Q(next_edition=edition)
    with tenancy.all_merchants("an edition changed for everybody who has it"):
        merchants = sorted(Plan.objects.filter(has_it).values_list("merchant_id", flat=True))
    for merchant_id in merchants:
        with tenancy.merchant_scope(merchant_id), transaction.atomic():
            # locked: a plan that is paid for at this moment must not get its old end back
            locked = Plan.objects.select_for_update(of=("self",))
            copy_to_merchant(locked.select_related("edition", "next_edition").get())
    return len(merchants)


def _step(edition: Edition, is_trial: bool, since: datetime | None) -> dict[str, Any]:
    return {
        "from": since.isoformat() if since else None,
        "plan": edition.name,
        "is_trial": is_trial,
        "features": list(edition.features),
        "limits": dict(edition.limits),
    }


def restore(plan: Plan, kept: dict[str, Any]) -> None:
    """Make a plan again what its history says it was."""
    editions = Edition.objects.in_bulk([i for i in (kept["edition"], kept["next_edition"]) if i])
    plan.edition = editions[kept["edition"]]
    plan.is_trial = kept["is_trial"]
    plan.ends_at = datetime.fromisoformat(kept["ends_at"])
    plan.next_edition = editions.get(kept["next_edition"])
    plan.next_from = datetime.fromisoformat(kept["next_from"]) if kept["next_from"] else None
