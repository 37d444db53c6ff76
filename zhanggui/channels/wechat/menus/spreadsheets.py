"""Menus for some followers as a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.channels.wechat import spreadsheets
from zhanggui.channels.wechat.models import ConditionalMenu
from zhanggui.channels.wechat.permissions import EDIT_CONTENT
from zhanggui.files.exports import Column, Query, register


def _menus(query: Query) -> QuerySet[ConditionalMenu]:
    rows = ConditionalMenu.objects.filter(account__in=spreadsheets.own(query), archived_at=None)
    return rows.order_by("-pk")


def _cells(rows: Iterable[ConditionalMenu]) -> Iterable[spreadsheets.Row]:
    for row in rows:
        names = " · ".join(str(button.get("name", "")) for button in row.content)
        yield row.name, row.tag_name, str(row.get_platform_display()), names, row.shown_since


CONDITIONAL = spreadsheets.listed(
    "wechat.conditional_menus",
    _("Menus for some followers"),
    EDIT_CONTENT,
    (
        Column("name", pgettext_lazy("of a menu for some followers", "Name"), width=24),
        Column("label", _("Label of followers"), width=24),
        Column("phones", _("Kind of phone"), width=16),
        Column("menu", _("Menu"), width=40),
        Column("since", pgettext_lazy("a menu", "Published"), kind="moment", width=18),
    ),
    found=_menus,
    cells=_cells,
)


def register_all() -> None:
    """Offer it."""
    register(CONDITIONAL)
