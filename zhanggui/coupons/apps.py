"""Coupons (优惠券): what shops promise, what customers hold, and every use of it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CouponsConfig(AppConfig):
    name = "zhanggui.coupons"
    label = "coupons"
    verbose_name = _("Coupons")

    def ready(self) -> None:
        """Register rights, audit texts, menus, messages, the desk's operation and lists."""
        from zhanggui.coupons import registrations

        registrations.register_all()
