"""SMS: one door to a provider or to the sandbox's gateway."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SmsConfig(AppConfig):
    name = "zhanggui.channels.sms"
    label = "sms"
    verbose_name = _("SMS")

    def ready(self) -> None:
        """Fill the registries."""
        from zhanggui.channels.sms import registrations

        registrations.register_all()
