"""Calls about refunds, and WeChat's certificates (digest 8.7 and 8.10)."""

from __future__ import annotations

import re
from typing import Any

from wechat_sandbox.pay import keys, merchants, orders, refunds
from wechat_sandbox.pay.errors import PayRefusal, wrong
from wechat_sandbox.pay.orders import Order
from wechat_sandbox.pay.refunds import Refund
from wechat_sandbox.pay.trade import check_notify_url
from wechat_sandbox.pay.wire import Answer, PayCall, pay_endpoint

OUT_REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
LONGEST_REASON = 80
PUBLIC_KEY_ONLY = (
    "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。"
    "可查看指引https://pay.weixin.qq.com/doc/v3/merchant/4012153196"
)


def _sub_mchid(call: PayCall, given: str) -> str:
    """The merchant below a service provider; empty for a direct merchant."""
    if call.caller.kind != "partner":
        return ""
    sub = merchants.find(call.world, given)
    if sub is None:
        raise PayRefusal("MCH_NOT_EXISTS", "特约商户号不存在", status=404)
    if sub.sp_mchid != call.caller.mchid:
        raise PayRefusal("NO_AUTH", "服务商与特约商户没有受理关系")
    return sub.mchid


@pay_endpoint("POST", "/v3/refund/domestic/refunds", is_strict=True)
async def create(call: PayCall) -> Answer:
    """Take a refund; the same number again is the same refund."""
    given = call.body
    _check(given)
    sub_mchid = _sub_mchid(call, str(given.get("sub_mchid") or ""))
    known = refunds.find(call.world, call.caller.mchid, sub_mchid, given["out_refund_no"])
    if known:
        return refunds.shown(call.world, _same(call, known, given))
    order = _order(call, sub_mchid, given)
    return refunds.shown(call.world, refunds.create(call.world, order, given))


def _same(call: PayCall, known: Refund, given: dict[str, Any]) -> Refund:
    order = orders.by_id(call.world, known.order_id)
    is_other = given.get("transaction_id", order.transaction_id) != order.transaction_id
    is_other |= given.get("out_trade_no", order.out_trade_no) != order.out_trade_no
    if is_other or known.given["amount"] != given["amount"]:
        raise PayRefusal("INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
    return known


def _order(call: PayCall, sub_mchid: str, given: dict[str, Any]) -> Order:
    found = (
        orders.by_transaction(call.world, str(given["transaction_id"]))
        if given.get("transaction_id")
        else orders.find(call.world, call.caller.mchid, sub_mchid, str(given["out_trade_no"]))
    )
    if found is None or (found.mchid, found.sub_mchid) != (call.caller.mchid, sub_mchid):
        raise PayRefusal("RESOURCE_NOT_EXISTS", "订单不存在")
    return found


def _check(given: dict[str, Any]) -> None:
    number = given.get("out_refund_no")
    if not isinstance(number, str) or not OUT_REFUND_NO.fullmatch(number):
        raise wrong("/out_refund_no", number, "商户退款单号须为1-64位的数字、大小写字母或_-|*@")
    if not given.get("transaction_id") and not given.get("out_trade_no"):
        raise wrong("/transaction_id", None, "transaction_id和out_trade_no必须二选一")
    if len(str(given.get("reason") or "")) > LONGEST_REASON:
        raise wrong("/reason", given["reason"], "退款原因长度超过80")
    amount = given.get("amount")
    amount = amount if isinstance(amount, dict) else {}
    for name in ("refund", "total"):
        value = amount.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise wrong(f"/amount/{name}", value, f"输入源“/body/amount/{name}”须为大于0的整数")
    if amount.get("currency") != "CNY":
        raise wrong("/amount/currency", amount.get("currency"), "退款币种只支持CNY，且必填")
    if given.get("notify_url"):
        check_notify_url(str(given["notify_url"]))


@pay_endpoint("GET", "/v3/refund/domestic/refunds/{out_refund_no}", is_strict=True)
async def query(call: PayCall) -> Answer:
    """A refund by the merchant's number."""
    sub_mchid = _sub_mchid(call, call.query("sub_mchid"))
    found = refunds.find(call.world, call.caller.mchid, sub_mchid, call.places["out_refund_no"])
    if found is None:
        raise PayRefusal("RESOURCE_NOT_EXISTS", "退款单不存在")
    return refunds.shown(call.world, found)


@pay_endpoint(
    "POST", "/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund", is_strict=True
)
async def apply_abnormal(call: PayCall) -> Answer:
    """Send a stuck refund to a bank account."""
    given = call.body
    found = refunds.by_refund_id(call.world, call.places["refund_id"])
    if found is None or found.mchid != call.caller.mchid:
        raise PayRefusal("RESOURCE_NOT_EXISTS", "退款单不存在")
    if given.get("out_refund_no") != found.out_refund_no:
        raise PayRefusal("INVALID_REQUEST", "out_refund_no与退款单不一致")
    if given.get("type") not in ("USER_BANK_CARD", "MERCHANT_BANK_CARD"):
        raise wrong("/type", given.get("type"), "异常退款处理方式不正确")
    if found.status != "ABNORMAL":
        raise PayRefusal("INVALID_REQUEST", "退款单状态不是退款异常")
    return refunds.shown(call.world, refunds.retry_abnormal(call.world, found))


@pay_endpoint("GET", "/v3/certificates", is_strict=True)
async def certificates(call: PayCall) -> Answer:
    """WeChat's certificates, sealed with the APIv3 key."""
    if call.caller.settings.verify_with == "public_key":
        raise PayRefusal("RESOURCE_NOT_EXISTS", PUBLIC_KEY_ONLY)
    platform = merchants.platform(call.world)
    start, end = keys.validity(platform.certificate_pem)
    sealed = keys.seal(
        platform.certificate_pem, key=call.caller.api_v3_key, associated="certificate"
    )
    return {
        "data": [
            {
                "serial_no": platform.serial,
                "effective_time": orders.rfc3339(start.timestamp()),
                "expire_time": orders.rfc3339(end.timestamp()),
                "encrypt_certificate": sealed,
            }
        ]
    }
