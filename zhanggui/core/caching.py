"""What browsers and proxies may keep."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date


def never_stored[Request: HttpRequest, **P](
    view: Callable[Concatenate[Request, P], HttpResponse],
) -> Callable[Concatenate[Request, P], HttpResponse]:
    """Django's ``never_cache`` for a hot door: the same two headers, ready made."""

    @wraps(view)
    def answered(request: Request, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Expires"] = http_date()
        response["Cache-Control"] = "max-age=0, no-cache, no-store, must-revalidate, private"
        return response

    return answered
