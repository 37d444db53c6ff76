"""What somebody may give to others at a place: never more than they hold themselves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from zhanggui.accounts import permissions, rights
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import MoreThanOwn, OwnerOnly
from zhanggui.accounts.models import ActorKind, Membership, Merchant, Operator, Role, RoleSet
from zhanggui.core.errors import NotAllowed, NotFound

Place = Merchant | Operator | None


@dataclass(frozen=True, slots=True)
class Authority:
    """What an actor holds at a place."""

    rights: frozenset[str]
    is_owner: bool

    def refuse_more(self, given: Collection[str], *, owner: bool = False) -> None:
        """Refuse to give or to touch what the actor does not hold.

        Raises:
            OwnerOnly: only owners make, change or remove owners (E_OWNER_ONLY, 403).
            MoreThanOwn: names the rights that are missing (E_MORE_THAN_OWN, 403).
        """
        if self.is_owner:
            return
        if owner:
            raise OwnerOnly
        missing = sorted(set(given) - self.rights)
        if missing:
            known = [permissions.find(name) for name in missing]
            raise MoreThanOwn(rights="、".join(str(p.label) for p in known if p))


def authority_of(actor: Actor, place: Place) -> Authority:
    """What an actor holds at a place now.

    The system holds everything; so do those of the tier above who may manage it, and whoever
    founds a place in which nobody is yet.

    Raises:
        NotAllowed: nobody with a say there (E_NOT_ALLOWED, 403).
    """
    if actor.kind == ActorKind.SYSTEM:
        return _everything(place)
    if actor.kind != ActorKind.PERSON or actor.id is None:
        raise NotAllowed
    if actor.support_id is not None:
        return Authority(permissions.of_support(), is_owner=False)
    own = membership_of(actor, place)
    if own is not None:
        return Authority(permissions.of_membership(own), is_owner=own.role == Role.OWNER)
    if _stands_above(actor, place) or not permissions.members_of(place).exists():
        return _everything(place)
    raise NotAllowed


def membership_of(actor: Actor, place: Place) -> Membership | None:
    """The actor's own membership of a place."""
    if actor.kind != ActorKind.PERSON or actor.id is None:
        return None
    members = permissions.members_of(place).filter(person_id=actor.id)
    return members.select_related("role_set").first()


def rights_of(role: Role, role_set: RoleSet | None, place: Place) -> frozenset[str]:
    """The rights a role would carry at a place."""
    given = role_set.rights if role_set is not None else ()
    return permissions.of_role(role, tier=permissions.tier_of(place), rights=given)


def hold_role(role_set: RoleSet | None, place: Place) -> None:
    """Keep an own role from being deleted until the transaction that gives it is over.

    Raises:
        NotFound: it is gone, or of another place (E_NOT_FOUND, 404).
    """
    if role_set is None:
        return
    rows = RoleSet.objects.select_for_update(no_key=True).filter(pk=role_set.pk)
    if not rows.filter(**permissions.of_place(place)).exists():
        raise NotFound


def _everything(place: Place) -> Authority:
    names = {permission.name for permission in permissions.known(permissions.tier_of(place))}
    return Authority(frozenset(names), is_owner=True)


def _stands_above(actor: Actor, place: Place) -> bool:
    above: list[tuple[Place, str]] = []
    if place is not None:
        above.append((None, rights.PLATFORM_MANAGE.name))
    if isinstance(place, Merchant) and place.operator is not None:
        above.append((place.operator, rights.OPERATOR_MANAGE.name))
    return any(
        (own := membership_of(actor, tier)) is not None and right in permissions.of_membership(own)
        for tier, right in above
    )
