"""A shop asks for an amount by a link or a QR code; customers pay through WeChat Pay (收款)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CollectingConfig(AppConfig):
    name = "zhanggui.collecting"
    label = "collecting"
    verbose_name = _("Collecting money")

    def ready(self) -> None:
        """Register rights, audit texts, menus, the purpose of payments, customers' story."""
        from zhanggui.collecting import registrations

        registrations.register_all()
