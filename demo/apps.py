"""The demo: data made by the services themselves, and the start page that lists sign-ins."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DemoConfig(AppConfig):
    name = "demo"
    label = "demo"
    verbose_name = _("Demo")

    def ready(self) -> None:
        """Say above every page when the clock was moved."""
        from demo import hours
        from zhanggui.ui import notices

        notices.register(hours.notice)
