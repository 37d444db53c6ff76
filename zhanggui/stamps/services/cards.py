"""Cards, and the codes a customer takes for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zhanggui.stamps.models import Card, Kind, Programme
from zhanggui.stamps.results import CodeShown, CodeStatus

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


def open_card(*, programme: Programme, customer_id: int, actor: Actor) -> Card:
    """The customer's card of a programme, opened on the first visit."""
    raise NotImplementedError


def block_card(*, card_id: int, reason: str, actor: Actor) -> Card:
    """Stop a card from taking stamps."""
    raise NotImplementedError


def unblock_card(*, card_id: int, actor: Actor) -> Card:
    """Let a blocked card take stamps again."""
    raise NotImplementedError


def request_code(*, card: Card, kind: Kind, actor: Actor) -> CodeShown:
    """Give the customer six digits for one operation on the card."""
    raise NotImplementedError


def revoke_code(*, card: Card, code_id: int, actor: Actor) -> CodeStatus:
    """The customer withdraws a code (作废); one that ended before keeps its end."""
    raise NotImplementedError


def code_status(*, card: Card, code_id: int) -> CodeStatus:
    """What became of the code on the phone; a read, for polling."""
    raise NotImplementedError
