"""Pictures from outside: decoded, turned upright, made smaller, written anew without metadata.

What is kept never contains a byte of what was sent: place and camera (EXIF), comments and whatever
was hidden behind the picture are gone.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import BinaryIO

import pillow_heif
import puremagic
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from zhanggui.core.errors import DomainError

SIZES: Mapping[str, int] = {"large": 1600, "medium": 800, "small": 240}
"""Longest side in pixels; a smaller picture is not enlarged."""
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
MOST_PIXELS = 50_000_000
"""The largest pictures of present phones; decoded, one takes 150 MB."""
MOST_JPEG_PIXELS = 150_000_000
"""JPEG is decoded at a part of its size."""
QUALITY = 85
HEAD = 4096

_one_at_a_time = threading.Lock()


class PictureKind(DomainError):
    code = "E_PICTURE_KIND"
    status = 422
    text = _("This is no picture we can take. Choose a JPEG, PNG, WebP or HEIC file.")


class PictureIsDrawing(DomainError):
    code = "E_PICTURE_IS_SVG"
    status = 422
    text = _(
        "SVG drawings can carry programs, so they are not taken. Save it as PNG and choose that."
    )


class PictureDamaged(DomainError):
    code = "E_PICTURE_DAMAGED"
    status = 422
    text = _("This picture is damaged. Open it, save it again and choose the new one.")


class PictureTooLarge(DomainError):
    code = "E_PICTURE_TOO_LARGE"
    status = 422
    text = _("This picture has too many pixels. At most %(most)s million are taken.")


@dataclass(frozen=True, slots=True)
class Picture:
    """One size of a picture, ready to be kept."""

    name: str
    width: int
    height: int
    content: bytes
    content_type: str


def clean(file: BinaryIO, *, sizes: Mapping[str, int] = SIZES) -> list[Picture]:
    """Read a picture somebody sent and write it anew in some sizes.

    One picture at a time in a process, so that memory stays bounded.

    Args:
        file: as it was sent, at its beginning.
        sizes: names and longest sides.

    Returns:
        One picture a size, in that order: JPEG, or PNG where parts are transparent.

    Raises:
        PictureKind, PictureIsDrawing, PictureDamaged, PictureTooLarge: it is not taken (422).
    """
    _refuse_others(file)
    with _one_at_a_time:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # we look at the size ourselves
                return _clean(file, sizes)
        except UnidentifiedImageError:
            raise PictureKind from None
        except Image.DecompressionBombError:  # Pillow's own limit, about 180 million
            raise PictureTooLarge(most=MOST_PIXELS // 1_000_000) from None
        except (OSError, ValueError, SyntaxError, EOFError):
            raise PictureDamaged from None


def _refuse_others(file: BinaryIO) -> None:
    """Tell by its content what the file is; its name and its claimed type count for nothing."""
    head = file.read(HEAD)
    file.seek(0)
    if _looks_like_svg(head):
        raise PictureIsDrawing
    try:
        found = {kind.extension for kind in puremagic.magic_string(head)}
    except (puremagic.PureError, ValueError):
        found = set()
    if not found & {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".heic", ".heif", ".avif"}:
        raise PictureKind


def _looks_like_svg(head: bytes) -> bool:
    text = head.replace(b"\0", b"").lower()  # also of UTF-16
    return b"<svg" in text or (b"<?xml" in text[:200] and b"svg" in text)


@cache
def _know_heic() -> None:
    pillow_heif.register_heif_opener(thumbnails=False)


def _clean(file: BinaryIO, sizes: Mapping[str, int]) -> list[Picture]:
    _know_heic()
    with Image.open(file, formats=FORMATS) as opened:
        pixels = opened.width * opened.height
        most = MOST_JPEG_PIXELS if opened.format == "JPEG" else MOST_PIXELS
        if pixels > most:
            raise PictureTooLarge(most=most // 1_000_000)
        largest = max(sizes.values())
        opened.draft("RGB", (largest, largest))  # JPEG only: decodes an eighth to the whole
        opened.load()
        upright = ImageOps.exif_transpose(opened)
        profile = opened.info.get("icc_profile")
    return [
        _sized(_in_plain_colours(_shrunk(upright, largest), profile), name, longest)
        for name, longest in sizes.items()
    ]


def _shrunk(image: Image.Image, longest: int) -> Image.Image:
    small = image.copy() if max(image.size) <= longest else image
    if small is image:
        small = image.resize(_fit(image.size, longest), Image.Resampling.LANCZOS, reducing_gap=2.0)
    has_holes = small.mode in {"RGBA", "LA", "PA"} or "transparency" in small.info
    return small.convert("RGBA" if has_holes else "RGB")


def _fit(size: tuple[int, int], longest: int) -> tuple[int, int]:
    part = longest / max(size)
    return max(1, round(size[0] * part)), max(1, round(size[1] * part))


def _in_plain_colours(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Turn the camera's colours into sRGB, which is what a picture without profile is shown in."""
    if not profile:
        return image
    try:
        found = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
        )
    except (ImageCms.PyCMSError, OSError, ValueError):  # a profile of another colour space
        return image
    return found or image


def _sized(image: Image.Image, name: str, longest: int) -> Picture:
    small = image
    if max(image.size) > longest:
        small = image.resize(_fit(image.size, longest), Image.Resampling.LANCZOS)
    small.info.clear()  # comments and metadata would be written along
    out = BytesIO()
    if small.mode == "RGBA":
        small.save(out, "PNG", optimize=True)
        content_type = "image/png"
    else:
        small.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=True)
        content_type = "image/jpeg"
    return Picture(name, small.width, small.height, out.getvalue(), content_type)
