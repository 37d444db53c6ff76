"""The list of tokens, and how it is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.api import permissions, scopes, selectors
from zhanggui.api.models import ApiToken, TokenState
from zhanggui.core import clock
from zhanggui.files.exports import Column as SheetColumn
from zhanggui.files.exports import Export, Query
from zhanggui.ui.lists import Choice, Column, ListPage, Sort

CHUNK = 200
NEWEST = ("-created_at", "-id")
STATES: dict[TokenState, str | Promise] = {
    TokenState.ACTIVE: pgettext_lazy("state of a token", "In use"),
    TokenState.EXPIRED: pgettext_lazy("state of a token", "Expired"),
    TokenState.REVOKED: pgettext_lazy("state of a token", "Revoked"),
}
TONES = {
    TokenState.ACTIVE: "success",
    TokenState.EXPIRED: "waiting",
    TokenState.REVOKED: "muted",
}

TOKENS = ListPage(
    name="api.tokens",
    search=_("Name, or the last four signs"),
    columns=(
        Column("name", pgettext_lazy("till", "Token"), is_fixed=True),
        Column("state", _("State")),
        Column("scopes", _("May do")),
        Column("used", _("Last used")),
        Column("until", _("Works until")),
        Column("created", _("Made"), is_shown=False),
    ),
    sorts=(
        Sort("newest", pgettext_lazy("order of a list", "Newest first"), NEWEST),
        Sort("oldest", pgettext_lazy("order of a list", "Oldest first"), ("created_at", "id")),
    ),
    filters=(
        Choice(
            "state",
            _("State"),
            [(state.value, label) for state, label in STATES.items()],
            every=_("All states"),
        ),
    ),
)


def _found(query: Query) -> QuerySet[ApiToken]:
    return selectors.tokens(search=query.get("q"), values={"state": query.get("state")})


def _rows(query: Query) -> Iterator[tuple[Any, ...]]:
    moment = clock.now()
    for token in _found(query).order_by(*NEWEST).iterator(chunk_size=CHUNK):
        yield (
            token.name,
            f"…{token.tail}",
            str(STATES[token.state_at(moment)]),
            "; ".join(str(scope.label) for scope in scopes.named(token.scopes)),
            token.created_at,
            token.created_by,
            token.last_used_at,
            token.expires_at,
        )


EXPORT = Export(
    name="api.tokens",
    label=pgettext_lazy("menu", "Tills and programs"),
    permission=permissions.TOKENS.name,
    columns=(
        SheetColumn("name", pgettext_lazy("till", "Token"), width=24),
        SheetColumn("tail", _("Ends with")),
        SheetColumn("state", _("State")),
        SheetColumn("scopes", _("May do"), width=40),
        SheetColumn("created", _("Made"), kind="moment", width=18),
        SheetColumn("by", _("Made by"), width=18),
        SheetColumn("used", _("Last used"), kind="moment", width=18),
        SheetColumn("until", _("Works until"), kind="moment", width=18),
    ),
    rows=_rows,
    count=lambda query: int(_found(query).count()),
    parameters=frozenset({"q", "state"}),
)
