"""Segments: making, changing and deleting them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.contacts import conditions
from zhanggui.contacts.errors import SegmentNameTaken
from zhanggui.contacts.models import Segment
from zhanggui.core import clock
from zhanggui.core.constraints import insert, violated


def create_segment(*, name: str, pairs: Sequence[tuple[str, str]], actor: Actor) -> Segment:
    """Keep conditions under a name.

    Raises:
        ConditionWrong: a condition is incomplete (422).
        SegmentNameTaken: there is one of this name (409).
    """
    kept = conditions.checked(pairs)
    with transaction.atomic():
        segment = Segment(name=name.strip(), conditions=kept, created_by_id=actor.id)
        insert(segment, SegmentNameTaken)
        audit.record(actor, "contacts.segment.created", f"segment:{segment.pk}")
    return segment


def edit_segment(
    *, segment: Segment, name: str, pairs: Sequence[tuple[str, str]], actor: Actor
) -> None:
    """Change the name and the conditions.

    Raises:
        ConditionWrong: a condition is incomplete (422).
        SegmentNameTaken: another one has the name (409).
    """
    segment.conditions = conditions.checked(pairs)
    segment.name = name.strip()
    segment.changed_at = clock.now()
    try:
        with transaction.atomic():
            segment.save(update_fields=["name", "conditions", "changed_at"])
            audit.record(actor, "contacts.segment.edited", f"segment:{segment.pk}")
    except IntegrityError as error:
        if violated(error) != "segment_name_once":
            raise
        raise SegmentNameTaken from error


def delete_segment(*, segment: Segment, actor: Actor) -> None:
    """Forget a segment; its customers stay."""
    with transaction.atomic():
        Segment.objects.filter(pk=segment.pk).delete()
        audit.record(
            actor,
            "contacts.segment.deleted",
            f"segment:{segment.pk}",
            details={"name": segment.name},
        )
