"""What the pages of this module tell the registries: rights, menus, panels, what waits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.db.models import F, OuterRef, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from zhanggui.accounts import audit, features, todo
from zhanggui.accounts import permissions as rights
from zhanggui.accounts.models import Store
from zhanggui.api import operations, scopes
from zhanggui.api import registry as routes
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts.models import Customer
from zhanggui.core import tenancy
from zhanggui.messaging import templates
from zhanggui.stamps import api as till
from zhanggui.stamps import measures, permissions, segments, selectors, spreadsheets, told
from zhanggui.stamps.models import (
    Adjustment,
    AdjustmentState,
    Card,
    Case,
    CaseKind,
    CaseState,
    CounterScreen,
    Limits,
    ManagerBinding,
    ManagerInvitation,
    Programme,
    StampRecord,
)
from zhanggui.stamps.models_office import Poster
from zhanggui.stamps.press_models import Seal
from zhanggui.ui import navigation as menus
from zhanggui.ui import panels
from zhanggui.ui.formats import count

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest

ACTIONS = {
    "stamps.programme.created": _("Programme created"),
    "stamps.programme.edited": _("Programme changed"),
    "stamps.programme.paused": _("Programme paused"),
    "stamps.programme.resumed": _("Programme resumed"),
    "stamps.card.opened": _("Card taken"),
    "stamps.card.blocked": _("Card blocked"),
    "stamps.card.unblocked": _("Card unblocked"),
    "stamps.code.issued": _("Code shown"),
    "stamps.code.revoked": _("Code revoked by the customer"),
    "stamps.code.previewed": _("Code typed in"),
    "stamps.code.confirmed": _("Code confirmed"),
    "stamps.code.refused": _("Code refused"),
    "stamps.record.cancelled": _("Stamps cancelled in the back office"),
    "stamps.record.undone": _("Stamp undone at the counter"),
    "stamps.programme.ended": _("Programme ended"),
    "stamps.programme.pictured": _("Picture put on the cards"),
    "stamps.programme.unpictured": _("Picture taken off the cards"),
    "stamps.card.begun": _("New round on a card begun"),
    "stamps.card.expired": _("Stamps expired"),
    "stamps.adjustment.booked": _("Stamps adjusted by hand"),
    "stamps.adjustment.asked": _("Adjustment asked for"),
    "stamps.adjustment.approved": _("Adjustment approved"),
    "stamps.adjustment.rejected": _("Adjustment turned down"),
    "stamps.limits.set": _("Limits of the counter set"),
    "stamps.case.opened": _("Reported: “that was not me”"),
    "stamps.case.settled": _("Report settled"),
    "stamps.case.alarmed": _("Alarm about a pressed stamp"),
    "stamps.press.accepted": _("Stamp pressed"),
    "stamps.press.refused": _("Press refused"),
    "stamps.counter.stamped": _("Stamped by the counter's code"),
    "stamps.counter.taken": _("Counter's code kept for a press"),
    "stamps.screen.made": _("Counter screen set up"),
    "stamps.screen.revoked": _("Counter screen switched off"),
    "stamps.phone.tested": _("Phone tested for stamps"),
    "stamps.desk.pressed": _("Manager page opened by the stamp"),
    "stamps.seal.made": _("Physical stamp made"),
    "stamps.seal.enrolling": _("Enrolment of a physical stamp begun"),
    "stamps.seal.active": _("Physical stamp taken into use"),
    "stamps.seal.suspended": _("Physical stamp suspended"),
    "stamps.seal.retired": _("Physical stamp retired"),
    "stamps.seal.lost": _("Physical stamp reported lost"),
    "stamps.seal.moved": _("Physical stamp moved to another store"),
    "stamps.costs.set": _("Costs of rewards set"),
    "stamps.poster.made": _("Poster made"),
    "stamps.poster.changed": _("Poster changed"),
    "stamps.poster.archived": _("Poster put away"),
    "stamps.poster.brought_back": _("Poster brought back"),
    "stamps.manager.invited": _("QR code for managers made"),
    "stamps.invitation.revoked": _("QR code for managers revoked"),
    "stamps.manager.bound": _("Became store manager"),
    "stamps.manager.pending": _("Asked to become store manager"),
    "stamps.manager.approved": _("Store manager approved"),
    "stamps.manager.rejected": _("Store manager rejected"),
    "stamps.manager.removed": _("Store manager removed"),
    "stamps.manager.left": _("Left as store manager"),
}

MOST_WAITING = 20
"""So many people are named on the overview; the others are on the pages of their stores."""


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    features.register(permissions.FEATURE)
    rights.register(*permissions.ALL)
    rights.register_area("stamps", _("Stamp cards"), order=30)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_target("code", _("One-time code"), _codes)
    audit.register_target("manager", _("Store manager"), _managers)
    audit.register_target("programme", _("Programme"), _programmes)
    audit.register_target("card", _("Card"), _cards)
    audit.register_target("record", _("Ledger entry"), _records)
    audit.register_target("case", _("Report of a customer"), _reports)
    audit.register_target("seal", _("Physical stamp"), _seals)
    audit.register_target("poster", _("Poster"), _posters)
    audit.register_target("press", _("Press"))
    audit.register_target("screen", _("Counter screen"), _screens)
    audit.register_target("adjustment", _("Adjustment by hand"), _adjustments)
    audit.register_target("limits", _("Limits of the counter"), _limits)
    audit.register_target("manager_invitation", _("QR code for managers"), _invitations)
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
    group = _("Stamps")
    for entry in (
        menus.Entry(
            "stamps_programmes",
            _("Stamp programmes"),
            "rubber-stamp",
            "stamps:programmes",
            permissions.VIEW.name,
            order=100,
            group=group,
        ),
        menus.Entry(
            "stamps_ledger",
            _("Stamp ledger"),
            "list-details",
            "stamps:ledger",
            permissions.VIEW.name,
            order=110,
            group=group,
        ),
        menus.Entry(
            "stamps_figures",
            _("Stamp figures"),
            "chart-bar",
            "stamps:figures",
            permissions.VIEW.name,
            order=120,
            group=group,
            covers=("../visitors/", "../rewards/"),
        ),
        menus.Entry(
            "stamps_cards",
            _("Stamp cards"),
            "cards",
            "stamps:cards",
            permissions.VIEW.name,
            order=130,
            group=group,
        ),
        menus.Entry(
            "stamps_seals",
            _("Physical stamps"),
            "rubber-stamp",
            "stamps:seals",
            permissions.VIEW.name,
            order=132,
            group=group,
        ),
        menus.Entry(
            "stamps_liability",
            _("Open rewards"),
            "coin",
            "stamps:liability",
            permissions.VIEW.name,
            order=133,
            group=group,
        ),
        menus.Entry(
            "stamps_posters",
            _("Posters"),
            "photo",
            "stamps:posters",
            permissions.VIEW.name,
            order=134,
            group=group,
        ),
        menus.Entry(
            "stamps_screens",
            _("Counter screens"),
            "device-tablet",
            "stamps:screens",
            permissions.VIEW.name,
            order=133,
            group=group,
        ),
        menus.Entry(
            "stamps_adjustments",
            _("Adjustments by hand"),
            "adjustments",
            "stamps:adjustments",
            permissions.ADJUST.name,
            order=135,
            group=group,
        ),
        menus.Entry(
            "stamps_fraud",
            _("Fraud desk"),
            "shield-search",
            "stamps:fraud",
            permissions.HANDLE_CASES.name,
            order=139,
            group=group,
        ),
        menus.Entry(
            "stamps_reports",
            _("Reports of customers"),
            "message-report",
            "stamps:reports",
            permissions.HANDLE_CASES.name,
            order=140,
            group=group,
        ),
    ):
        menus.register(surface="merchant", entry=entry)


def _panels() -> None:
    panels.register(
        place="accounts.store",
        panel=panels.Panel(
            "stamps/backoffice/panel_store.html", _store, permissions.VIEW.name, order=10
        ),
    )
    panels.register(
        place="contacts.customer",
        panel=panels.Panel(
            "stamps/backoffice/panel_customer.html", _customer, permissions.VIEW.name, order=10
        ),
    )


def _store(request: HttpRequest, subject: Any) -> Mapping[str, Any]:
    from zhanggui.stamps.views import managers  # noqa: PLC0415  views are the last to load

    store: Store = subject
    return managers.panel(request, store)


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


def _posters(ids: Collection[int]) -> audit.Rows:
    return Poster.objects.filter(pk__in=ids).values_list("pk", "name")


def _seals(ids: Collection[int]) -> audit.Rows:
    return Seal.objects.filter(pk__in=ids).values_list("pk", "name")


def _screens(ids: Collection[int]) -> audit.Rows:
    return CounterScreen.objects.filter(pk__in=ids).values_list("pk", "name")


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


def _reports(ids: Collection[int]) -> audit.Rows:
    return Case.objects.filter(pk__in=ids).values_list("pk", "record__customer_name")


def _programmes(ids: Collection[int]) -> audit.Rows:
    return Programme.objects.filter(pk__in=ids).values_list("pk", "name")


def _cards(ids: Collection[int]) -> audit.Rows:
    return Card.objects.filter(pk__in=ids).values_list("pk", "customer__name")


def _codes(ids: Collection[int]) -> audit.Rows:
    """Never the digits: whose code it is says enough."""
    owner = Customer.objects.filter(pk=OuterRef("customer_id")).values("name")
    codes = OneTimeCode.objects.filter(pk__in=ids).annotate(owner=Subquery(owner))
    return codes.exclude(owner=None).values_list("pk", "owner")


def _records(ids: Collection[int]) -> audit.Rows:
    return StampRecord.objects.filter(pk__in=ids).values_list("pk", "customer_name")


def _adjustments(ids: Collection[int]) -> audit.Rows:
    return Adjustment.objects.filter(pk__in=ids).values_list("pk", "card__customer__name")


def _limits(ids: Collection[int]) -> audit.Rows:
    return Limits.objects.filter(pk__in=ids).values_list("pk", "merchant__name")


def _managers(ids: Collection[int]) -> audit.Rows:
    bindings = ManagerBinding.objects.filter(pk__in=ids, merchant_id=tenancy.current_merchant_id())
    return bindings.values_list("pk", "name")


def _invitations(ids: Collection[int]) -> audit.Rows:
    return ManagerInvitation.objects.filter(pk__in=ids).values_list("pk", "store__name")
