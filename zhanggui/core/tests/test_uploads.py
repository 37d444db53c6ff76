"""No page takes a file: small ones are dropped, big ones refused unread."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path


def show(request: HttpRequest) -> HttpResponse:
    """What arrives at a view."""
    return JsonResponse({"fields": request.POST.dict(), "files": list(request.FILES)})


urlpatterns = [path("form", show), path("language", show, name="set_language")]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def test_a_file_is_dropped_and_the_fields_stay(client: Client) -> None:
    response = client.post("/form", {"name": "x", "file": BytesIO(b"y" * 100_000), "last": "z"})
    assert response.json() == {"fields": {"name": "x", "last": "z"}, "files": []}


def test_three_megabytes_are_refused_unread(client: Client) -> None:
    response = client.post("/form", {"name": "x", "file": BytesIO(b"y" * 3_000_000)})
    assert response.status_code == 400
