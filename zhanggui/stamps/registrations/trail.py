"""What the audit log calls the steps of this module, and whatever they were done to."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts.models import Customer
from zhanggui.core import tenancy
from zhanggui.stamps.models import (
    Adjustment,
    Card,
    Case,
    CounterScreen,
    Limits,
    ManagerBinding,
    ManagerInvitation,
    PendingManager,
    Poster,
    Programme,
    Seal,
    StampRecord,
)

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
    "stamps.reward.handed_over": _("Reward handed over"),
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
    "stamps.poster.pictured": _("Picture put on the poster"),
    "stamps.poster.unpictured": _("Picture taken off the poster"),
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


def register_all() -> None:
    """Name every action and every target; once per process."""
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
    audit.register_target("pending", _("Request of a store manager"), _pending)
    audit.register_target("manager_invitation", _("QR code for managers"), _invitations)


def _posters(ids: Collection[int]) -> audit.Rows:
    return Poster.objects.filter(pk__in=ids).values_list("pk", "name")


def _seals(ids: Collection[int]) -> audit.Rows:
    return Seal.objects.filter(pk__in=ids).values_list("pk", "name")


def _screens(ids: Collection[int]) -> audit.Rows:
    return CounterScreen.objects.filter(pk__in=ids).values_list("pk", "name")


def _reports(ids: Collection[int]) -> audit.Rows:
    """Whose report it is; what the system found itself is named by the manager, if by anybody."""
    named = Coalesce("record__customer_name", "manager_name")
    return Case.objects.filter(pk__in=ids).values_list("pk", named)


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


def _pending(ids: Collection[int]) -> audit.Rows:
    return PendingManager.objects.filter(pk__in=ids).values_list("pk", "name")


def _invitations(ids: Collection[int]) -> audit.Rows:
    return ManagerInvitation.objects.filter(pk__in=ids).values_list("pk", "store__name")
