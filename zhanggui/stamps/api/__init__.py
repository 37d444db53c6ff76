"""Stamps for tills: programmes, cards, stamping and cancelling by six digits, the ledger."""

from zhanggui.stamps.api.routes import STAMP, TAKE_BACK, read, router
from zhanggui.stamps.api.schemas import SCOPES

__all__ = ["SCOPES", "STAMP", "TAKE_BACK", "read", "router"]
