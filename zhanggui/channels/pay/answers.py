"""What WeChat Pay answers and notifies, as typed values; unknown fields are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zhanggui.channels.pay.errors import PayUnreachable


@dataclass(frozen=True, slots=True)
class Prepaid:
    """An order at WeChat Pay that waits for its payer; one of the three, by the way of paying."""

    prepay_id: str = ""
    code_url: str = ""
    h5_url: str = ""


@dataclass(frozen=True, slots=True)
class TradeAnswer:
    """How a payment stands at WeChat Pay; amounts in fen."""

    number: str
    """``out_trade_no``, ours."""
    state: str
    """``SUCCESS REFUND NOTPAY CLOSED REVOKED USERPAYING PAYERROR``."""
    total_fen: int | None
    transaction_id: str
    trade_type: str
    paid_at: datetime | None
    mchid: str
    sub_mchid: str
    app_id: str
    currency: str

    @property
    def is_paid(self) -> bool:
        """Whether money has come; it also has where some of it went back since."""
        return self.state in {"SUCCESS", "REFUND"}

    @property
    def is_shut(self) -> bool:
        """Whether nobody can pay it any more."""
        return self.state in {"CLOSED", "REVOKED", "PAYERROR"}


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """How a refund stands at WeChat Pay; amounts in fen."""

    number: str
    """``out_refund_no``, ours."""
    trade_number: str
    refund_id: str
    status: str
    """``PROCESSING SUCCESS CLOSED ABNORMAL``."""
    refund_fen: int | None
    done_at: datetime | None
    received_by: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """A platform certificate as it came, decrypted."""

    serial: str
    pem: str


@dataclass(frozen=True, slots=True)
class BillFile:
    """Where a day's bill can be fetched for five minutes, and its SHA-1."""

    url: str
    sha1: str


def trade(body: Mapping[str, Any]) -> TradeAnswer:
    """Read a transaction, of a query or a notification, direct or of a partner."""
    amount = _part(body, "amount")
    return TradeAnswer(
        number=text(body, "out_trade_no"),
        state=text(body, "trade_state"),
        total_fen=_number(amount, "total"),
        transaction_id=_optional(body, "transaction_id"),
        trade_type=_optional(body, "trade_type"),
        paid_at=_moment(body, "success_time"),
        mchid=_optional(body, "mchid") or _optional(body, "sp_mchid"),
        sub_mchid=_optional(body, "sub_mchid"),
        app_id=_optional(body, "appid") or _optional(body, "sp_appid"),
        currency=_optional(amount, "currency") or "CNY",
    )


def refund(body: Mapping[str, Any]) -> RefundAnswer:
    """Read a refund; notifications call its state ``refund_status``, answers ``status``."""
    return RefundAnswer(
        number=text(body, "out_refund_no"),
        trade_number=text(body, "out_trade_no"),
        refund_id=_optional(body, "refund_id"),
        status=_optional(body, "refund_status") or text(body, "status"),
        refund_fen=_number(_part(body, "amount"), "refund"),
        done_at=_moment(body, "success_time"),
        received_by=_optional(body, "user_received_account"),
    )


def text(body: Mapping[str, Any], name: str) -> str:
    """A text that must be there.

    Raises:
        PayUnreachable: it is not.
    """
    value = body.get(name)
    if isinstance(value, str) and value:
        return value
    message = f"the answer has no text {name}"
    raise PayUnreachable(message, is_sent=True)


def _optional(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _number(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(body: Mapping[str, Any], name: str) -> datetime | None:
    value = _optional(body, name)
    try:
        moment = datetime.fromisoformat(value) if value else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else None
