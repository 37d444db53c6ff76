"""Pages go out compressed, files as they are."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import brotli  # type: ignore[import-untyped]
import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from zhanggui.core.middleware import CompressionMiddleware

LONG = "掌柜" * 2_000


def sent(response: HttpResponse | StreamingHttpResponse, accepts: str = "gzip") -> HttpResponse:
    """What goes out for a response."""
    request: HttpRequest = RequestFactory().get("/", headers={"Accept-Encoding": accepts})
    return CompressionMiddleware(lambda _request: response)(request)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("accepts", "encoding", "unpack"),
    [
        ("gzip", "gzip", gzip.decompress),
        ("gzip, deflate, br, zstd", "br", brotli.decompress),
        ("gzip, br;q=0", "gzip", gzip.decompress),
    ],
    ids=["gzip", "brotli", "brotli refused"],
)
def test_a_page_is_compressed(
    accepts: str, encoding: str, unpack: Callable[[bytes], bytes]
) -> None:
    answer = sent(HttpResponse(LONG), accepts)
    assert answer["Content-Encoding"] == encoding
    assert answer["Vary"] == "Accept-Encoding"
    assert int(answer["Content-Length"]) == len(answer.content) < 1_000
    assert unpack(answer.content).decode() == LONG


@pytest.mark.parametrize("accepts", ["gzip", "br"])
def test_answers_of_one_page_differ_in_length(accepts: str) -> None:
    answers = [sent(HttpResponse(LONG), accepts).content for _ in range(200)]
    lengths = {len(answer) for answer in answers}
    assert len(lengths) > 50
    assert max(lengths) - min(lengths) < 110


def test_what_hides_the_length_is_no_part_of_the_page() -> None:
    for _ in range(300):  # each length comes three times
        assert brotli.decompress(sent(HttpResponse(LONG), "br").content).decode() == LONG


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
