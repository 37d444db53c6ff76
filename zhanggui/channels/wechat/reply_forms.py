"""Forms of automatic replies and QR codes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.channels.wechat.menus.rules import REPLY_SIGNS, is_page_address
from zhanggui.channels.wechat.models import AutoReply, Occasion, ReplyKind
from zhanggui.channels.wechat.replies import rules
from zhanggui.channels.wechat.replies.rules import Word
from zhanggui.channels.wechat.replies.services import ReplyInput
from zhanggui.files import kinds
from zhanggui.ui.forms import LinesInput

WHOLE = "whole"
INSIDE = "inside"
WHOLE_MARK = "="
HIGHEST = 99


class ReplyForm(forms.Form):
    """One rule: what it listens for and what is answered."""

    words = forms.CharField(
        label=_("Words"),
        widget=LinesInput(attrs={"rows": 4}),
        help_text=_("One a line. Case and width do not matter."),
    )
    match = forms.ChoiceField(
        label=_("The message"),
        choices=[(INSIDE, _("contains one of them")), (WHOLE, _("is one of them, nothing else"))],
        initial=INSIDE,
        widget=forms.RadioSelect,
    )
    priority = forms.IntegerField(
        label=_("Priority"),
        min_value=0,
        max_value=HIGHEST,
        initial=0,
        required=False,
        help_text=_("When two rules fit, the higher number answers."),
    )
    kind = forms.ChoiceField(
        label=_("Answer with"),
        choices=ReplyKind.choices,
        initial=ReplyKind.TEXT,
        widget=forms.RadioSelect,
    )
    title = forms.CharField(
        label=pgettext_lazy("of a card", "Title"),
        max_length=64,
        required=False,
        help_text=_("Of a card: the large line."),
    )
    text = forms.CharField(
        label=pgettext_lazy("automatic reply", "Text"),
        max_length=REPLY_SIGNS,
        widget=LinesInput(attrs={"rows": 5}),
        required=False,
        help_text=_("Up to 600 characters; line breaks stay."),
    )
    page = forms.ChoiceField(
        label=_("Leads to"),
        required=False,
        help_text=_("Of a card: a page of ours, or any address below."),
    )
    url = forms.CharField(
        label=_("Address"),
        max_length=1024,
        required=False,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )
    picture_url = forms.CharField(
        label=_("Address of a picture"),
        max_length=500,
        required=False,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
        help_text=_("Of a card, if it shall have one: public, 900 × 500 looks best."),
    )
    picture = forms.FileField(
        label=pgettext_lazy("automatic reply", "Picture"),
        required=False,
        widget=forms.FileInput(attrs={"accept": kinds.PICTURE.accept}),
        help_text=_("JPEG, PNG, WebP or HEIC up to 10 MB."),
    )
    is_on = forms.BooleanField(label=_("Answers now"), required=False, initial=True)

    def __init__(
        self,
        *args: Any,
        occasion: Occasion,
        pages: list[tuple[str, str]],
        has_picture: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.occasion = occasion
        self.has_picture = has_picture
        if occasion != Occasion.KEYWORD:
            for name in ("words", "match", "priority"):
                del self.fields[name]
        field = self.fields["page"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [("", _("The address below")), *pages]

    def clean_words(self) -> list[str]:
        """The words, one a line."""
        lines = [line.strip() for line in str(self.cleaned_data["words"]).splitlines()]
        found = [line for line in lines if rules.fold(line)]
        if not found:
            raise forms.ValidationError(_("Write at least one word."))
        if len(found) > rules.MOST_WORDS:
            raise forms.ValidationError(_("At most 20 words; make a second rule for more."))
        if any(len(line) > rules.WORD_LENGTH for line in found):
            raise forms.ValidationError(_("A word has at most 30 characters."))
        return found

    def clean_url(self) -> str:
        """An address people can be sent to."""
        return _address(self.cleaned_data["url"])

    def clean_picture_url(self) -> str:
        """An address WeChat can fetch the picture from."""
        return _address(self.cleaned_data["picture_url"])

    def clean(self) -> dict[str, Any]:
        """Ask for what the chosen kind of answer needs."""
        clean: dict[str, Any] = super().clean() or {}
        if clean.get("kind") == ReplyKind.CARD:
            if not clean.get("title"):
                self.add_error("title", _("A card needs a title."))
            if not clean.get("page") and not clean.get("url") and "url" not in self.errors:
                self.add_error("url", _("Say where the card leads."))
        elif clean.get("kind") == ReplyKind.PICTURE:
            has_one = self.has_picture or clean.get("picture")
            if not has_one and "picture" not in self.errors:
                self.add_error("picture", _("Choose the picture."))
        elif not clean.get("text") and "text" not in self.errors:
            self.add_error("text", _("Write the answer."))
        return clean

    def values(self, *, picture: bytes = b"") -> ReplyInput:
        """What was typed, once the form is valid, with the picture as it was checked."""
        clean = self.cleaned_data
        is_whole = clean.get("match") == WHOLE
        return ReplyInput(
            occasion=self.occasion,
            kind=ReplyKind(clean["kind"]),
            words=[Word(text, is_whole) for text in clean.get("words", [])],
            priority=clean.get("priority") or 0,
            text=clean["text"],
            title=clean["title"],
            url=clean["url"],
            page=clean["page"],
            picture_url=clean["picture_url"],
            picture=picture,
            is_on=clean["is_on"],
        )


def initial_of(reply: AutoReply) -> dict[str, Any]:
    """A rule as its form shows it."""
    words = rules.words_of(reply)
    return {
        "words": "\n".join(word.text for word in words),
        "match": WHOLE if words and words[0].is_whole else INSIDE,
        **{
            name: getattr(reply, name)
            for name in ("priority", "kind", "text", "title", "url", "page", "picture_url", "is_on")
        },
    }


def _address(typed: str) -> str:
    address = typed.strip()
    if address and not is_page_address(address):
        raise forms.ValidationError(_("A whole address that begins with https://"))
    return address


class CodeForm(forms.Form):
    """A QR code: what it is for and what a scan does."""

    name = forms.CharField(
        label=_("What is it for?"),
        max_length=40,
        help_text=_("For yourselves, for example “Autumn fair, stand 3”."),
    )
    caption = forms.CharField(
        label=_("Caption"),
        max_length=40,
        required=False,
        help_text=_("Printed under the code, for example “Scan and get a card”."),
    )
    days = forms.TypedChoiceField(
        label=_("How long it is good"),
        coerce=int,
        choices=[
            (0, _("For ever")),
            (1, _("1 day")),
            (7, _("7 days")),
            (30, _("30 days")),
        ],
        initial=0,
        help_text=_(
            "An account has 100,000 permanent codes in all its life; they cannot be deleted. "
            "Take a temporary one for what is over soon."
        ),
    )
    reply = forms.CharField(
        label=_("What is said to whoever scans"),
        max_length=REPLY_SIGNS,
        required=False,
        widget=LinesInput(attrs={"rows": 4}),
        help_text=_("Empty: the account answers as it does to following."),
    )
    page = forms.ChoiceField(
        label=_("Leads to"), required=False, help_text=_("Offered as a card in the chat.")
    )
    page_url = forms.CharField(
        label=_("Address"),
        max_length=1024,
        required=False,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )
    tag_id = forms.TypedChoiceField(
        label=_("Tag for customers who scan it"), coerce=int, empty_value=None, required=False
    )

    def __init__(
        self,
        *args: Any,
        pages: list[tuple[str, str]],
        tags: list[tuple[str, str]] | None,
        is_new: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        page = self.fields["page"]
        assert isinstance(page, forms.ChoiceField)  # noqa: S101  for the type checker
        page.choices = [("", _("No page, or the address below")), *pages]
        if not is_new:
            del self.fields["days"]
        if tags is None:
            del self.fields["tag_id"]
        else:
            tag = self.fields["tag_id"]
            assert isinstance(tag, forms.ChoiceField)  # noqa: S101  for the type checker
            tag.choices = [("", _("No tag")), *tags]

    def clean_page_url(self) -> str:
        """An address people can be sent to."""
        return _address(self.cleaned_data["page_url"])
