"""WeChat: official accounts, OAuth, callbacks, messages, over the platform's real protocol."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WechatConfig(AppConfig):
    name = "zhanggui.channels.wechat"
    label = "wechat"
    verbose_name = _("WeChat")

    def ready(self) -> None:
        """Register rights, audit texts, the menu and the customers' way to sign in."""
        from zhanggui.channels.wechat import registrations

        registrations.register_all()
