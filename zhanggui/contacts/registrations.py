"""What this module tells the registries: rights, audit texts, names, the menu."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, permissions
from zhanggui.accounts.models import ActorKind
from zhanggui.contacts.models import Customer
from zhanggui.contacts.permissions import VIEW_CUSTOMERS
from zhanggui.ui import navigation

ACTIONS = {
    "contacts.customer.created": _("Customer added"),
    "contacts.link.created": _("WeChat identity linked"),
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    permissions.register(VIEW_CUSTOMERS)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_names(ActorKind.CUSTOMER, _names)
    audit.register_target("customer", _("Customer"), _names)
    navigation.register(
        surface="merchant",
        entry=navigation.Entry(
            "customers",
            _("Customers"),
            "users-group",
            "contacts:customers",
            VIEW_CUSTOMERS.name,
            order=60,
        ),
    )


def _names(ids: Collection[int]) -> Mapping[int, str]:
    return dict(Customer.objects.filter(pk__in=ids).values_list("pk", "name"))
