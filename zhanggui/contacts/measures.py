"""What this module counts on the overviews."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import figures
from zhanggui.accounts.models import Merchant
from zhanggui.contacts.models import Customer
from zhanggui.contacts.permissions import VIEW_CUSTOMERS
from zhanggui.contacts.selectors import GONE


def register_all() -> None:
    """Make the measures known."""
    figures.register(
        figures.Measure(
            "contacts.new_customers",
            _("New customers"),
            "user-plus",
            Customer,
            _customers,
            moment="created_at",
            where=~Q(state__in=GONE),
            permission=VIEW_CUSTOMERS.name,
            order=60,
            colour="celadon",
        ),
    )


def _customers(merchant: Merchant, span: figures.Span, store_id: int | None) -> str:
    days = {"created_from": span.first.isoformat(), "created_to": span.last.isoformat()}
    return f"{reverse('contacts:customers', args=[merchant.slug])}?{urlencode(days)}"
