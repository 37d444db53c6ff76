"""What a refusal looks like: one shape for all, in both languages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from ninja.errors import HttpError, ValidationError

from zhanggui.api.errors import BodyBroken, InputWrong
from zhanggui.core.errors import DomainError

LANGUAGES = {"zh": "zh-hans", "en": "en"}
MOST_FIELDS = 20
UNAUTHORISED = 401


def refused(refusal: DomainError) -> HttpResponse:
    """``{"error": {"code", "text": {"zh", "en"}, "details", "retry_after"}}``."""
    response = JsonResponse({"error": told(refusal)}, status=refusal.status)
    if refusal.retry_after_s is not None:
        response["Retry-After"] = str(refusal.retry_after_s)
    if refusal.status == UNAUTHORISED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def told(refusal: DomainError) -> dict[str, Any]:
    """A refusal as programs read it."""
    texts = {}
    for name, language in LANGUAGES.items():
        with translation.override(language):
            texts[name] = refusal.message
    body: dict[str, Any] = {"code": refusal.code, "text": texts}
    with translation.override(LANGUAGES["zh"]):
        body["details"] = {key: _plain(value) for key, value in refusal.details.items()}
    if refusal.retry_after_s is not None:
        body["retry_after"] = refusal.retry_after_s
    return body


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | dict) else str(value)


def on_refusal(_request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """A service or a guard refused."""
    return refused(refusal)


def on_wrong_input(_request: HttpRequest, wrong: ValidationError) -> HttpResponse:
    """What was sent does not fit its schema."""
    fields = [
        {
            "field": ".".join(str(part) for part in fault["loc"]),
            "fault": fault["type"],
            "text": fault["msg"],
        }
        for fault in wrong.errors[:MOST_FIELDS]
    ]
    return refused(InputWrong(fields=fields))


def on_http_error(_request: HttpRequest, _error: HttpError) -> HttpResponse:
    """The frame raises it for one thing only: a body that is no JSON."""
    return refused(BodyBroken())
