"""What the lists of this module offer."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import StoreState
from zhanggui.ui.lists import Choice, Column, ListPage, Sort

STORES = ListPage(
    name="accounts.stores",
    search=_("Name or address"),
    columns=(
        Column("name", _("Store"), is_fixed=True, sort="name"),
        Column("state", _("State")),
        Column("address", _("Address")),
        Column("phone", _("Telephone")),
        Column("created", _("Created on")),
    ),
    sorts=(
        Sort("open", pgettext_lazy("order of a list", "Open ones first"), ("-state", "pk")),
        Sort("name", pgettext_lazy("order of a list", "By name"), ("name", "pk")),
    ),
    filters=(Choice("state", _("State"), StoreState.choices, every=_("All states")),),
)
