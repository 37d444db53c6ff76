"""Registration of merchants by themselves: whether a place takes them, its look, its agreement.

A place is an operator, or None for the platform itself. The pages people see are those of the
sign-in module; the rules live here, so that a closed place is closed at every door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import AgreementEmpty, RegistrationClosed
from zhanggui.accounts.models import (
    AgreementVersion,
    Operator,
    Person,
    PictureKind,
    RegistrationSettings,
    TierState,
    picture_url,
)
from zhanggui.accounts.services import pictures
from zhanggui.accounts.services.people import SHORTEST_PASSWORD, shortest_password
from zhanggui.core.errors import NotFound

AGREEMENT_AT_MOST = 20_000
"""Signs of one agreement."""


@dataclass(frozen=True, slots=True)
class RegistrationPage:
    """What a place shows to people who are not signed in."""

    place: Operator | None
    is_open: bool
    """Whether strangers may register now; a frozen operator takes in nobody."""
    needs_approval: bool
    title: str
    """Above the form; empty for the platform without a title of its own."""
    logo: str
    background: str
    """Addresses of the pictures, empty without."""
    shortest_password: int
    """How many signs a new password needs here."""
    agreement: AgreementVersion | None
    """The text that holds now; who registers accepts exactly this one."""

    @property
    def slug(self) -> str:
        """The short name in the addresses; empty for the platform."""
        return self.place.slug if self.place else ""


def place_named(slug: str) -> Operator | None:
    """The place behind ``/join/<slug>`` and ``/login/<slug>``; without a slug the platform.

    Raises:
        NotFound: no such operator, or an archived one (404).
    """
    if not slug:
        return None
    found = Operator.objects.filter(slug=slug).exclude(state=TierState.ARCHIVED).first()
    if found is None:
        raise NotFound
    return found


def registration_of(place: Operator | None) -> RegistrationPage:
    """What the sign-in and registration pages of a place show and allow."""
    kept = settings_of(place)
    is_at_work = place is None or place.state == TierState.ACTIVE
    return RegistrationPage(
        place=place,
        is_open=kept.is_open and is_at_work,
        needs_approval=kept.needs_approval,
        title=kept.title or (place.name if place else ""),
        logo=picture_url(kept.logo_token),
        background=picture_url(kept.background_token),
        shortest_password=shortest_password(Person(), place=place),
        agreement=newest_agreement(place),
    )


def refuse_closed(place: Operator | None) -> None:
    """Refuse strangers where nobody may register; every door of a registration asks this first.

    Raises:
        RegistrationClosed: closed, or the operator is frozen (E_REGISTRATION_CLOSED, 403).
    """
    if not registration_of(place).is_open:
        raise RegistrationClosed


def settings_of(place: Operator | None) -> RegistrationSettings:
    """The settings of a place; closed and in the installation's own look until somebody saves."""
    found = RegistrationSettings.objects.filter(operator=place).first()
    return found or RegistrationSettings(operator=place)


def newest_agreement(place: Operator | None) -> AgreementVersion | None:
    """The registration agreement that holds now."""
    return AgreementVersion.objects.filter(operator=place).order_by("-number").first()


def edit_registration(
    *,
    place: Operator | None,
    is_open: bool,
    needs_approval: bool,
    title: str,
    shortest_password: int = SHORTEST_PASSWORD,
    actor: Actor,
) -> RegistrationSettings:
    """Open or close registration at a place and say what stands above its sign-in.

    Args:
        place: an operator, or None for the platform.
        is_open: whether strangers may register.
        needs_approval: whether their applications wait for somebody here.
        title: above the sign-in.
        shortest_password: 6 to 32 signs of a new password; those in use stay (U-7).
        actor: who decides.
    """
    wanted = {
        "is_open": is_open,
        "needs_approval": needs_approval,
        "title": title,
        "shortest_password": shortest_password,
    }
    with transaction.atomic():
        kept = _lock(place)
        before, after = audit.changed({name: getattr(kept, name) for name in wanted}, wanted)
        if after:
            for name, value in after.items():
                setattr(kept, name, value)
            kept.save(update_fields=list(after))
            _record(place, "accounts.registration.edited", actor, before=before, after=after)
    return kept


def change_picture(
    *, place: Operator | None, kind: PictureKind, content: bytes, actor: Actor
) -> None:
    """Put another picture on the sign-in page of a place.

    Raises:
        PictureUnreadable, PictureTooBig: as ``pictures.keep``; nothing was changed.
    """
    clean = pictures.cleaned(content, kind)
    with transaction.atomic():
        kept = _lock(place)
        field = _field(kind)
        old = getattr(kept, field)
        setattr(kept, field, pictures.keep(place=place, kind=kind, content=clean))
        kept.save(update_fields=[field])
        pictures.forget(old)
        _record(place, "accounts.registration.picture_changed", actor, details={"kind": kind})


def remove_picture(*, place: Operator | None, kind: PictureKind, actor: Actor) -> None:
    """Go back to the installation's own look."""
    with transaction.atomic():
        kept = _lock(place)
        field = _field(kind)
        old = getattr(kept, field)
        if not old:
            return
        setattr(kept, field, "")
        kept.save(update_fields=[field])
        pictures.forget(old)
        _record(place, "accounts.registration.picture_removed", actor, details={"kind": kind})


def publish_agreement(*, place: Operator | None, text: str, actor: Actor) -> AgreementVersion:
    """Put a new version of the agreement into force; the old ones stay readable for ever.

    The same text again changes nothing. Who has registered keeps the version they accepted.

    Raises:
        AgreementEmpty: there is no text (E_AGREEMENT_EMPTY, 422).
    """
    text = text.strip().replace("\r\n", "\n")
    if not text:
        raise AgreementEmpty
    with transaction.atomic():
        _lock(place)
        newest = newest_agreement(place)
        if newest is not None and newest.text == text:
            return newest
        number = newest.number + 1 if newest else 1
        version = AgreementVersion.objects.create(
            operator=place, number=number, text=text, person_id=actor.id
        )
        _record(place, "accounts.agreement.published", actor, details={"number": number})
    return version


def _lock(place: Operator | None) -> RegistrationSettings:
    RegistrationSettings.objects.bulk_create(
        [RegistrationSettings(operator=place)], ignore_conflicts=True
    )
    return RegistrationSettings.objects.select_for_update().get(operator=place)


def _field(kind: PictureKind) -> str:
    return "logo_token" if kind == PictureKind.LOGO else "background_token"


def _record(place: Operator | None, action: str, actor: Actor, **more: Mapping[str, Any]) -> None:
    target = f"operator:{place.pk}" if place else ""
    audit.record_platform(actor, action, target, **more)
