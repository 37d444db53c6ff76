"""The frame around all routes: guard, refusals, the description for programs (OpenAPI).

Texts of the description are English in the code and translated when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver
from django.utils.translation import gettext, gettext_noop
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation
from pydantic import BaseModel

from zhanggui.api import answers, examples, registry
from zhanggui.api.guards import Bearer, token_view
from zhanggui.api.schemas import Refused
from zhanggui.core.errors import DomainError

PREFIX = "api/v1/"
VERSION = "1.0"
ABOUT = gettext_noop(
    "For tills and other programs of a shop. Each call carries a token that an owner made in the"
    " back office; it belongs to one shop, may be used in some of its stores and may do what its"
    " scopes say. Bodies are JSON in UTF-8. Every booking carries an Idempotency-Key: the same key"
    " again gets the same answer for 24 hours. Lists go on by cursor."
)
REFUSALS = frozenset({400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 503})
TOLD = {
    200: gettext_noop("Done."),
    400: gettext_noop("The body is not JSON, or a booking has no key."),
    401: gettext_noop("No token, or one that opens nothing."),
    403: gettext_noop("The token, the plan or the shop does not allow it."),
    404: gettext_noop("Not there: a wrong code, a store of others, an unknown customer."),
    405: gettext_noop("Another method than this address knows."),
    409: gettext_noop("Not possible as things are."),
    410: gettext_noop("It was there; its time is over."),
    413: gettext_noop("The body is too long."),
    422: gettext_noop("Something that was sent does not fit."),
    429: gettext_noop("Too many calls, wrong codes or bookings: wait."),
    503: gettext_noop("Busy; try again."),
}
SPOKEN = frozenset({"summary", "description"})
HEADERS = {
    "RateLimit-Limit": gettext_noop("Calls that the token has in a minute."),
    "RateLimit-Remaining": gettext_noop("Calls that are left."),
    "RateLimit-Reset": gettext_noop("Seconds until all of them are there again."),
}


def answer(out: type[BaseModel]) -> dict[Any, Any]:
    """What an operation answers, and that it refuses in the one shape."""
    return {200: out, REFUSALS: Refused}


class Api(NinjaAPI):
    """All operations behind one guard."""

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        patterns = [
            pattern
            for router in self._get_bound_routers()
            for pattern in router.urls_paths(router.prefix)
        ]
        for pattern in patterns:
            pattern.callback = token_view(pattern.callback)
        return list(patterns)

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The name of its function: unique, and what generated clients call it."""
        return operation.view_func.__name__


def build() -> Api:
    """Collect the routes of all modules."""
    api = Api(
        title="Zhanggui",
        version=VERSION,
        description=ABOUT,
        openapi_url=None,
        docs_url=None,
        urls_namespace="till",
        auth=Bearer(),
    )
    handlers: Mapping[type[Exception], Callable[..., Any]] = {
        DomainError: answers.on_refusal,
        ValidationError: answers.on_wrong_input,
        HttpError: answers.on_http_error,
    }
    for error, handler in handlers.items():
        api.add_exception_handler(error, handler)
    for router in registry.routers():
        api.add_router("", router)
    return api


def described(api: NinjaAPI) -> dict[str, Any]:
    """The OpenAPI description in the language of whoever reads it."""
    schema: dict[str, Any] = _spoken(dict(api.get_openapi_schema(path_prefix=PREFIX)))
    schema["servers"] = [{"url": settings.BASE_URL}]
    needed = _scopes(api)
    for operations in schema["paths"].values():
        for operation in operations.values():
            operation["x-scope"] = needed[operation["operationId"]]
            operation["responses"] = {
                str(status): _response(status, response)
                for status, response in operation["responses"].items()
            }
    examples.put(schema)
    return schema


def _scopes(api: NinjaAPI) -> dict[str, str]:
    """What a token needs for each operation; empty where any good one will do."""
    return {
        api.get_openapi_operation_id(operation): guard.scope
        for router in api._get_bound_routers()  # noqa: SLF001  its only door to the operations
        for view in router.path_operations.values()
        for operation in view.operations
        for guard in operation.auth_callbacks
        if isinstance(guard, Bearer)
    }


def _response(status: int, response: dict[str, Any]) -> dict[str, Any]:
    headers = {
        name: {"description": gettext(text), "schema": {"type": "integer"}}
        for name, text in HEADERS.items()
    }
    return {**response, "description": gettext(TOLD[status]), "headers": headers}


def _spoken(value: Any) -> Any:
    """A copy with every sentence translated, without the titles that only repeat names."""
    if isinstance(value, Mapping):
        return {
            key: gettext(inner)
            if key in SPOKEN and isinstance(inner, str) and inner
            else _spoken(inner)
            for key, inner in value.items()
            if not (key == "title" and isinstance(inner, str) and "type" in value)
        }
    return [_spoken(inner) for inner in value] if isinstance(value, list) else value
