"""What this module tells the registries: rights, audit texts, menus, what waits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import (
    audit,
    features,
    finding,
    listkeeping,
    measures,
    navigation,
    permissions,
    rights,
    staff_registrations,
    tier_registrations,
    todo,
)
from zhanggui.accounts.models import ActorKind, Merchant, Person, Store, StoreState
from zhanggui.ui import lists, sections
from zhanggui.ui import navigation as menus

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest

ACTIONS = {
    "accounts.merchant.created": _("Merchant taken in"),
    "accounts.merchant.frozen": _("Merchant frozen"),
    "accounts.merchant.unfrozen": _("Merchant unfrozen"),
    "accounts.operator.created": _("Operator taken in"),
    "accounts.logo.changed": _("Logo of the shop changed"),
    "accounts.logo.removed": _("Logo of the shop removed"),
    "accounts.store.created": _("Store opened"),
    "accounts.store.edited": _("Store changed"),
    "accounts.store.located": _("Place of the store noted"),
    "accounts.store.closed": _("Store closed"),
    "accounts.store.reopened": _("Store reopened"),
    "accounts.person.created": _("Person created"),
    "accounts.person.renamed": _("Name changed"),
    "accounts.password.changed": _("Password changed"),
    "accounts.password.chosen": _("New password chosen by code"),
    "accounts.phone.changed": _("Mobile number changed"),
    "accounts.password.reset": _("New initial password given"),
    "accounts.view.shared": _("List view saved for everybody"),
    "accounts.view.unshared": _("Shared list view deleted"),
    "accounts.signed_in": _("Signed in"),
    "accounts.signed_out": _("Signed out"),
    "accounts.sign_in.refused": _("Sign-in refused"),
    "accounts.session.ended": _("Session ended"),
}

MERCHANT_PAGES = ("merchants/", "new-merchant", "billing/plans/")
"""Where else an operator or the platform is at its merchants."""


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    features.register(rights.OWN_ROLES)
    permissions.register(*rights.ALL)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_names(ActorKind.PERSON, _people)
    audit.register_target("person", _("Person"), _people)
    audit.register_target("store", _("Store"), _stores)
    audit.register_target("merchant", _("Merchant"), _merchants)
    todo.register(_first_steps)
    finding.register_all()
    staff_registrations.register_all()
    measures.register_all()
    lists.provide(listkeeping.ListKeeper())
    audit.register_target("view", _("List view"))
    menus.provide(may=navigation.may, places=navigation.places, somebody=navigation.somebody)
    _menus()
    tier_registrations.register_all()


def _menus() -> None:
    menus.add_surface(
        "operator",
        label="",
        prefix="/operator/",
        arguments=navigation.operator_arguments,
        search="accounts:operator_find",
    )
    for entry in (
        menus.Entry("overview", _("Overview"), "home", "accounts:overview", order=10),
        menus.Entry(
            "stores",
            _("Stores"),
            "building-store",
            "accounts:stores",
            rights.VIEW_STORES.name,
            order=500,
            section=sections.SHOP,
        ),
    ):
        menus.register(surface="merchant", entry=entry)
    menus.register(
        surface="operator",
        entry=menus.Entry(
            "overview",
            _("Overview"),
            "home",
            "accounts:operator_overview",
            rights.OPERATOR_VIEW.name,
            order=5,
            covers=("../figures/",),
        ),
    )
    menus.register(
        surface="operator",
        entry=menus.Entry(
            "merchants",
            _("Merchants"),
            "building-store",
            "accounts:operator",
            rights.OPERATOR_VIEW.name,
            covers=MERCHANT_PAGES,
        ),
    )
    for entry in (
        menus.Entry(
            "overview",
            _("Overview"),
            "home",
            "accounts:platform_overview",
            rights.PLATFORM_VIEW.name,
            order=5,
            covers=("../figures/",),
        ),
        menus.Entry(
            "merchants",
            _("Merchants"),
            "building-store",
            "accounts:platform",
            rights.PLATFORM_VIEW.name,
            order=10,
            covers=MERCHANT_PAGES,
        ),
        menus.Entry(
            "operators",
            _("Operators"),
            "affiliate",
            "accounts:operators",
            rights.PLATFORM_VIEW.name,
            order=20,
        ),
    ):
        menus.register(surface="platform", entry=entry)


def _people(ids: Collection[int]) -> audit.Rows:
    return Person.objects.filter(pk__in=ids).values_list("pk", "name")


def _stores(ids: Collection[int]) -> audit.Rows:
    return Store.objects.filter(pk__in=ids).values_list("pk", "name")


def _merchants(ids: Collection[int]) -> audit.Rows:
    return Merchant.objects.filter(pk__in=ids).values_list("pk", "name")


def _first_steps(request: MerchantRequest) -> Iterator[todo.Question]:
    slug = request.merchant.slug

    def first(many: int) -> Iterator[todo.Todo]:
        if not many:
            yield todo.Todo(
                _("Open the first store"),
                _("Stamps, staff and customers belong to a store."),
                reverse("accounts:store_new", args=[slug]),
                "building-store",
                order=10,
            )

    if rights.MANAGE_STORES.name in request.permissions:
        yield todo.how_many(Store.objects.filter(state=StoreState.OPEN), first)
