"""Pages go out compressed, files as they are."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from zhanggui.core.middleware import CompressionMiddleware

LONG = "掌柜" * 2_000


def sent(response: HttpResponse | StreamingHttpResponse, accepts: str = "gzip") -> HttpResponse:
    """What goes out for a response."""
    request: HttpRequest = RequestFactory().get("/", headers={"Accept-Encoding": accepts})
    return CompressionMiddleware(lambda _request: response)(request)  # type: ignore[arg-type, return-value]


def test_a_page_is_compressed() -> None:
    answer = sent(HttpResponse(LONG))
    assert answer["Content-Encoding"] == "gzip"
    assert answer["Vary"] == "Accept-Encoding"
    assert int(answer["Content-Length"]) == len(answer.content) < 1_000
    assert gzip.decompress(answer.content).decode() == LONG


def test_two_answers_of_one_page_differ_in_length() -> None:
    lengths = {len(sent(HttpResponse(LONG)).content) for _ in range(40)}
    assert len(lengths) > 1


@pytest.mark.parametrize(
    ("response", "accepts"),
    [
        (HttpResponse(LONG), "identity"),
        (HttpResponse("短"), "gzip"),
        (HttpResponse(LONG, content_type="text/csv"), "gzip"),
        (HttpResponse(LONG, content_type="application/pdf"), "gzip"),
    ],
    ids=["browser", "short", "table", "file"],
)
def test_all_else_is_not(response: HttpResponse, accepts: str) -> None:
    before = response.content
    answer = sent(response, accepts)
    assert "Content-Encoding" not in answer
    assert answer.content == before


def test_a_stream_stays_a_stream() -> None:
    def rows() -> Iterator[str]:
        yield LONG

    answer = sent(StreamingHttpResponse(rows()))
    assert answer.streaming
    assert "Content-Encoding" not in answer
