"""Small pictures of sign-in pages: read, made anew without what they carried, kept in a row.

They belong to an operator or to the platform, never to a merchant, and are public; whatever
merchants upload goes to the file storage instead.
"""

from __future__ import annotations

from io import BytesIO
from warnings import catch_warnings, simplefilter

from PIL import Image, ImageOps, UnidentifiedImageError

from zhanggui.accounts.errors import PictureTooBig, PictureUnreadable
from zhanggui.accounts.models import Operator, PictureKind, PlacePicture
from zhanggui.core import tokens

BYTES_AT_MOST = 5 * 1024 * 1024
PIXELS_AT_MOST = 40_000_000
FORMATS = ("JPEG", "PNG", "WEBP")
LONGEST_SIDE = {PictureKind.LOGO: 512, PictureKind.BACKGROUND: 1920}


def cleaned(content: bytes, kind: PictureKind) -> bytes:
    """The picture as WebP in the size it is shown in; place, camera and the like are gone.

    Raises:
        PictureTooBig: more than 5 MB or 40 million pixels (E_PICTURE_BIG, 422).
        PictureUnreadable: not a JPEG, PNG or WebP picture (E_PICTURE_KIND, 422).
    """
    if len(content) > BYTES_AT_MOST:
        raise PictureTooBig
    side = LONGEST_SIDE[kind]
    try:
        with catch_warnings():
            simplefilter("ignore", Image.DecompressionBombWarning)
            picture: Image.Image = Image.open(BytesIO(content), formats=FORMATS)
            if picture.width * picture.height > PIXELS_AT_MOST:
                raise PictureTooBig
            picture = ImageOps.exif_transpose(picture)
            picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    except Image.DecompressionBombError as error:
        raise PictureTooBig from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise PictureUnreadable from error
    picture.thumbnail((side, side))
    made = BytesIO()
    picture.save(made, "WEBP", quality=82, method=4)
    return made.getvalue()


def keep(*, place: Operator | None, kind: PictureKind, content: bytes) -> str:
    """Store a cleaned picture; answers the token it is shown under."""
    token = tokens.new_token()
    PlacePicture.objects.create(operator=place, kind=kind, token=token, content=content)
    return token


def forget(token: str) -> None:
    """Remove a picture nobody shows any more."""
    if token:
        PlacePicture.objects.filter(token=token).delete()
