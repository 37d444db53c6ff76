"""The manager's desk for codes that are no card's, and the ledger of redemptions (核销流水)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from zhanggui.codes import tries
from zhanggui.codes.errors import Locked
from zhanggui.core import clock, numbers, tokens
from zhanggui.core.caching import never_stored
from zhanggui.core.errors import DomainError, NotFound
from zhanggui.coupons import selectors as coupon_selectors
from zhanggui.coupons import services as coupons
from zhanggui.coupons.models import UseKind, UseRecord
from zhanggui.coupons.services.using import MANAGER_UNDOES_WITHIN
from zhanggui.stamps import selectors, services
from zhanggui.stamps.forms.desk import read_filter
from zhanggui.stamps.guards import ManagerRequest, manager_view, refuse_stale
from zhanggui.stamps.results import Desk
from zhanggui.ui import paging

LONGEST_DIGITS = 40
UNDONE_AT_ONCE = 3
"""So many of the last stamps stand in the bar; the mistake is mostly the last one."""


def answer(
    request: ManagerRequest, template: str, page: dict[str, Any], status: int = 200
) -> HttpResponse:
    """A piece of the desk; without a script the whole page comes around it."""
    places = {
        "desk": request.desk,
        "person": request.person,
        "desk_url": reverse("stamps:desk"),
        "bar_url": reverse("stamps:staff_bar"),
        "confirm_url": reverse("stamps:staff_redeem"),
        "undo_url": reverse("stamps:staff_undo"),
        "ledger_url": reverse("stamps:staff_redemptions"),
    }
    if request.headers.get("HX-Request") == "true":
        return render(request, template, places | page, status=status)
    return render(
        request, "stamps/mobile/desk.html", places | page | {"whole": template}, status=status
    )


def show_seen(request: ManagerRequest, seen: services.Seen, digits: str) -> HttpResponse:
    """What a code of another module stands for; nothing is booked yet."""
    page = {"seen": seen, "digits": digits, "key": tokens.new_token()}
    return answer(request, seen.operation.preview_template, page)


@never_stored
@require_POST
def redeem_code(request: ManagerRequest) -> HttpResponse:
    """Do what the code stands for; the same key twice is once (D19).

    Reached by two chains with the same checks: the ordinary one and the hot door.
    """
    sent = request.POST
    return confirm_digits(request, sent.get("digits", "")[:LONGEST_DIGITS], sent.get("key", ""))


confirm = manager_view(redeem_code)


def confirm_digits(request: ManagerRequest, digits: str, key: str) -> HttpResponse:
    """The same for a code that came in at the door of stamps (R14)."""
    wants_json = request.headers.get("Accept", "").startswith("application/json")
    try:
        done = services.confirm_other(
            desk=request.desk,
            digits=digits,
            actor=request.actor,
            key=key or request.headers.get("Idempotency-Key", ""),
        )
    except DomainError as refusal:
        if wants_json:
            raise
        page = {"refusal": refusal}
        return answer(request, "stamps/mobile/_refused.html", page, status=refusal.status)
    if wants_json:
        return HttpResponse(json.dumps(done.page), content_type="application/json")
    return answer(request, done.template, {"done": done.page})


@manager_view
@require_POST
def undo(request: ManagerRequest) -> HttpResponse:
    """Take a redemption of the last ten minutes back (D36)."""
    desk = request.desk
    number = numbers.whole(request.POST.get("record", ""))
    try:
        refuse_stale(request)
        if number is None:
            raise NotFound
        coupons.undo_by_manager(
            record_id=number,
            store_id=desk.store_id,
            person_id=desk.person_id,
            name=desk.person_name,
            actor=request.actor,
        )
    except DomainError as refusal:
        page = {"refusal": refusal}
        return answer(request, "stamps/mobile/_refused.html", page, status=refusal.status)
    if request.headers.get("HX-Request") != "true":
        is_ledger = request.POST.get("back") == "ledger"
        return redirect("stamps:staff_redemptions" if is_ledger else "stamps:desk")
    return answer(request, "stamps/mobile/_bar.html", {"undone": True} | undo_bar(request))


@manager_view
@require_POST
def undo_stamp(request: ManagerRequest) -> HttpResponse:
    """Take a stamp of the last ten minutes back (feature 3)."""
    number = numbers.whole(request.POST.get("record", ""))
    try:
        refuse_stale(request)
        if number is None:
            raise NotFound
        done = services.undo_stamp(desk=request.desk, record_id=number, actor=request.actor)
    except DomainError as refusal:
        page = {"refusal": refusal} | undo_bar(request)
        return answer(request, "stamps/mobile/_refused.html", page, status=refusal.status)
    if request.headers.get("HX-Request") != "true":
        return redirect("stamps:desk")
    page = {"undone_stamp": done} | undo_bar(request)
    return answer(request, "stamps/mobile/_bar.html", page)


@manager_view
@require_POST
def hand_over(request: ManagerRequest) -> HttpResponse:
    """The customer was given a reward that is no coupon."""
    number = numbers.whole(request.POST.get("reward", ""))
    try:
        if number is None:
            raise NotFound
        reward = services.hand_over(desk=request.desk, reward_id=number, actor=request.actor)
    except DomainError as refusal:
        page = {"refusal": refusal}
        return answer(request, "stamps/mobile/_refused.html", page, status=refusal.status)
    if request.headers.get("HX-Request") != "true":
        return redirect("stamps:desk")
    return answer(request, "stamps/mobile/_handed.html", {"reward": reward})


def undo_bar(request: ManagerRequest) -> dict[str, Any]:
    """What this manager stamped and redeemed a moment ago, for the bar above the input."""
    stamped = services.undoable(request.desk).select_related("card__programme")
    found = coupon_selectors.may_undo(
        request.desk.store_id, request.desk.person_id, MANAGER_UNDOES_WITHIN
    )
    return {"undoable": found, "undoable_stamps": stamped[:UNDONE_AT_ONCE]}


def lock_of(desk: Desk) -> dict[str, Any]:
    """That typing is locked at this desk, for a page opened meanwhile; mostly nothing."""
    known = tries.of_person(person_id=desk.person_id, store_id=desk.store_id)
    wait_s = known.seconds_locked(clock.now())
    return {"refusal": Locked(retry_after_s=wait_s)} if wait_s else {}


def _may_undo(desk: Desk, use: UseRecord) -> bool:
    """Whether the manager at the desk redeemed it a moment ago (D36)."""
    is_recent = use.at >= clock.now() - MANAGER_UNDOES_WITHIN
    return use.kind == UseKind.REDEEM and use.manager_id == desk.person_id and is_recent


@manager_view
@require_GET
def ledger(request: ManagerRequest) -> HttpResponse:
    """Redemptions of the last 15 days of this store, with the search of the stamp ledger (D42)."""
    desk = request.desk
    wanted = read_filter(request.GET)
    kind = request.GET.get("kind", "")
    kind = kind if kind in UseKind.values else ""
    whole = selectors.ledger_period(desk.zone)
    first = min(max(wanted["since"] or whole.first, whole.first), whole.last)
    last = max(first, min(wanted["until"] or whole.last, whole.last))
    found = coupon_selectors.uses(
        search=wanted["q"],
        values={"kind": kind, "at_from": first, "at_to": last},
        zone=desk.zone,
        store_id=desk.store_id,
    )
    page = paging.keyset(found, order=coupon_selectors.ORDER, after=request.GET.get("after", ""))
    undone = coupon_selectors.undone_ids([use.pk for use in page.rows])
    kept = {"q": wanted["q"], "since": first.isoformat(), "until": last.isoformat()}
    return render(
        request,
        "stamps/mobile/redemptions.html",
        {
            "desk": desk,
            "page": page,
            "lines": [(use, undone.get(use.pk), _may_undo(desk, use)) for use in page.rows],
            "wanted": wanted,
            "kind": kind,
            "first": first,
            "last": last,
            "oldest": whole.first,
            "kept": urlencode(kept),
            "is_filtered": any((wanted["q"], kind, wanted["since"], wanted["until"])),
        },
    )
