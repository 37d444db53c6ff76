"""Bills of a day: trades and flows of money, as files whose hash the merchant compares.

Columns as in the merchant platform's own files: every value begins with a back-tick, amounts are
yuan, two lines of totals stand at the end.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from wechat_sandbox.clock import BEIJING
from wechat_sandbox.pay import merchants, orders, refunds
from wechat_sandbox.pay.errors import PayRefusal, wrong
from wechat_sandbox.pay.merchants import Merchant
from wechat_sandbox.pay.orders import TRADE_TYPES, Order
from wechat_sandbox.pay.refunds import Refund
from wechat_sandbox.pay.wire import HOST, Answer, PayCall, Plain, pay_endpoint
from wechat_sandbox.store import add_tables
from wechat_sandbox.world import World

add_tables(
    """
CREATE TABLE pay_bills (
    token TEXT PRIMARY KEY, mchid TEXT NOT NULL, text TEXT NOT NULL, is_zipped INTEGER NOT NULL,
    expires_at REAL NOT NULL
);
"""
)

READY_HOUR = 10
LINK_LIFE_S = 300

TRADE_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
TRADE_TOTALS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
FLOW_HEAD = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)
FLOW_TOTALS = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"


def day_of(text: str) -> date:
    """A bill_date as the calls take it; PARAM_ERROR when it is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise wrong("/bill_date", text, "账单日期格式须为YYYY-MM-DD", location="query") from error
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise wrong("/bill_date", text, "账单日期格式须为YYYY-MM-DD", location="query")
    return found


def bounds(day: date) -> tuple[float, float]:
    """Begin and end of a day in Beijing, in seconds."""
    start = datetime(day.year, day.month, day.day, tzinfo=BEIJING).timestamp()
    return start, start + 86400


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


def _yuan(fen: int) -> str:
    return f"{Decimal(fen) / 100:.2f}"


def _fee_fen(merchant: Merchant, fen: int) -> int:
    rate = Decimal(merchant.settings.fee_rate.removesuffix("%")) / 100
    return int((fen * rate).quantize(Decimal(1), ROUND_HALF_UP))


def _line(values: Iterable[object]) -> str:
    return ",".join("`" + str(value).replace(",", " ").replace("\n", " ") for value in values)


def trade_bill(world: World, merchant: Merchant, day: date, kind: str = "ALL") -> str:
    """The trade bill of a day as text; empty when nothing was paid or refunded.

    Args:
        world: the sandbox.
        merchant: whose bill; a service provider's holds all merchants below it.
        day: a day in Beijing.
        kind: ALL, SUCCESS (payments) or REFUND.
    """
    start, end = bounds(day)
    paid = orders.paid_between(world, merchant.mchid, start, end) if kind != "REFUND" else []
    back = refunds.made_between(world, merchant.mchid, start, end) if kind != "SUCCESS" else []
    if not paid and not back:
        return ""
    lines = [_trade_line(merchant, order, None) for order in paid]
    lines += [_trade_line(merchant, orders.by_id(world, one.order_id), one) for one in back]
    total, refunded = sum(one.total_fen for one in paid), sum(one.amount_fen for one in back)
    fee = sum(_fee_fen(merchant, one.total_fen) for one in paid)
    fee -= sum(_fee_fen(merchant, one.amount_fen) for one in back)
    sums = [len(lines), _yuan(total), _yuan(refunded), "0.00", _fee(fee), _yuan(total)]
    totals = _line([*sums, _yuan(refunded)])
    return "\r\n".join([TRADE_HEAD, *lines, TRADE_TOTALS, totals, ""])


def _fee(fen: int) -> str:
    return f"{Decimal(fen) / 100:.5f}"


def _trade_line(merchant: Merchant, order: Order, refund: Refund | None) -> str:
    fee = _fee_fen(merchant, refund.amount_fen if refund else order.total_fen)
    given = order.given
    return _line(
        [
            _time(refund.created_at if refund else order.paid_at or 0),
            given.get("appid") or given.get("sp_appid"),
            order.mchid,
            order.sub_mchid or "0",
            (given.get("scene_info") or {}).get("device_id", ""),
            order.transaction_id,
            order.out_trade_no,
            order.openid,
            TRADE_TYPES[order.way],
            "REFUND" if refund else "SUCCESS",
            order.bank,
            "CNY",
            "0.00" if refund else _yuan(order.total_fen),
            "0.00",
            refund.refund_id if refund else "0",
            refund.out_refund_no if refund else "0",
            _yuan(refund.amount_fen) if refund else "0.00",
            "0.00",
            "ORIGINAL" if refund else "",
            refund.status if refund else "",
            given["description"],
            given.get("attach", ""),
            _fee(-fee if refund else fee),
            merchant.settings.fee_rate,
            "0.00" if refund else _yuan(order.total_fen),
            _yuan(refund.amount_fen) if refund else "0.00",
            "",
        ]
    )


def flow_bill(world: World, merchant: Merchant, day: date) -> str:
    """The bill of flows of money of a day; empty when there were none."""
    start, end = bounds(day)
    flows: list[tuple[float, str, str, str, int, str]] = []
    for order in orders.paid_between(world, merchant.mchid, start, end):
        at, number = order.paid_at or 0, str(order.transaction_id)
        flows.append((at, number, "交易", "收入", order.total_fen, order.out_trade_no))
        fee = _fee_fen(merchant, order.total_fen)
        flows.append((at, number, "扣除交易手续费", "支出", fee, order.out_trade_no))
    flows += [
        (one.created_at, one.refund_id, "退款", "支出", one.amount_fen, one.out_refund_no)
        for one in refunds.made_between(world, merchant.mchid, start, end)
    ]
    flows = sorted((one for one in flows if one[4]), key=lambda one: one[0])
    if not flows:
        return ""
    lines, balance = [], 0
    for place, (at, number, kind, side, fen, voucher) in enumerate(flows):
        balance += fen if side == "收入" else -fen
        flow_number = f"{day:%Y%m%d}{merchant.mchid}{place:06d}"
        lines.append(
            _line([_time(at), number, flow_number, kind, kind, side, _yuan(fen), _yuan(balance),
                   "system", "", voucher])
        )  # fmt: skip
    incomes = [fen for _, _, _, side, fen, _ in flows if side == "收入"]
    costs = [fen for _, _, _, side, fen, _ in flows if side == "支出"]
    totals = [len(flows), len(incomes), _yuan(sum(incomes)), len(costs), _yuan(sum(costs))]
    return "\r\n".join([FLOW_HEAD, *lines, FLOW_TOTALS, _line(totals), ""])


def _check_ready(world: World, day: date) -> None:
    now = datetime.fromtimestamp(world.clock.now(), UTC).astimezone(BEIJING)
    if day >= now.date():
        raise wrong("/bill_date", day.isoformat(), "账单日期须早于今天", location="query")
    if day == now.date() - timedelta(days=1) and now.hour < READY_HOUR:
        raise PayRefusal("STATEMENT_CREATING", "账单生成中，请在上午10点后获取")


def _offer(call: PayCall, merchant: Merchant, text: str) -> Answer:
    if not text:
        raise PayRefusal("NO_STATEMENT_EXIST")
    kind = call.query("tar_type")
    if kind not in ("", "GZIP"):
        raise wrong("/tar_type", kind, "压缩类型只支持GZIP", location="query")
    token = secrets.token_urlsafe(48)
    call.world.store.insert(
        "pay_bills",
        token=token,
        mchid=call.caller.mchid,
        text=text,
        is_zipped=int(kind == "GZIP"),
        expires_at=call.world.clock.now() + LINK_LIFE_S,
    )
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return {
        "hash_type": "SHA1",
        "hash_value": digest,
        "download_url": f"{call.world.config.public}{HOST}/v3/billdownload/file?token={token}",
    }


@pay_endpoint("GET", "/v3/bill/tradebill")
async def trade(call: PayCall) -> Answer:
    """Where the trade bill of a day is."""
    day = day_of(call.query("bill_date"))
    kind = call.query("bill_type") or "ALL"
    if kind not in ("ALL", "SUCCESS", "REFUND"):
        raise wrong("/bill_type", kind, "账单类型不正确", location="query")
    _check_ready(call.world, day)
    merchant = call.caller
    if call.query("sub_mchid"):
        sub = merchants.find(call.world, call.query("sub_mchid"))
        if sub is None or sub.sp_mchid != merchant.mchid:
            raise PayRefusal("NO_AUTH", "服务商与特约商户没有受理关系")
        merchant = sub
    return _offer(call, merchant, trade_bill(call.world, merchant, day, kind))


@pay_endpoint("GET", "/v3/bill/fundflowbill")
async def flow(call: PayCall) -> Answer:
    """Where the bill of flows of money of a day is."""
    day = day_of(call.query("bill_date"))
    if call.query("account_type") not in ("", "BASIC"):
        raise PayRefusal("NO_STATEMENT_EXIST")
    _check_ready(call.world, day)
    return _offer(call, call.caller, flow_bill(call.world, call.caller, day))


@pay_endpoint("GET", "/v3/billdownload/file")
async def download(call: PayCall) -> Answer:
    """The file itself: only for its merchant, for five minutes, unsigned."""
    row = call.world.store.row("SELECT * FROM pay_bills WHERE token = ?", call.query("token"))
    if row is None or row["mchid"] != call.caller.mchid:
        raise PayRefusal("INVALID_REQUEST", "下载链接无效")
    if row["expires_at"] <= call.world.clock.now():
        raise PayRefusal("INVALID_REQUEST", "下载链接已过期，请重新获取")
    raw: bytes = row["text"].encode()
    if row["is_zipped"]:
        return Plain(gzip.compress(raw, mtime=0), "application/x-gzip")
    return Plain(raw, "text/plain; charset=utf-8")
