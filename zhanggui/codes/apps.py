"""One-time codes: six digits bound to one operation."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CodesConfig(AppConfig):
    name = "zhanggui.codes"
    label = "codes"
    verbose_name = _("One-time codes")
