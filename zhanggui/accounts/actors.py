"""Who acts: the value every service takes and every audit entry keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zhanggui.accounts import devices
from zhanggui.accounts.models import ActorKind

if TYPE_CHECKING:
    from django.http import HttpRequest

    from zhanggui.accounts.models import Person


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, from which device and address; ``id`` is None for the system itself."""

    kind: ActorKind
    id: int | None
    name: str
    ip: str | None = None
    device: str = ""
    support_id: int | None = None
    """The support session in which somebody of a tier above acts."""

    @property
    def key(self) -> str:
        """Who this is for limits and idempotency keys, for example ``person:17``."""
        return f"{self.kind.value}:{self.id if self.id is not None else self.name}"

    @property
    def typist(self) -> int:
        """Who types codes, in one number: a person's id, or minus the id of a till's token."""
        return typist_of(self.kind, self.id)


def typist_of(kind: str, id_: int | None) -> int:
    """``Actor.typist`` of an actor as the audit log keeps it; 0 for the system."""
    return -(id_ or 0) if kind == ActorKind.TOKEN else id_ or 0


def person_actor(person: Person, request: HttpRequest | None = None) -> Actor:
    """A person who signs in: staff, operator, platform, store manager."""
    return _actor(ActorKind.PERSON, person.pk, person.name, request)


def customer_actor(customer_id: int, name: str, request: HttpRequest | None = None) -> Actor:
    """A customer of the merchant in scope."""
    return _actor(ActorKind.CUSTOMER, customer_id, name, request)


def token_actor(token_id: int, name: str, request: HttpRequest | None = None) -> Actor:
    """A till or another program of a merchant, by the token it holds."""
    return _actor(ActorKind.TOKEN, token_id, name, request)


def system_actor(name: str) -> Actor:
    """A job or a command; ``name`` says which, for example ``retention``."""
    return _actor(ActorKind.SYSTEM, None, name, None)


def _actor(kind: ActorKind, id_: int | None, name: str, request: HttpRequest | None) -> Actor:
    if request is None:
        return Actor(kind, id_, name)
    return Actor(kind, id_, name, ip=devices.ip_of(request), device=devices.device_of(request))
