"""What surrounds every request: a log line with an id, compression, refusals as answers."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

import brotli  # type: ignore[import-untyped]
import structlog
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers

from zhanggui.core import metrics, tokens
from zhanggui.core.errors import DomainError

log = logging.getLogger("zhanggui.request")
Handler = Callable[[HttpRequest], HttpResponse]


def answered(*, request_id: str, method: str, route: str, status: int, seconds: float) -> None:
    """Count a request and write its line.

    The line is what structlog would write, made at once: each request has one, and a push costs
    little else.
    """
    metrics.request_answered(method=method, route=route, status=status, seconds=seconds)
    if not log.isEnabledFor(logging.INFO):
        return
    event = {
        "method": method,
        "route": route,
        "status": status,
        "took_ms": round(seconds * 1000, 1),
        "event": "request",
        "request_id": request_id,
        "level": "info",
        "logger": log.name,
    }
    record = logging.LogRecord(log.name, logging.INFO, "", 0, event, None, None)
    # the machine's clock, as in every other line; the product's own may be moved
    event["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat()[:-6] + "Z"
    log.handle(record)


class CompressionMiddleware:
    """Pages go out compressed to browsers that take it; files keep their length and their ranges.

    Brotli where the browser takes it: smaller than Django's gzip and quicker. Both hide how long a
    page is, so that nobody learns a secret from its size (BREACH).
    """

    WORTH_BYTES = 1_400
    """Less fits into one packet as it is."""
    TAKES_BROTLI = re.compile(r"\bbr\b(?!\s*;\s*q=0(\.0+)?\s*(,|$))")

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.gzip = GZipMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if response.streaming or not is_page or len(response.content) < self.WORTH_BYTES:
            return response
        if self.TAKES_BROTLI.search(request.headers.get("Accept-Encoding", "")):
            patch_vary_headers(response, ("Accept-Encoding",))
            response.content = brotli_page(response.content)
            response.headers["Content-Length"] = str(len(response.content))
            response.headers["Content-Encoding"] = "br"
        else:
            self.gzip.process_response(request, response)  # changes it
        return response


def brotli_page(content: bytes) -> bytes:
    """A page in brotli, with 1 to 100 random bytes that browsers skip.

    They stand in a metadata block (RFC 7932, section 9.2): no last block, a length of no nibbles,
    one byte for the number of bytes to skip less one.
    """
    packer = brotli.Compressor(mode=brotli.MODE_TEXT, quality=5, lgwin=18)
    skipped = 1 + secrets.randbelow(GZipMiddleware.max_random_bytes)
    head = 0b01_0_11_0 | (skipped - 1) << 6
    padding = head.to_bytes(2, "little") + secrets.token_bytes(skipped)
    packed: bytes = packer.process(content) + packer.flush() + padding + packer.finish()
    return packed


class RequestLogMiddleware:
    """One log line a request: method, route, status and time; the path's tokens stay out."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        request.support_code = tokens.new_token(8).upper()  # type: ignore[attr-defined]
        bound = structlog.contextvars.bind_contextvars(request_id=request.support_code)  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
            answered(
                request_id=request.support_code,  # type: ignore[attr-defined]
                method=request.method or "",
                route=request.resolver_match.route if request.resolver_match else "-",
                status=response.status_code,
                seconds=time.perf_counter() - started,
            )
        finally:
            structlog.contextvars.reset_contextvars(**bound)
        return response


class PlainInputMiddleware:
    """Refuse zero bytes in addresses and cookies (400): no text of the database can hold one.

    Form fields refuse them by themselves.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = (request.path_info, *request.COOKIES.values())
        if "%00" in request.META.get("QUERY_STRING", "") or any("\0" in text for text in given):
            message = "a zero byte in the address or a cookie"
            raise BadRequest(message)
        return self.get_response(request)


class LanguageMiddleware:
    """Chinese unless the person chose English on the page; what the browser prefers is ignored.

    Django's own would follow ``Accept-Language`` and greet a Chinese clerk whose phone came with
    English settings in English.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, settings.LANGUAGE_CODE)
        try:
            language = translation.get_supported_language_variant(chosen)
        except LookupError:
            language = settings.LANGUAGE_CODE
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Cookie"])
        return response


class RefusalMiddleware:
    """A refusal that no view caught becomes the matching page, or JSON for the API."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a ``DomainError``; anything else rises as the bug it is."""
        if not isinstance(exception, DomainError):
            return None
        return answer_refusal(request, exception)


def answer_refusal(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """The page for a refusal, or JSON for whoever asks for that."""
    if request.headers.get("Accept", "").startswith("application/json"):
        response: HttpResponse = JsonResponse({"error": refusal.as_json()}, status=refusal.status)
    else:
        response = render(request, "ui/refusal.html", {"refusal": refusal}, status=refusal.status)
    if refusal.retry_after_s is not None:
        response["Retry-After"] = str(refusal.retry_after_s)
    return response
