"""The picture code in front of every text message: four signs, one try, five minutes.

The picture is not kept: its answer travels sealed in the form, bound to the browser's session.
What is kept is the print of each one that was tried, so that it works only once.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import io
import json
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from captcha.audio import AudioCaptcha
from captcha.image import ImageCaptcha
from django.db import IntegrityError, transaction
from PIL import ImageEnhance

from zhanggui.core import clock, sealing, tokens
from zhanggui.core.retention import remove_in_batches
from zhanggui.signin.errors import PictureOver, PictureWrong
from zhanggui.signin.models import SpentPicture

COLUMN = "signin.picture"
SIGNS = "ACDEFHJKMNPRTUWXY34679"
"""No 0 and O, 1 and I and L, 2 and Z, 5 and S, 8 and B, V and U, Q."""
DIGITS = "0123456789"
LENGTH = 4
LASTS = timedelta(minutes=5)
WIDTH, HEIGHT = 160, 60
SIZES = (38, 42, 46)
INK = (31, 35, 40, 255)
PAPER = (247, 245, 241)
STRONGER = 1.8
"""The package draws pale signs; this keeps them readable on bad screens."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What somebody typed for a picture, and in which browser."""

    token: str
    typed: str
    browser: str


@dataclass(frozen=True, slots=True)
class _Answer:
    signs: str
    digits: str
    ends_at: float
    browser: str


def new_picture(browser: str) -> str:
    """A sealed token that stands for a new picture of this browser."""
    content = {
        "a": "".join(secrets.choice(SIGNS) for _ in range(LENGTH)),
        "d": "".join(secrets.choice(DIGITS) for _ in range(LENGTH)),
        "e": (clock.now() + LASTS).timestamp(),
        "b": browser,
    }
    sealed = sealing.seal(json.dumps(content), column=COLUMN, merchant_id=None)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _open(token: str) -> _Answer | None:
    try:
        sealed = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        content = json.loads(sealing.unseal(sealed, column=COLUMN, merchant_id=None))
    except (sealing.CannotOpen, binascii.Error, ValueError):
        return None
    return _Answer(content["a"], content["d"], content["e"], content["b"])


def png(token: str) -> bytes:
    """The picture.

    Raises:
        PictureOver: no token of ours, or an old one (410).
    """
    answer = _living(token)
    out = io.BytesIO()
    maker = ImageCaptcha(width=WIDTH, height=HEIGHT, font_sizes=SIZES)
    picture = maker.create_captcha_image(answer.signs, INK, PAPER)
    maker.create_noise_curve(picture, INK)
    ImageEnhance.Contrast(picture).enhance(STRONGER).save(out, format="png")
    return out.getvalue()


@cache
def _speaker() -> AudioCaptcha:
    return AudioCaptcha()  # reads its voice from the disk once


def wav(token: str) -> bytes:
    """Four digits, spoken: the other answer of the same picture, for whoever cannot see it.

    Raises:
        PictureOver: no token of ours, or an old one (410).
    """
    return bytes(_speaker().generate(_living(token).digits))


def _living(token: str) -> _Answer:
    answer = _open(token)
    if answer is None or answer.ends_at <= clock.now().timestamp():
        raise PictureOver
    return answer


def solve(challenge: Challenge) -> None:
    """Check what was typed; whatever the outcome, the picture is used up, committed at once.

    Raises:
        PictureOver: used up, older than five minutes, or of another browser (410).
        PictureWrong: other signs (422).
    """
    answer = _open(challenge.token)
    if answer is None:
        raise PictureOver
    try:
        with transaction.atomic(durable=True):
            SpentPicture(digest=tokens.digest(challenge.token), spent_at=clock.now()).save(
                force_insert=True
            )
    except IntegrityError:
        raise PictureOver from None
    is_ours = hmac.compare_digest(answer.browser.encode(), challenge.browser.encode())
    if not is_ours or answer.ends_at <= clock.now().timestamp():
        raise PictureOver
    typed = _folded(challenge.typed).encode()
    fits_signs = hmac.compare_digest(typed, answer.signs.encode())
    fits_digits = hmac.compare_digest(typed, answer.digits.encode())
    if not (fits_signs or fits_digits):
        raise PictureWrong


def _folded(typed: str) -> str:
    return "".join(unicodedata.normalize("NFKC", typed).split()).upper()


def forget() -> int:
    """Remove prints of pictures that are over anyway; answers how many."""
    return remove_in_batches(SpentPicture.objects.filter(spent_at__lt=clock.now() - 2 * LASTS))
