"""The one way of a page that takes a picture: send one, replace it, take it off."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.services import pictures
from zhanggui.accounts.tier_forms import PictureForm
from zhanggui.core.errors import DomainError


def take(
    request: HttpRequest, change: Callable[[bytes | None], object]
) -> tuple[PictureForm, int] | None:
    """Read what was sent and change the picture; None when it is done.

    Args:
        request: a POST; ``do=remove`` takes the picture off.
        change: the service; gets the picture's content, or None to take it off.

    Returns:
        The form with its errors and the status to answer, when nothing was changed.
    """
    if request.POST.get("do") == "remove":
        change(None)
        messages.success(request, _("Removed."))
        return None
    form = PictureForm(request.POST, request.FILES)
    if not form.is_valid():
        return form, 422
    try:
        change(form.cleaned_data["picture"].read(pictures.BYTES_AT_MOST + 1))
    except DomainError as refusal:
        return form, put_refusal(form, refusal, "picture")
    messages.success(request, _("Saved."))
    return None
