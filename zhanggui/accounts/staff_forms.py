"""What people type about colleagues: invitations, roles, own roles, support access."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import permissions
from zhanggui.accounts.colleagues import RoleChoice
from zhanggui.accounts.errors import RoleEmpty
from zhanggui.accounts.models import Role, Tier, role_label
from zhanggui.accounts.services.invitations import MOST_USES
from zhanggui.accounts.services.support import LENGTHS


class RoleForm(forms.Form):
    """One of the roles somebody may give; its value is a ``RoleChoice``."""

    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, choices: Sequence[RoleChoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.roles = {choice.value: choice for choice in choices}
        named = [(choice.value, choice.label) for choice in choices]
        self.fields["role"].choices = named  # type: ignore[attr-defined]

    def clean_role(self) -> RoleChoice:
        """The choice itself."""
        return self.roles[self.cleaned_data["role"]]


class InvitationForm(RoleForm):
    """An invitation: the role, for whom, for how many and for how long."""

    note = forms.CharField(
        label=_("For whom"),
        max_length=80,
        required=False,
        help_text=_("Only you and your colleagues see it, for example 人民路店新店员."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    hours = forms.TypedChoiceField(
        label=_("How long the link works"),
        coerce=int,
        choices=[(1, _("1 hour")), (24, _("24 hours")), (72, _("3 days")), (168, _("7 days"))],
        initial=24,
    )
    max_uses = forms.IntegerField(
        label=_("For how many people"),
        min_value=1,
        max_value=MOST_USES,
        initial=1,
        help_text=_("One code for a whole team; each person counts once. An owner's is for one."),
    )


class OwnRoleForm(forms.Form):
    """An own role: name, explanation, rights."""

    name = forms.CharField(
        label=_("Name of the role"),
        max_length=40,
        help_text=_("As you call these people, for example 收银员."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    explanation = forms.CharField(
        label=_("What it is for"),
        max_length=200,
        required=False,
        help_text=_("One sentence for colleagues who give this role."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    rights = forms.MultipleChoiceField(
        label=_("Rights"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, tier: Tier, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [(right.name, str(right.label)) for right in permissions.known(tier)]
        self.fields["rights"].choices = known  # type: ignore[attr-defined]

    def clean_rights(self) -> list[str]:
        """At least one."""
        given: list[str] = self.cleaned_data["rights"]
        if not given:
            raise forms.ValidationError(str(RoleEmpty.text), code=RoleEmpty.code)
        return given


class HandOverForm(forms.Form):
    """What the present owner becomes."""

    own_role = forms.TypedChoiceField(
        label=_("What you become"),
        coerce=Role,
        widget=forms.RadioSelect,
        initial=Role.MANAGER,
    )

    def __init__(self, *args: Any, tier: Tier, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        presets = [role for role in permissions.offered(tier) if role != Role.OWNER]
        self.fields["own_role"].choices = [  # type: ignore[attr-defined]
            (role.value, role_label(role, tier)) for role in presets
        ]


def _lengths() -> list[tuple[int, str]]:
    """How long a visit may last, in the language of the page."""
    return [(minutes, _("%(count)s minutes") % {"count": minutes}) for minutes in LENGTHS]


class SupportForm(forms.Form):
    """Why somebody of a tier above enters, and for how long."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_(
            "The merchant reads it, for example: help with a stamp card, the owner called."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    minutes = forms.TypedChoiceField(
        label=_("For how long"),
        coerce=int,
        choices=_lengths,
        initial=LENGTHS[0],
        widget=forms.RadioSelect,
    )
