"""Hot doors: few addresses with a short chain in front of the same view.

What is left out is what a hot door does itself in one statement (session, person) or never needs
(messages). Everything else is the same class in the same order as in
``settings.MIDDLEWARE``: host check, CSRF, language, security headers, the log line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, resolve
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import import_string

from zhanggui.accounts.guards import wants_piece
from zhanggui.stamps.door import manager_door
from zhanggui.stamps.views import staff

LEFT_OUT = {
    "zhanggui.accounts.sessions.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
}
DOORS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/staff/confirm": manager_door(staff.confirm_code),
}

type Handler = Callable[[HttpRequest], Any]
type Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class HotDoors:
    """A WSGI application: hot POSTs through the short chain, all the rest to Django."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.matches = {path: resolve(path) for path in DOORS}
        self.view_hooks: list[Callable[..., HttpResponseBase | None]] = []
        self.exception_hooks: list[Callable[..., HttpResponseBase | None]] = []
        self.handler = self._chain()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request."""
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] != "POST" or path not in DOORS:
            return self.application(environ, start_response)
        request = WSGIRequest(environ)
        if not wants_piece(request):
            return self.application(environ, start_response)
        response = self.answer(request, self.matches[path])
        headers = [*response.items(), *_cookies(response)]
        start_response(f"{response.status_code} {response.reason_phrase}", headers)
        return [b"".join(response)]

    def answer(self, request: HttpRequest, match: ResolverMatch) -> HttpResponseBase:
        """Send a request through the short chain."""
        request.resolver_match = match
        response: HttpResponseBase = self.handler(request)
        return response

    def _chain(self) -> Handler:
        handler: Handler = convert_exception_to_response(self._view)
        for name in reversed(settings.MIDDLEWARE):
            if name in LEFT_OUT:
                continue
            middleware = import_string(name)(handler)
            if hasattr(middleware, "process_view"):
                self.view_hooks.insert(0, middleware.process_view)
            if hasattr(middleware, "process_exception"):
                self.exception_hooks.append(middleware.process_exception)
            handler = convert_exception_to_response(middleware)
        return handler

    def _view(self, request: HttpRequest) -> HttpResponseBase:
        view = DOORS[request.path_info]
        for hook in self.view_hooks:
            response = hook(request, view, (), {})
            if response is not None:
                return response
        response = self._enter(view, request)
        patch_vary_headers(response, ["Cookie"])  # as the session would
        return response

    def _enter(
        self, view: Callable[[HttpRequest], HttpResponse], request: HttpRequest
    ) -> HttpResponseBase:
        try:
            return view(request)
        except Exception as error:
            for hook in self.exception_hooks:
                response = hook(request, error)
                if response is not None:
                    return response
            raise


def _cookies(response: HttpResponseBase) -> list[tuple[str, str]]:
    return [
        ("Set-Cookie", morsel.output(header="").strip()) for morsel in response.cookies.values()
    ]
