"""Saved views and chosen columns of lists; only what others see is logged."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import TooManyViews, ViewNameTaken
from zhanggui.accounts.models import Person, SavedView
from zhanggui.core.constraints import insert

MOST_VIEWS = 20


def save_view(
    *,
    person: Person,
    place: str,
    list_name: str,
    name: str,
    query: str,
    is_shared: bool,
    actor: Actor,
) -> SavedView:
    """Keep filters under a name, for oneself or for everybody at the place.

    Raises:
        ViewNameTaken: one has this name already (E_VIEW_NAME_TAKEN, 409).
        TooManyViews: 20 are kept (E_TOO_MANY_VIEWS, 409).
    """
    own = SavedView.objects.filter(person=person, place=place, list_name=list_name)
    with transaction.atomic():
        if own.count() > MOST_VIEWS:
            raise TooManyViews
        view = SavedView(
            person=person,
            place=place,
            list_name=list_name,
            name=name.strip(),
            query=query,
            is_shared=is_shared,
        )
        insert(view, ViewNameTaken)
        if is_shared:
            _log(actor, "accounts.view.shared", view)
    return view


def _log(actor: Actor, action: str, view: SavedView) -> None:
    record = audit.record if view.place.startswith("merchant:") else audit.record_platform
    record(actor, action, f"view:{view.pk}", details={"list": view.list_name, "name": view.name})


def delete_view(*, person: Person, place: str, view_id: int, may_share: bool, actor: Actor) -> bool:
    """Drop a saved view: one's own, or with the right any shared one of the place."""
    found = SavedView.objects.filter(pk=view_id, place=place).exclude(name="").first()
    if found is None or not (found.person_id == person.pk or (may_share and found.is_shared)):
        return False
    with transaction.atomic():
        if found.is_shared:
            _log(actor, "accounts.view.unshared", found)
        found.delete()
    return True


def choose_columns(
    *, person: Person, place: str, list_name: str, columns: Sequence[str] | None
) -> None:
    """Keep which columns somebody wants to see; None goes back to the defaults."""
    own = SavedView.objects.filter(person=person, place=place, list_name=list_name, name="")
    if columns is None:
        own.delete()
        return
    SavedView.objects.bulk_create(
        [SavedView(person=person, place=place, list_name=list_name, columns=list(columns))],
        update_conflicts=True,
        unique_fields=["place", "list_name", "person", "name"],
        update_fields=["columns"],
    )
