"""Static files are answered before Django, everything else by it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import brotli  # type: ignore[import-untyped]
import pytest
from pytest_django import Settings
from rcssmin import cssmin  # type: ignore[import-untyped]

from zhanggui.ui.staticfiles import with_static_files


def django(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"django"]


def get(application: Any, path: str, **environ: Any) -> tuple[str, dict[str, str], bytes]:
    environ["PATH_INFO"] = path
    setup_testing_defaults(environ)
    said: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        said.update(status=status, headers=dict(headers))

    answer = application(environ, start)
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return said["status"], said["headers"], body


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/static/ui/js/ui.js", "text/javascript"),
        ("/static/vendor/weui/weui-button.min.css", "text/css"),
    ],
)
def test_own_and_vendor_files(path: str, kind: str) -> None:
    status, headers, body = get(with_static_files(django), path)
    assert status == "200 OK"
    assert headers["Content-Type"].startswith(kind)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert len(body) > 100


@pytest.mark.parametrize(
    "path",
    ["/ui/", "/static/ui/js/missing.js", "/static/../package.json", "/static/vendor/package.json"],
)
def test_all_else_is_djangos(path: str) -> None:
    assert get(with_static_files(django), path)[2] == b"django"


def test_production_serves_what_was_collected(settings: Settings, tmp_path: Path) -> None:
    settings.IS_PRODUCTION = True
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "collected.css").write_text("p{}")
    application = with_static_files(django)

    assert get(application, "/static/collected.css")[2] == b"p{}"
    assert get(application, "/static/ui/js/ui.js")[2] == b"django"


class TestCompressed:
    CSS = "/static/ui/css/phone.css"

    @pytest.mark.parametrize(
        ("accepts", "encoding", "unpack"),
        [("gzip, deflate", "gzip", gzip.decompress), ("gzip, br", "br", brotli.decompress)],
        ids=["gzip", "brotli"],
    )
    def test_to_browsers_that_take_it(
        self,
        settings: Settings,
        tmp_path: Path,
        accepts: str,
        encoding: str,
        unpack: Callable[[bytes], bytes],
    ) -> None:
        settings.STATIC_PACKED = tmp_path / "packed"
        application = with_static_files(django)
        _status, plain, body = get(application, self.CSS)
        _status, headers, packed = get(application, self.CSS, HTTP_ACCEPT_ENCODING=accepts)

        assert "Content-Encoding" not in plain
        assert headers["Content-Encoding"] == encoding
        assert headers["Vary"] == plain["Vary"] == "Accept-Encoding"
        assert int(headers["Content-Length"]) == len(packed) < len(body) / 3
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert b"/* buttons" in body  # as it was written
        assert unpack(packed) == cssmin(body.decode()).encode()

    def test_what_others_minified_stays_as_it_is(self, settings: Settings, tmp_path: Path) -> None:
        settings.STATIC_PACKED = tmp_path / "packed"
        application = with_static_files(django)
        path = "/static/vendor/htmx/htmx.min.js"
        body = get(application, path)[2]
        assert brotli.decompress(get(application, path, HTTP_ACCEPT_ENCODING="br")[2]) == body

    def test_the_next_start_finds_the_copies(self, settings: Settings, tmp_path: Path) -> None:
        settings.STATIC_PACKED = tmp_path / "packed"
        with_static_files(django)
        made = {file: file.stat().st_mtime_ns for file in settings.STATIC_PACKED.iterdir()}
        with_static_files(django)
        assert {file: file.stat().st_mtime_ns for file in settings.STATIC_PACKED.iterdir()} == made

    def test_a_disk_that_takes_nothing_costs_only_weight(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        (tmp_path / "packed").write_text("no folder")
        settings.STATIC_PACKED = tmp_path / "packed"
        application = with_static_files(django)
        status, headers, body = get(application, self.CSS, HTTP_ACCEPT_ENCODING="gzip")
        assert status == "200 OK"
        assert "Content-Encoding" not in headers
        assert b"zg-phone" in body
