"""The form that says what a menu for some followers is called and whom it is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.channels.wechat.models import Platform
from zhanggui.contacts.models import Tag

EVERYBODY = pgettext_lazy("label of followers", "All followers")


class AudienceForm(forms.Form):
    """Name and rule; the labels are asked of WeChat when the page is there."""

    name = forms.CharField(
        label=pgettext_lazy("of a menu for some followers", "Name"),
        max_length=40,
        help_text=_("For yourselves, for example “Regulars”; followers do not see it."),
    )
    tag_id = forms.IntegerField(
        label=_("Label of followers"),
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        widget=forms.Select,
        help_text=_("Labels are made on the page of these menus, or in WeChat’s own console."),
    )
    platform = forms.ChoiceField(
        label=_("Kind of phone"),
        choices=[("", pgettext_lazy("kind of phone", "All phones")), *Platform.choices],
        required=False,
        help_text=_("Choose a label, a kind of phone, or both."),
    )

    def __init__(self, *args: Any, label: tuple[int | None, str] = (None, ""), **kwargs: Any):
        """``label``: number and name of the one that is chosen now."""
        super().__init__(*args, **kwargs)
        chosen = [label] if label[0] else []
        self.fields["tag_id"].widget.choices = [("", EVERYBODY), *chosen]

    def clean_name(self) -> str:
        """The name without signs that cannot be shown."""
        return "".join(sign for sign in self.cleaned_data["name"] if sign.isprintable())


class LabelForm(forms.Form):
    """A new label of followers, and which customers get it."""

    label_name = forms.CharField(
        label=pgettext_lazy("label of followers", "Name of the label"),
        max_length=30,
        help_text=_("For example “Regulars”. It stands at WeChat; followers do not see it."),
    )
    tag = forms.TypedChoiceField(
        label=_("Put it on customers with the tag"),
        required=False,
        empty_value=None,
        help_text=_("Those who follow this account. Do it again when the tag has changed."),
    )

    def __init__(self, *args: Any, tags: Sequence[Tag], **kwargs: Any) -> None:
        """``tags``: those of the shop; without any the field is left out."""
        super().__init__(*args, **kwargs)
        known = {str(tag.pk): tag for tag in tags}
        field = self.fields["tag"]
        if isinstance(field, forms.TypedChoiceField):
            field.coerce = known.__getitem__
            nobody = pgettext_lazy("customers who get a label", "Nobody yet")
            field.choices = [("", nobody), *((pk, tag.name) for pk, tag in known.items())]
        if not known:
            del self.fields["tag"]

    def clean(self) -> dict[str, Any]:
        """A place without tags chooses none."""
        return {"tag": None, **(super().clean() or {})}
