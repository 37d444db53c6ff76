"""The job centre for other modules: register a kind of task, start one, tell how far it is.

A module registers what it can do in ``apps.py``::

    jobs.register(jobs.TaskKind(name="contacts.merge_all", label=_("..."), run=merge_all))

and starts it inside its business transaction with :func:`start`; the task exists exactly if the
transaction commits. The work gets the task, whose merchant's scope is open::

    def merge_all(task: Task) -> jobs.Outcome:
        for done, pair in enumerate(pairs, 1):
            ...
            jobs.progress(task, done, len(pairs))
        return jobs.Outcome({"merged": done})

The work is not inside a transaction, and must be safe to run again from its beginning: a worker
may be killed in the middle, and people may press "try again". ``jobs.actor_of(task)`` is who
started it. A ``DomainError`` it raises becomes the reason people read; anything else is a bug, the
task then says so with a code for support.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise

from zhanggui.files.models import Task

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.files.models import StoredFile

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended well: figures for its page, and a file to download if there is one."""

    result: Mapping[str, Any] = field(default_factory=dict)
    file: StoredFile | None = None


Work = Callable[[Task], Outcome | None]
PageOf = Callable[[Task], str]


@dataclass(frozen=True)
class TaskKind:
    """Something that takes longer than a page may."""

    name: str
    """``module.what``, for example ``files.export``."""
    label: Text
    """What people call it, for example "Export"."""
    run: Work
    icon: str = "progress"
    unit: Text = ""
    """What is counted, for example "rows"."""
    url: PageOf | None = None
    """Where the result is looked at, given the task; none: the task's own page."""
    lines: Callable[[Task], list[tuple[Text, str]]] | None = None
    """The outcome in words, label and value, for the task's page."""
    rights: Callable[[Task], frozenset[str]] | None = None
    """Which rights it takes to fetch the file it made, also of whoever started it: they may have
    lost them since. Without this only the person who started it can fetch the file."""
    may_cancel: bool = True
    may_retry: bool = True
    on_end: Callable[[Task], None] | None = None
    """Told once when the task ended without success (failed, cancelled, interrupted), inside the
    transaction that says so."""


_kinds: dict[str, TaskKind] = {}


def register(kind: TaskKind) -> None:
    """Make a kind of task known; modules do so in ``apps.py``.

    Raises:
        ValueError: another kind has this name.
    """
    if _kinds.get(kind.name, kind) != kind:
        message = f"two kinds of task are called {kind.name}"
        raise ValueError(message)
    _kinds[kind.name] = kind


def kind_of(task: Task) -> TaskKind:
    """The kind of a task; one whose module is gone is shown by its name."""
    return _kinds.get(task.kind) or TaskKind(task.kind, task.kind, _unknown, may_retry=False)


def _unknown(task: Task) -> Outcome:
    message = f"no module knows the task kind {task.kind}"
    raise LookupError(message)


def start(
    *,
    kind: str,
    title: str,
    arguments: Mapping[str, Any],
    actor: Actor,
    total: int = 0,
) -> Task:
    """Note a task of the merchant in scope and queue its work, in the caller's transaction.

    Tasks of one merchant run one after the other.

    Args:
        kind: a registered kind.
        title: what the person knows it by, for example the name of a file; cut to 200 signs.
        arguments: plain JSON the work needs; ids and choices, no personal data.
        actor: who starts it; sees it in the job centre.
        total: how many steps there are, if that is known already.
    """
    from zhanggui.files.services.tasks import start as begin  # noqa: PLC0415  they need each other

    return begin(kind=kind, title=title, arguments=arguments, actor=actor, total=total)


def progress(task: Task, done: int, total: int | None = None) -> None:
    """Tell how far the work is; cheap enough to call for every row.

    Written at most twice a second, beside any transaction that is open, so that people see it.

    Raises:
        Stop: somebody cancelled the task; let it pass, whatever is open is rolled back.
    """
    from zhanggui.files.services.running import progress as tell  # noqa: PLC0415  likewise

    tell(task, done, total)


def actor_of(task: Task) -> Actor:
    """Who started the task, for the services its work calls."""
    from zhanggui.files.services.tasks import actor_of as of  # noqa: PLC0415  likewise

    return of(task)


def rights_of(task: Task) -> frozenset[str]:
    """What whoever started the task may do at the merchant now; nothing once they have left."""
    from zhanggui.files.services.tasks import rights_of as of  # noqa: PLC0415  likewise

    return of(task)


class Stop(Exception):
    """A person cancelled the task; raised by :func:`progress`, caught by whoever runs the work."""
