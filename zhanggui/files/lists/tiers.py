"""Lists of the platform and of operators as spreadsheets: counts and states, never customers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import batched
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import colleagues, figures, platform_log, rights, tier_selectors
from zhanggui.accounts.figures import Measure
from zhanggui.accounts.models import Application, Merchant, Operator, Tier
from zhanggui.core import tenancy
from zhanggui.core.errors import NotFound
from zhanggui.files.exports import Column, Export, Query
from zhanggui.files.lists.people import INVITATION_COLUMNS, invitation_rows

CHUNK = 500
VIEW = {Tier.PLATFORM: rights.PLATFORM_VIEW.name, Tier.OPERATOR: rights.OPERATOR_VIEW.name}
STAFF = {Tier.PLATFORM: rights.PLATFORM_STAFF.name, Tier.OPERATOR: rights.OPERATOR_STAFF.name}
FILTERS = frozenset({"q", "state", "operator"})


def _served_by(query: Query) -> str:
    return query.get("operator") if query.operator is None else ""


def _place_of(row: Merchant | Application) -> str:
    return row.operator.name if row.operator else str(_("Directly under the platform"))


def _merchants(query: Query) -> QuerySet[Merchant]:
    found = tier_selectors.searched(
        tier_selectors.merchants(operator=query.operator),
        search=query.get("q"),
        operator=_served_by(query),
    )
    return tier_selectors.in_state(found, query.get("state"))


def _merchant_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    found = _merchants(query).order_by(*tier_selectors.NEWEST_FIRST)
    for piece in batched(found.iterator(chunk_size=CHUNK), CHUNK):
        for row in tier_selectors.merchant_rows(piece):
            merchant = row.merchant
            yield (
                merchant.name,
                merchant.registered_name,
                merchant.slug,
                str(merchant.get_state_display()),
                _place_of(merchant),
                merchant.trade,
                row.stores,
                row.staff,
                merchant.plan_ends_at,
                merchant.created_at,
            )


MERCHANTS = Export(
    name="accounts.merchants",
    label=_("Merchants"),
    tiers=VIEW,
    columns=(
        Column("name", _("Display name"), width=24),
        Column("registered_name", _("Registered name"), width=28),
        Column("slug", _("Short name")),
        Column("state", _("State"), width=10),
        Column("operator", _("Operator"), width=24),
        Column("trade", _("Trade")),
        Column("stores", _("Open stores"), kind="number", width=10),
        Column("staff", _("Staff"), kind="number", width=10),
        Column("ends", _("Plan ends at"), kind="moment", width=18),
        Column("created", _("Created on"), kind="moment", width=18),
    ),
    rows=_merchant_rows,
    count=lambda query: _merchants(query).count(),
    parameters=FILTERS,
)


def _operators(query: Query) -> QuerySet[Operator]:
    found = tier_selectors.operators(search=query.get("q"))
    return tier_selectors.in_state(found, query.get("state"))


def _operator_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    found = _operators(query).order_by(*tier_selectors.NEWEST_FIRST)
    for piece in batched(found.iterator(chunk_size=CHUNK), CHUNK):
        served = tier_selectors.merchants_served(piece)
        for row in piece:
            yield (
                row.name,
                row.slug,
                str(row.get_state_display()),
                served.get(row.pk, 0),
                row.created_at,
            )


OPERATORS = Export(
    name="accounts.operators",
    label=_("Operators"),
    tiers={Tier.PLATFORM: rights.PLATFORM_VIEW.name},
    columns=(
        Column("name", _("Operator"), width=28),
        Column("slug", _("Short name")),
        Column("state", _("State"), width=10),
        Column("merchants", _("Merchants"), kind="number", width=10),
        Column("created", _("Created on"), kind="moment", width=18),
    ),
    rows=_operator_rows,
    count=lambda query: _operators(query).count(),
    parameters=frozenset({"q", "state"}),
)


def _applications(query: Query) -> QuerySet[Application]:
    found = tier_selectors.applications(place=query.operator, everywhere=query.operator is None)
    return tier_selectors.searched_applications(
        found, search=query.get("q"), state=query.get("state"), operator=_served_by(query)
    )


def _application_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    found = _applications(query).order_by(*tier_selectors.NEWEST_FIRST)
    for row in found.iterator(chunk_size=CHUNK):
        yield (
            row.registered_name,
            row.trade,
            str(row.get_state_display()),
            row.person.name,
            row.person.phone,
            _place_of(row),
            row.reason,
            row.created_at,
            row.decided_at,
        )


APPLICATIONS = Export(
    name="accounts.applications",
    label=_("Applications"),
    tiers=VIEW,
    columns=(
        Column("registered_name", _("Registered name"), width=28),
        Column("trade", _("Trade")),
        Column("state", _("State"), width=10),
        Column("applicant", _("Applicant")),
        Column("phone", _("Mobile number"), kind="phone"),
        Column("place", _("Applied to"), width=24),
        Column("reason", _("Reason"), width=32),
        Column("applied", _("Applied on"), kind="moment", width=18),
        Column("decided", _("Decided on"), kind="moment", width=18),
    ),
    rows=_application_rows,
    count=lambda query: _applications(query).count(),
    parameters=FILTERS,
)


def _employees(query: Query) -> Any:
    found: Any = colleagues.staff(
        query.operator,
        search=query.get("q")[:80],
        state=query.get("state"),
        role=query.get("role"),
    )
    return found.order_by("rank", "pk")


def _employee_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for member in _employees(query).iterator(chunk_size=CHUNK):
        person = member.person
        yield (person.name, person.phone, member.role_label, member.created_at, person.last_login)


EMPLOYEES = Export(
    name="accounts.employees",
    label=_("Employees"),
    tiers=STAFF,
    columns=(
        Column("name", _("Name"), width=20),
        Column("phone", _("Mobile number"), kind="phone"),
        Column("role", _("Role")),
        Column("joined", _("Joined on"), kind="moment", width=18),
        Column("last_login", _("Last sign-in"), kind="moment", width=18),
    ),
    rows=_employee_rows,
    count=lambda query: int(_employees(query).count()),
    parameters=frozenset({"q", "state", "role"}),
)


def _entries(query: Query) -> Any:
    names = ("q", "action", "target", "since", "until")
    return platform_log.entries(**{name: query.get(name) for name in names})


def _log_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    found = _entries(query).order_by("-at", "-id")
    for piece in batched(found.iterator(chunk_size=CHUNK), CHUNK):
        for line in platform_log.lines(piece):
            yield (line.at, line.who, line.action, line.target, line.details, line.device, line.ip)


LOG = Export(
    name="accounts.platform_log",
    label=pgettext_lazy("of the installation", "Audit log"),
    tiers={Tier.PLATFORM: rights.PLATFORM_AUDIT.name},
    columns=(
        Column("at", _("When"), kind="moment", width=18),
        Column("who", _("Who")),
        Column("action", _("What"), width=22),
        Column("target", _("On what"), width=24),
        Column("details", _("Details"), width=40),
        Column("device", _("Device"), width=24),
        Column("ip", _("Address"), width=18),
    ),
    rows=_log_rows,
    count=lambda query: query.counted(_entries(query)),
    parameters=frozenset({"q", "action", "target", "since", "until"}),
)


TIER_INVITATIONS = Export(
    name="accounts.tier_invitations",
    label=_("Invitations"),
    tiers=STAFF,
    columns=INVITATION_COLUMNS,
    rows=lambda query: invitation_rows(query.operator),
    count=lambda query: colleagues.invitations(query.operator).count(),
    parameters=frozenset(),
)


def _measure(query: Query) -> Measure:
    """The figure of the page.

    Raises:
        NotFound: there is none of this name for the tiers (404).
    """
    found = figures.measure_of(query.get("of"))
    if found is None or not found.for_tiers:
        raise NotFound
    return found


def _values(query: Query) -> tuple[Measure, dict[int, int]]:
    measure = _measure(query)
    span = figures.typed_days(query.get("days"), query.time_zone)
    with tenancy.all_merchants("a figure of a tier as a spreadsheet: counts and money only"):
        ids = tier_selectors.present_ids(query.operator)
        return measure, figures.by_merchant(measure, span, ids)


def _figure_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    measure, values = _values(query)
    for merchant, value in tier_selectors.by_value(values):
        shown = value / 100 if measure.is_money else value
        yield merchant.name, _place_of(merchant), str(measure.label), shown


FIGURE = Export(
    name="accounts.figure",
    label=_("Figure by merchant"),
    tiers=VIEW,
    columns=(
        Column("merchant", _("Merchant"), width=28),
        Column("operator", _("Operator"), width=24),
        Column("figure", _("Figure"), width=20),
        Column("value", _("Value"), kind="number", width=12),
    ),
    rows=_figure_rows,
    count=lambda query: len(_values(query)[1]),
    parameters=frozenset({"of", "days"}),
)


def _agreement_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for version in tier_selectors.agreements(query.operator).iterator(chunk_size=CHUNK):
        yield version.number, version.created_at, version.text


AGREEMENTS = Export(
    name="accounts.agreements",
    label=_("Registration agreement"),
    tiers={Tier.PLATFORM: rights.PLATFORM_MANAGE.name, Tier.OPERATOR: rights.OPERATOR_MANAGE.name},
    columns=(
        Column("number", _("Version"), kind="number", width=10),
        Column("published", pgettext_lazy("an agreement", "Published"), kind="moment", width=18),
        Column("text", _("Text"), width=80),
    ),
    rows=_agreement_rows,
    count=lambda query: tier_selectors.agreements(query.operator).count(),
    parameters=frozenset(),
)
