"""Reads of cases, and what their list offers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store
from zhanggui.core import clock, numbers
from zhanggui.stamps.models import Case, CaseKind, CaseState, Method
from zhanggui.ui.lists import Choice, Choices, Column, ListPage, Period, Sort

ORDER = ("-opened_at", "-id")
LOOK_BACK = timedelta(days=90)


def _stores(_request: HttpRequest) -> Choices:
    rows = Store.objects.order_by("id").values_list("pk", "name")
    return [(str(pk), name) for pk, name in rows]


def _managers(_request: HttpRequest) -> Choices:
    rows = Case.objects.exclude(manager_id=None).order_by("manager_id").distinct("manager_id")
    return [(str(pk), name) for pk, name in rows.values_list("manager_id", "manager_name")]


CASES = ListPage(
    name="stamps.cases",
    search=_("Name of the customer"),
    columns=(
        Column("customer", _("Customer"), is_fixed=True),
        Column("what", pgettext_lazy("case", "About")),
        Column("store", _("Store")),
        Column("manager", _("Manager")),
        Column("state", _("State"), is_fixed=True),
        Column("opened", pgettext_lazy("case", "Reported"), sort="newest"),
    ),
    sorts=(
        Sort("newest", pgettext_lazy("order of a list", "Newest first"), ORDER),
        Sort("oldest", pgettext_lazy("order of a list", "Oldest first"), ("opened_at", "id")),
    ),
    filters=(
        Choice("state", _("State"), CaseState.choices, every=_("All states")),
        Choice("store", _("Store"), _stores, every=_("All stores")),
        Choice("manager", _("Manager"), _managers, is_extra=True),
        Choice("kind", _("Kind"), CaseKind.choices, is_extra=True),
        Period("opened", pgettext_lazy("case", "Reported")),
    ),
)


ADVICE: dict[str, Promise] = {
    CaseKind.REPLAYED: _(
        "The same five points came twice, to the last digit. A hand never does that: somebody"
        " may have recorded a press and sent it again. Nothing was booked for the second one."
    ),
    CaseKind.GONE_SEAL: _(
        "A stamp that is lost or out of use was pressed on a phone. Nothing was booked. Find"
        " out who has it."
    ),
    CaseKind.TOO_EXACT: _(
        "These presses fit the drawing better than a hand can press. Look at who was at the"
        " counter, and change the core of the stamp if in doubt."
    ),
    CaseKind.CODE_SHARE: _(
        "This store has a stamp, and still most of its stamps came by code. Try the stamp on"
        " two phones; if it works, ask why codes are typed in."
    ),
    CaseKind.FAST_CARD: _(
        "A card went from the first to the last stamp within a day. Look at its bookings: one"
        " large party is fine, many single ones by one manager are not."
    ),
    CaseKind.OUTLIER: _(
        "This manager confirmed far more codes than colleagues at the same time. A busy shift"
        " explains it, or codes that no guest showed."
    ),
    CaseKind.OFF_HOURS: _(
        "Stamps were given at hours when hardly anybody stamps. Compare with the shift plan."
    ),
    CaseKind.SHUT_PRESS: _(
        "The store's stamp was pressed although the store was closed. Ask who had it: it may have"
        " left the store. The shop can refuse such presses under “Limits of the counter”."
    ),
    CaseKind.FAR: _(
        "When this was confirmed, the customer's phone said it was far from the store. Somebody may"
        " have read a code out over the telephone, or the stamp has left the store. A phone can be"
        " wrong: ask before you decide."
    ),
    CaseKind.SAME_CARDS: _(
        "Most stamps of this manager went to the same few cards. Regulars explain it, or a"
        " friend's card."
    ),
}
"""What a case of the system means and what to do first; customers' reports speak themselves."""

ROWS_DAYS = timedelta(days=7)


def rows_query(case: Case, zone: str) -> str:
    """The ledger's filters that show what a case of the system is about."""
    wanted: dict[str, object] = {
        "since": clock.local_date(case.opened_at - ROWS_DAYS, zone).isoformat(),
        "until": clock.local_date(case.opened_at, zone).isoformat(),
    }
    if case.manager_id is not None:
        wanted["manager"] = case.manager_id
    elif case.store_id is not None:
        wanted["store"] = case.store_id
    if case.kind == CaseKind.CODE_SHARE:
        wanted["way"] = Method.CODE
    return urlencode(wanted)


def found(values: Mapping[str, Any], *, search: str, zone: str) -> QuerySet[Case]:
    """Cases that fit the list's filters, newest first."""
    rows = Case.objects.select_related("record__card__programme", "store").order_by(*ORDER)
    for name, column in (("state", "state"), ("kind", "kind")):
        if values.get(name):
            rows = rows.filter(**{column: values[name]})
    for name in ("store", "manager"):
        number = numbers.whole(str(values.get(name) or ""))
        if number is not None:
            rows = rows.filter(**{f"{name}_id": number})
    first, last = values.get("opened_from"), values.get("opened_to")
    if isinstance(first, date):
        rows = rows.filter(opened_at__gte=clock.start_of(first, zone))
    if isinstance(last, date) and last < date.max:
        rows = rows.filter(opened_at__lt=clock.start_of(last + timedelta(days=1), zone))
    if search:
        rows = rows.filter(
            Q(record__name_key__contains=search.lower())
            | Q(record__customer__number__istartswith=search)
        )
    return rows


def others_of(case: Case) -> int:
    """Other cases about the same manager in the last 90 days: one may be a slip, five are not."""
    if case.manager_id is None:
        return 0
    since = clock.now() - LOOK_BACK
    rows = Case.objects.filter(manager_id=case.manager_id, opened_at__gte=since)
    return rows.exclude(pk=case.pk).count()
