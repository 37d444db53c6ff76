"""The cashier on a person's phone: what a code, a page or a link asks to be paid, and paying it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from wechat_sandbox import identity
from wechat_sandbox.pay import keys, merchants, notices, orders, wallets
from wechat_sandbox.pay.orders import Order, Prepay
from wechat_sandbox.pay.wallets import METHODS, PayProblem
from wechat_sandbox.world import World

CODE_URL = re.compile(r"weixin://wxpay/bizpayurl\?pr=([\w-]{5,32})")
H5_LINK = re.compile(r"weixin://wap/pay\?prepayid=(wx\w+)&package=(\d+)")
PACKAGE = re.compile(r"prepay_id=(wx\w+)")


@dataclass(frozen=True)
class Sheet:
    """What the phone shows before the password."""

    prepay_id: str
    merchant: str
    description: str
    amount_fen: int

    def as_json(self, world: World, slug: str) -> dict[str, Any]:
        """With the person's ways to pay."""
        wallet = wallets.of(world, slug)
        return {
            **vars(self),
            "methods": [
                {"bank": bank, "name": name, "enough": wallet.has(bank) >= self.amount_fen,
                 "has_fen": wallet.has(bank)}
                for bank, (name, _) in METHODS.items()
            ],
            "hint": wallet.password,
        }  # fmt: skip


def _sheet(world: World, found: Prepay | None, *, life_s: float, over: str) -> Sheet:
    if found is None:
        raise PayProblem("unknown", "订单不存在，请让商家重新下单")
    order = orders.by_id(world, found.order_id)
    state, now = orders.state_of(world, order), world.clock.now()
    if state == "CLOSED":
        raise PayProblem("closed", "订单已关闭，请让商家重新下单")
    if state != "NOTPAY":
        raise PayProblem("paid", "该订单已支付，请勿重复付款")
    if now >= order.expires_at:
        raise PayProblem("expired", "订单已过期，请让商家重新下单")
    if now >= found.created_at + life_s:
        raise PayProblem("expired", over)
    merchant = merchants.find(world, order.trade_mchid)
    return Sheet(
        prepay_id=found.prepay_id,
        merchant=merchant.name if merchant else order.trade_mchid,
        description=order.given["description"],
        amount_fen=order.total_fen,
    )


def by_code(world: World, content: str) -> Sheet | None:
    """The sheet of a scanned payment code; None when the text is none.

    Raises:
        PayProblem: a payment code that cannot be paid any more.
    """
    match = CODE_URL.fullmatch(content.strip())
    if match is None:
        return None
    found = orders.prepay_by_tail(world, match.group(1))
    return _sheet(world, found, life_s=orders.PREPAY_LIFE_S, over="二维码已过期，请让商家换一个")


def by_h5(world: World, link: str) -> Sheet | None:
    """The sheet of an H5 link handed over by a browser; None when the text is none."""
    match = H5_LINK.fullmatch(link.strip())
    if match is None:
        return None
    found = orders.prepay(world, match.group(1))
    if found and found.package != match.group(2):
        found = None
    return _sheet(world, found, life_s=orders.PREPAY_LIFE_S, over="订单已过期，请让商家重新下单")


def by_page(world: World, slug: str, given: dict[str, Any]) -> Sheet:
    """The sheet a page of the product asks for with ``getBrandWCPayRequest``.

    Args:
        world: the sandbox.
        slug: who holds the phone.
        given: appId, timeStamp, nonceStr, package, signType, paySign.

    Raises:
        PayProblem: what the page signed does not fit, or it is another person's order.
    """
    names = ("appId", "timeStamp", "nonceStr", "package", "signType", "paySign")
    missing = [name for name in names if not isinstance(given.get(name), str) or not given[name]]
    if missing:
        raise PayProblem("parameter", f"调用支付JSAPI缺少参数：{missing[0]}")
    match = PACKAGE.fullmatch(given["package"])
    found = orders.prepay(world, match.group(1)) if match else None
    if found is None:
        raise PayProblem("unknown", "支付场景非法或订单不存在")
    order = orders.by_id(world, found.order_id)
    _check_sign(world, order, given)
    if order.way != "jsapi":
        raise PayProblem("way", "支付场景非法，这不是JSAPI订单")
    if _payer_openid(order) != identity.openid(order.appid, slug):
        raise PayProblem("payer", "下单账号与支付账号不一致，请核实后再支付")
    return _sheet(world, found, life_s=orders.PREPAY_LIFE_S, over="订单已过期，请让商家重新下单")


def _check_sign(world: World, order: Order, given: dict[str, str]) -> None:
    if given["signType"] != "RSA":
        raise PayProblem("sign", "支付验证签名失败：signType须为RSA")
    if given["appId"] != order.appid:
        raise PayProblem("sign", "支付验证签名失败：appId与下单时不一致")
    text = "".join(f"{given[name]}\n" for name in ("appId", "timeStamp", "nonceStr", "package"))
    private = merchants.get(world, order.mchid).private_key_pem
    if not keys.is_signed(text, given["paySign"], private_pem=private):
        raise PayProblem("sign", "支付验证签名失败")


def _payer_openid(order: Order) -> str:
    payer = order.given.get("payer") or {}
    return str(payer.get("openid") or payer.get("sub_openid") or payer.get("sp_openid"))


def confirm(world: World, slug: str, *, prepay_id: str, bank: str, password: str) -> Order:
    """Pay what a sheet shows.

    Raises:
        PayProblem: wrong password, not enough money, or the order went away meanwhile.
    """
    found = orders.prepay(world, prepay_id)
    _sheet(world, found, life_s=orders.PREPAY_LIFE_S, over="订单已过期，请让商家重新下单")
    assert found is not None  # noqa: S101
    wallets.check_password(world, slug, password)
    return pay(world, orders.by_id(world, found.order_id), slug=slug, bank=bank)


def pay(world: World, order: Order, *, slug: str, bank: str) -> Order:
    """Take the money, book the order, tell the person, and queue the merchant's notification."""
    openid = identity.openid(order.appid, slug)
    merchant = merchants.get(world, order.trade_mchid)
    with world.store.transaction():
        wallets.take(world, slug, bank, order.total_fen)
        if not orders.mark_paid(world, order, slug=slug, openid=openid, bank=bank):
            raise PayProblem("paid", "订单已支付或已关闭")
        _add_balance(world, merchant, order.total_fen)
        paid = orders.by_id(world, order.id)
        wallets.tell_paid(world, paid, merchant.name, slug, bank)
        notices.paid(world, paid)
    world.touch_all()
    return paid


def _add_balance(world: World, merchant: merchants.Merchant, amount_fen: int) -> None:
    balance = merchant.settings.balance_fen
    if balance is not None:
        merchants.change(world, merchant, {"settings": {"balance_fen": balance + amount_fen}})
