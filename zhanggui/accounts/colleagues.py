"""Reads around people and roles of a place: the staff list, open invitations, what roles carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zhanggui.accounts import permissions, phones, rights
from zhanggui.accounts.errors import PhoneFormat
from zhanggui.accounts.models import (
    Invitation,
    Membership,
    Merchant,
    Operator,
    Person,
    Role,
    RoleSet,
    Tier,
    role_label,
)
from zhanggui.accounts.permissions import Area, Permission
from zhanggui.accounts.services.authority import Authority, rights_of
from zhanggui.core import clock

Place = Merchant | Operator | None
QUIET_FOR = timedelta(days=30)
OWN = "own:"
"""What stands before the number of an own role where people choose one."""

STATES = {
    "active": gettext_lazy("Signed in within 30 days"),
    "quiet": gettext_lazy("Not for 30 days"),
    "never": gettext_lazy("Never signed in"),
}
SHOP_TEXTS: Mapping[Role, str | Promise] = {
    Role.OWNER: gettext_lazy("Everything, also roles, ownership and the plan."),
    Role.MANAGER: gettext_lazy(
        "Runs the shop day by day: stores, customers, programmes, the audit log. Not roles, not "
        "the plan."
    ),
    Role.CLERK: gettext_lazy("Serves customers: sees them and what they hold."),
    Role.FINANCE: gettext_lazy("Looks at figures, the ledger and bills; changes nothing in shops."),
    Role.SERVICE: gettext_lazy("Answers customers and takes in repairs."),
    Role.DISPATCHER: gettext_lazy("Assigns repairs to technicians."),
    Role.TECHNICIAN: gettext_lazy("Works on assigned repairs on a phone."),
    Role.REVIEWER: gettext_lazy("Reviews registrations for events."),
    Role.SCANNER: gettext_lazy("Checks tickets at the door."),
    Role.DRAW_HOST: gettext_lazy("Runs the lucky draw on the big screen."),
}
TIER_TEXTS: Mapping[Role, str | Promise] = {
    Role.OWNER: gettext_lazy("Everything, also employees and roles."),
    Role.MANAGER: gettext_lazy("Takes in merchants, freezes them and gives support."),
    Role.CLERK: gettext_lazy("Sees the merchants and their figures."),
    Role.FINANCE: gettext_lazy("Sees the merchants and their orders."),
}


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """A role somebody may be given: preset or own, with what it carries."""

    value: str
    label: str
    explanation: str
    rights: frozenset[str]
    role: Role
    tier: Tier
    role_set: RoleSet | None = None
    people: int = 0

    @property
    def areas(self) -> list[tuple[Area, list[Permission]]]:
        """What it carries, under headings."""
        shown = [
            (area, [right for right in known if right.name in self.rights])
            for area, known in permissions.areas(self.tier)
        ]
        return [(area, known) for area, known in shown if known]

    @property
    def is_own(self) -> bool:
        """Whether the place made it itself."""
        return self.role_set is not None


def roles_of(place: Place) -> list[RoleChoice]:
    """The roles a place can give or has given, presets first, with their people; three statements.

    A preset whose work no installed product knows is left out until somebody holds it.
    """
    tier = permissions.tier_of(place)
    members = dict(
        permissions.members_of(place)
        .filter(role_set__isnull=True)
        .order_by()
        .values_list("role")
        .annotate(Count("pk"))
    )
    texts = SHOP_TEXTS if tier == Tier.MERCHANT else TIER_TEXTS
    offered = permissions.offered(tier)
    presets = [
        RoleChoice(
            value=role.value,
            label=role_label(role, tier),
            explanation=str(texts[role]),
            rights=permissions.of_role(role, tier=tier),
            role=role,
            tier=tier,
            people=members.get(role.value, 0),
        )
        for role in permissions.PRESETS[tier]
        if role in offered or role in members
    ]
    own = RoleSet.objects.filter(**permissions.of_place(place)).annotate(
        people=Count("memberships", distinct=True)
    )
    return presets + [
        RoleChoice(
            value=f"{OWN}{role_set.pk}",
            label=role_set.name,
            explanation=role_set.explanation,
            rights=rights_of(Role.CUSTOM, role_set, place),
            role=Role.CUSTOM,
            tier=tier,
            role_set=role_set,
            people=getattr(role_set, "people", 0),
        )
        for role_set in own.order_by("pk")
    ]


def giveable(choices: Iterable[RoleChoice], authority: Authority) -> list[RoleChoice]:
    """The roles somebody may give: none that carries more than they hold."""
    return [
        choice
        for choice in choices
        if authority.is_owner
        or (choice.role != Role.OWNER and choice.rights and choice.rights <= authority.rights)
    ]


def staff(
    place: Place, *, search: str = "", state: str = "", role: str = ""
) -> QuerySet[Membership]:
    """Members of a place with ``rank`` to sort by: owners first; page by ``rank, pk``.

    Args:
        place: whose people.
        search: a part of the name, or a whole phone number.
        state: one of ``STATES``.
        role: the value of a ``RoleChoice``.
    """
    order = [When(role=preset.value, then=Value(n)) for n, preset in enumerate(Role)]
    found = (
        permissions.members_of(place)
        .select_related("person", "role_set")
        .annotate(rank=Case(*order, default=Value(99), output_field=IntegerField()))
    )
    if search:
        found = found.filter(_named(search))
    if role.startswith(OWN):
        number = role.removeprefix(OWN)
        found = found.filter(role_set_id=int(number) if number.isdecimal() else 0)
    elif role:
        found = found.filter(role=role)
    return found.filter(_in_state(state))


def _named(search: str) -> Q:
    named = Q(person__name__icontains=search)
    try:
        known = Person.objects.by_phone(phones.parse(search))
    except PhoneFormat:
        return named
    return named | Q(person=known) if known else named


def _in_state(state: str) -> Q:
    since = clock.now() - QUIET_FOR
    if state == "never":
        return Q(person__last_login__isnull=True)
    if state == "quiet":
        return Q(person__last_login__lt=since)
    return Q(person__last_login__gte=since) if state == "active" else Q()


def invitations(place: Place) -> QuerySet[Invitation]:
    """Invitations of a place, newest first by key; also those that are over."""
    return Invitation.objects.filter(**permissions.of_place(place)).select_related(
        "role_set", "invited_by"
    )


def state_of(invitation: Invitation) -> tuple[str, str]:
    """Tone and word for how an invitation stands."""
    if invitation.revoked_at is not None:
        return "muted", _("taken back")
    if invitation.is_used_up:
        return "success", _("accepted")
    if invitation.expires_at <= clock.now():
        return "muted", _("expired")
    return "waiting", _("open")


def may_manage(place: Place, held: frozenset[str]) -> bool:
    """Whether somebody with these rights may invite and change people of the place."""
    return rights.MANAGE_STAFF_OF[permissions.tier_of(place)].name in held
