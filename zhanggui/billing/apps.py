"""Billing: editions, trial, renewals, balance, orders."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "zhanggui.billing"
    label = "billing"
    verbose_name = _("Plan and orders")

    def ready(self) -> None:
        """Fill the registries."""
        from zhanggui.billing import registrations

        registrations.register_all()
