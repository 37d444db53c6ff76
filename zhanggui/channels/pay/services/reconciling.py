"""The daily bill against our book: every number that differs is listed until somebody settles it.

What WeChat Pay's bill has and our book does not is asked for first: a payment whose notification
and questions were all lost is booked here at the latest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.db.models import QuerySet

from zhanggui.channels.pay import billfile, gateway, tasks
from zhanggui.channels.pay.answers import BillFile
from zhanggui.channels.pay.billfile import BillRow, CannotRead
from zhanggui.channels.pay.errors import (
    DayNotOver,
    PayError,
    PaymentMoved,
    PayRefused,
    PayUnreachable,
    ReasonMissing,
)
from zhanggui.channels.pay.models import (
    BillDifference,
    BillState,
    DifferenceKind,
    DifferenceState,
    Mode,
    PayAccount,
    PayBill,
    Payment,
    Refund,
    TradeKind,
    TradeNumber,
)
from zhanggui.channels.pay.services import accounts, refunds, settling
from zhanggui.core import clock, tenancy

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.channels.pay.client import Api

log = structlog.get_logger("zhanggui.pay.reconciling")

ZONE = "Asia/Shanghai"
THERE_FROM_HOUR = 10
"""WeChat Pay writes the bill of a day until this hour of the next."""
NO_BILL = "NO_STATEMENT_EXIST"
NOT_YET = "STATEMENT_CREATING"


@dataclass(frozen=True, slots=True)
class _Found:
    """A difference as it is found."""

    kind: DifferenceKind
    trade: TradeKind
    number: str
    transaction_id: str
    here_fen: int | None
    there_fen: int | None


def order_bills() -> int:
    """Have the bill of yesterday checked for every account that collects; run by a job."""
    day = clock.local_date(clock.now(), ZONE) - timedelta(days=1)
    done = PayBill.objects.filter(day=day, state__in=[BillState.CHECKED, BillState.EMPTY])
    waiting = PayAccount.objects.filter(is_connected=True).exclude(
        pk__in=done.values_list("account_id", flat=True)
    )
    ids = list(waiting.values_list("pk", flat=True))
    for account_id in ids:
        tasks.check_bill.defer(account_id=account_id, day=day.isoformat())
    return len(ids)


def newest_day() -> date:
    """The newest day whose bill is written: yesterday, once the hour has come."""
    now = clock.now() - timedelta(hours=THERE_FROM_HOUR)
    return clock.local_date(now, ZONE) - timedelta(days=1)


def ask_for_bill(*, account: PayAccount, day: date, actor: Actor) -> PayBill:
    """Have a day's bill checked by hand, once more or for the first time.

    Raises:
        DayNotOver: the bill is not written yet (E_DAY_NOT_OVER, 409).
    """
    now = clock.now()
    there_from = clock.start_of(day + timedelta(days=1), ZONE) + timedelta(hours=THERE_FROM_HOUR)
    if now < there_from:
        raise DayNotOver
    with transaction.atomic():
        bill, _is_new = PayBill.objects.get_or_create(account=account, day=day)
        PayBill.objects.filter(pk=bill.pk).update(state=BillState.WAITING, error_code="")
        tasks.check_bill.defer(account_id=account.pk, day=day.isoformat())
        accounts.record(actor, account, "pay.bill.asked")
    return bill


def check_bill(*, account_id: int, day: str) -> PayBill:
    """Fetch a day's bill, compare it with our book and keep the differences.

    Raises:
        PayUnreachable: no answer, or WeChat Pay is still writing; the job comes again.
    """
    account = PayAccount.objects.select_related("partner").get(pk=account_id)
    date_of = date.fromisoformat(day)
    bill, _is_new = PayBill.objects.get_or_create(account=account, day=date_of)
    try:
        rows = _fetched(account, date_of)
    except (PayError, CannotRead) as error:
        code = error.code if isinstance(error, PayError) else "CANNOT_READ"
        PayBill.objects.filter(pk=bill.pk).update(
            state=BillState.FAILED, error_code=(code or "UNREACHABLE")[:40]
        )
        if isinstance(error, PayUnreachable):
            raise
        log.warning("bill not checked", account_id=account_id, day=day, code=code)
        return PayBill.objects.get(pk=bill.pk)
    _book_missing(account, rows)
    differences = list(_differences(account, date_of, rows))
    with transaction.atomic():
        _keep(bill, rows, differences)
    return PayBill.objects.get(pk=bill.pk)


def _fetched(account: PayAccount, day: date) -> list[BillRow]:
    def file_of(api: Api) -> BillFile | None:
        try:
            return api.trade_bill(day, sub_mchid=account.sub_mchid)
        except PayRefused as refusal:
            if refusal.code == NO_BILL:
                return None
            if refusal.code == NOT_YET:
                raise PayUnreachable("bill", code=NOT_YET) from refusal
            raise

    file = gateway.call(account, file_of)
    if file is None:
        return []
    rows = billfile.read(gateway.call(account, lambda api: api.download(file)))
    if account.mode == Mode.PARTNER:
        return [row for row in rows if not row.sub_mchid or row.sub_mchid == "0"]
    return rows


def _book_missing(account: PayAccount, rows: Iterable[BillRow]) -> None:
    """Ask about what is on the bill and known to us, but not booked."""
    by_number = {row.number: row for row in rows}
    unbooked = TradeNumber.objects.filter(
        account=account, number__in=by_number, done_at__isnull=True
    )
    for trade in unbooked:
        try:
            with tenancy.merchant_scope(trade.merchant_id):
                if trade.kind == TradeKind.PAYMENT:
                    settling.look(
                        Payment.objects.select_related("account__partner").get(pk=trade.row_id)
                    )
                else:
                    refund = Refund.objects.get(pk=trade.row_id)
                    refunds.carry_on(merchant_id=trade.merchant_id, refund_id=refund.pk)
        except PayError as error:  # it stays on the list of differences
            log.info("not booked", number=trade.number, code=error.code)


def book_of(account: PayAccount, day: date) -> QuerySet[TradeNumber]:
    """What our book says was paid to and given back by an account on a day in China."""
    begin = clock.start_of(day, ZONE)
    return TradeNumber.objects.filter(
        account=account, done_at__gte=begin, done_at__lt=begin + timedelta(days=1)
    )


def _differences(account: PayAccount, day: date, rows: Iterable[BillRow]) -> Iterable[_Found]:
    book = {trade.number: trade for trade in book_of(account, day)}
    for row in rows:
        kind = TradeKind.REFUND if row.is_refund else TradeKind.PAYMENT
        mine = book.pop(row.number, None)
        if mine is None:
            yield _Found(
                DifferenceKind.NOT_HERE, kind, row.number, row.transaction_id, None, row.amount_fen
            )
        elif mine.amount_fen != row.amount_fen:
            yield _Found(
                DifferenceKind.AMOUNT,
                kind,
                row.number,
                row.transaction_id,
                mine.amount_fen,
                row.amount_fen,
            )
    for mine in book.values():
        yield _Found(
            DifferenceKind.NOT_THERE, TradeKind(mine.kind), mine.number, "", mine.amount_fen, None
        )


def _keep(bill: PayBill, rows: list[BillRow], found: list[_Found]) -> None:
    """Keep what differs now; what differed before and does no more is gone by itself."""
    known = _whose(one.number for one in found)
    for one in found:
        trade = known.get(one.number)
        BillDifference.objects.update_or_create(
            bill=bill,
            trade=one.trade,
            number=one.number[:64],
            defaults={
                "kind": one.kind,
                "transaction_id": one.transaction_id[:40],
                "here_fen": one.here_fen,
                "there_fen": one.there_fen,
                "merchant_id": trade.merchant_id if trade else None,
                "payment_id": _payment_of(trade) if trade else None,
            },
        )
    still = {(one.trade.value, one.number[:64]) for one in found}
    for old in BillDifference.objects.filter(bill=bill, state=DifferenceState.OPEN):
        if (old.trade, old.number) not in still:
            BillDifference.objects.filter(pk=old.pk).update(
                state=DifferenceState.GONE, resolved_at=clock.now()
            )
    _sum_up(bill, rows)


def _sum_up(bill: PayBill, rows: list[BillRow]) -> None:
    paid = [row.amount_fen for row in rows if not row.is_refund]
    back = [row.amount_fen for row in rows if row.is_refund]
    here = dict.fromkeys(TradeKind, 0)
    for trade in book_of(bill.account, bill.day):
        here[TradeKind(trade.kind)] += trade.amount_fen
    PayBill.objects.filter(pk=bill.pk).update(
        state=BillState.CHECKED if rows or any(here.values()) else BillState.EMPTY,
        payments=len(paid),
        paid_fen=sum(paid),
        refunds=len(back),
        refunded_fen=sum(back),
        fee_fen=sum(row.fee_fen for row in rows),
        here_paid_fen=here[TradeKind.PAYMENT],
        here_refunded_fen=here[TradeKind.REFUND],
        error_code="",
        checked_at=clock.now(),
    )


def _whose(numbers: Iterable[str]) -> Mapping[str, TradeNumber]:
    return {one.number: one for one in TradeNumber.objects.filter(number__in=list(numbers))}


def _payment_of(trade: TradeNumber) -> int:
    if trade.kind == TradeKind.PAYMENT:
        return trade.row_id
    with tenancy.merchant_scope(trade.merchant_id):
        return Refund.objects.get(pk=trade.row_id).payment_id


def resolve(*, difference: BillDifference, resolution: str, actor: Actor) -> BillDifference:
    """Say how a difference was settled.

    Raises:
        ReasonMissing: no word about how (E_PAY_REASON, 422).
        PaymentMoved: somebody was faster (E_PAYMENT_MOVED, 409).
    """
    if not resolution.strip():
        raise ReasonMissing
    with transaction.atomic():
        changed = BillDifference.objects.filter(
            pk=difference.pk, state=DifferenceState.OPEN
        ).update(
            state=DifferenceState.RESOLVED,
            resolution=resolution.strip()[:200],
            resolved_by=actor.name[:80],
            resolved_at=clock.now(),
        )
        if not changed:
            raise PaymentMoved
        accounts.record(actor, difference.bill.account, "pay.difference.resolved")
    difference.refresh_from_db()
    return difference
