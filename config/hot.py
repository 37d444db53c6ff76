"""Hot doors: few addresses with a short chain in front of the same view.

What is left out is what a hot door does itself in one statement (session, person) or never needs
(messages). Classes that only add the same headers to every answer are asked once for them.
Everything else is the same class in the same order as in ``settings.MIDDLEWARE``: host check,
CSRF, language, the log line.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.exception import (
    convert_exception_to_response,
    response_for_exception,
)
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, resolve
from django.utils import translation
from django.utils.datastructures import MultiValueDict
from django.utils.module_loading import import_string

from zhanggui.accounts.guards import wants_piece
from zhanggui.channels.wechat.views import hooks
from zhanggui.core import tokens
from zhanggui.core.middleware import answered
from zhanggui.stamps.hot.door import (
    card_door,
    is_holder,
    is_manager,
    manager_door,
    manager_page,
)
from zhanggui.stamps.views import pressing, redeeming, staff

LEFT_OUT = {
    "zhanggui.accounts.sessions.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
}
SAME_HEADERS = (
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
)
type View = Callable[..., HttpResponse]

DOORS: dict[str, View] = {
    "/staff/confirm": manager_door(staff.confirm_code),
    "/staff/redeem": manager_door(redeeming.redeem_code),
}
PAGES: dict[str, View] = {
    "/staff/ledger": manager_page(staff.ledger_page),
}
"""Pages for store managers; who is not known as one at once goes the ordinary way."""
CARD_PRESS = re.compile(r"/w/(?P<merchant>[-a-zA-Z0-9_]+)/cards/(?P<token>[-a-zA-Z0-9_]+)/press")
"""A stamp pressed on a customer's card; who is not its holder goes the ordinary way."""
PRESS_DOOR = card_door(pressing.press_card)
HOOK = "/hooks/wechat/"
"""Pushes: no cookie, no session, no form, no page, so nothing but the log line stands in front."""
MOST_SCHEMES = 8

type Handler = Callable[[HttpRequest], Any]
type Lane = Callable[[Callable[[], Answer | None]], Answer | None]
type Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def at_once(work: Callable[[], Answer | None]) -> Answer | None:
    """Work where one is."""
    return work()


class HotRequest(WSGIRequest):
    """A request whose form is read in a quarter of the time, if it is as pages of ours send it."""

    def _load_post_and_files(self) -> None:
        is_form = self.content_type == "application/x-www-form-urlencoded"
        if not is_form or getattr(self, "_read_started", False) or not self.body.isascii():
            super()._load_post_and_files()
            return
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        try:
            pairs = parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=most)
        except ValueError:  # too many fields: Django says so
            super()._load_post_and_files()
            return
        found: dict[str, list[str]] = {}
        for name, value in pairs:
            found.setdefault(name, []).append(value)
        self._post = MultiValueDict(found)
        self._files = MultiValueDict[str, Any]()


class Answer(NamedTuple):
    """What the web server sends."""

    status: str
    headers: list[tuple[str, str]]
    content: bytes


class HotDoors:
    """A WSGI application: hot doors through the short chain, all the rest to Django.

    Args:
        application: Django's.
        lane: does what happens behind a hot door, such as ``Lanes``; else the thread that came.
    """

    def __init__(self, application: Application, *, lane: Lane = at_once) -> None:
        self.application = application
        self._lane = lane
        self.matches = {
            (method, path): _match_of(resolve(path), view)
            for method, doors in (("POST", DOORS), ("GET", PAGES))
            for path, view in doors.items()
        }
        self.press = resolve("/w/x/cards/x/press")
        self.view_hooks: list[Callable[..., HttpResponseBase | None]] = []
        self.exception_hooks: list[Callable[..., HttpResponseBase | None]] = []
        if settings.SECURE_SSL_REDIRECT:
            message = "a hot door does not redirect to HTTPS: leave that to the proxy"
            raise ImproperlyConfigured(message)
        self.push_routes = {
            path: resolve(path).route
            for path in (f"{HOOK}x/", f"{HOOK}component/x/", f"{HOOK}component/x/x/")
        }
        self.push_headers: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.same_headers: dict[bool, list[tuple[str, str]]] = {}
        self.handler = self._chain()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request."""
        if environ["REQUEST_METHOD"] == "POST" and environ.get("PATH_INFO", "").startswith(HOOK):
            return self._push(environ, start_response)
        match = self._match(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        answer = None if match is None else self._lane(partial(self._through, environ, match))
        if answer is None:
            return self.application(environ, start_response)
        start_response(answer.status, answer.headers)
        return [answer.content]

    def _push(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Take a push of WeChat, without a request of Django's."""
        found = _push_door(environ["PATH_INFO"])
        query = _push_query(environ.get("QUERY_STRING", ""))
        if found is None or query is None or "HTTP_TRANSFER_ENCODING" in environ:
            return self.application(environ, start_response)
        door, app_ids, likeness = found
        started, request_id = time.perf_counter(), tokens.new_token(8).upper()
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        translation.deactivate()  # what the last request of this thread spoke
        try:
            status, text = door.answer(_sent(environ, query), app_ids)
            content = text.encode()
        except Exception as error:  # noqa: BLE001  told as Django tells it
            request = WSGIRequest(environ)
            response = response_for_exception(request, error)
            answered(
                request_id=request_id,
                method="POST",
                route=self.push_routes[likeness],
                status=response.status_code,
                seconds=time.perf_counter() - started,
            )
            sent = self._sent(request, response)
            start_response(sent.status, sent.headers)
            return [sent.content]
        finally:
            structlog.contextvars.reset_contextvars(**bound)
        answered(
            request_id=request_id,
            method="POST",
            route=self.push_routes[likeness],
            status=status,
            seconds=time.perf_counter() - started,
        )
        start_response(f"{status} {HTTPStatus(status).phrase}", self._headers_of_push(environ))
        return [content]

    def _headers_of_push(self, environ: dict[str, Any]) -> list[tuple[str, str]]:
        """What every answer to a push says; it follows from the scheme."""
        schemes = (environ["wsgi.url_scheme"], environ.get("HTTP_X_FORWARDED_PROTO", ""))
        known = self.push_headers.get(schemes)
        if known is None:
            own = ("Content-Type", hooks.CONTENT_TYPE)
            known = [own, *self._same_headers(WSGIRequest(environ))]
            if len(self.push_headers) < MOST_SCHEMES:
                self.push_headers[schemes] = known
        return known

    def _sent(self, request: HttpRequest, response: HttpResponseBase) -> Answer:
        own = response.headers
        headers = [*own.items(), *_cookies(response)]
        headers += [pair for pair in self._same_headers(request) if pair[0] not in own]
        status = f"{response.status_code} {response.reason_phrase}"
        return Answer(status, headers, b"".join(response))

    def _through(self, environ: dict[str, Any], match: ResolverMatch) -> Answer | None:
        """Answer at a hot door; None for whoever may not enter."""
        request = HotRequest(environ)
        try:
            may_enter = _may_enter(request, match)
        except DatabaseError:  # the ordinary chain meets it again and answers
            return None
        return self._sent(request, self.answer(request, match)) if may_enter else None

    def _match(self, method: str, path: str) -> ResolverMatch | None:
        """The match of a hot address, with its door in the place of the ordinary view."""
        known = self.matches.get((method, path))
        if known is not None or method != "POST":
            return known
        pressed = CARD_PRESS.fullmatch(path)
        return _match_of(self.press, PRESS_DOOR, **pressed.groupdict()) if pressed else None

    def answer(self, request: HttpRequest, match: ResolverMatch) -> HttpResponseBase:
        """Send a request through the short chain."""
        request.resolver_match = match
        response: HttpResponseBase = self.handler(request)
        return response

    def _same_headers(self, request: HttpRequest) -> list[tuple[str, str]]:
        """What those classes add to an answer; it differs by the scheme only (HSTS)."""
        is_secure = request.is_secure()
        known = self.same_headers.get(is_secure)
        if known is None:
            handler: Handler = _empty
            for name in SAME_HEADERS:
                handler = import_string(name)(handler)
            found = handler(request).items()
            known = [pair for pair in found if pair[0] != "Content-Type"]
            self.same_headers[is_secure] = known
        return known

    def _chain(self) -> Handler:
        handler: Handler = convert_exception_to_response(self._view)
        for name in reversed(settings.MIDDLEWARE):
            if name in LEFT_OUT or name in SAME_HEADERS:
                continue
            middleware = import_string(name)(handler)
            if hasattr(middleware, "process_view"):
                self.view_hooks.insert(0, middleware.process_view)
            if hasattr(middleware, "process_exception"):
                self.exception_hooks.append(middleware.process_exception)
            handler = convert_exception_to_response(middleware)
        return handler

    def _view(self, request: HttpRequest) -> HttpResponseBase:
        match = request.resolver_match
        assert match is not None  # noqa: S101  set by ``answer``
        for hook in self.view_hooks:
            response = hook(request, match.func, (), match.kwargs)
            if response is not None:
                return response
        return self._enter(match, request)

    def _enter(self, match: ResolverMatch, request: HttpRequest) -> HttpResponseBase:
        try:
            response: HttpResponseBase = match.func(request, **match.kwargs)
        except Exception as error:
            for hook in self.exception_hooks:
                told = hook(request, error)
                if told is not None:
                    return told
            raise
        return response


def _match_of(found: ResolverMatch, door: View, **names: str) -> ResolverMatch:
    return ResolverMatch(
        door,
        (),
        names,
        url_name=found.url_name,
        app_names=[*found.app_names],
        namespaces=[*found.namespaces],
        route=found.route,
    )


def _may_enter(request: HttpRequest, match: ResolverMatch) -> bool:
    """Whether somebody enters here at once; everybody else goes the ordinary way."""
    if request.method == "GET":
        return is_manager(request)
    if match.func is PRESS_DOOR and not is_holder(request, **match.kwargs):
        return False
    return wants_piece(request)


def _push_door(path: str) -> tuple[hooks.Door, dict[str, str], str] | None:
    """The door of a push's address, the places in it, and an address like it; None for others."""
    match path.removeprefix(HOOK).split("/"):
        case [app_id, ""] if app_id:
            return hooks.CALLBACK, {"app_id": app_id}, f"{HOOK}x/"
        case ["component", component_id, ""] if component_id:
            return hooks.COMPONENT, {"component_id": component_id}, f"{HOOK}component/x/"
        case ["component", component_id, app_id, ""] if component_id and app_id:
            app_ids = {"component_id": component_id, "app_id": app_id}
            return hooks.AUTHORISED, app_ids, f"{HOOK}component/x/x/"
    return None


def _push_query(query: str) -> dict[str, str] | None:
    """The fields of a push's address; None for what Django had better read."""
    if not query.isascii():
        return None
    most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=most))
    except ValueError:  # too many fields: Django says so
        return None


def _sent(environ: dict[str, Any], query: dict[str, str]) -> hooks.Sent:
    length = environ.get("CONTENT_LENGTH") or "0"
    stream = environ["wsgi.input"]
    # not beyond the declared length: what follows on the line is another request
    return hooks.Sent(False, query, length, lambda most: stream.read(min(most, int(length))))


def _empty(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _cookies(response: HttpResponseBase) -> list[tuple[str, str]]:
    return [
        ("Set-Cookie", morsel.output(header="").strip()) for morsel in response.cookies.values()
    ]
