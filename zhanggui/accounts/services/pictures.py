"""Small pictures of sign-in pages, shops, cards: made anew without what they carried, kept.

They are public; whatever else merchants upload goes to the file storage instead.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from io import BytesIO
from typing import Protocol
from warnings import catch_warnings, simplefilter

from django.db import transaction
from django.db.models import QuerySet
from PIL import Image, ImageOps, UnidentifiedImageError

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import PictureTooBig, PictureUnreadable
from zhanggui.accounts.models import Merchant, Operator, PictureKind, PlacePicture
from zhanggui.core import clock, tokens

BYTES_AT_MOST = 5 * 1024 * 1024
PIXELS_AT_MOST = 40_000_000
PNG_HEAD = b"\x89PNG"
FORMATS = ("JPEG", "PNG", "WEBP")
LONGEST_SIDE = {PictureKind.LOGO: 512, PictureKind.BACKGROUND: 1920, PictureKind.CARD: 1080}
DRAFT_LIFE = timedelta(days=1)


class Pictured(Protocol):
    """A row that shows a picture, such as a programme or a coupon's template."""

    picture_token: str

    def save(self, *, update_fields: Collection[str]) -> None:
        """Write the row."""


def cleaned(content: bytes, kind: PictureKind, *, form: str = "WEBP") -> bytes:
    """The picture as WebP (or PNG) in the size it is shown in; place, camera and the like are gone.

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
    picture.save(made, form, quality=82, method=4)
    return made.getvalue()


def keep(*, place: Operator | Merchant | None, kind: PictureKind, content: bytes) -> str:
    """Store a cleaned picture; answers the token it is shown under."""
    token = tokens.new_token()
    PlacePicture.objects.create(
        operator=place if isinstance(place, Operator) else None,
        merchant=place if isinstance(place, Merchant) else None,
        kind=kind,
        token=token,
        content=content,
    )
    return token


def set_logo(merchant: Merchant, content: bytes | None, *, actor: Actor) -> None:
    """``change_logo``, or ``remove_logo`` without a picture."""
    if content is None:
        remove_logo(merchant=merchant, actor=actor)
    else:
        change_logo(merchant=merchant, content=content, actor=actor)


def change_logo(*, merchant: Merchant, content: bytes, actor: Actor) -> None:
    """Put another logo on a shop, in its scope; printed codes keep the one they were made with.

    Raises:
        PictureUnreadable, PictureTooBig: as ``cleaned``; nothing was changed.
    """
    clean = cleaned(content, PictureKind.LOGO, form="PNG")  # WeChat shows no WebP when shared
    with transaction.atomic():
        _set_logo(merchant, keep(place=merchant, kind=PictureKind.LOGO, content=clean))
        audit.record(actor, "accounts.logo.changed", f"merchant:{merchant.pk}")


def remove_logo(*, merchant: Merchant, actor: Actor) -> None:
    """Take the logo off a shop, in its scope."""
    with transaction.atomic():
        if _set_logo(merchant, ""):
            audit.record(actor, "accounts.logo.removed", f"merchant:{merchant.pk}")


def _set_logo(merchant: Merchant, token: str) -> str:
    """Put a token on the shop's row; answers the one before, whose picture is gone."""
    row = Merchant.objects.select_for_update().get(pk=merchant.pk)
    before, row.logo_token = row.logo_token, token
    row.save(update_fields=["logo_token"])
    merchant.logo_token = token
    forget(before)
    return before


def put_on(
    row: Pictured,
    *,
    merchant: Merchant,
    content: bytes | None,
    kind: PictureKind = PictureKind.CARD,
) -> bool:
    """Put a picture on a row that the caller has locked; None takes it off.

    Returns:
        Whether anything changed.

    Raises:
        PictureUnreadable, PictureTooBig: as ``cleaned``; nothing was changed.
    """
    before = row.picture_token
    if content is None and not before:
        return False
    clean = None if content is None else cleaned(content, kind)
    row.picture_token = ""
    if clean is not None:
        row.picture_token = keep(place=merchant, kind=kind, content=clean)
    row.save(update_fields=["picture_token"])
    forget(before)
    return True


def draft(*, merchant: Merchant, content: bytes, kind: PictureKind = PictureKind.CARD) -> str:
    """Keep the picture of a form that is not saved yet; answers its token.

    Nobody sees it but who sent it; ``adopt`` puts it to use, else it is gone after a day.

    Raises:
        PictureUnreadable, PictureTooBig: as ``cleaned``; nothing was kept.
    """
    clean = cleaned(content, kind)
    return keep(place=merchant, kind=PictureKind.DRAFT, content=clean)


def is_draft(token: str, merchant: Merchant) -> bool:
    """Whether a form may still name this picture."""
    return bool(token) and _drafts(merchant).filter(token=token).exists()


def adopt(token: str, merchant: Merchant, kind: PictureKind = PictureKind.CARD) -> str:
    """Put a draft to use, once, in the transaction of the row that shows it.

    Returns:
        The token; empty when there is no such draft of this shop (any more).
    """
    found = _drafts(merchant).filter(token=token)
    return token if token and found.update(kind=kind) else ""


def forget_drafts() -> int:
    """Remove pictures of forms that were never saved; answers how many."""
    old = PlacePicture.objects.filter(
        kind=PictureKind.DRAFT, created_at__lt=clock.now() - DRAFT_LIFE
    )
    return old.delete()[0]


def _drafts(merchant: Merchant) -> QuerySet[PlacePicture]:
    return PlacePicture.objects.filter(merchant=merchant, kind=PictureKind.DRAFT)


def copied(token: str, merchant: Merchant) -> str:
    """The token of a copy, for a row that is a copy; empty without a picture."""
    found = PlacePicture.objects.filter(token=token, merchant=merchant).first() if token else None
    if found is None:
        return ""
    return keep(place=merchant, kind=PictureKind.CARD, content=bytes(found.content))


def logo_of(merchant: Merchant) -> bytes | None:
    """A shop's logo as PNG, at most 512 px; None without one."""
    return content_of(merchant.logo_token)


def content_of(token: str) -> bytes | None:
    """A picture to draw with; None without one."""
    found = PlacePicture.objects.filter(token=token).first() if token else None
    return bytes(found.content) if found else None


def forget(token: str) -> None:
    """Remove a picture nobody shows any more."""
    if token:
        PlacePicture.objects.filter(token=token).delete()
