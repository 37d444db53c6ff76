"""What this module tells the registries."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import audit
from zhanggui.accounts import permissions as rights
from zhanggui.accounts.models import ActorKind, Store
from zhanggui.api import lists, permissions, registry, scopes
from zhanggui.api.models import ApiToken
from zhanggui.core import tenancy
from zhanggui.files import exports
from zhanggui.ui import formats, navigation, sections

if TYPE_CHECKING:
    from ninja import Router

ACTIONS = {
    "api.token.created": _("Token for a till made"),
    "api.token.changed": _("Token for a till changed"),
    "api.token.revoked": _("Token for a till revoked"),
    "codes.till.looked": _("Code looked at by a till"),
    "codes.till.refused": _("Code refused at a till"),
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    rights.register(*permissions.ALL)
    rights.register_area("api", pgettext_lazy("menu", "Tills and programs"), order=520)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_field("api.scopes", _("What it may do"), _scopes)
    audit.register_field("api.stores", _("In which stores"), _stores)
    audit.register_field("api.writes_a_day", _("Bookings in a day, at most"))
    audit.register_field("api.until", _("Works until"), _until)
    audit.register_names(ActorKind.TOKEN, _names)
    audit.register_target("api_token", _("Token for a till"), _names)
    exports.register(lists.EXPORT)
    registry.register("api", _routes)
    navigation.register(
        surface="merchant",
        entry=navigation.Entry(
            "api_tokens",
            pgettext_lazy("menu", "Tills and programs"),
            "device-desktop",
            "api:tokens",
            permissions.TOKENS.name,
            order=240,
            section=sections.COUNTER,
        ),
    )


def _names(ids: Collection[int]) -> audit.Rows:
    mine = ApiToken.objects.filter(merchant_id=tenancy.current_merchant_id())
    return mine.filter(pk__in=ids).values_list("pk", "name")


def _scopes(value: Any) -> str:
    names = value if isinstance(value, list) else []
    return "、".join(str(scope.label) for scope in scopes.named(map(str, names)))


def _stores(value: Any) -> str:
    ids = value if isinstance(value, list) else []
    stores = Store.objects.filter(pk__in=ids).order_by("name")
    return "、".join(stores.values_list("name", flat=True)) or str(_("in every store"))


def _until(value: Any) -> str:
    return formats.moment(datetime.fromisoformat(str(value))) if value else ""


def _routes() -> Router:
    from zhanggui.api.routes import router  # noqa: PLC0415  the frame imports this module's parts

    return router
