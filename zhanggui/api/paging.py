"""Lists by cursor: the cost of a page does not grow with its distance from the first one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from django.db.models import Model, QuerySet
from django.utils.translation import gettext_noop
from ninja import Query

from zhanggui.api.errors import CursorWrong
from zhanggui.api.schemas import PLAIN
from zhanggui.ui import paging

MOST = 100
SIZE = 50

Cursor = Annotated[
    str,
    Query(
        "",
        max_length=1000,
        pattern=PLAIN,
        description=gettext_noop("“next” of the page before; nothing for the first page."),
    ),
]
Limit = Annotated[
    int, Query(SIZE, ge=1, le=MOST, description=gettext_noop("Rows on a page, 100 at most."))
]


def page[Row: Model](
    rows: QuerySet[Row], *, order: Sequence[str], cursor: str, limit: int
) -> paging.Page[Row]:
    """One page of a list.

    Raises:
        CursorWrong: not a cursor of this list (E_CURSOR, 422).
    """
    if cursor and not paging.is_token(cursor, order=order):
        raise CursorWrong
    return paging.keyset(rows, order=order, after=cursor, size=limit)
