"""Core: what every module stands on; no business tables."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "zhanggui.core"
    label = "core"
    verbose_name = _("Core")
