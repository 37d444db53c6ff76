"""The handlers of errors and, outside production, the living page of the kit."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from zhanggui.core import numbers
from zhanggui.ui import errors, kit


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """``handler400``."""
    return errors.refuse(request, 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """``handler403``."""
    return errors.refuse(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """``handler404``."""
    return errors.refuse(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """``handler500``."""
    return errors.refuse(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """``CSRF_FAILURE_VIEW``: usually a page that stayed open past the sign-out."""
    return errors.refuse(request, 403, trouble=errors.STALE)


def kit_page(request: HttpRequest, name: str = "overview") -> HttpResponse:
    """One page of the living kit."""
    shown = kit.PAGES.get(name)
    if shown is None:
        return errors.refuse(request, 404)
    form = kit.SampleForm(request.POST or None)
    page = kit.samples(request) | {"form": form, "has_errors": bool(request.POST)}
    return render(request, f"ui/kit/{shown.template}", page)


def kit_error(request: HttpRequest, status: int) -> HttpResponse:
    """An error page, for looking at."""
    if status not in errors.TROUBLES:
        return errors.refuse(request, 404)
    answer = errors.refuse(request, status)
    if "phone" in request.GET:
        request.META["HTTP_USER_AGENT"] = "MicroMessenger"
        del request.__dict__["headers"]
        answer = errors.refuse(request, status)
    return answer


def kit_piece(request: HttpRequest) -> HttpResponse:
    """A piece that htmx fetches on the living page; ``?status=`` plays a failing server."""
    status = numbers.whole(request.GET.get("status", "200"))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return HttpResponse(status=status)
    if status != HTTPStatus.OK:
        return errors.refuse(request, status if status in errors.TROUBLES else 400)
    return render(request, "ui/kit/piece.html")
