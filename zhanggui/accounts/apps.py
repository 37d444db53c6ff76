"""Accounts: people who sign in, the three tiers, roles, guards, audit log."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "zhanggui.accounts"
    label = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        """Register rights, audit texts, menus and what waits for somebody."""
        from zhanggui.accounts import registrations

        registrations.register_all()
