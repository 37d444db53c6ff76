"""WeChat: official accounts, OAuth, callbacks, messages, over the platform's real protocol."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WechatConfig(AppConfig):
    name = "zhanggui.channels.wechat"
    label = "wechat"
    verbose_name = _("WeChat")
