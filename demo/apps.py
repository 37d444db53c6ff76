"""The demo: data made by the services themselves, and the start page that lists sign-ins."""

from django.apps import AppConfig
from django.db.models.signals import post_save
from django.utils.translation import gettext_lazy as _


class DemoConfig(AppConfig):
    name = "demo"
    label = "demo"
    verbose_name = _("Demo")

    def ready(self) -> None:
        """Say above every page when the clock was moved; give the sandbox names of QR codes."""
        from demo import codes, hours
        from zhanggui.channels.wechat.models import SceneCode
        from zhanggui.ui import notices

        notices.register(hours.notice)
        post_save.connect(codes.on_saved, sender=SceneCode, dispatch_uid="demo.codes")
