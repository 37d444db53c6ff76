"""Long lists of the platform and of operators: written by a job, fetched by who asked for them.

The tiers have no job centre: what is written for them belongs to no merchant.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from zhanggui.accounts import audit, permissions
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import ActorKind, Membership, Tier
from zhanggui.core import clock, tokens
from zhanggui.core.errors import DomainError, NotAllowed
from zhanggui.files import exports, jobs, storing, tasks
from zhanggui.files.errors import TaskBroken, TaskInterrupted, TaskOver
from zhanggui.files.exports import Export, Query
from zhanggui.files.models import TaskState, TierExport
from zhanggui.files.names import safe_name
from zhanggui.files.services import exporting
from zhanggui.files.services.exporting import ATTEMPTS, KEEP_FOR, TYPES
from zhanggui.files.writing import Format

log = structlog.get_logger("zhanggui.files")
UNDER_WAY = (TaskState.QUEUED, TaskState.RUNNING)
EVERY_S = 0.5
ZONE = "Asia/Shanghai"
"""Of the tiers: they look at merchants of several zones."""
KEEP_ROWS = timedelta(days=30)


def begin(*, export: Export, query: Query, format_: Format, actor: Actor) -> TierExport:
    """Note a long export of somebody at a tier and queue its work.

    Raises:
        NotAllowed: nobody in person asks for it (E_NOT_ALLOWED, 403).
    """
    if actor.id is None:
        raise NotAllowed
    title = _("%(list)s as %(format)s") % {"list": export.label, "format": format_}
    with transaction.atomic():
        made = TierExport.objects.create(
            operator=query.operator,
            person_id=actor.id,
            person_name=actor.name[:80],
            export=export.name,
            title=title[:200],
            format=format_,
            values={name: query.get(name) for name in export.parameters if query.get(name)},
            language=get_language() or "",
            device=actor.device,
            ip=actor.ip,
        )
        tasks.run_tier_export.defer(number=made.pk)
    return made


def cancel(*, taken: TierExport, actor: Actor) -> None:
    """Ask a long export to stop; one that has not begun stops at once.

    Raises:
        TaskOver: it ended already (E_TASK_OVER, 409).
    """
    same = TierExport.objects.filter(pk=taken.pk)
    with transaction.atomic():
        stopped = same.filter(state=TaskState.QUEUED).update(
            state=TaskState.CANCELLED, finished_at=clock.now()
        )
        asked = same.filter(state=TaskState.RUNNING).update(wants_cancel=True)
        if not stopped and not asked:
            raise TaskOver
        audit.record_platform(actor, "files.task.cancelled", f"export:{taken.export}")


def run(*, number: int) -> None:
    """Write the list; safe to be called twice. The rights are looked up again."""
    taken = _take(number)
    if taken is None:
        return
    with translation.override(taken.language or settings.LANGUAGE_CODE):
        try:
            if taken.attempt > ATTEMPTS:
                raise TaskInterrupted(times=ATTEMPTS)
            _write(taken)
        except jobs.Stop:
            _end(taken, TaskState.CANCELLED)
        except DomainError as refusal:
            _end(taken, TaskState.FAILED, refusal.message)
        except Exception:  # the outermost loop: a bug must not leave it running
            code = tokens.new_token(8).upper()
            log.exception("export of a tier failed", support_code=code, export=taken.export)
            _end(taken, TaskState.FAILED, TaskBroken(support_code=code).message)


def _take(number: int) -> TierExport | None:
    rows = TierExport.objects.filter(pk=number, state__in=UNDER_WAY)
    taken = rows.update(state=TaskState.RUNNING, attempt=F("attempt") + 1, done=0)
    return TierExport.objects.select_related("operator").get(pk=number) if taken else None


def _write(taken: TierExport) -> None:
    export = exports.find(taken.export)
    if export is None:
        raise NotAllowed
    rights = _rights_of(taken)
    query = Query(taken.values, rights, ZONE, taken.person_id, taken.operator)
    exporting.refuse_at_tier(export, query)
    total = exporting.count_rows(export, query)
    TierExport.objects.filter(pk=taken.pk).update(total=total)
    format_: Format = "csv" if taken.format == "csv" else "xlsx"
    with NamedTemporaryFile(suffix=f".{format_}") as file:
        path = Path(file.name)
        rows = exporting.write_rows(path, export, query, format_, _teller(taken))
        size = storing.put(taken.place, path)
    with transaction.atomic():
        name = exporting.file_name(export, format_, ZONE)
        done = TierExport.objects.filter(pk=taken.pk, state=TaskState.RUNNING).update(
            state=TaskState.DONE,
            done=rows,
            total=rows,
            name=safe_name(name, TYPES[format_]),
            size=size,
            finished_at=clock.now(),
            expires_at=clock.now() + KEEP_FOR,
        )
        if done:
            exporting.record_at_tier(export, query, format_, rows, _actor_of(taken))


def _teller(taken: TierExport) -> Callable[[int], None]:
    """Writes how far it is, at most twice a second; stops when somebody wants that."""
    told_at = time.monotonic()

    def tell(done: int) -> None:
        nonlocal told_at
        now = time.monotonic()
        if now - told_at < EVERY_S:
            return
        told_at = now
        rows = TierExport.objects.filter(pk=taken.pk)
        rows.update(done=done)
        if rows.filter(wants_cancel=True).exists():
            raise jobs.Stop

    return tell


def _end(taken: TierExport, state: TaskState, reason: str = "") -> None:
    TierExport.objects.filter(pk=taken.pk).update(
        state=state, reason=reason[:300], finished_at=clock.now()
    )


def _rights_of(taken: TierExport) -> frozenset[str]:
    """What the person may do there now; nothing once they have left."""
    at = (
        {"tier": Tier.OPERATOR, "operator": taken.operator}
        if taken.operator
        else {"tier": Tier.PLATFORM}
    )
    found = Membership.objects.select_related("role_set").filter(person=taken.person_id, **at)
    membership = found.first()
    return permissions.of_membership(membership) if membership else frozenset()


def _actor_of(taken: TierExport) -> Actor:
    return Actor(
        ActorKind.PERSON, taken.person_id, taken.person_name, ip=taken.ip, device=taken.device
    )


def forget() -> int:
    """Remove files that had their time, and old rows; answers how many files."""
    now = clock.now()
    over = TierExport.objects.filter(expires_at__lte=now).exclude(name="")
    removed = 0
    for taken in over.iterator():
        storing.remove([taken.place])
        TierExport.objects.filter(pk=taken.pk).update(name="", size=0)
        removed += 1
    old = TierExport.objects.filter(created_at__lt=now - KEEP_ROWS, name="")
    old.exclude(state__in=UNDER_WAY).delete()
    return removed
