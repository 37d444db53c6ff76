"""QR codes are drawn here and say what they were asked to say."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from PIL import Image

from zhanggui.ui import qr

ADDRESS = "http://weixin.qq.com/q/02abcDEF"


def test_data_uri_fits_into_an_image() -> None:
    assert qr.data_uri(ADDRESS).startswith("data:image/svg+xml")
    assert qr.data_uri(ADDRESS) != qr.data_uri(f"{ADDRESS}x")


def test_file_for_print() -> None:
    assert qr.png(ADDRESS).startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("text", ["1", "074181", "ZG-7", ADDRESS])
def test_phones_read_it_whatever_it_says(text: str) -> None:
    """Never a Micro QR code, which short texts would fit into: WeChat does not read those."""
    smallest = 21 + 2 * qr.QUIET_ZONE

    width = re.search(r"width%3D%27(\d+)", qr.data_uri(text))
    picture = Image.open(BytesIO(qr.png(text, scale=1))).convert("L")

    assert width is not None
    assert int(width[1]) >= smallest
    assert picture.width >= smallest
    ink, far = 100, picture.width - qr.QUIET_ZONE - 1
    corners = [(qr.QUIET_ZONE, qr.QUIET_ZONE), (far, qr.QUIET_ZONE), (qr.QUIET_ZONE, far)]
    assert all(picture.getpixel(corner) < ink for corner in corners)  # type: ignore[operator]
