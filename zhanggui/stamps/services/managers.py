"""Store managers: invited by a QR code, bound by a scan, removed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zhanggui.stamps.models import ManagerBinding, ManagerInvitation, PendingManager
from zhanggui.stamps.results import Desk, Invited, Scanned

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.accounts.models import Person, Store


def invite_manager(*, store: Store, actor: Actor, max_people: int = 1) -> Invited:
    """Make a QR code, valid for 24 hours, by which 1 to 5 people become managers."""
    raise NotImplementedError


def revoke_invitation(*, invitation_id: int, actor: Actor) -> ManagerInvitation:
    """Withdraw a QR code; later scans are refused."""
    raise NotImplementedError


def accept_scan(*, invitation_id: int, person: Person) -> Scanned:
    """Bind whoever scanned; needs the merchant's scope."""
    raise NotImplementedError


def approve_pending(*, pending_id: int, actor: Actor) -> ManagerBinding:
    """The office lets in somebody who scanned late (D03)."""
    raise NotImplementedError


def reject_pending(*, pending_id: int, actor: Actor) -> PendingManager:
    """The office turns down somebody who scanned late."""
    raise NotImplementedError


def remove_manager(*, binding_id: int, actor: Actor) -> ManagerBinding:
    """Take a manager's rights away; the next call of an open page is refused (R07, D08)."""
    raise NotImplementedError


def leave(*, desk: Desk, actor: Actor) -> None:
    """A manager ends the own binding (退出管理, D11)."""
    raise NotImplementedError
