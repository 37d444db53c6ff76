"""What this module tells the registries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import audit, todo
from zhanggui.accounts import permissions as rights
from zhanggui.files import jobs
from zhanggui.files.models import Task
from zhanggui.ledger import checking, permissions, proofs
from zhanggui.ledger.models import Chain
from zhanggui.ui import formats, navigation, sections

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest, PlatformRequest

ACTIONS = {
    checking.FAULTY: _("Check of the ledger found faults"),
    checking.CHECKED: _("Ledger checked, all in order"),
    proofs.TAKEN: _("Proof of the ledger taken"),
}
NAME = pgettext_lazy("menu", "Ledger check")


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    rights.register(*permissions.ALL)
    rights.register_area("ledger", NAME, order=510)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_target("ledger", _("Ledger"))
    todo.register(_faults)
    todo.register(_faulty_merchants, surface="platform")
    navigation.register(
        surface="merchant",
        entry=navigation.Entry(
            "ledger",
            NAME,
            "shield-check",
            "ledger:overview",
            permissions.VERIFY.name,
            order=295,
            section=sections.CONTROL,
        ),
    )
    bookings = pgettext_lazy("unit of the ledger", "bookings")
    jobs.register(
        jobs.TaskKind(
            proofs.CHECK,
            _("Check of the ledger"),
            proofs.run_check,
            "shield-check",
            bookings,
            url=_page,
            lines=_checked,
        )
    )
    jobs.register(
        jobs.TaskKind(
            proofs.PROOF,
            _("Proof of the ledger"),
            proofs.run_proof,
            "file-certificate",
            bookings,
            lines=_written,
            rights=lambda _task: frozenset({permissions.VERIFY.name}),
        )
    )


def _page(task: Task) -> str:
    return reverse("ledger:overview", args=[task.merchant.slug])


def _checked(task: Task) -> list[tuple[str | Promise, str]]:
    return [
        (_("Bookings hashed again"), formats.count(task.result.get("bookings", 0))),
        (_("Faults found"), formats.count(task.result.get("found", 0))),
    ]


def _written(task: Task) -> list[tuple[str | Promise, str]]:
    return [(_("Bookings in the proof"), formats.count(task.result.get("bookings", 0)))]


def _faults(request: MerchantRequest) -> Iterator[todo.Question]:
    if permissions.VERIFY.name in request.permissions:
        url = reverse("ledger:overview", args=[request.merchant.slug])
        yield todo.how_many(Chain.objects.filter(found__gt=0), lambda n: _alarm(n, url))


def _alarm(many: int, url: str) -> Iterator[todo.Todo]:
    if many:
        yield todo.Todo(
            _("The ledger does not add up"),
            _("The last check found faults. See which, and call whoever runs the system."),
            url,
            "shield-x",
            tone="danger",
            order=5,
        )


def _faulty_merchants(_request: PlatformRequest) -> Iterator[todo.Question]:
    yield todo.how_many(Chain.objects.filter(found__gt=0), _platform_alarm)


def _platform_alarm(many: int) -> Iterator[todo.Todo]:
    if many:
        yield todo.Todo(
            _("Ledgers that do not add up: %(count)s") % {"count": many},
            _("Run “zhanggui verify-ledger” on the server: it names the merchants and the faults."),
            reverse("accounts:platform"),
            "shield-x",
            tone="danger",
            order=5,
        )
