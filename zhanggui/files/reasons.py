"""Why a task failed, in the language of whoever reads it now."""

from __future__ import annotations

from collections.abc import Iterator

from zhanggui.core.errors import DomainError
from zhanggui.files.models import Task


def _all(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _all(below)


def reason_of(task: Task) -> str:
    """The refusal's own text; as it was written down when the refusal is gone from the product."""
    if not task.error_code:
        return ""
    places = {name: value for name, value in task.error_details.items() if name != "text"}
    for refusal in _all(DomainError):
        if refusal.code == task.error_code:
            try:
                return refusal(**places).message
            except (KeyError, TypeError, ValueError):
                break
    return str(task.error_details.get("text", task.error_code))
