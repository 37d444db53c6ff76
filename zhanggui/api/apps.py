"""The REST API for tills and other programs of a shop: tokens, the frame, its registries."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApiConfig(AppConfig):
    name = "zhanggui.api"
    label = "api"
    verbose_name = _("Interface for tills")

    def ready(self) -> None:
        """Register rights, audit texts, menu and the module's own scope."""
        from zhanggui.api import registrations

        registrations.register_all()
