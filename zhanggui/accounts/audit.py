"""The audit log: one entry for every change of state, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from django.db.models import QuerySet, Value
from django.utils.functional import Promise

from zhanggui.accounts.models import ActorKind, AuditEntry, PlatformAuditEntry

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

ENTRY: LiteralString = """
INSERT INTO accounts_auditentry
  (merchant_id, at, actor_kind, actor_id, action, target, store_id, details, device, ip)
VALUES (%(merchant)s, %(now)s, %(actor_kind)s, %(actor)s, %(action)s, %(target)s, %(store)s,
        %(details)s, %(device)s, %(ip)s)
"""
"""What ``record`` writes, for hot doors."""

Text = str | Promise
Show = Callable[[Any], Text]
Rows = QuerySet[Any, tuple[int, str]]
"""Keys and names: ``values_list("pk", "name")``."""
NamesOf = Callable[[Collection[int]], Rows | Mapping[int, str]]
"""Ids of the open scope to their names; those given as rows are read together."""


@dataclass(frozen=True, slots=True)
class TargetKind:
    """How the log shows what an action was done to."""

    label: Text
    names: NamesOf


@dataclass(frozen=True, slots=True)
class Field:
    """How the log shows one field of before and after."""

    label: Text
    show: Show | None = None


_actions: dict[str, Text] = {}
_fields: dict[str, Field] = {}
_names: dict[ActorKind, NamesOf] = {}
_targets: dict[str, TargetKind] = {}


def register_action(action: str, text: Text) -> None:
    """Say in words what an action is; modules do so in ``apps.py``.

    Raises:
        ValueError: another text is registered under this action.
    """
    if action in _actions and str(_actions[action]) != str(text):
        message = f"two texts for the audit action {action}"
        raise ValueError(message)
    _actions[action] = text


def register_names(kind: ActorKind, names: NamesOf) -> None:
    """Say how the names of a kind of actors are found."""
    _names[kind] = names


def _no_names(_ids: Collection[int]) -> Mapping[int, str]:
    return {}


def register_target(kind: str, label: Text, names: NamesOf = _no_names) -> None:
    """Say what the targets ``kind:<id>`` are called; ``names`` finds their own names."""
    _targets[kind] = TargetKind(label, names)


def target_kind(kind: str) -> TargetKind:
    """How targets of this kind are shown."""
    return _targets.get(kind) or TargetKind(kind, _no_names)


def register_field(name: str, label: Text, show: Show | None = None) -> None:
    """Say what a field of before and after is called and, where its value is no text, reads like.

    Args:
        name: as ``record`` gets it, ``module.name`` or a plain word that all modules share.
        label: what people call it.
        show: puts a stored value into words; it must take any value of older entries.
    """
    _fields.setdefault(name, Field(label, show))


def field(name: str) -> Field:
    """How a field is shown; under its own name when nobody registered it."""
    return _fields.get(name) or Field(name)


def actions() -> Mapping[str, Text]:
    """All actions with their texts."""
    return dict(_actions)


def text_of(action: str) -> Text:
    """An action in words; its own name when nobody registered any."""
    return _actions.get(action, action)


def names_of(kind: ActorKind, ids: Collection[int]) -> Mapping[int, str]:
    """The names of actors by id; erased ones are missing."""
    namer = namer_of(kind)
    return find_names({namer: ids})[namer]


def names_of_typists(ids: Collection[int]) -> Mapping[int, str]:
    """The names of those who type codes, by ``Actor.typist``: people, and tills below zero."""
    people = names_of(ActorKind.PERSON, {one for one in ids if one > 0})
    tills = names_of(ActorKind.TOKEN, {-one for one in ids if one < 0})
    return {**people, **{-number: name for number, name in tills.items()}}


def namer_of(kind: ActorKind) -> NamesOf:
    """What finds the names of one kind of actor."""
    return _names.get(kind, _no_names)


def find_names(wanted: Mapping[NamesOf, Collection[int]]) -> dict[NamesOf, dict[int, str]]:
    """Names by id for each way of finding them; one statement for all that are rows."""
    found: dict[NamesOf, dict[int, str]] = {names: {} for names in wanted}
    ways: list[NamesOf] = []
    parts: list[QuerySet[Any, Any]] = []
    for names, ids in wanted.items():
        told = names(ids) if ids else {}
        if isinstance(told, Mapping):
            found[names].update(told)
        else:
            parts.append(told.annotate(way=Value(len(ways))))
            ways.append(names)
    for first in parts[:1]:
        for pk, name, way in first.union(*parts[1:], all=True):
            found[ways[way]][pk] = name
    return found


def record(
    actor: Actor,
    action: str,
    target: str,
    *,
    store_id: int | None = None,
    details: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write one entry into the log of the merchant in scope, inside the caller's transaction.

    Args:
        actor: who acts.
        action: ``module.thing.happened``, registered with a text.
        target: what it was done to, ``kind:id``, for example ``store:12``.
        store_id: the store it belongs to, where there is one.
        details: what else matters, in JSON; never digits of a code, phones or names of people.
        before: what changed, by field, as it was; only fields that differ. Same limits.
        after: the same fields as they are since. ``register_field`` says how they are shown.
    """
    AuditEntry(
        actor_kind=actor.kind,
        actor_id=actor.id,
        action=action,
        target=target,
        store_id=store_id,
        details=_details(actor, details),
        before=_kept(before),
        after=_kept(after),
        support_id=actor.support_id,
        device=actor.device,
        ip=actor.ip,
    ).save(force_insert=True)


def record_platform(
    actor: Actor,
    action: str,
    target: str = "",
    *,
    details: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write one entry into the log of the installation: sign-ins, tiers, people."""
    PlatformAuditEntry(
        person_id=actor.id if actor.kind == ActorKind.PERSON else None,
        action=action,
        target=target,
        details=_details(actor, details),
        before=_kept(before),
        after=_kept(after),
        device=actor.device,
        ip=actor.ip,
    ).save(force_insert=True)


def changed(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ, as they were and as they are: what ``record`` takes."""
    fields = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {f: before.get(f) for f in fields}, {f: after.get(f) for f in fields}


def _kept(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return dict(values) if values else None


def _details(actor: Actor, details: Mapping[str, Any] | None) -> dict[str, Any]:
    kept = dict(details or {})
    if actor.kind == ActorKind.SYSTEM:
        kept["by"] = actor.name
    return kept
