"""Ledger: double entry, append-only, for every unit."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LedgerConfig(AppConfig):
    name = "zhanggui.ledger"
    label = "ledger"
    verbose_name = _("Ledger")

    def ready(self) -> None:
        """Register rights, audit texts, the menu, tasks and what waits."""
        from zhanggui.ledger import registrations

        registrations.register_all()
