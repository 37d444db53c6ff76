"""The practice store: tasks at a made-up counter, and what each step of a manager does there.

Everything lives in one value of plain JSON; nothing here reads or writes a card, a code or the
ledger. Source: stamps specification, feature 15.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.codes import services as codes
from zhanggui.codes.errors import CodeFormat
from zhanggui.core import clock

type State = dict[str, Any]
type Text = str | Promise

MOST_AMOUNT = 3


@dataclass(frozen=True, slots=True)
class Task:
    """A customer at the counter, and what there is to do."""

    operation: str
    """``stamp``, ``cancel`` or ``redeem``: the colour and the word of the preview."""
    customer: Text
    title: Text
    say: Text
    before: int = 0
    after: int = 0
    wanted: int = 1
    """How many stamps are right."""
    win: Text = ""
    is_stale: bool = False
    """The first code has expired: the customer must take another one."""
    wants_undo: bool = False


SLOTS = 10
TASKS: tuple[Task, ...] = (
    Task(
        "stamp",
        _("Chen*yu"),
        _("One drink paid"),
        _("The customer shows six digits. Type them in, check, confirm."),
        before=3,
        after=4,
    ),
    Task(
        "stamp",
        _("Li*"),
        _("Three drinks paid"),
        _("This programme lets you choose how many. Choose 3 and say why."),
        before=4,
        after=7,
        wanted=3,
    ),
    Task(
        "stamp",
        _("Wang*ming"),
        _("A code that is too old"),
        _("The customer took the code a while ago. See what happens, then ask for a new one."),
        before=1,
        after=2,
        is_stale=True,
    ),
    Task(
        "stamp",
        _("Zhao*min"),
        _("The last stamp of a card"),
        _("The preview says what is won. Tell the customer."),
        before=9,
        after=10,
        win=_("One drink of your choice"),
    ),
    Task(
        "redeem",
        _("Zhao*min"),
        _("A coupon is used"),
        _("The same bar takes codes of coupons: the colour says what it is."),
    ),
    Task(
        "cancel",
        _("Li*"),
        _("A drink was given back"),
        _("The customer took a code to cancel. The stamp goes off the card."),
        before=7,
        after=6,
    ),
    Task(
        "stamp",
        _("Sun*"),
        _("The wrong card"),
        _("Stamp the card, then notice the mistake: take it back with “Undo”."),
        before=5,
        after=6,
        wants_undo=True,
    ),
)
WORDS: dict[str, Text] = {
    "stamp": pgettext_lazy("operation", "Stamp"),
    "cancel": pgettext_lazy("operation", "Cancel a stamp"),
    "redeem": pgettext_lazy("operation", "Redeem"),
}


NEW: State = {"at": 0, "stage": "new", "log": []}
"""Nobody has begun."""


def begin() -> State:
    """The first customer."""
    return {"at": 0, "stage": "bar", "log": [], **_fresh(TASKS[0])}


def _fresh(task: Task) -> State:
    return {"digits": codes.draw(), "is_stale": task.is_stale, "said": "", "stage": "bar"}


def task_of(state: State) -> Task | None:
    """The task at hand; None when all are done."""
    return TASKS[state["at"]] if state["at"] < len(TASKS) else None


def step(state: State, action: str, sent: Callable[[str], str]) -> State:
    """What an action leads to; an action that does not fit changes nothing.

    Args:
        state: where the practice stands; not changed.
        action: ``preview``, ``confirm``, ``back``, ``undo``, ``next``, ``code`` or ``again``.
        sent: a field of the form, empty when it is missing.
    """
    task = task_of(state)
    if action == "again":
        return begin()
    steps = {"preview": _preview, "confirm": _confirm, "undo": _undo, "next": _next}
    if task is None:
        return state
    if action == "code":
        return state | {"digits": codes.draw(), "is_stale": False, "said": "", "stage": "bar"}
    if action == "back":
        return state | {"stage": "bar", "said": ""} if state["stage"] == "seen" else state
    return steps[action](state, task, sent) if action in steps else state


def _preview(state: State, task: Task, sent: Callable[[str], str]) -> State:
    try:
        typed = codes.normalise(sent("digits"))
    except CodeFormat:
        return state | {"said": "format", "stage": "bar"}
    if typed != state["digits"]:
        return state | {"said": "wrong", "stage": "bar"}
    if state["is_stale"]:
        return state | {"said": "stale", "stage": "bar"}
    return state | {"said": "", "stage": "seen"}


def _confirm(state: State, task: Task, sent: Callable[[str], str]) -> State:
    if state["stage"] != "seen":
        return state
    amount = sent("amount") or "1"
    if task.operation == "stamp" and amount != str(task.wanted):
        return state | {"said": "amount"}
    if task.wanted > 1 and not sent("reason").strip():
        return state | {"said": "reason"}
    entry = {"at": clock.now().isoformat(), "task": state["at"], "undone": False}
    return state | {"said": "", "stage": "done", "log": [entry, *state["log"]]}


def _undo(state: State, task: Task, sent: Callable[[str], str]) -> State:
    if state["stage"] != "done" or not task.wants_undo or not state["log"]:
        return state
    newest, *rest = state["log"]
    return state | {"log": [newest | {"undone": True}, *rest], "stage": "undone"}


def _next(state: State, task: Task, sent: Callable[[str], str]) -> State:
    is_done = state["stage"] == ("undone" if task.wants_undo else "done")
    if not is_done:
        return state
    following = state | {"at": state["at"] + 1}
    coming = task_of(following)
    return following | (_fresh(coming) if coming else {"stage": "over", "said": "", "digits": ""})
