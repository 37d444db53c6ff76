"""The ledger and the cards of a merchant as spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from itertools import batched
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.contacts.models import Customer
from zhanggui.files.exports import Column, Export, Query, register
from zhanggui.stamps import permissions, selectors
from zhanggui.stamps.exports import screen_sheets, seal_sheets
from zhanggui.stamps.forms.desk import read_filter
from zhanggui.stamps.models import Card, Case, Reward, StampRecord
from zhanggui.stamps.permissions import VIEW
from zhanggui.stamps.selectors import card_lists, cases, insight, liability, outliers

CHUNK = 500


def _records(query: Query) -> QuerySet[StampRecord]:
    return selectors.ledger_of(read_filter(query.values), query.time_zone)


def _record_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    found = _records(query).select_related("store", "card__programme")
    ordered = found.order_by(*selectors.ORDER)
    for piece in batched(ordered.iterator(chunk_size=CHUNK), CHUNK):
        for row in selectors.with_context(piece):
            record = row.record
            yield (
                record.at,
                str(record.get_kind_display()),
                record.amount,
                row.name_now,
                row.number,
                record.card.programme.name,
                record.store.name,
                record.manager_name,
                str(record.get_method_display()),
                record.balance_after,
                str(_("yes")) if row.is_cancelled else "",
                record.reason,
                record.distance_m,
                str(_("yes")) if record.is_far else "",
            )


LEDGER = Export(
    name="stamps.ledger",
    label=_("Stamp ledger"),
    permission=VIEW.name,
    columns=(
        Column("at", _("When"), kind="moment", width=18),
        Column("kind", _("Kind"), width=12),
        Column("amount", _("Stamps"), kind="number", width=8),
        Column("customer", _("Customer"), width=20),
        Column("number", _("Member number")),
        Column("programme", _("Programme"), width=20),
        Column("store", _("Store"), width=20),
        Column("manager", _("Manager")),
        Column("method", _("By way of"), width=12),
        Column("balance", _("Stamps afterwards"), kind="number", width=10),
        Column("cancelled", _("Taken back later"), width=10),
        Column("reason", _("Reason"), width=28),
        Column("distance", _("Phone from the store, metres"), kind="number", width=12),
        Column("far", _("Phone far away"), width=10),
    ),
    rows=_record_rows,
    count=lambda query: query.counted(_records(query)),
    parameters=frozenset(
        {"q", "store", "programme", "manager", "odd", "far", "kind", "way", "since", "until"}
    ),
)


def _cards(query: Query) -> QuerySet[Card]:
    values: dict[str, Any] = {name: query.get(name) for name in card_lists.CARD_NAMES}
    values |= _period_days(query, *card_lists.CARD_PERIODS)
    return card_lists.cards(values, search=query.get("q")[:80], zone=query.time_zone)


def _period_days(query: Query, *names: str) -> dict[str, date | None]:
    """The two days of each period of a list."""
    ends = [f"{name}_{end}" for name in names for end in ("from", "to")]
    return {end: _day(query.get(end)) for end in ends}


def _card_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for card in _cards(query).order_by("-id").iterator(chunk_size=CHUNK):
        yield (
            card.customer.name,
            card.customer.number,
            card.customer.phone,
            card.programme.name,
            card.shown,
            card.slots,
            card.cycle,
            str(card.get_state_display()),
            card.created_at,
            card.last_at,
        )


CARDS = Export(
    name="stamps.cards",
    label=_("Stamp cards"),
    permission=VIEW.name,
    columns=(
        Column("customer", _("Customer"), width=20),
        Column("number", _("Member number")),
        Column("phone", _("Phone"), kind="phone"),
        Column("programme", _("Programme"), width=20),
        Column("balance", _("Stamps"), kind="number", width=8),
        Column("slots", _("Places on the card"), kind="number", width=10),
        Column("rounds", _("Rounds filled"), kind="number", width=10),
        Column("state", _("State"), width=10),
        Column("taken", pgettext_lazy("card", "Taken"), kind="moment", width=18),
        Column("until", _("Valid until"), kind="moment", width=18),
    ),
    rows=_card_rows,
    count=lambda query: query.counted(_cards(query)),
    parameters=frozenset(
        {"q", *card_lists.CARD_NAMES, "taken_from", "taken_to", "until_from", "until_to"}
    ),
)


def _rewards(query: Query) -> QuerySet[Reward]:
    values: dict[str, Any] = {name: query.get(name) for name in card_lists.REWARD_NAMES}
    values |= _period_days(query, "issued")
    return card_lists.rewards(values, search=query.get("q")[:80], zone=query.time_zone)


def _reward_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    found = _rewards(query).order_by(*card_lists.NEWEST_REWARD)
    for piece in batched(found.iterator(chunk_size=CHUNK), CHUNK):
        coupons = card_lists.coupons_of(piece)
        for reward in piece:
            coupon = coupons.get(reward.coupon_id or 0)
            yield (
                reward.issued_at,
                reward.card.customer.name,
                reward.card.customer.number,
                reward.card.programme.name,
                reward.name,
                reward.position,
                str(reward.get_state_display()),
                coupon.code if coupon else "",
                str(coupon.get_state_display()) if coupon else "",
            )


REWARDS = Export(
    name="stamps.rewards",
    label=pgettext_lazy("list", "Rewards won"),
    permission=VIEW.name,
    columns=(
        Column("issued", pgettext_lazy("reward", "Won"), kind="moment", width=18),
        Column("customer", _("Customer"), width=20),
        Column("number", _("Member number")),
        Column("programme", _("Programme"), width=20),
        Column("reward", _("Reward"), width=24),
        Column("position", _("At stamp no."), kind="number", width=10),
        Column("state", _("State"), width=10),
        Column("coupon", _("Code of the coupon"), width=16),
        Column("coupon_state", _("State of the coupon"), width=12),
    ),
    rows=_reward_rows,
    count=lambda query: query.counted(_rewards(query)),
    parameters=frozenset({"q", *card_lists.REWARD_NAMES, "issued_from", "issued_to"}),
)


def _manager_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for one in outliers.managers(query.time_zone):
        yield (
            one.name,
            one.store,
            one.operations,
            one.cancels,
            one.codes,
            one.odd,
            one.far,
            f"{one.same_share:.3f}",
            one.cases,
            "、".join(str(signal) for signal in one.signals),
        )


MANAGERS = Export(
    name="stamps.outliers",
    label=_("Managers beside each other"),
    permission=permissions.HANDLE_CASES.name,
    columns=(
        Column("manager", _("Manager")),
        Column("store", _("Store"), width=20),
        Column("operations", _("Operations"), kind="number"),
        Column("cancels", _("Times cancelled"), kind="number"),
        Column("codes", _("By code"), kind="number"),
        Column("odd", _("At odd hours"), kind="number"),
        Column("far", _("Phone far away"), kind="number"),
        Column("same", _("Share of the three cards stamped most"), width=12),
        Column("cases", _("Open cases"), kind="number"),
        Column("signals", _("What stands out"), width=30),
    ),
    rows=_manager_rows,
    count=lambda query: len(outliers.managers(query.time_zone)),
    parameters=frozenset(),
)


def _months(query: Query) -> Sequence[liability.Month]:
    slug = query.merchant.slug if query.merchant else ""
    return liability.report(zone=query.time_zone, slug=slug).months


def _month_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for month in _months(query):
        sums = month.sums
        yield (
            month.first,
            sums.cards,
            sums.stamps,
            sums.coupons,
            sums.full_fen,
            sums.expected_fen,
        )


LIABILITY = Export(
    name="stamps.liability",
    label=_("Open rewards"),
    permission=VIEW.name,
    columns=(
        Column("month", _("Ends in"), kind="day"),
        Column("cards", _("Cards"), kind="number"),
        Column("stamps", _("Open stamps"), kind="number"),
        Column("coupons", _("Coupons"), kind="number"),
        Column("most", pgettext_lazy("liability", "At most"), kind="money"),
        Column("expected", pgettext_lazy("liability", "Expected"), kind="money"),
    ),
    rows=_month_rows,
    count=lambda query: len(_months(query)),
    parameters=frozenset(),
)


def _visitors(query: Query) -> QuerySet[Customer]:
    return insight.visitors(_records(query))


def _visitor_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    found = _visitors(query).order_by(*insight.VISITORS)
    for piece in batched(found.iterator(chunk_size=CHUNK), CHUNK):
        for row in insight.visits(piece, _records(query)):
            customer = row.customer
            yield (
                customer.name,
                customer.number,
                customer.phone,
                row.stamps,
                row.entries,
                row.last_at,
            )


VISITORS = Export(
    name="stamps.visitors",
    label=_("Customers who came"),
    permission=VIEW.name,
    columns=(
        Column("customer", _("Customer"), width=20),
        Column("number", _("Member number")),
        Column("phone", _("Phone"), kind="phone"),
        Column("stamps", _("Stamps"), kind="number", width=8),
        Column("entries", _("Entries"), kind="number", width=8),
        Column("last", _("Last time"), kind="moment", width=18),
    ),
    rows=_visitor_rows,
    count=lambda query: query.counted(_visitors(query)),
    parameters=LEDGER.parameters,
)


CASE_NAMES = ("state", "kind", "store", "manager")


def _cases(query: Query) -> QuerySet[Case]:
    values: dict[str, Any] = {name: query.get(name) for name in CASE_NAMES}
    values |= _period_days(query, "opened")
    return cases.found(values, search=query.get("q")[:80], zone=query.time_zone)


def _day(typed: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(typed)
    return None


def _case_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for case in _cases(query).iterator(chunk_size=CHUNK):
        record = case.record
        yield (
            record.customer_name if record else "",
            str(case.get_kind_display()),
            record.at if record else None,
            case.store.name if case.store else "",
            case.manager_name,
            case.text,
            str(case.get_state_display()),
            str(case.get_verdict_display()) if case.verdict else "",
            case.note,
            case.opened_at,
            case.settled_at,
        )


CASES = Export(
    name="stamps.cases",
    label=_("Reports of customers"),
    permission=permissions.HANDLE_CASES.name,
    columns=(
        Column("customer", _("Customer"), width=20),
        Column("kind", _("Kind"), width=24),
        Column("at", _("When"), kind="moment", width=18),
        Column("store", _("Store"), width=20),
        Column("manager", _("Manager")),
        Column("text", _("In the customer’s words"), width=40),
        Column("state", _("State"), width=12),
        Column("verdict", _("What came out"), width=24),
        Column("note", _("Note"), width=40),
        Column("opened", pgettext_lazy("case", "Reported"), kind="moment", width=18),
        Column("settled", pgettext_lazy("state of a case", "Settled"), kind="moment", width=18),
    ),
    rows=_case_rows,
    count=lambda query: query.counted(_cases(query)),
    parameters=frozenset({"q", *CASE_NAMES, "opened_from", "opened_to"}),
)


def register_all() -> None:
    """Make them exportable."""
    for export in (
        LEDGER,
        CARDS,
        REWARDS,
        LIABILITY,
        MANAGERS,
        VISITORS,
        CASES,
        *seal_sheets.EXPORTS,
        screen_sheets.SCREENS,
    ):
        register(export)
