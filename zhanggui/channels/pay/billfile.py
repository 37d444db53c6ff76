"""A day's bill of WeChat Pay as it comes: a table of texts, amounts in yuan behind a back-tick.

Source: pay.weixin.qq.com/doc/v3/merchant/ "申请交易账单", bill_type ALL.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

NUMBER = "商户订单号"
TRANSACTION = "微信订单号"
SUB_MERCHANT = "特约商户号"
STATE = "交易状态"
TOTAL = "订单金额"
REFUND_NUMBER = "商户退款单号"
REFUND = "申请退款金额"
FEE = "手续费"
NEEDED = (NUMBER, TRANSACTION, STATE, TOTAL, REFUND_NUMBER, REFUND)
SUMMARY = "总交易单数"
REFUNDED = "REFUND"


class CannotRead(ValueError):
    """Not a bill as WeChat Pay writes them."""


@dataclass(frozen=True, slots=True)
class BillRow:
    """One payment or refund of a bill; amounts in fen."""

    is_refund: bool
    number: str
    """Of the payment or of the refund, ours."""
    trade_number: str
    transaction_id: str
    amount_fen: int
    fee_fen: int
    sub_mchid: str


def read(text: str) -> list[BillRow]:
    """Read a bill; the summary at its end is checked against the rows.

    Raises:
        CannotRead: a column is missing, an amount is none, or rows are missing.
    """
    lines = list(csv.reader(text.lstrip("\ufeff").splitlines()))
    if not lines:
        raise CannotRead("empty")
    head = [cell.strip() for cell in lines[0]]
    missing = [name for name in NEEDED if name not in head]
    if missing:
        message = f"no column {missing[0]}"
        raise CannotRead(message)
    rows: list[BillRow] = []
    announced: int | None = None
    for place, line in enumerate(lines[1:], start=1):
        if line and line[0].strip() == SUMMARY:
            announced = _count(lines[place + 1]) if place + 1 < len(lines) else None
            break
        if line:
            rows.append(_row(dict(zip(head, map(_plain, line), strict=False))))
    if announced is not None and announced != len(rows):
        message = f"{announced} rows announced, {len(rows)} there"
        raise CannotRead(message)
    return rows


def _row(cells: Mapping[str, str]) -> BillRow:
    is_refund = cells.get(STATE, "") == REFUNDED
    return BillRow(
        is_refund=is_refund,
        number=cells.get(REFUND_NUMBER if is_refund else NUMBER, ""),
        trade_number=cells.get(NUMBER, ""),
        transaction_id=cells.get(TRANSACTION, ""),
        amount_fen=_fen(cells.get(REFUND if is_refund else TOTAL, "")),
        fee_fen=_fen(cells.get(FEE, "") or "0"),
        sub_mchid=cells.get(SUB_MERCHANT, ""),
    )


def _plain(cell: str) -> str:
    return cell.strip().lstrip("`").strip()


def _fen(yuan: str) -> int:
    try:
        return int(Decimal(yuan) * 100)
    except InvalidOperation:
        message = "an amount is no number"
        raise CannotRead(message) from None


def _count(line: list[str]) -> int | None:
    first = _plain(line[0]) if line else ""
    return int(first) if first.isascii() and first.isdecimal() else None


def numbers(rows: list[BillRow]) -> Iterator[str]:
    """All numbers of a bill."""
    return (row.number for row in rows)
