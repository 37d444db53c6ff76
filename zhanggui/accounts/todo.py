"""What waits for somebody on an overview; modules register their lists.

A source says what waits at once, or asks first. All questions of all sources go to the database
as one statement, so that the first page costs the same however many modules there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, QuerySet, Value
from django.db.models.functions import JSONObject
from django.utils.functional import Promise

from zhanggui.core import tenancy

Text = str | Promise
MERCHANT = "merchant"


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing that waits: what, why it matters, and where it is done."""

    title: Text
    reason: Text
    url: str
    icon: str = "checklist"
    tone: str = "waiting"
    order: int = 100


Found = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Question:
    """What a source must read before it can say what waits.

    Args:
        rows: which rows; may be grouped, ordered and cut to a length.
        answer: gets the values of all rows, in no certain order, and says what waits.
        values: what is wanted of each row, by name; must fit into JSON.
    """

    rows: QuerySet[Any, Any]
    answer: Callable[[Found], Iterable[Todo]]
    values: Mapping[str, Any] = field(default_factory=dict)


def how_many(rows: QuerySet[Any, Any], answer: Callable[[int], Iterable[Todo]]) -> Question:
    """The question how many rows there are."""
    grouped = rows.order_by().values(one=Value(1))
    return Question(
        grouped, lambda found: answer(sum(row["n"] for row in found)), {"n": Count("pk")}
    )


Source = Callable[[Any], Iterable[Todo | Question]]
"""Gets the guarded request of its surface: ``MerchantRequest``, ``OperatorRequest``, ..."""
_sources: dict[str, list[Source]] = {}


def register(source: Source, *, surface: str = MERCHANT) -> None:
    """Add a list to the overview of a surface (``merchant``, ``operator``, ``platform``).

    The source looks at the person's rights itself; a merchant's runs in the merchant's scope, that
    of a tier above over all merchants, so it names whose rows it wants.
    """
    known = _sources.setdefault(surface, [])
    if source not in known:
        known.append(source)


def waiting(request: Any, *, surface: str = MERCHANT) -> list[Todo]:
    """All that waits here for this person; one statement for all sources."""
    said = (source(request) for source in _sources.get(surface, ()))
    if surface == MERCHANT:
        return answers(said)
    with tenancy.all_merchants("what waits at a tier: counts only"):
        return answers(said)


def answers(said: Iterable[Iterable[Todo | Question]]) -> list[Todo]:
    """What sources say once their questions are answered, in order."""
    found: list[Todo] = []
    asked: list[Question] = []
    for one in (item for source in said for item in source):
        if isinstance(one, Question):
            asked.append(one)
        else:
            found.append(one)
    for question, rows in zip(asked, _read(asked), strict=True):
        found.extend(question.answer(rows))
    return sorted(found, key=lambda todo: todo.order)


def _read(asked: Sequence[Question]) -> list[list[Mapping[str, Any]]]:
    told: list[list[Mapping[str, Any]]] = [[] for _question in asked]
    parts = [
        question.rows.annotate(
            question=Value(place), told=JSONObject(**question.values)
        ).values_list("question", "told")
        for place, question in enumerate(asked)
    ]
    for first in parts[:1]:
        for place, values in first.union(*parts[1:], all=True):
            told[place].append(values)
    return told
