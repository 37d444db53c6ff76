"""How a merchant stands with its plan: the answer billing gives to ``accounts.standing``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.functional import lazy
from django.utils.translation import gettext as _

from zhanggui.accounts.models import Merchant
from zhanggui.accounts.standing import Phase, Standing
from zhanggui.billing import periods, permissions
from zhanggui.core import clock
from zhanggui.ui.formats import moment

WARN_BEFORE = timedelta(days=max(periods.NOTICES))


def standing_of(merchant: Merchant) -> Standing:
    """Read the merchant's row and the clock; no statement, no job."""
    steps = merchant.plan_steps
    ends_at = merchant.plan_ends_at
    if not steps or ends_at is None:
        return Standing()
    now = clock.now()
    step = _present(steps, now)
    phase = periods.phase_at(ends_at, now)
    is_near = phase != Phase.RUNNING or ends_at - now <= WARN_BEFORE
    return Standing(
        phase=phase,
        features=frozenset(step["features"]),
        limits=step["limits"],
        plan=step["plan"],
        ends_at=ends_at,
        notice=_notice(phase, ends_at, is_trial=step["is_trial"]) if is_near else "",
        notice_tone="waiting" if phase == Phase.RUNNING else "danger",
        notice_url=reverse("billing:account", args=[merchant.slug]),
        notice_permission=permissions.VIEW.name,
    )


def _present(steps: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    begun = [
        step for step in steps if not step["from"] or datetime.fromisoformat(step["from"]) <= now
    ]
    return begun[-1]


def _words(phase: Phase, ends_at: datetime, *, is_trial: bool) -> str:
    if phase == Phase.RUNNING:
        text = _("The trial ends on %(end)s.") if is_trial else _("The plan ends on %(end)s.")
        return text % {"end": moment(ends_at)}
    if phase == Phase.GRACE:
        return _("The plan ended on %(end)s. Everything works until %(until)s.") % {
            "end": moment(ends_at),
            "until": moment(periods.read_only_from(ends_at)),
        }
    if phase == Phase.READ_ONLY:
        return _(
            "The plan ended on %(end)s. Everything can be read and exported; nothing new is taken."
        ) % {"end": moment(ends_at)}
    return _(
        "The plan ended on %(end)s and the shop is put away. Renew it to go on; on %(gone)s its "
        "customers' data are deleted."
    ) % {"end": moment(ends_at), "gone": moment(periods.deletable_from(ends_at))}


_notice = lazy(_words, str)
