"""The form of a poster."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.guards import MerchantRequest
from zhanggui.accounts.models import Store, StoreState
from zhanggui.accounts.picture_forms import WithPicture
from zhanggui.stamps.models import Look, Poster, Programme, ProgrammeState
from zhanggui.stamps.services.posters import KIND, PosterInput
from zhanggui.ui.forms import LinesInput

PICTURE_HELP = _(
    "Your shop or what you sell: on top of the poster, in place of the drawn card."
    " At best wide, 1920 by 1080 pixels; JPEG, PNG or WebP, at most 5 MB."
)


class PosterForm(WithPicture):
    """What stands on a poster, and where its code leads."""

    picture_kind = KIND

    name = forms.CharField(
        label=_("Name of the poster"),
        max_length=40,
        help_text=_("Only you see it, for example “Stairs, second floor”."),
    )
    programme: forms.ModelChoiceField[Programme] = forms.ModelChoiceField(
        label=_("Card it leads to"),
        queryset=None,  # the open scope decides, see below
        required=False,
        empty_label=_("All cards of the shop"),
    )
    store: forms.ModelChoiceField[Store] = forms.ModelChoiceField(
        label=_("Store"),
        queryset=None,
        required=False,
        empty_label=_("Any store"),
        help_text=_("Its name is printed at the bottom."),
    )
    headline = forms.CharField(
        label=_("Headline"), max_length=24, initial=_("Collect and get a gift")
    )
    text = forms.CharField(
        label=_("Text below"),
        max_length=60,
        required=False,
        widget=LinesInput(attrs={"rows": 2}),
        help_text=_("One or two short lines."),
    )
    look = forms.ChoiceField(
        label=_("Colours"),
        choices=Look.choices,
        initial=Look.PAPER,
        widget=forms.RadioSelect(attrs={"class": "is-short"}),
    )
    shows_logo = forms.BooleanField(
        label=_("Show the shop’s logo"),
        required=False,
        initial=True,
        help_text=_("On top and in the middle of the code, if the shop has one."),
    )

    picture_own = forms.CharField(
        required=False, widget=forms.HiddenInput(attrs={"data-picture-own": ""})
    )
    """Set by the page while a picture was chosen and not sent yet."""

    def __init__(self, *args: Any, poster: Poster | None = None, **kwargs: Any) -> None:
        if poster is not None:
            names = ("name", "headline", "text", "look", "shows_logo")
            kwargs["initial"] = {name: getattr(poster, name) for name in names} | {
                "programme": poster.programme_id,
                "store": poster.store_id,
            }
        super().__init__(*args, **kwargs)
        self.fields["picture"].label = _("Own picture")
        self.fields["picture"].help_text = PICTURE_HELP
        programme_id = poster.programme_id if poster else None
        store_id = poster.store_id if poster else None
        programmes, stores = self.fields["programme"], self.fields["store"]
        if isinstance(programmes, forms.ModelChoiceField):
            fitting = ~Q(state=ProgrammeState.ENDED) | Q(pk=programme_id)
            programmes.queryset = Programme.objects.filter(fitting).order_by("id")
        if isinstance(stores, forms.ModelChoiceField):
            fitting = Q(state=StoreState.OPEN) | Q(pk=store_id)
            stores.queryset = Store.objects.filter(fitting).order_by("id")

    def hold(self, request: MerchantRequest) -> None:
        """Keep the picture that was sent; from now on the page has it from us."""
        super().hold(request)
        self.data["picture_own"] = ""

    def values(self) -> PosterInput:
        """What was typed, for the service."""
        clean = self.cleaned_data
        return PosterInput(
            name=clean["name"],
            headline=clean["headline"],
            text=clean["text"],
            programme_id=clean["programme"].pk if clean["programme"] else None,
            store_id=clean["store"].pk if clean["store"] else None,
            look=Look(clean["look"]),
            shows_logo=clean["shows_logo"],
        )
