"""The demo's clock: moved on for trying what happens later, and set right again.

Product and sandbox move together, or the sandbox's pushes would look old.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from demo import sandbox
from zhanggui.billing import services
from zhanggui.core import clock
from zhanggui.ui.formats import moment
from zhanggui.ui.notices import Notice

STEPS = (1, 3, 7, 16, 30, 90)
"""Days the clock can be moved on at once."""


def move_on(days: int) -> None:
    """Move every clock of the demo on, and do at once what the jobs of the night would."""
    _set(clock.shift() + timedelta(days=days))
    services.lapse_orders()
    services.remind()


def set_right() -> None:
    """Bring every clock of the demo back to the real time; at each start, too."""
    if clock.shift():
        _set(clock.NOT_MOVED)


def _set(by: timedelta) -> None:
    sandbox.current().set_clock(by.total_seconds())
    clock.move(by)


def notice(request: HttpRequest) -> Iterator[Notice]:
    """The sentence above every page while the clock is moved."""
    if settings.IS_DEMO and clock.shift():
        yield Notice(
            _("The clock of the demo is moved: it is %(now)s.") % {"now": moment(clock.now())},
            "info",
            "clock-play",
            link_label=_("Move the clock"),
            link_url=reverse("demo:clock"),
            post_label=_("Back to the real time"),
            post_url=reverse("demo:clock_move"),
        )
