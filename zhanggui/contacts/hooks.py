"""What modules above tell this one: how a customer signs in, and what an account is called.

Contacts stand below the channels and may not import them; the channel registers itself here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import LiteralString

from zhanggui.accounts.models import Merchant


@dataclass(frozen=True, slots=True)
class SignIn:
    """A channel's way to sign customers in.

    ``account_id`` answers the account through which this merchant's customers come, or None;
    ``start_url`` where to send a browser of the channel so that it comes back to a path;
    ``is_inside`` whether a User-Agent is the channel's own browser; ``account_name`` a label.
    ``account_sql`` is ``account_id`` in the SELECT of a hot door that reads the merchant ``m``.
    """

    account_id: Callable[[Merchant], int | None]
    start_url: Callable[[Merchant, str], str]
    is_inside: Callable[[str], bool]
    account_name: Callable[[int], str]
    account_sql: LiteralString = "NULL::bigint"


type WayIn = Callable[[Merchant, str], str]
"""Where a browser outside the channel signs in by phone and comes back to a path; maybe empty."""

_registered: list[SignIn] = []
_phone_ways: list[WayIn] = []


def register(sign_in: SignIn) -> None:
    """Make a channel the customers' way to sign in; a second one replaces it."""
    _registered[:] = [sign_in]


def sign_in() -> SignIn | None:
    """The channel's way, or None in an installation without one."""
    return _registered[0] if _registered else None


def register_phone(way_in: WayIn) -> None:
    """Let customers without the channel sign in by their number; a second one replaces it."""
    _phone_ways[:] = [way_in]


def phone_way(merchant: Merchant, path: str) -> str:
    """Where a customer without the channel signs in; empty where that is not possible."""
    return _phone_ways[0](merchant, path) if _phone_ways else ""
