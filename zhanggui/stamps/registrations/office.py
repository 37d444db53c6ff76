"""What the pages of this module tell the registries: rights, menus, panels, what waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from zhanggui.accounts import features, todo
from zhanggui.accounts import permissions as rights
from zhanggui.accounts.models import Store
from zhanggui.api import operations, scopes
from zhanggui.api import registry as routes
from zhanggui.contacts.models import Customer
from zhanggui.messaging import templates
from zhanggui.stamps import api as till
from zhanggui.stamps import permissions, selectors, told
from zhanggui.stamps.exports import spreadsheets
from zhanggui.stamps.models import (
    Adjustment,
    AdjustmentState,
    Case,
    CaseKind,
    CaseState,
    Programme,
)
from zhanggui.stamps.registrations import measures, segments, trail
from zhanggui.ui import navigation as menus
from zhanggui.ui import panels, sections
from zhanggui.ui.formats import count

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest


MOST_WAITING = 20
"""So many people are named on the overview; the others are on the pages of their stores."""


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    features.register(permissions.FEATURE)
    rights.register(*permissions.ALL)
    rights.register_area("stamps", _("Stamp cards"), order=30)
    trail.register_all()
    todo.register(_waiting)
    templates.register(told.STAMPED, told.CANCELLED, told.REWARDED, told.EXPIRING, told.DECIDED)
    segments.register_all()
    _till()
    measures.register_all()
    spreadsheets.register_all()
    _menu()
    _panels()


def _till() -> None:
    scopes.register(*till.SCOPES)
    operations.register(till.STAMP, till.TAKE_BACK)
    operations.read_by(till.read)
    routes.register("stamps", lambda: till.router)


def _menu() -> None:
    for entry in (
        menus.Entry(
            "stamps_programmes",
            _("Stamp programmes"),
            "rubber-stamp",
            "stamps:programmes",
            permissions.VIEW.name,
            order=100,
            section=sections.CARDS,
        ),
        menus.Entry(
            "stamps_cards",
            _("Stamp cards"),
            "cards",
            "stamps:cards",
            permissions.VIEW.name,
            order=110,
            section=sections.CARDS,
        ),
        menus.Entry(
            "stamps_ledger",
            _("Stamp ledger"),
            "list-details",
            "stamps:ledger",
            permissions.VIEW.name,
            order=115,
            section=sections.CARDS,
        ),
        menus.Entry(
            "stamps_posters",
            _("Posters"),
            "photo",
            "stamps:posters",
            permissions.VIEW.name,
            order=120,
            section=sections.CARDS,
        ),
        menus.Entry(
            "stamps_figures",
            _("Stamp figures"),
            "chart-bar",
            "stamps:figures",
            permissions.VIEW.name,
            order=130,
            section=sections.CARDS,
            covers=("../visitors/", "../rewards/"),
        ),
        menus.Entry(
            "stamps_seals",
            _("Physical stamps"),
            "rubber-stamp",
            "stamps:seals",
            permissions.VIEW.name,
            order=210,
            section=sections.COUNTER,
        ),
        menus.Entry(
            "stamps_screens",
            _("Counter screens"),
            "device-tablet",
            "stamps:screens",
            permissions.VIEW.name,
            order=220,
            section=sections.COUNTER,
        ),
        menus.Entry(
            "stamps_fraud",
            _("Fraud desk"),
            "shield-search",
            "stamps:fraud",
            permissions.HANDLE_CASES.name,
            order=250,
            section=sections.CONTROL,
        ),
        menus.Entry(
            "stamps_reports",
            _("Reports of customers"),
            "message-report",
            "stamps:reports",
            permissions.HANDLE_CASES.name,
            order=260,
            section=sections.CONTROL,
        ),
        menus.Entry(
            "stamps_adjustments",
            _("Adjustments by hand"),
            "adjustments",
            "stamps:adjustments",
            permissions.ADJUST.name,
            order=270,
            section=sections.CONTROL,
        ),
        menus.Entry(
            "stamps_liability",
            _("Open rewards"),
            "coin",
            "stamps:liability",
            permissions.VIEW.name,
            order=280,
            section=sections.CONTROL,
        ),
    ):
        menus.register(surface="merchant", entry=entry)


def _panels() -> None:
    for place, context in (("accounts.store_first", _store_to_man), ("accounts.store", _store)):
        panels.register(
            place=place,
            panel=panels.Panel(
                "stamps/backoffice/panel_store.html", context, permissions.VIEW.name, order=10
            ),
        )
    panels.register(
        place="contacts.customer",
        panel=panels.Panel(
            "stamps/backoffice/panel_customer.html", _customer, permissions.VIEW.name, order=10
        ),
    )


def _store_to_man(request: HttpRequest, subject: Any) -> Mapping[str, Any] | None:
    """An open store without a manager confirms no code: its panel stands above all else."""
    panel = _panel(request, subject)
    return panel if panel["is_open"] and not panel["managers"] else None


def _store(request: HttpRequest, subject: Any) -> Mapping[str, Any] | None:
    panel = _panel(request, subject)
    return None if panel["is_open"] and not panel["managers"] else panel


def _panel(request: HttpRequest, store: Store) -> Mapping[str, Any]:
    """The store's panel, read once for both its places."""
    from zhanggui.stamps.views import managers  # noqa: PLC0415  views are the last to load

    known: dict[int, Mapping[str, Any]] = request.__dict__.setdefault("store_panels", {})
    if store.pk not in known:
        known[store.pk] = managers.panel(request, store)
    return known[store.pk]


def _customer(request: HttpRequest, subject: Any) -> Mapping[str, Any]:
    customer: Customer = subject
    return {"cards": selectors.cards_of(customer.pk)}


def _waiting(request: MerchantRequest) -> Iterator[todo.Question]:
    slug = request.merchant.slug

    def first(many: int) -> Iterator[todo.Todo]:
        if not many:
            yield todo.Todo(
                _("Start the first stamp programme"),
                _("Customers then take a card in WeChat and collect stamps."),
                reverse("stamps:programme_new", args=[slug]),
                "rubber-stamp",
            )

    def undecided(found: todo.Found) -> Iterator[todo.Todo]:
        for pending in sorted(found, key=lambda row: int(row["pk"])):
            yield todo.Todo(
                _("%(name)s wants to manage a store") % {"name": pending["name"]},
                _("The QR code was scanned late, so you decide."),
                reverse("accounts:store", args=[slug, pending["store"]]),
                "user-question",
            )

    if permissions.MANAGE_PROGRAMMES.name in request.permissions:
        yield todo.how_many(Programme.objects.all(), first)
    if permissions.HANDLE_CASES.name in request.permissions:
        url = reverse("stamps:reports", args=[slug])
        open_cases = Case.objects.filter(state=CaseState.OPEN)
        told_by_customers = open_cases.filter(kind=CaseKind.NOT_ME)
        yield todo.how_many(told_by_customers, lambda many: _reported(many, url))
        alarms = open_cases.exclude(kind=CaseKind.NOT_ME)
        yield todo.how_many(alarms, lambda many: _alarmed(many, url))
    if permissions.ADJUST.name in request.permissions:
        others = Adjustment.objects.filter(state=AdjustmentState.WAITING)
        others = others.exclude(asked_by_id=request.actor.id or 0)
        page = reverse("stamps:adjustments", args=[slug])
        yield todo.how_many(others, lambda many: _to_approve(many, page))
    if permissions.MANAGE_MANAGERS.name in request.permissions:
        waiting = selectors.waiting_for_approval()[:MOST_WAITING]
        wanted = {"pk": F("pk"), "name": F("name"), "store": F("store_id")}
        yield todo.Question(waiting, undecided, wanted)


def _to_approve(many: int, url: str) -> Iterator[todo.Todo]:
    if many:
        text = ngettext(
            "%(n)s adjustment waits for a second person",
            "%(n)s adjustments wait for a second person",
            many,
        )
        yield todo.Todo(
            text % {"n": count(many)},
            _("A colleague wants to give or take many stamps by hand. Ask why, then decide."),
            f"{url}?state=waiting",
            "user-check",
            order=30,
        )


def _reported(many: int, url: str) -> Iterator[todo.Todo]:
    if not many:
        return
    text = ngettext(
        "%(n)s customer says: that was not me", "%(n)s customers say: that was not me", many
    )
    yield todo.Todo(
        text % {"n": count(many)},
        _("A stamp, or its cancel, that the customer knows nothing of. Ask who confirmed it."),
        f"{url}?state=open",
        "message-report",
        tone="danger",
        order=20,
    )


def _alarmed(many: int, url: str) -> Iterator[todo.Todo]:
    if not many:
        return
    text = ngettext("%(n)s alarm of the fraud desk", "%(n)s alarms of the fraud desk", many)
    yield todo.Todo(
        text % {"n": count(many)},
        _("Something does not look right: odd presses, too many codes, cards filled too fast."),
        f"{url}?state=open",
        "alert-triangle",
        tone="danger",
        order=20,
    )
