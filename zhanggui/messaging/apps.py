"""Messaging: one door to send, templates, delivery log, wallet of SMS credits."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    name = "zhanggui.messaging"
    label = "messaging"
    verbose_name = _("Messages")

    def ready(self) -> None:
        """Fill the registries."""
        from zhanggui.messaging import registrations

        registrations.register_all()
