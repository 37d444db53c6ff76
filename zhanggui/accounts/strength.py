"""How sure a session is of its person: by one factor, or by two.

``services.open_session`` writes it down; guards ask before they let somebody in where a second
factor is needed: the platform always, merchants by their own rule.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect

from zhanggui.accounts.errors import SecondFactorNeeded

FACTORS_KEY = "_factors"
BOTH = 2


def is_weak(request: HttpRequest) -> bool:
    """Whether the person of this session proved one factor only."""
    return int(request.session.get(FACTORS_KEY, BOTH)) < BOTH


def prove(request: HttpRequest) -> None:
    """Note that the person has given the second factor, too."""
    request.session[FACTORS_KEY] = BOTH


def ask_for_second_factor(request: HttpRequest) -> HttpResponseRedirect:
    """Send somebody to the page of the second factor, and back here afterwards.

    Raises:
        SecondFactorNeeded: the request asks for a piece of a page or changes something (403).
    """
    if request.method != "GET" or request.headers.get("HX-Request") == "true":
        raise SecondFactorNeeded
    query = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{settings.SECOND_FACTOR_URL}?{query}")
