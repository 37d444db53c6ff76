"""WeChat Pay: accounts, payments, refunds, notifications, bills, over its real protocol (APIv3)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PayConfig(AppConfig):
    name = "zhanggui.channels.pay"
    label = "pay"
    verbose_name = _("WeChat Pay")

    def ready(self) -> None:
        """Register rights, audit texts, menus and the trial payment."""
        from zhanggui.channels.pay import registrations

        registrations.register_all()
