"""A hot door's answers may be kept as little as Django's ``never_cache`` allows."""

from __future__ import annotations

import time

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.views.decorators.cache import never_cache

from zhanggui.core.caching import never_stored


def page(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("x")


@pytest.mark.parametrize("name", ["Expires", "Cache-Control"])
def test_writes_the_headers_of_never_cache(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_795_327_200.0)
    request = RequestFactory().get("/")
    ours, theirs = never_stored(page)(request), never_cache(page)(request)

    assert ours[name] == theirs[name]
