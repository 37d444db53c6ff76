"""The picture of something new: it is chosen together with everything else.

What was sent is kept as a draft at once, so that a form with errors comes back with its picture.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.guards import MerchantRequest
from zhanggui.accounts.models import PictureKind, picture_url
from zhanggui.accounts.services import pictures
from zhanggui.core.errors import DomainError

NAME_SHOWN = 100


class WithPicture(forms.Form):
    """A form of something new that may carry a picture from the start.

    Its view is marked with ``takes_files`` and calls ``hold`` for every POST.
    """

    picture_kind: ClassVar = PictureKind.CARD

    picture = forms.FileField(
        label=_("Picture"),
        required=False,
        widget=forms.FileInput(
            attrs={"accept": "image/jpeg,image/png,image/webp", "data-picture": True}
        ),
        help_text=_(
            "On top of it, best 1080 by 450 pixels; JPEG, PNG or WebP, at most 5 MB."
            " It can also be added later."
        ),
    )
    picture_draft = forms.CharField(required=False, widget=forms.HiddenInput, max_length=40)
    picture_name = forms.CharField(required=False, widget=forms.HiddenInput)
    """What the file of the draft is called; browsers forget it when the page comes back."""

    def hold(self, request: MerchantRequest) -> None:
        """Keep the picture that was sent, or the one of the try before; once, before saving."""
        token = request.POST.get("picture_draft", "")
        if not pictures.is_draft(token, request.merchant):
            token = ""
        name = request.POST.get("picture_name", "")
        refused = ""
        sent = request.FILES.get("picture")
        if sent is not None:
            try:
                content = sent.read(pictures.BYTES_AT_MOST + 1)
                token = pictures.draft(
                    merchant=request.merchant, content=content, kind=self.picture_kind
                )
                name = sent.name or ""
            except DomainError as refusal:
                refused = refusal.message
        data = request.POST.copy()
        data["picture_draft"] = token
        name = name[:NAME_SHOWN] if token else ""
        data["picture_name"] = name
        self.data: Any = data
        if name:
            self.fields["picture"].widget.attrs["data-kept"] = name
            self.fields["picture"].help_text = _("Choosing another file replaces it.")
        if refused:
            self.add_error("picture", refused)

    @property
    def picture_token(self) -> str:
        """The draft this form holds; empty without one."""
        return str(self.data.get("picture_draft", ""))

    @property
    def picture_url(self) -> str:
        """Where the draft is shown; empty without one."""
        return picture_url(self.picture_token)
