"""One-time codes for any product: issue, hold, consume, revoke.

Every function runs in the open merchant scope. Products register their operations by using a
name such as ``stamps.accumulate``; the code itself knows nothing of what it lets happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zhanggui.codes.models import OneTimeCode


@dataclass(frozen=True, slots=True)
class Issued:
    """A live code with its digits in clear, for the customer's phone only."""

    code: OneTimeCode
    digits: str
    is_new: bool


def normalise(typed: str) -> str:
    """Six half-width digits out of what was typed; raises ``CodeFormat``."""
    raise NotImplementedError


def issue(
    *,
    operation: str,
    subject_type: str,
    subject_id: int,
    customer_id: int,
    store_ids: list[int],
    life_s: int,
) -> Issued:
    """Give the subject its live code."""
    raise NotImplementedError


def hold(*, digits: str, store_id: int, person_id: int) -> OneTimeCode:
    """Hold a live code for one manager while the preview is on the screen."""
    raise NotImplementedError


def consume(*, digits: str, store_id: int, person_id: int) -> OneTimeCode:
    """Spend a live code; the conditional UPDATE decides every race."""
    raise NotImplementedError


def revoke(*, code_id: int, customer_id: int) -> bool:
    """Withdraw a live code."""
    raise NotImplementedError


def status_of(*, code_id: int, customer_id: int, moment: datetime | None = None) -> OneTimeCode:
    """The code as it stands, an expired one already marked so."""
    raise NotImplementedError
