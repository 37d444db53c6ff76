"""The nightly check of each merchant's ledger, and the alarm when something does not add up."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import ngettext

from zhanggui.accounts import audit, hooks
from zhanggui.accounts.models import Merchant
from zhanggui.core import clock, tenancy
from zhanggui.ledger import checks, sealing
from zhanggui.ledger.checks import Finding, Tell
from zhanggui.ledger.models import Account, Chain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zhanggui.accounts.actors import Actor

FAULTY = "ledger.check.failed"
CHECKED = "ledger.checked"
KEPT = 100
"""So many findings are kept for the page; the command lists all."""

log = structlog.get_logger("zhanggui.ledger")


def check_all(actor: Actor) -> int:
    """Check every merchant that has a ledger; answers how many of them do not add up."""
    with tenancy.all_merchants("every merchant's ledger is checked"):
        merchants = list(
            Account.objects.order_by("merchant_id").values_list("merchant_id", flat=True).distinct()
        )
    faulty = 0
    for merchant_id in merchants:
        with tenancy.merchant_scope(merchant_id):
            sealing.seal()
            faulty += bool(check(actor=actor).found)
    return faulty


def check(*, actor: Actor, tell: Tell = lambda _done: None) -> Chain:
    """Check the ledger of the merchant in scope and keep what was found.

    The first fault after a clean check is told to the owners; each check that finds some is in the
    audit log. The chain's end goes into the program's log: kept elsewhere, it also convicts
    somebody who can write into the database.

    Args:
        actor: the job, or whoever asked for it.
        tell: is told how many sealed bookings were hashed again.
    """
    began, hashed = time.monotonic(), 0

    def told(done: int) -> None:
        nonlocal hashed
        hashed = done
        tell(done)

    found = checks.findings(told)
    with transaction.atomic():
        head = sealing.locked_head()
        is_new = bool(found) and not head.found
        head.checked_at, head.checked_s = clock.now(), round(time.monotonic() - began, 3)
        head.checked = hashed
        head.found, head.findings = len(found), [_kept(one) for one in found[:KEPT]]
        head.save(update_fields=["checked_at", "checked", "checked_s", "found", "findings"])
        details = {"bookings": head.checked, "hash": head.hash, "found": head.found}
        if found:
            audit.record(actor, FAULTY, f"ledger:{head.merchant_id}", details=details)
        elif actor.id is not None:
            audit.record(actor, CHECKED, f"ledger:{head.merchant_id}", details=details)
        if is_new:
            _alarm(head.merchant_id, found)
    log.info("ledger checked", merchant_id=head.merchant_id, **details)
    if found:
        log.error("ledger does not add up", merchant_id=head.merchant_id, found=len(found))
    return head


def _kept(finding: Finding) -> dict[str, Any]:
    whole = {"expected": int(finding.expected), "found": int(finding.found)}
    return {**asdict(finding), **whole}


def _alarm(merchant_id: int, found: Sequence[Finding]) -> None:
    merchant = Merchant.objects.get(pk=merchant_id)
    with translation.override(settings.LANGUAGE_CODE):
        text = ngettext(
            "%(name)s: the check of the ledger found %(count)s fault. See Ledger check in the "
            "back office.",
            "%(name)s: the check of the ledger found %(count)s faults. See Ledger check in the "
            "back office.",
            len(found),
        ) % {"name": merchant.name, "count": len(found)}
    hooks.notify_owners(merchant, text)
