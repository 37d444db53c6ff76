"""Pictures from outside are decoded and written anew; what hides in them is gone."""

from __future__ import annotations

import io
import struct
import zlib
from io import BytesIO

import pillow_heif
import pytest
from PIL import Image

from zhanggui.core import pictures
from zhanggui.core.pictures import (
    PictureDamaged,
    PictureIsDrawing,
    PictureKind,
    PictureTooLarge,
)
from zhanggui.files.tests.factories import picture

pytestmark = pytest.mark.spec("platform P34")
GPS, ORIENTATION, MAKE = 0x8825, 0x0112, 0x010F
RED, BLUE = (254, 0, 0), (0, 0, 254)


def exif(*, orientation: int = 1) -> bytes:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    tags[MAKE] = "SecretCamera"
    place = tags.get_ifd(GPS)
    place[1], place[2] = "N", (30.0, 15.0, 0.0)
    place[3], place[4] = "E", (120.0, 9.0, 0.0)
    return tags.tobytes()


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def near(found: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) < 40 for one, other in zip(found[:3], wanted, strict=True))


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_three_sizes_none_enlarged(format_: str) -> None:
    found = pictures.clean(BytesIO(picture(format_=format_, size=(1000, 500))))
    assert [(one.name, one.width, one.height) for one in found] == [
        ("large", 1000, 500),
        ("medium", 800, 400),
        ("small", 240, 120),
    ]
    assert {opened(one.content).format for one in found} == {"JPEG"}


def test_place_and_camera_are_gone_and_the_picture_stands_upright() -> None:
    sent = picture(size=(60, 40), exif=exif(orientation=6))  # the camera was turned
    assert b"SecretCamera" in sent
    large = pictures.clean(BytesIO(sent))[0]
    assert (large.width, large.height) == (40, 60)
    assert not opened(large.content).getexif()
    assert b"SecretCamera" not in large.content
    assert near(opened(large.content).getpixel((20, 5)), RED)  # what was left is on top now


def test_heic_of_a_phone_with_gps() -> None:
    heif = pillow_heif.from_pillow(Image.open(BytesIO(picture(size=(64, 48)))))
    out = io.BytesIO()
    heif.save(out, exif=exif())
    assert b"SecretCamera" in out.getvalue()
    large = pictures.clean(BytesIO(out.getvalue()))[0]
    assert (large.content_type, large.width) == ("image/jpeg", 64)
    assert not opened(large.content).getexif()
    assert b"SecretCamera" not in large.content


def test_what_hides_behind_a_picture_is_gone() -> None:
    sent = picture() + b"<script>alert(1)</script>PK\x03\x04"
    assert all(b"script" not in one.content for one in pictures.clean(BytesIO(sent)))


def test_transparent_parts_stay_transparent() -> None:
    sent = picture(format_="PNG", mode="RGBA")
    large = pictures.clean(BytesIO(sent))[0]
    assert large.content_type == "image/png"
    assert opened(large.content).mode == "RGBA"


def bomb(side: int) -> bytes:
    """A PNG of some bytes that says it is huge."""

    def part(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    lines = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", lines) + part(b"IEND", b"")


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", PictureIsDrawing),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!-- --><svg/>", PictureIsDrawing),
        ("<svg>".encode("utf-16"), PictureIsDrawing),
        (b"%PDF-1.7", PictureKind),
        (b"GIF89a" + b"\0" * 50, PictureKind),
        (b"MZ\x90\0", PictureKind),
        (b"just text", PictureKind),
        (b"\xff\xd8\xff\xe0 no picture behind its first bytes", PictureDamaged),
        (picture()[:300], PictureDamaged),
        (picture(format_="PNG")[:60], PictureDamaged),
        (bomb(20_000), PictureTooLarge),
    ],
    ids=[
        "svg", "svg-xml", "svg-utf16", "pdf", "gif", "exe", "text", "head-only", "cut-jpeg",
        "cut-png", "pixel-bomb",
    ],
)  # fmt: skip
def test_is_refused(sent: bytes, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        pictures.clean(BytesIO(sent))
