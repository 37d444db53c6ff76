"""The form of a programme: what is collected, for what, how long, where and by which rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store, StoreState
from zhanggui.accounts.picture_forms import WithPicture
from zhanggui.core import clock, numbers
from zhanggui.stamps import rewards
from zhanggui.stamps.models import (
    Method,
    Programme,
    WhenFull,
    strong_at_first,
    ways_at_first,
)
from zhanggui.stamps.services.cycles import terms_now
from zhanggui.stamps.services.programmes import ProgrammeInput, RewardInput, values_of
from zhanggui.stamps.ways import OFFERED, STRENGTHS, listed
from zhanggui.ui.forms import LinesInput
from zhanggui.ui.money import YuanField

type Choices = list[tuple[str, str | Promise]]

WAYS = (1, 2, 3)
"""So many rewards may lie on the way to the full card."""
DESIGNS = (
    ("", pgettext_lazy("design of a stamp card", "Seal")),
    ("tea", pgettext_lazy("design of a stamp card", "Tea leaf")),
    ("coffee", pgettext_lazy("design of a stamp card", "Coffee cup")),
    ("bowl", pgettext_lazy("design of a stamp card", "Hot bowl")),
    ("flower", pgettext_lazy("design of a stamp card", "Flower")),
    ("paw", pgettext_lazy("design of a stamp card", "Paw")),
)
PLAIN = (
    *("name", "rules", "code_ttl_s", "max_per_code", "per_day", "gap_s", "design"),
    *("ways", "strong_from_fen", "strong_ways"),
)

SECTIONS = {
    "length": ("valid_days", "ends_on"),
    "places": ("stores",),
    "ways": ("ways", "strong_from_fen"),  # without a value the ways for it say nothing
    "counter": ("max_per_code", "per_day", "gap_s", "code_ttl_s"),
    "on_the_way": tuple(f"way_{what}_{number}" for number in WAYS for what in ("at", "name")),
}
"""What most shops leave as it is: folded until something in it is set, or wrong."""


class ProgrammeForm(forms.Form):
    """A programme: what is collected, for what, where and by which rules."""

    name = forms.CharField(
        label=_("Name of the card"),
        max_length=60,
        help_text=_("Customers see it on top of the card, for example “Tea card”."),
    )
    slots = forms.IntegerField(
        label=_("Stamps on a full card"),
        min_value=4,
        max_value=20,
        initial=10,
        help_text=_("At least 4, at most 20."),
        error_messages={
            "min_value": _("At least 4 stamps."),
            "max_value": _("At most 20 stamps."),
        },
    )
    design = forms.ChoiceField(
        label=_("Design"),
        choices=DESIGNS,
        required=False,
        widget=forms.RadioSelect(attrs={"class": "is-short"}),
    )
    rules = forms.CharField(
        label=_("Rules"),
        max_length=1000,
        required=False,
        widget=LinesInput(attrs={"rows": 4}),
        help_text=_("Shown behind the three dots on the card. One rule a line."),
    )
    reward = forms.CharField(
        label=_("Reward"),
        max_length=60,
        help_text=_("What a full card is worth, for example “One drink of your choice”."),
    )
    reward_template = forms.ChoiceField(
        label=_("Given as"),
        required=False,
        help_text=_("A coupon lies in the customer's WeChat and is redeemed by code."),
    )
    when_full = forms.ChoiceField(
        label=_("When the card is full"),
        choices=WhenFull.choices,
        initial=WhenFull.RENEW,
        widget=forms.RadioSelect(),
    )
    valid_days = forms.IntegerField(
        label=pgettext_lazy("how long stamps last", "Valid for"),
        min_value=1,
        max_value=1000,
        required=False,
        help_text=_("Counted from the first stamp of each round. Empty: no end."),
    )
    ends_on = forms.DateField(
        label=_("Last day of all cards"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("For a season or a festival. Stamps left over expire when the day is over."),
    )
    stores: forms.ModelMultipleChoiceField[Store] = forms.ModelMultipleChoiceField(
        label=_("Stores that take part"),
        queryset=None,  # the open scope decides, see below
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("Choose none for every store, also those you open later."),
    )
    code_ttl_s = forms.IntegerField(
        label=_("A code is valid for"),
        min_value=60,
        max_value=600,
        initial=180,
        help_text=_("60 to 600 seconds. 180 is enough for a counter with a queue."),
    )
    max_per_code = forms.IntegerField(
        label=_("Stamps for one code, at most"),
        min_value=1,
        max_value=10,
        initial=1,
        help_text=_("With more than 1 the manager chooses how many and gives a reason."),
    )
    per_day = forms.IntegerField(
        label=_("Stamps on a card in a day, at most"),
        min_value=1,
        max_value=200,
        initial=10,
        help_text=_("Nobody drinks twenty teas a day: a low number stops stamping for friends."),
    )
    gap_s = forms.IntegerField(
        label=_("Between two stamps on a card, at least"),
        min_value=0,
        max_value=3600,
        initial=30,
        help_text=_("Stops the same visit from being stamped twice by mistake."),
    )

    ways = forms.MultipleChoiceField(
        label=_("How cards are stamped"),
        choices=[(way.value, way.label) for way in OFFERED],
        initial=ways_at_first,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "A physical stamp needs one in use at the store, the counter's code a screen on the"
            " counter. The code is the way out when a phone cannot be stamped."
        ),
    )
    strong_from_fen = YuanField(
        label=_("Rewards of value begin at"),
        required=False,
        help_text=_(
            "Such a reward is won only in one of the ways below. A reward without a coupon counts"
            " as one. Empty: every way wins every reward."
        ),
    )
    strong_ways = forms.MultipleChoiceField(
        label=_("Ways that win a reward of value"),
        choices=[(way.value, way.label) for way in STRENGTHS],
        initial=strong_at_first,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    UNITS: ClassVar[dict[str, Any]] = {
        "slots": _("stamps"),
        "valid_days": _("days"),
        "code_ttl_s": _("seconds"),
        "max_per_code": _("stamps"),
        "per_day": _("stamps"),
        "gap_s": _("seconds"),
        "strong_from_fen": pgettext_lazy("unit of money", "yuan"),
    }

    def __init__(
        self, sent: Mapping[str, Any] | None, *, zone: str, programme: Programme | None = None
    ) -> None:
        self.zone = zone
        super().__init__(sent, initial=initial_of(programme) if programme else None)
        places = self.fields["stores"]
        if isinstance(places, forms.ModelMultipleChoiceField):
            places.queryset = stores_to_choose(list(self.initial.get("stores", ())))
        kept = rewards.templates_of(terms_now(programme)) if programme else ()
        coupons = rewards.templates(kept)
        self.has_coupons = bool(coupons)
        choices: Choices = [("", _("Handed out at the counter")), *coupons]
        _choose(self.fields["reward_template"], choices)
        for number in WAYS:
            self.fields[f"way_at_{number}"] = forms.IntegerField(
                label=_("After so many stamps"), min_value=1, max_value=19, required=False
            )
            self.fields[f"way_name_{number}"] = forms.CharField(
                label=_("Reward on the way"), max_length=60, required=False
            )
            self.fields[f"way_template_{number}"] = forms.ChoiceField(
                label=_("Given as"), choices=choices, required=False
            )

    def rewards_on_the_way(self) -> list[dict[str, Any]]:
        """The rows of rewards on the way, for the page."""
        return [
            {name: self[f"way_{name}_{number}"] for name in ("at", "name", "template")}
            for number in WAYS
        ]

    def opened(self) -> dict[str, bool]:
        """Which of the folded sections are shown open."""
        return {
            section: any(self._is_special(name) for name in names)
            for section, names in SECTIONS.items()
        }

    def _is_special(self, name: str) -> bool:
        field = self.fields[name]
        usual = field.initial() if callable(field.initial) else field.initial
        return bool(self[name].errors) or field.has_changed(usual, self[name].value())

    def clean(self) -> dict[str, Any]:
        """A reward on the way has a name and a place; one end is enough."""
        clean: dict[str, Any] = super().clean() or {}
        slots = clean.get("slots") or 0
        seen: set[int] = set()
        for number in WAYS:
            at, name = clean.get(f"way_at_{number}"), clean.get(f"way_name_{number}")
            if at and not name:
                self.add_error(f"way_name_{number}", _("Say what is won there."))
            if name and not at:
                self.add_error(f"way_at_{number}", _("Say after how many stamps."))
            if at and slots and at >= slots:
                fewer = _("Reward %(number)s on the way: it needs fewer than %(slots)s stamps.")
                self.add_error(f"way_at_{number}", fewer % {"number": number, "slots": slots})
            elif at and at in seen:
                twice = _("Reward %(number)s on the way: another one is won there already.")
                self.add_error(f"way_at_{number}", twice % {"number": number})
            seen.add(at or 0)
        ends_on = clean.get("ends_on")
        if clean.get("valid_days") and ends_on:
            self.add_error("ends_on", _("Choose one: a number of days, or a last day."))
        if ends_on and ends_on < clock.local_date(clock.now(), self.zone):
            self.add_error("ends_on", _("This day is over."))
        chosen = clean.get("ways") or []
        strong = clean.get("strong_ways") or []
        usable = [way for way in strong if listed(Method(way)) in chosen]
        if clean.get("strong_from_fen") is not None and not usable:
            self.add_error("strong_ways", _("Choose at least one way that this programme takes."))
        return clean

    def values(self) -> ProgrammeInput:
        """What was typed in, for the service."""
        clean = self.cleaned_data
        return ProgrammeInput(
            **{name: clean[name] for name in PLAIN},
            slots=clean["slots"],
            reward=clean["reward"],
            reward_template_id=_id(clean["reward_template"]),
            on_the_way=[
                RewardInput(
                    clean[f"way_at_{number}"],
                    clean[f"way_name_{number}"],
                    _id(clean[f"way_template_{number}"]),
                )
                for number in WAYS
                if clean.get(f"way_at_{number}")
            ],
            when_full=WhenFull(clean["when_full"]),
            valid_days=clean["valid_days"] or 0,
            ends_on=clean["ends_on"],
            store_ids=[store.pk for store in clean["stores"]],
        )


class NewProgrammeForm(WithPicture, ProgrammeForm):
    """A programme that is not there yet, with its picture."""


def stores_to_choose(chosen: Sequence[int]) -> QuerySet[Store]:
    """Open stores, and closed ones that were chosen: left out, saving would open it everywhere."""
    found = Q(state=StoreState.OPEN) | Q(pk__in=chosen)
    return Store.objects.filter(found).order_by("id")


def _choose(field: forms.Field, choices: Choices) -> None:
    if isinstance(field, forms.ChoiceField):
        field.choices = choices


def _id(text: str) -> int | None:
    return int(text) if text else None


def initial_of(programme: Programme) -> dict[str, Any]:
    """What the form of a programme begins with."""
    values = values_of(programme)
    found: dict[str, Any] = {name: getattr(values, name) for name in PLAIN}
    found |= {
        "slots": values.slots,
        "reward": values.reward,
        "reward_template": str(values.reward_template_id or ""),
        "when_full": values.when_full.value,
        "valid_days": values.valid_days or None,
        "ends_on": values.ends_on,
        "stores": list(values.store_ids),
    }
    for number, one in zip(WAYS, values.on_the_way, strict=False):
        found |= {
            f"way_at_{number}": one.at,
            f"way_name_{number}": one.name,
            f"way_template_{number}": str(one.template_id or ""),
        }
    return found


def ways_of(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rewards on the way as they are typed, for the sample card; those without a place not."""
    typed = [
        (numbers.whole(str(given.get(f"way_at_{number}") or "")), given.get(f"way_name_{number}"))
        for number in WAYS
    ]
    return [{"at": at, "name": str(name or _("the reward"))[:60]} for at, name in typed if at]
