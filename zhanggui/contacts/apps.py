"""Contacts: one customer of one merchant, and the identities it is known by."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContactsConfig(AppConfig):
    name = "zhanggui.contacts"
    label = "contacts"
    verbose_name = _("Customers")

    def ready(self) -> None:
        """Register rights, audit texts and the menu."""
        from zhanggui.contacts import registrations

        registrations.register_all()
