"""What this module tells the registries: rights, audit texts, names, the menu."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, features, hooks, permissions
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import ActorKind, Merchant
from zhanggui.contacts import (
    conditions,
    finding,
    life_panels,
    long_work,
    measures,
    spreadsheets,
    story,
    timeline,
)
from zhanggui.contacts import permissions as rights
from zhanggui.contacts.models import Customer, Segment, Tag
from zhanggui.contacts.permissions import VIEW_CUSTOMERS
from zhanggui.ui import navigation

ACTIONS = {
    "contacts.customer.created": _("Customer added"),
    "contacts.link.created": _("WeChat identity linked"),
    "contacts.customer.edited": _("Customer changed"),
    "contacts.customer.noted": _("Note about a customer changed"),
    "contacts.customer.blocked": _("Customer blocked"),
    "contacts.customer.unblocked": _("Customer unblocked"),
    "contacts.customer.tagged": _("Tag put on a customer"),
    "contacts.customer.untagged": _("Tag taken off a customer"),
    "contacts.phone.proved": _("Phone number proved in WeChat"),
    "contacts.phone.revealed": _("Whole phone number looked at"),
    "contacts.tag.created": _("Tag made"),
    "contacts.tag.edited": _("Tag changed"),
    "contacts.tag.merged": _("Tags merged"),
    "contacts.tag.deleted": _("Tag deleted"),
    "contacts.customers.tag": _("Tag put on many customers"),
    "contacts.customers.untag": _("Tag taken off many customers"),
    "contacts.customers.block": _("Many customers blocked"),
    "contacts.customers.undone": _("Change of many customers taken back"),
    "contacts.customer.merged": _("Customers merged"),
    "contacts.customer.unmerged": _("Merge of customers taken back"),
    "contacts.link.split": _("WeChat identity split off"),
    "contacts.duplicates.searched": _("Duplicates searched"),
    "contacts.pair.dismissed": _("Two customers told apart"),
    "contacts.pair.reopened": _("Two customers to be compared again"),
    "contacts.erasure.requested": _("Erasure of a customer asked for"),
    "contacts.erasure.withdrawn": _("Erasure of a customer withdrawn"),
    "contacts.customer.erased": _("Data of a customer erased"),
    "contacts.person.exported": _("Everything about a customer handed out"),
    "contacts.place.told": _("Phone told where it is"),
    "contacts.segment.created": _("Segment made"),
    "contacts.segment.edited": _("Segment changed"),
    "contacts.segment.deleted": _("Segment deleted"),
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    features.register(rights.IMPORTING)
    permissions.register_area("contacts", _("Customers"), order=20)
    permissions.register(
        VIEW_CUSTOMERS,
        rights.EDIT_CUSTOMERS,
        rights.MANAGE_CUSTOMERS,
        rights.REVEAL_PHONES,
        rights.MERGE_CUSTOMERS,
        rights.IMPORT_CUSTOMERS,
        rights.KEEP_PRIVACY,
    )
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_names(ActorKind.CUSTOMER, _names)
    audit.register_target("customer", _("Customer"), _names)
    audit.register_target("tag", _("Tag"), _tags)
    audit.register_target("segment", _("Segment"), _segments)
    audit.register_target("bulk", _("Bulk change"))
    measures.register_all()
    conditions.register_own()
    for source in story.SOURCES:
        timeline.register(source)
    spreadsheets.register_all()
    long_work.register_all()
    life_panels.register_all()
    finding.register_all()
    hooks.on_data_deleted(_erase_everybody)
    navigation.register(
        surface="merchant",
        entry=navigation.Entry(
            "customers",
            _("Customers"),
            "users-group",
            "contacts:customers",
            VIEW_CUSTOMERS.name,
            order=60,
            covers=("../jobs/imports/",),
        ),
    )


def _erase_everybody(merchant: Merchant, actor: Actor) -> int:
    from zhanggui.contacts import services  # noqa: PLC0415  services are loaded after the apps

    return services.erase_everybody(actor=actor)


def _names(ids: Collection[int]) -> audit.Rows:
    return Customer.objects.filter(pk__in=ids).values_list("pk", "name")


def _tags(ids: Collection[int]) -> audit.Rows:
    return Tag.objects.filter(pk__in=ids).values_list("pk", "name")


def _segments(ids: Collection[int]) -> audit.Rows:
    return Segment.objects.filter(pk__in=ids).values_list("pk", "name")
