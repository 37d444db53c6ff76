"""The description of the API: for programs as OpenAPI, for people as a page without a CDN."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from zhanggui.accounts.guards import public_view
from zhanggui.api import answers, frame, scopes
from zhanggui.api.explaining import operations_of
from zhanggui.api.services import CALLS_A_MINUTE
from zhanggui.codes.errors import Locked

API = frame.build()


@public_view
@require_GET
def openapi(request: HttpRequest) -> HttpResponse:
    """OpenAPI 3.1, in the language of whoever reads it."""
    return JsonResponse(frame.described(API), json_dumps_params={"ensure_ascii": False})


@public_view
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The same for people: each call with its fields and an example to copy."""
    described = frame.described(API)
    example = Locked(retry_after_s=540)
    found: dict[str, Any] = {
        "about": described["info"]["description"],
        "groups": operations_of(described, settings.BASE_URL),
        "scopes": scopes.known(),
        "calls": CALLS_A_MINUTE,
        "refusal": json.dumps({"error": answers.told(example)}, ensure_ascii=False, indent=2),
    }
    return render(request, "api/docs.html", found)
