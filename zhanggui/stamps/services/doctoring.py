"""The touch doctor: a customer's phone is tried once, and remembered by its model.

Source: stamps specification 12.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.core import clock, limits, tenancy
from zhanggui.core.limits import Limit
from zhanggui.stamps.models import DeviceScale, Doctor
from zhanggui.stamps.recognition.geometry import COUNT
from zhanggui.stamps.touches import model_of

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

TESTS = Limit("stamps-doctor", most=20, window_s=600, lock_s=300)
MOST_TOUCHES = 20


def note_phone(
    *, user_agent: str, screen: Sequence[int], touches: int, has_gesture: bool, actor: Actor
) -> Doctor:
    """Say what a phone can feel, and keep it for its model.

    Args:
        user_agent: tells the model; a phone that does not is not kept.
        screen: width, height, ratio.
        touches: the most fingers that were down at once.
        has_gesture: the phone took the touches away, as for a three-finger screenshot.
        actor: the customer.

    Raises:
        TooMany: 20 tests in ten minutes (429).
    """
    limits.claim(TESTS, actor.key)
    felt = max(0, min(MOST_TOUCHES, touches))
    felt_verdict = Doctor.FINE if felt >= COUNT else Doctor.FEW
    verdict = Doctor.GESTURE if has_gesture else felt_verdict
    model = model_of(user_agent, screen)
    if model:
        with transaction.atomic():
            _keep(model, felt, verdict)
            audit.record(
                actor,
                "stamps.phone.tested",
                f"customer:{actor.id}",
                details={"model": model, "touches": felt, "verdict": verdict},
            )
    return verdict


def _keep(model: str, touches: int, verdict: Doctor) -> None:
    DeviceScale.objects.bulk_create(
        [DeviceScale(merchant_id=tenancy.current_merchant_id(), model=model)],
        ignore_conflicts=True,
    )
    row = DeviceScale.objects.select_for_update().get(model=model)
    row.most_touches = max(row.most_touches, touches)
    row.doctor, row.at = verdict, clock.now()
    row.save(update_fields=["most_touches", "doctor", "at"])
