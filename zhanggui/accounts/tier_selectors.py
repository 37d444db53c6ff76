"""What platform and operators read about their merchants: state and counts, never customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from zhanggui.accounts.models import (
    AgreementVersion,
    Application,
    ApplicationState,
    Membership,
    Merchant,
    Operator,
    Person,
    Role,
    Store,
    StoreState,
    TierState,
)
from zhanggui.core import numbers, tenancy

NEWEST_FIRST = ("-created_at", "-id")
DIRECT = "direct"
"""As a filter: merchants that stand directly under the platform."""
ALL_STATES = "all"
MOST_CHOICES = 200


@dataclass(frozen=True, slots=True)
class MerchantRow:
    """A merchant as operators and the platform see it."""

    merchant: Merchant
    stores: int
    staff: int


def merchants(*, operator: Operator | None = None) -> QuerySet[Merchant]:
    """The merchants of an operator, or (None) of the whole installation."""
    found = Merchant.objects.select_related("operator")
    return found if operator is None else found.filter(operator=operator)


def present_ids(operator: Operator | None) -> list[int]:
    """The merchants of an operator, or of the whole installation, but for archived ones."""
    found = merchants(operator=operator).exclude(state=TierState.ARCHIVED)
    return list(found.values_list("pk", flat=True))


def by_value(values: Mapping[int, int]) -> list[tuple[Merchant, int]]:
    """Merchants with their value of a figure, the highest first."""
    found = merchants().filter(pk__in=values)
    ordered = sorted(found, key=lambda merchant: (-values[merchant.pk], merchant.name))
    return [(merchant, values[merchant.pk]) for merchant in ordered]


def searched(
    found: QuerySet[Merchant], *, search: str = "", operator: str = ""
) -> QuerySet[Merchant]:
    """Merchants by a part of a name or short name, and by operator's id or ``direct``."""
    if search:
        found = found.filter(
            Q(name__icontains=search)
            | Q(registered_name__icontains=search)
            | Q(slug__icontains=search)
        )
    if operator == DIRECT:
        return found.filter(operator=None)
    number = numbers.whole(operator)
    return found if number is None else found.filter(operator_id=number)


def in_state[Row: (Merchant, Operator)](found: QuerySet[Row], state: str) -> QuerySet[Row]:
    """Rows in one state; without one all that are not archived; ``all`` of them."""
    if state in TierState.values:
        return found.filter(state=state)
    return found if state == ALL_STATES else found.exclude(state=TierState.ARCHIVED)


def counted[Row: (Merchant, Operator)](found: QuerySet[Row]) -> dict[str, int]:
    """How many rows are in each state, and ``present`` ones: not archived; one statement."""
    rows = dict(found.order_by().values_list("state").annotate(Count("pk")))
    counts = {state: rows.get(state, 0) for state in TierState.values}
    return counts | {"present": counts[TierState.ACTIVE] + counts[TierState.FROZEN]}


def merchant_rows(merchants: Iterable[Merchant]) -> list[MerchantRow]:
    """Put numbers of open stores and of staff beside merchants; two statements."""
    rows = list(merchants)
    ids = [row.pk for row in rows]
    staff = dict(
        Membership.objects.filter(merchant_id__in=ids)
        .order_by()
        .values_list("merchant_id")
        .annotate(Count("pk"))
    )
    with tenancy.all_merchants("number of stores of each merchant for the tier above"):
        stores = dict(
            Store.objects.filter(merchant_id__in=ids, state=StoreState.OPEN)
            .order_by()
            .values_list("merchant_id")
            .annotate(Count("pk"))
        )
    return [MerchantRow(row, stores.get(row.pk, 0), staff.get(row.pk, 0)) for row in rows]


def operators(*, search: str = "") -> QuerySet[Operator]:
    """Operators by a part of their name or short name."""
    found = Operator.objects.all()
    if search:
        found = found.filter(Q(name__icontains=search) | Q(slug__icontains=search))
    return found


def merchants_served(operators: Iterable[Operator]) -> dict[int, int]:
    """How many merchants each operator serves, archived ones aside."""
    return dict(
        Merchant.objects.filter(operator__in=list(operators))
        .exclude(state=TierState.ARCHIVED)
        .order_by()
        .values_list("operator_id")
        .annotate(Count("pk"))
    )


def owners_of(place: Merchant | Operator) -> list[Membership]:
    """Owners of a merchant, heads of an operator, with their people, by age."""
    found = Membership.objects.filter(role=Role.OWNER).select_related("person")
    if isinstance(place, Merchant):
        return list(found.filter(merchant=place).order_by("pk"))
    return list(found.filter(operator=place).order_by("pk"))


def applications(*, place: Operator | None, everywhere: bool = False) -> QuerySet[Application]:
    """Applications to a place; ``everywhere``: of all places, as the platform sees them."""
    found = Application.objects.select_related("operator", "person", "merchant")
    return found if everywhere else found.filter(operator=place)


def searched_applications(
    found: QuerySet[Application], *, search: str = "", state: str = "", operator: str = ""
) -> QuerySet[Application]:
    """Applications by names, by place (an operator's id or ``direct``) and by state.

    Without a state those that wait; ``all`` of them.
    """
    if search:
        found = found.filter(
            Q(registered_name__icontains=search) | Q(person__name__icontains=search)
        )
    if operator == DIRECT:
        found = found.filter(operator=None)
    elif (number := numbers.whole(operator)) is not None:
        found = found.filter(operator_id=number)
    if state == ALL_STATES:
        return found
    known = state in ApplicationState.values
    return found.filter(state=state if known else ApplicationState.WAITING)


def operators_to_choose() -> list[tuple[str, str]]:
    """Operators for a filter: id and name, by name, archived ones aside."""
    rows = Operator.objects.exclude(state=TierState.ARCHIVED).order_by("name")
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:MOST_CHOICES]]


def waiting_applications(place: Operator | None) -> QuerySet[Application]:
    """The applications a place has still to decide."""
    return Application.objects.filter(operator=place, state=ApplicationState.WAITING)


def agreements(place: Operator | None) -> QuerySet[AgreementVersion]:
    """All versions of a place's agreement, newest first."""
    return AgreementVersion.objects.filter(operator=place).order_by("-number")


def name_of_person(person_id: int | None) -> str:
    """How somebody is called; empty for nobody and for people who are gone."""
    if person_id is None:
        return ""
    return Person.objects.filter(pk=person_id).values_list("name", flat=True).first() or ""
