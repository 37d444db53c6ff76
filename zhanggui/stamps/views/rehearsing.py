"""The practice store on the manager's phone (feature 15)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from zhanggui.stamps import rehearsal, services
from zhanggui.stamps.guards import ManagerRequest, manager_view

LONGEST = 200


@manager_view
@never_cache
@require_safe
def practice(request: ManagerRequest) -> HttpResponse:
    """The made-up counter: one customer after the other."""
    state = services.rehearsal_of(request.desk) or rehearsal.NEW
    return render(request, "stamps/mobile/practice.html", _page(request, state))


@manager_view
@require_POST
def practice_start(request: ManagerRequest) -> HttpResponse:
    """Begin, or go on where it was left."""
    services.start_rehearsal(desk=request.desk)
    return redirect("stamps:practice")


@manager_view
@never_cache
@require_POST
def practice_step(request: ManagerRequest) -> HttpResponse:
    """One step: type, confirm, undo, the next customer."""
    sent = request.POST
    state = services.rehearse(
        desk=request.desk,
        action=sent.get("action", "")[:10],
        sent=lambda name: sent.get(name, "")[:LONGEST],
    )
    if request.headers.get("HX-Request") != "true":
        return redirect("stamps:practice")
    return render(request, "stamps/mobile/_practice.html", _page(request, state))


def _page(request: ManagerRequest, state: rehearsal.State) -> dict[str, Any]:
    task = rehearsal.task_of(state) if state["stage"] != "new" else None
    log = [
        {
            "task": rehearsal.TASKS[entry["task"]],
            "word": rehearsal.WORDS[rehearsal.TASKS[entry["task"]].operation],
            "at": datetime.fromisoformat(entry["at"]),
            "is_undone": entry["undone"],
        }
        for entry in state["log"]
    ]
    return {
        "desk": request.desk,
        "state": state,
        "task": task,
        "word": rehearsal.WORDS[task.operation] if task else "",
        "number": min(state["at"] + 1, len(rehearsal.TASKS)),
        "total": len(rehearsal.TASKS),
        "slots": rehearsal.SLOTS,
        "amounts": range(1, rehearsal.MOST_AMOUNT + 1),
        "log": log,
    }
