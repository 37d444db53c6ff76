"""Stamps (集章): programmes, cards, codes typed by store managers, ledger and figures."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StampsConfig(AppConfig):
    name = "zhanggui.stamps"
    label = "stamps"
    verbose_name = _("Stamps")

    def ready(self) -> None:
        """Register rights, audit texts, menus, panels and what waits for somebody."""
        from zhanggui.stamps.registrations import office, wiring

        wiring.connect()
        office.register_all()
