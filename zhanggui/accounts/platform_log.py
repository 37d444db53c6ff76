"""The installation's audit log in words: sign-ins, tiers, people; never a merchant's rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.utils import timezone

from zhanggui.accounts import audit, audit_log
from zhanggui.accounts.audit_log import AuditLine
from zhanggui.accounts.models import ActorKind, AuditEntry, Person, PlatformAuditEntry

GLOBAL_KINDS = frozenset({"person", "merchant", "operator", "application"})
"""Targets whose names are read without a merchant's scope."""
PEOPLE_AT_MOST = 200
"""So many people of one name are looked for."""


def entries(
    *, q: str, action: str, target: str, since: str, until: str
) -> QuerySet[PlatformAuditEntry]:
    """Entries by name of a person, action, target and days (``2026-11-22``); unordered."""
    found = PlatformAuditEntry.objects.all()
    if q:
        people = Person.objects.filter(name__icontains=q).values_list("pk", flat=True)
        found = found.filter(person_id__in=list(people[:PEOPLE_AT_MOST]))
    if action:
        found = found.filter(action=action)
    if target:
        found = found.filter(target=target)
    if since:
        found = found.filter(at__gte=_begin_of(since))
    if until:
        found = found.filter(at__lt=_begin_of(until, days=1))
    return found


def _begin_of(typed: str, *, days: int = 0) -> datetime:
    try:
        day = date.fromisoformat(typed) + timedelta(days=days)
        return datetime.combine(day, time.min, timezone.get_current_timezone())
    except (ValueError, OverflowError):
        raise BadRequest from None


def lines(rows: Iterable[PlatformAuditEntry]) -> list[AuditLine]:
    """Entries in words, with the same hand that writes a merchant's log."""
    found = list(rows)
    worded = audit_log.lines(_as_merchants(row) for row in found)
    return [
        line
        if line.target_key
        else replace(line, target=target_name(row.target), target_key=row.target)
        for line, row in zip(worded, found, strict=True)
    ]


def _as_merchants(row: PlatformAuditEntry) -> AuditEntry:
    return AuditEntry(
        at=row.at,
        actor_kind=ActorKind.SYSTEM if row.person_id is None else ActorKind.PERSON,
        actor_id=row.person_id,
        action=row.action,
        target=row.target if _is_global(row.target) else "",
        details=row.details,
        before=row.before,
        after=row.after,
        device=row.device,
        ip=row.ip,
    )


def _is_global(target: str) -> bool:
    return target.partition(":")[0] in GLOBAL_KINDS


def target_name(target: str) -> str:
    """What an entry is about, in words."""
    # names of a merchant's rows need its scope, and are none of the platform's business
    if not target or _is_global(target):
        return audit_log.name_of_target(target) if target else ""
    kind, _colon, number = target.partition(":")
    return f"{audit.target_kind(kind).label} #{number}" if number else target
