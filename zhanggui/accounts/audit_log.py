"""Reads of a merchant's audit log: filtered, and put into words for pages and sheets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from zhanggui.accounts import audit
from zhanggui.accounts.models import ActorKind, AuditEntry, Role, Tier, role_label
from zhanggui.core.errors import DomainError

SUPPORT = "support"
"""Stands for “anybody in a support session” where a person can be chosen."""
CHUNK = 500
LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """What of the log is wanted; empty means all."""

    action: str = ""
    """One action, or the beginning of several with a dot at its end."""
    person_id: int | None = None
    only_support: bool = False
    target: str = ""
    store_id: int | None = None
    since: date | None = None
    until: date | None = None
    """The last day, included."""

    @property
    def is_any(self) -> bool:
        """Whether anything is filtered."""
        return self != Filters()


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after, in words."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One audit entry in words."""

    at: datetime
    who: str
    kind: str
    is_support: bool
    action: str
    target: str
    target_key: str
    store: str
    note: str
    changes: tuple[Change, ...]
    device: str
    ip: str

    @property
    def details(self) -> str:
        """Changes and note in one line, for sheets."""
        pairs = [
            _("%(label)s: %(before)s → %(after)s")
            % {"label": one.label, "before": one.before, "after": one.after}
            for one in self.changes
        ]
        return "; ".join([*pairs, self.note] if self.note else pairs)


def entries(filters: Filters, *, time_zone: str = "Asia/Shanghai") -> QuerySet[AuditEntry]:
    """Entries of the merchant in scope; days are those of the given time zone."""
    found = AuditEntry.objects.all()
    if filters.action.endswith("."):
        found = found.filter(action__startswith=filters.action)
    elif filters.action:
        found = found.filter(action=filters.action)
    if filters.person_id is not None:
        found = found.filter(actor_kind=ActorKind.PERSON, actor_id=filters.person_id)
    if filters.only_support:
        found = found.filter(support_id__isnull=False)
    if filters.target:
        found = found.filter(target=filters.target)
    if filters.store_id is not None:
        found = found.filter(store_id=filters.store_id)
    zone = ZoneInfo(time_zone)
    if filters.since is not None:
        found = found.filter(at__gte=datetime.combine(filters.since, time.min, zone))
    if filters.until is not None:
        end = filters.until + timedelta(days=1)
        found = found.filter(at__lt=datetime.combine(end, time.min, zone))
    return found


def lines(
    rows: Iterable[AuditEntry], *, known: Mapping[str, Mapping[int, str]] | None = None
) -> list[AuditLine]:
    """Put entries into words; one query for all names, however many rows.

    Args:
        rows: the entries.
        known: names that the caller has read anyway, by kind of target.
    """
    found = list(rows)
    read = {audit.target_kind(kind).names: names for kind, names in (known or {}).items()}
    names = _names_of_all(found, read)
    stores = names.get(audit.target_kind("store").names, {})
    return [
        AuditLine(
            at=row.at,
            who=_name_of_actor(row, names) or _unknown(row),
            kind=row.get_actor_kind_display(),
            is_support=row.support_id is not None,
            action=str(audit.text_of(row.action)),
            target=_name_of_target(row.target, names),
            target_key=row.target,
            store=stores.get(row.store_id, "") if row.store_id is not None else "",
            note=_note(row.details),
            changes=tuple(_changes(row)),
            device=row.device,
            ip=row.ip or "",
        )
        for row in found
    ]


def all_lines(found: QuerySet[AuditEntry]) -> Iterator[AuditLine]:
    """Every line, newest first, read in chunks so that a long log does not fill the memory."""
    chunk: list[AuditEntry] = []
    for row in found.order_by("-at", "-id").iterator(chunk_size=CHUNK):
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield from lines(chunk)
            chunk = []
    yield from lines(chunk)


def name_of_target(target: str) -> str:
    """A target in words, for the filter that shows its entries only."""
    kind, _colon, number = target.partition(":")
    if not number.isdecimal():
        return target
    names = audit.target_kind(kind).names
    return _target_text(kind, int(number), audit.find_names({names: {int(number)}})[names])


def _unknown(row: AuditEntry) -> str:
    if row.actor_kind == ActorKind.SYSTEM:
        by = str(row.details.get("by", ""))
        return _(by) if by else ""
    return _("no longer known")


type Names = dict[audit.NamesOf, Mapping[int, str]]


def _names_of_all(rows: list[AuditEntry], read: Names) -> Names:
    """Actors and targets of one kind are named by the same function: it is asked once."""
    ids: dict[audit.NamesOf, set[int]] = defaultdict(set)
    of_stores = audit.target_kind("store").names
    for row in rows:
        if row.actor_id is not None:
            ids[audit.namer_of(ActorKind(row.actor_kind))].add(row.actor_id)
        kind, _colon, number = row.target.partition(":")
        if number.isdecimal():
            ids[audit.target_kind(kind).names].add(int(number))
        if row.store_id is not None:
            ids[of_stores].add(row.store_id)
    missing = {names: wanted - read.get(names, {}).keys() for names, wanted in ids.items()}
    found = audit.find_names(missing)
    return {names: {**read.get(names, {}), **named} for names, named in found.items()}


def _name_of_actor(row: AuditEntry, names: Names) -> str:
    if row.actor_id is None:
        return ""
    return names[audit.namer_of(ActorKind(row.actor_kind))].get(row.actor_id, "")


def _name_of_target(target: str, names: Names) -> str:
    kind, _colon, number = target.partition(":")
    if not number.isdecimal():
        return target
    return _target_text(kind, int(number), names[audit.target_kind(kind).names])


def _target_text(kind: str, number: int, names: Mapping[int, str]) -> str:
    return _("%(kind)s %(name)s") % {
        "kind": audit.target_kind(kind).label,
        "name": names.get(number, f"#{number}"),
    }


def _changes(row: AuditEntry) -> Iterator[Change]:
    before, after = row.before or {}, row.after or {}
    for name in {**before, **after}:
        shown = audit.field(name)
        yield Change(
            str(shown.label),
            _value(shown, before[name]) if name in before else "",
            _value(shown, after[name]) if name in after else "",
        )


def _value(shown: audit.Field, value: Any) -> str:
    if value is None or value in ("", []):
        return "—"
    text = str(shown.show(value)) if shown.show is not None else _plain(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return "、".join(_plain(one) for one in value)
    return str(value)


def _note(details: Mapping[str, Any]) -> str:
    role = details.get("role")
    if isinstance(role, str):
        return role_text(role)
    told = details.get("reason") or details.get("code")
    return _refusal_text(told) if isinstance(told, str) else ""


@cache
def _refusals() -> dict[str, type[DomainError]]:
    """Every refusal by its code."""
    found: dict[str, type[DomainError]] = {}
    kinds = [DomainError]
    for kind in kinds:
        found[kind.code] = kind
        kinds.extend(kind.__subclasses__())
    return found


def _refusal_text(told: str) -> str:
    """A refusal's code in words, as far as they stand without the details of that moment."""
    kind = _refusals().get(told)
    text = str(kind.text) if kind else told
    return told if "%(" in text else text


def role_text(name: Any) -> str:
    """A role in words: presets by their label, own ones by the name they had."""
    is_preset = name in Role.values and name != Role.CUSTOM
    return role_label(Role(name), Tier.MERCHANT) if is_preset else str(name)
