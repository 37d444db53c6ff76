"""Lists of a merchant's stores, people and what they did, as spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit_log, colleagues, rights, selectors
from zhanggui.accounts.audit_log import SUPPORT, Filters
from zhanggui.accounts.models import Merchant, Operator, Store, SupportSession
from zhanggui.core import numbers, tenancy
from zhanggui.files.exports import Column, Export, Query

CHUNK = 500


def _merchant() -> Merchant:
    return Merchant.objects.get(pk=tenancy.current_merchant_id())


def _staff(query: Query) -> Any:
    found: Any = colleagues.staff(
        _merchant(),
        search=query.get("q")[:80],
        state=query.get("state"),
        role=query.get("role"),
    )
    return found.order_by("rank", "pk")


def _staff_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for member in _staff(query).iterator(chunk_size=CHUNK):
        person = member.person
        yield (
            person.name,
            person.phone,
            member.role_label,
            member.created_at,
            person.last_login,
        )


STAFF = Export(
    name="accounts.staff",
    label=_("Staff"),
    permission=rights.VIEW_STAFF.name,
    columns=(
        Column("name", _("Name"), width=20),
        Column("phone", _("Mobile number"), kind="phone"),
        Column("role", _("Role")),
        Column("joined", _("Joined on"), kind="moment", width=18),
        Column("last_login", _("Last sign-in"), kind="moment", width=18),
    ),
    rows=_staff_rows,
    count=lambda query: int(_staff(query).count()),
    parameters=frozenset({"q", "state", "role"}),
)


def _filters(query: Query) -> Filters:
    person = query.get("person")
    return Filters(
        action=query.get("action")[:60],
        person_id=None if person == SUPPORT else numbers.whole(person),
        only_support=person == SUPPORT,
        target=query.get("target")[:60],
        store_id=numbers.whole(query.get("store")),
        since=_day(query.get("since")),
        until=_day(query.get("until")),
    )


def _day(typed: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(typed)
    return None


def _audit(query: Query) -> Any:
    return audit_log.entries(_filters(query), time_zone=query.time_zone)


def _audit_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for line in audit_log.all_lines(_audit(query)):
        yield (
            line.at,
            line.who,
            line.kind,
            line.action,
            line.target,
            line.store,
            line.details,
            line.device,
            line.ip,
        )


AUDIT = Export(
    name="accounts.audit",
    label=_("Audit log"),
    permission=rights.VIEW_AUDIT.name,
    columns=(
        Column("at", _("When"), kind="moment", width=18),
        Column("who", _("Who")),
        Column("kind", _("Kind"), width=10),
        Column("action", _("What"), width=22),
        Column("target", _("On what"), width=24),
        Column("store", _("Store")),
        Column("details", _("Details"), width=40),
        Column("device", _("Device"), width=24),
        Column("ip", _("Address"), width=18),
    ),
    rows=_audit_rows,
    count=lambda query: query.counted(_audit(query)),
    parameters=frozenset({"action", "person", "target", "store", "since", "until"}),
)


def _store_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for store in _stores(query).iterator(chunk_size=CHUNK):
        yield (
            store.name,
            str(store.get_state_display()),
            store.address,
            store.phone,
            store.created_at,
        )


def _stores(query: Query) -> QuerySet[Store]:
    return selectors.stores(search=query.get("q")[:80], state=query.get("state"))


STORES = Export(
    name="accounts.stores",
    label=_("Stores"),
    permission=rights.VIEW_STORES.name,
    columns=(
        Column("name", _("Store"), width=24),
        Column("state", _("State"), width=10),
        Column("address", _("Address"), width=40),
        Column("phone", _("Telephone")),
        Column("created", _("Opened on"), kind="moment", width=18),
    ),
    rows=_store_rows,
    count=lambda query: _stores(query).count(),
    parameters=frozenset({"q", "state"}),
)


def invitation_rows(place: Merchant | Operator | None) -> Iterator[tuple[Any, ...]]:
    """The invitations of a place as rows."""
    found = colleagues.invitations(place).order_by("-created_at", "-id")
    for invitation in found.iterator(chunk_size=CHUNK):
        yield (
            invitation.note,
            invitation.role_label,
            colleagues.state_of(invitation)[1],
            invitation.uses,
            invitation.max_uses,
            invitation.invited_by.name,
            invitation.created_at,
            invitation.expires_at,
        )


INVITATION_COLUMNS = (
    Column("note", _("For whom"), width=20),
    Column("role", _("Role")),
    Column("state", _("State"), width=10),
    Column("uses", _("Accepted by"), kind="number", width=10),
    Column("max_uses", _("For how many people"), kind="number", width=10),
    Column("by", _("Invited by")),
    Column("made", _("Made at"), kind="moment", width=18),
    Column("expires", _("Valid until"), kind="moment", width=18),
)
INVITATIONS = Export(
    name="accounts.invitations",
    label=_("Invitations"),
    permission=rights.MANAGE_STAFF.name,
    columns=INVITATION_COLUMNS,
    rows=lambda _query: invitation_rows(_merchant()),
    count=lambda _query: colleagues.invitations(_merchant()).count(),
    parameters=frozenset(),
)


def _visits() -> QuerySet[SupportSession]:
    found = SupportSession.objects.filter(merchant_id=tenancy.current_merchant_id())
    return found.select_related("person", "operator")


def _visit_rows(_query: Query) -> Iterator[tuple[Any, ...]]:
    for visit in _visits().order_by("-starts_at", "-id").iterator(chunk_size=CHUNK):
        yield (
            visit.person.name,
            visit.operator.name if visit.operator else str(_("The platform")),
            visit.reason,
            visit.starts_at,
            visit.ended_at or visit.ends_at,
        )


SUPPORT_VISITS = Export(
    name="accounts.support",
    label=_("Support access"),
    permission=rights.MANAGE_SUPPORT.name,
    columns=(
        Column("who", _("Who"), width=20),
        Column("from", _("From where"), width=24),
        Column("reason", _("Reason"), width=40),
        Column("begun", _("Begun"), kind="moment", width=18),
        Column("until", _("Ended at"), kind="moment", width=18),
    ),
    rows=_visit_rows,
    count=lambda _query: _visits().count(),
    parameters=frozenset(),
)
