"""The number at "Tasks" in the menu: looked up only for people who began a task lately.

Every page shows the menu; one more query on each for a number that is nearly always zero would be
a waste, so whoever begins a task leaves a mark in the session.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest

from zhanggui.core import clock
from zhanggui.files import selectors

MARK = "tasks_until"
FOR = timedelta(hours=2)


def follow(request: HttpRequest) -> None:
    """Show this person the number of running tasks for the next two hours."""
    request.session[MARK] = (clock.now() + FOR).isoformat()


def badge(request: HttpRequest) -> int | None:
    """How many tasks of this person run or wait."""
    until = request.session.get(MARK)
    person = getattr(request, "person", None)
    if not until or person is None or datetime.fromisoformat(until) < clock.now():
        return None
    return selectors.under_way(person.pk) or None
