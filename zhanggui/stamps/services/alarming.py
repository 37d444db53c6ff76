"""Alarms of presses, and the note of a press that was refused.

Source: stamps specification 5.5, 7.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.core import constraints, tokens
from zhanggui.stamps.hot import pressed
from zhanggui.stamps.models import Case, CaseKind, Kind, Press, PressNonce, PressUse
from zhanggui.stamps.recognition.rule import Match
from zhanggui.stamps.services.judging import (
    E4,
    MARKS_FOR,
    Refused,
    Touched,
    Wish,
    is_shut,
    shut_case,
)

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

TOO_EXACT_UM = 50
REFUSED = "stamps.press.refused"
USES = {Kind.ACCUMULATE: PressUse.STAMP, Kind.CANCEL: PressUse.CANCEL}


def note(wish: Wish, refused: Refused) -> None:
    """Use the right up, keep the press and raise the alarms, in a transaction of its own."""
    moment = wish.now
    with transaction.atomic():
        PressNonce.objects.filter(
            digest=tokens.digest(wish.nonce), customer_id=wish.card.customer_id, used_at=None
        ).update(used_at=moment)
        row = Press(
            merchant_id=wish.card.merchant_id,
            seal_id=refused.held.seal_id if refused.held else None,
            store_id=refused.held.store_id if refused.held else None,
            use=USES[wish.kind],
            outcome=refused.refusal.code,
            customer_id=wish.card.customer_id,
            card_id=wish.card.pk,
            model=wish.sent.model,
            touches=wish.sent.touches,
            frames=wish.sent.raw,
            at=moment,
        )
        keep_refused(row, refused, target=f"card:{wish.card.pk}", actor=wish.actor)


def keep_refused(row: Press, refused: Refused, *, target: str, actor: Actor) -> None:
    """Keep a refused press with what was measured, and raise its alarms."""
    if refused.match is not None:
        row.residual_um = round(refused.match.fit.residual * 1000)
        row.largest_um = round(refused.match.fit.largest * 1000)
        row.scale_e4 = round(refused.match.fit.scale * E4)
        row.turn_e1 = round(refused.match.fit.turn_deg * 10)
        row.is_stray = refused.match.is_stray
    _save(row, refused.mark)
    audit.record(
        actor, REFUSED, target, store_id=row.store_id, details={"code": refused.refusal.code}
    )
    for kind, subject in refused.alarms:
        alarm(kind, subject, store_id=row.store_id, actor=actor)


def _save(row: Press, mark: bytes | None) -> None:
    """Keep the mark of a refused press, too, unless another press has it."""
    row.mark = mark
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if constraints.violated(error) != "press_never_repeated":
            raise
        row.pk = None
        row.mark = None
        row.save(force_insert=True)


def alarm(
    kind: CaseKind,
    subject: str,
    *,
    store_id: int | None,
    actor: Actor,
    manager: tuple[int, str] | None = None,
    record_id: int | None = None,
) -> None:
    """Open a case for the office, once for each subject; inside the caller's transaction."""
    row = Case(kind=kind, subject=subject[:40], store_id=store_id, record_id=record_id)
    if manager is not None:
        row.manager_id, row.manager_name = manager
    if Case.objects.filter(kind=kind, subject=row.subject).exists():
        return
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if constraints.violated(error) != "one_case_a_subject":
            raise
        return
    audit.record(
        actor, "stamps.case.alarmed", f"case:{row.pk}", store_id=store_id, details={"kind": kind}
    )


def watch_press(wish: Touched, held: pressed.Held, match: Match) -> None:
    """What an accepted press gives cause to look at: its hour, and how exact it was."""
    if is_shut(held, wish):
        with transaction.atomic():
            kind, subject = shut_case(held, wish)
            alarm(kind, subject, store_id=held.store_id, actor=wish.actor)
    if round(match.fit.residual * 1000) < TOO_EXACT_UM:
        watch_exactness(wish, held)


def watch_exactness(wish: Touched, held: pressed.Held) -> None:
    """Two presses nearer to the pattern than any hand gets: somebody knows it by heart (7.7)."""
    exact = Press.objects.filter(
        customer_id=wish.customer_id,
        seal_id__isnull=False,
        outcome="ok",
        residual_um__lt=TOO_EXACT_UM,
        at__gt=wish.now - MARKS_FOR,
    )
    if exact.count() > 1:
        with transaction.atomic():
            alarm(
                CaseKind.TOO_EXACT,
                f"customer:{wish.customer_id}",
                store_id=held.store_id,
                actor=wish.actor,
            )
