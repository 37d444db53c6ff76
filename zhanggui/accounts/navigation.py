"""Who one is, where one can go and what one may: answers for the menus of ``zhanggui.ui``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Invitation, Membership, Operator, Person, SupportSession, Tier
from zhanggui.accounts.services import is_frozen
from zhanggui.ui.navigation import Place, Somebody, Text


def may(request: HttpRequest, permission: str) -> bool:
    """Whether the person of this request has a right at this place."""
    return permission in getattr(request, "permissions", frozenset())


def memberships_of(person: Person) -> list[Membership]:
    """All memberships of a person, the platform first, frozen places too."""
    found = Membership.objects.filter(person=person).select_related(
        "merchant", "operator", "role_set"
    )
    order = {Tier.PLATFORM: 0, Tier.OPERATOR: 1, Tier.MERCHANT: 2}
    return sorted(found, key=lambda m: (order[Tier(m.tier)], m.pk))


def address_of(membership: Membership) -> str:
    """Where the membership's work begins."""
    if membership.merchant is not None:
        return reverse("accounts:overview", args=[membership.merchant.slug])
    if membership.operator is not None:
        return reverse("accounts:operator_overview", args=[membership.operator.slug])
    return reverse("accounts:platform_overview")


def name_of(membership: Membership | Invitation) -> Text:
    """What the place of a membership or invitation is called."""
    place = membership.merchant or membership.operator
    return place.name if place is not None else _("The platform")


def kind_of(membership: Membership) -> Text:
    """Tier and role of a membership in one line."""
    return _("%(tier)s · %(role)s") % {
        "tier": membership.get_tier_display(),
        "role": membership.role_label,
    }


def places(request: HttpRequest) -> Sequence[Place]:
    """Where the person of this request can work now; the present place is marked."""
    person = getattr(request, "person", None)
    if not isinstance(person, Person):
        return ()
    held: Any = getattr(request, "memberships", None)  # the guard has read them
    own = [
        Place(name_of(m), kind_of(m), address_of(m), is_current=_is_current(request, m))
        for m in (memberships_of(person) if held is None else held)
        if not is_frozen(m)
    ]
    support: Any = getattr(request, "support", None)
    if not isinstance(support, SupportSession):
        return own
    merchant = support.merchant
    inside = reverse("accounts:overview", args=[merchant.slug])
    return [Place(merchant.name, _("Support access"), inside, is_current=True), *own]


def _is_current(request: HttpRequest, membership: Membership) -> bool:
    present: Any = getattr(request, "membership", None)
    return isinstance(present, Membership) and present.pk == membership.pk


def somebody(request: HttpRequest) -> Somebody | None:
    """The person of this request, for the top bar."""
    person = getattr(request, "person", None)
    if not isinstance(person, Person):
        return None
    present: Any = getattr(request, "membership", None)
    links: list[tuple[Text, str, str]] = [
        (_("My profile"), "user", reverse("accounts:profile")),
        (_("Switch place"), "switch-horizontal", reverse("accounts:choose")),
    ]
    is_support = getattr(request, "support", None) is not None
    role = present.role_label if isinstance(present, Membership) else ""
    return Somebody(
        person.name,
        detail=_("Support access") if is_support else role,
        sign_out_url=reverse("accounts:logout"),
        links=links,
    )


def operator_arguments(request: HttpRequest) -> Sequence[Any]:
    """What fills the addresses of an operator's menu."""
    operator = getattr(request, "operator", None)
    return [operator.slug] if isinstance(operator, Operator) else []
