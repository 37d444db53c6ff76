"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.permissions import Permission

RULES = Permission(
    "signin.rules",
    _("Decide about second factors"),
    explanation=_("Sees who of the staff has a second factor, and makes it a rule for everybody."),
    in_support=False,
)
EMBED = Permission(
    "signin.embed",
    _("Put the customers' sign-in on other sites"),
    explanation=_("Says which sites may show it; customers type phone number and code there."),
)
