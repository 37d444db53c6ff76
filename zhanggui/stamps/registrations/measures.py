"""What this module counts on the overviews; each number is the count of the ledger's rows."""

from __future__ import annotations

from typing import Any

from django.db.models import Aggregate, Count, Q
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import figures
from zhanggui.accounts.models import Merchant
from zhanggui.stamps import permissions
from zhanggui.stamps.models import Kind, StampRecord

MOMENT = "at"
STORE = "store_id"


def register_all() -> None:
    """Make the measures known."""
    figures.register(
        figures.Measure(
            "stamps.given",
            _("Times stamped"),
            "rubber-stamp",
            StampRecord,
            _rows_of(Kind.ACCUMULATE),
            moment=MOMENT,
            where=Q(kind=Kind.ACCUMULATE),
            permission=permissions.VIEW.name,
            store_field=STORE,
            order=30,
        ),
        figures.Measure(
            "stamps.cancelled",
            _("Times cancelled"),
            "arrow-back-up",
            StampRecord,
            _rows_of(Kind.CANCEL),
            moment=MOMENT,
            where=Q(kind=Kind.CANCEL),
            permission=permissions.VIEW.name,
            store_field=STORE,
            order=50,
            good="down",
            colour="plum",
        ),
        figures.Measure(
            "stamps.customers",
            _("Customers who came"),
            "users",
            StampRecord,
            _rows_of(Kind.ACCUMULATE, "visitors"),
            moment=MOMENT,
            where=Q(kind=Kind.ACCUMULATE),
            total=_customers,
            permission=permissions.VIEW.name,
            store_field=STORE,
            for_tiers=False,
            order=40,
            colour="indigo",
        ),
    )


def _customers(inside: Q | None) -> Aggregate:
    return Count("customer_id", distinct=True, filter=inside)


def _rows_of(kind: Kind, page_name: str = "ledger") -> figures.Page:
    def page(merchant: Merchant, span: figures.Span, store_id: int | None) -> str:
        wanted: dict[str, Any] = {
            "kind": kind.value,
            "since": span.first.isoformat(),
            "until": span.last.isoformat(),
        }
        if store_id is not None:
            wanted["store"] = store_id
        return f"{reverse(f'stamps:{page_name}', args=[merchant.slug])}?{urlencode(wanted)}"

    return page
