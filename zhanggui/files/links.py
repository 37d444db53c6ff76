"""Addresses of private files: signed, for one person, for an hour."""

from __future__ import annotations

from dataclasses import dataclass

from django.core import signing
from django.http import HttpRequest
from django.urls import reverse

from zhanggui.files.models import StoredFile

SALT = "zhanggui.files.links"
WORKS_S = 3600


@dataclass(frozen=True, slots=True)
class Link:
    """What an address stands for."""

    token: str
    variant: str


def _viewer(request: HttpRequest) -> str:
    key: str = request.actor.key  # type: ignore[attr-defined]  # every guard sets it
    return key


def address(stored: StoredFile, request: HttpRequest, *, variant: str = "") -> str:
    """An address for the person of this request; see ``services.file_url``."""
    signed = signing.dumps(
        [stored.merchant_id, stored.token, variant, _viewer(request)], salt=SALT, compress=False
    )
    merchant = request.merchant  # type: ignore[attr-defined]  # the merchant's guard sets it
    return reverse("files:show", args=[merchant.slug, signed])


def read(signed: str, request: HttpRequest, merchant_id: int) -> Link | None:
    """What a signed address stands for; None when it is damaged, over, or somebody else's."""
    try:
        merchant, token, variant, viewer = signing.loads(signed, salt=SALT, max_age=WORKS_S)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if merchant != merchant_id or viewer != _viewer(request):
        return None
    return Link(token, variant)
