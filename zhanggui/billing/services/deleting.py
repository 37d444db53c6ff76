"""The end of a shop that was never renewed: 180 days after read-only its customers' data go.

Owners were told 30, 7 and 1 days before; nothing goes that nobody was warned of. Orders, the ledger
and the audit log stay, with numbers and without people; so does the merchant, in the archive.

Source: repairs specification U-45.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from zhanggui.accounts import audit, hooks
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import Actor, system_actor
from zhanggui.accounts.models import Merchant, TierState
from zhanggui.billing import periods
from zhanggui.billing.models import Reminder
from zhanggui.core import clock, tenancy

LAST_NOTICE = f"deletion-{min(periods.DELETION_NOTICES)}"
AFTER_NOTICE = timedelta(days=min(periods.DELETION_NOTICES))


def delete_due() -> int:
    """Delete the data of every shop whose day has come; answers how many shops. Run by a job."""
    now = clock.now()
    due = Merchant.objects.filter(
        plan_ends_at__lte=now - (periods.deletable_from(now) - now),
        state=TierState.ACTIVE,
        data_deleted_at=None,
    )
    actor = system_actor(gettext_noop("Deletion after a plan’s end"))
    return sum(_delete(merchant, actor) for merchant in due.order_by("pk"))


def _delete(merchant: Merchant, actor: Actor) -> bool:
    end = merchant.plan_ends_at
    assert end is not None  # noqa: S101  the filter leaves rows without an end out
    with tenancy.merchant_scope(merchant.pk):
        warned = Reminder.objects.filter(
            kind=LAST_NOTICE, ends_at=end, at__lte=clock.now() - AFTER_NOTICE
        )
        if not warned.exists():
            return False
        delete_data(merchant=merchant, actor=actor)
    return True


def delete_data(*, merchant: Merchant, actor: Actor) -> None:
    """Delete what the modules keep of the customers of the merchant in scope, then archive it.

    Each module works in pieces with transactions of its own, so that a shop with a million
    customers holds nothing up; stopped in the middle, the next run goes on.
    """
    removed = hooks.delete_data(merchant, actor)
    audit.record(
        actor, "billing.data.deleted", f"merchant:{merchant.pk}", details={"removed": removed}
    )
    Merchant.objects.filter(pk=merchant.pk).update(data_deleted_at=clock.now())
    with translation.override(settings.LANGUAGE_CODE):
        reason = _(
            "Its customers' data were deleted, 180 days after its plan had become read only."
        )
        account_services.archive_merchant(merchant=merchant, actor=actor, reason=reason)
