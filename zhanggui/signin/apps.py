"""Sign-in: signing up, signing in, second factors, forgotten passwords."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SigninConfig(AppConfig):
    name = "zhanggui.signin"
    label = "signin"
    verbose_name = _("Signing in and up")

    def ready(self) -> None:
        """Fill the registries."""
        from zhanggui.signin import registrations

        registrations.register_all()
