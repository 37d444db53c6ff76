"""QR codes are drawn here and say what they were asked to say."""

from __future__ import annotations

from zhanggui.ui import qr

ADDRESS = "http://weixin.qq.com/q/02abcDEF"


def test_data_uri_fits_into_an_image() -> None:
    assert qr.data_uri(ADDRESS).startswith("data:image/svg+xml")
    assert qr.data_uri(ADDRESS) != qr.data_uri(f"{ADDRESS}x")


def test_file_for_print() -> None:
    assert qr.png(ADDRESS).startswith(b"\x89PNG\r\n\x1a\n")
