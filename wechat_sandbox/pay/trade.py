"""Prepay, query and close of orders, direct and by a service provider (digest 8.4, 8.6, 8.11)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from wechat_sandbox.pay import cashier, merchants, notices, orders
from wechat_sandbox.pay.errors import PayRefusal, wrong
from wechat_sandbox.pay.merchants import Merchant
from wechat_sandbox.pay.orders import Order, Prepay
from wechat_sandbox.pay.wire import Answer, PayCall, pay_endpoint

OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
LONGEST = {"description": 127, "attach": 128, "goods_tag": 32, "notify_url": 255}
SOONEST_S = 60
H5_TYPES = ("Wap", "iOS", "Android")
H5_PATH = "/wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb"


@dataclass(frozen=True)
class Parties:
    """Who asks and who is paid."""

    mchid: str
    sub_mchid: str

    @property
    def is_partner(self) -> bool:
        """Whether a service provider asks."""
        return bool(self.sub_mchid)


def parties(call: PayCall, given: dict[str, Any], *, is_partner: bool, location: str) -> Parties:
    """The merchant numbers of a call, checked against who signed it."""
    name = "sp_mchid" if is_partner else "mchid"
    if given.get(name) != call.caller.mchid:
        if not given.get(name):
            raise wrong(f"/{name}", None, f"输入源“/{location}/{name}”不能为空", location=location)
        raise PayRefusal("INVALID_REQUEST", f"{name}与Authorization中的mchid不一致")
    if is_partner != (call.caller.kind == "partner"):
        raise PayRefusal("NO_AUTH")
    if not is_partner:
        return Parties(call.caller.mchid, "")
    sub = merchants.find(call.world, given.get("sub_mchid") or "")
    if sub is None:
        raise PayRefusal("MCH_NOT_EXISTS", "特约商户号不存在")
    if sub.sp_mchid != call.caller.mchid:
        raise PayRefusal("NO_AUTH", "服务商与特约商户没有受理关系")
    return Parties(call.caller.mchid, sub.mchid)


def _text(given: dict[str, Any], name: str, *, is_needed: bool = False) -> str:
    value = given.get(name)
    if value is None and not is_needed:
        return ""
    if not isinstance(value, str) or (is_needed and not value):
        raise wrong(
            f"/{name}", value, f"输入源“/body/{name}”映射到字符串字段“{name}”必填性规则校验失败"
        )
    if len(value) > LONGEST[name]:
        raise wrong(f"/{name}", value, f"输入源“/body/{name}”长度超过{LONGEST[name]}")
    return value


def _check_order(call: PayCall, given: dict[str, Any]) -> None:
    _text(given, "description", is_needed=True)
    _text(given, "attach")
    _text(given, "goods_tag")
    number = given.get("out_trade_no")
    if not isinstance(number, str) or not OUT_TRADE_NO.fullmatch(number):
        raise wrong("/out_trade_no", number, "商户订单号须为6-32位的数字、大小写字母或_-|*")
    check_notify_url(_text(given, "notify_url", is_needed=True))
    amount = given.get("amount")
    total = amount.get("total") if isinstance(amount, dict) else None
    if isinstance(total, bool) or not isinstance(total, int) or total < 1:
        raise wrong("/amount/total", total, "输入源“/body/amount/total”须为大于0的整数")
    if isinstance(amount, dict) and amount.get("currency", "CNY") != "CNY":
        raise wrong("/amount/currency", amount["currency"], "币种只支持CNY")


def check_notify_url(url: str) -> None:
    """An address WeChat can post to: no query; plain HTTP only on this machine or network."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_near = host == "localhost" or re.fullmatch(
        r"127\..*|10\..*|192\.168\..*|.*\.localhost", host
    )
    if (
        not host
        or parts.query
        or not (parts.scheme == "https" or (parts.scheme == "http" and is_near))
    ):
        raise wrong("/notify_url", url, "notify_url须为不带参数的https地址")


def _expiry(call: PayCall, given: dict[str, Any]) -> float:
    now = call.world.clock.now()
    if given.get("time_expire") is None:
        return now + orders.LIFE_S
    try:
        at = datetime.fromisoformat(str(given["time_expire"]))
    except ValueError as error:
        raise wrong("/time_expire", given["time_expire"], "time_expire不符合rfc3339格式") from error
    if at.tzinfo is None:
        raise wrong("/time_expire", given["time_expire"], "time_expire不符合rfc3339格式")
    if at.timestamp() < now + SOONEST_S:
        raise wrong("/time_expire", given["time_expire"], "time_expire必须晚于当前时间1分钟")
    return min(at.timestamp(), now + orders.LIFE_S)


def _check_appids(call: PayCall, who: Parties, given: dict[str, Any]) -> None:
    name = "sp_appid" if who.is_partner else "appid"
    if not given.get(name):
        raise wrong(f"/{name}", given.get(name), f"输入源“/body/{name}”不能为空")
    if given[name] not in call.caller.appids:
        raise PayRefusal("APPID_MCHID_NOT_MATCH")
    sub_appid = given.get("sub_appid")
    if sub_appid and sub_appid not in merchants.get(call.world, who.sub_mchid).appids:
        raise PayRefusal("APPID_MCHID_NOT_MATCH", "sub_appid和sub_mchid不匹配，请检查")


def _check_payer(call: PayCall, who: Parties, given: dict[str, Any]) -> None:
    """JSAPI orders name who pays, by the openid of the app the payment runs in."""
    payer = given.get("payer")
    payer = payer if isinstance(payer, dict) else {}
    if not who.is_partner:
        pairs = [("openid", given["appid"])]
    elif "sub_openid" in payer:
        if not given.get("sub_appid"):
            raise wrong("/sub_appid", None, "传sub_openid时sub_appid必填")
        pairs = [("sub_openid", given["sub_appid"])]
    else:
        pairs = [("sp_openid", given["sp_appid"])]
    name, appid = pairs[0]
    value = payer.get(name)
    if not isinstance(value, str) or not value:
        raise wrong(f"/payer/{name}", value, f"输入源“/body/payer/{name}”不能为空")
    if call.world.slug_of(appid, value) is None:
        raise wrong(f"/payer/{name}", value, "无效的openid")


def _check_scene(given: dict[str, Any]) -> None:
    scene = given.get("scene_info")
    scene = scene if isinstance(scene, dict) else {}
    if not scene.get("payer_client_ip"):
        raise wrong("/scene_info/payer_client_ip", None, "H5支付须传用户终端IP")
    kind = (scene.get("h5_info") or {}).get("type")
    if kind not in H5_TYPES:
        raise wrong("/scene_info/h5_info/type", kind, f"场景类型须为{'、'.join(H5_TYPES)}")


async def _prepay(call: PayCall, way: str, *, is_partner: bool) -> tuple[Order, Prepay]:
    given = call.body
    who = parties(call, given, is_partner=is_partner, location="body")
    _check_appids(call, who, given)
    _check_order(call, given)
    if way == "jsapi":
        _check_payer(call, who, given)
    if way == "h5":
        _check_scene(given)
    _check_product(call, who, way)
    expires_at = _expiry(call, given)
    with call.world.store.transaction():
        known = orders.find(call.world, who.mchid, who.sub_mchid, given["out_trade_no"])
        order = known or orders.create(
            call.world,
            mchid=who.mchid,
            sub_mchid=who.sub_mchid,
            way=way,
            given=given,
            expires_at=expires_at,
        )
        if known:
            _check_again(call, known, given, way)
        made = orders.new_prepay(call.world, order)
    if slug := notices.policy(call.world, who.mchid).early:
        cashier.pay(call.world, order, slug=slug, bank="OTHERS")
        await notices.deliver_due(call.world)
    call.world.touch_all()
    return order, made


def _check_product(call: PayCall, who: Parties, way: str) -> None:
    merchant: Merchant = merchants.get(call.world, who.sub_mchid or who.mchid)
    if way not in merchant.settings.products:
        raise PayRefusal("NO_AUTH")


def _check_again(call: PayCall, known: Order, given: dict[str, Any], way: str) -> None:
    state = orders.state_of(call.world, known)
    if state == "CLOSED":
        raise PayRefusal("ORDER_CLOSED")
    if state != "NOTPAY":
        raise PayRefusal("ORDERPAID")
    if known.given != given or known.way != way:
        raise PayRefusal("OUT_TRADE_NO_USED")


async def _jsapi(call: PayCall, *, is_partner: bool) -> Answer:
    _, made = await _prepay(call, "jsapi", is_partner=is_partner)
    return {"prepay_id": made.prepay_id}


async def _app(call: PayCall, *, is_partner: bool) -> Answer:
    _, made = await _prepay(call, "app", is_partner=is_partner)
    return {"prepay_id": made.prepay_id}


async def _native(call: PayCall, *, is_partner: bool) -> Answer:
    _, made = await _prepay(call, "native", is_partner=is_partner)
    return {"code_url": made.code_url}


async def _h5(call: PayCall, *, is_partner: bool) -> Answer:
    _, made = await _prepay(call, "h5", is_partner=is_partner)
    base = call.world.config.public + H5_PATH
    return {"h5_url": f"{base}?prepay_id={made.prepay_id}&package={made.package}"}


async def _query(call: PayCall, *, is_partner: bool) -> Answer:
    who = _asker(call, is_partner=is_partner)
    number = call.places.get("out_trade_no")
    if number is not None:
        order = orders.find(call.world, who.mchid, who.sub_mchid, number)
    else:
        order = orders.by_transaction(call.world, call.places["transaction_id"])
    if order is None or (order.mchid, order.sub_mchid) != (who.mchid, who.sub_mchid):
        raise PayRefusal("ORDER_NOT_EXIST")
    return orders.transaction(call.world, order)


def _asker(call: PayCall, *, is_partner: bool) -> Parties:
    given = {name: call.query(name) for name in ("mchid", "sp_mchid", "sub_mchid")}
    return parties(call, given, is_partner=is_partner, location="query")


async def _close(call: PayCall, *, is_partner: bool) -> Answer:
    who = parties(call, call.body, is_partner=is_partner, location="body")
    order = orders.find(call.world, who.mchid, who.sub_mchid, call.places["out_trade_no"])
    if order is None:
        raise PayRefusal("ORDER_NOT_EXIST")
    if order.paid_at is not None:
        raise PayRefusal("ORDERPAID")
    orders.close(call.world, order)
    return None


def _register() -> None:
    """Every call exists twice: for merchants themselves and for service providers."""
    calls = [
        ("POST", "jsapi", _jsapi),
        ("POST", "app", _app),
        ("POST", "native", _native),
        ("POST", "h5", _h5),
        ("GET", "out-trade-no/{out_trade_no}", _query),
        ("GET", "id/{transaction_id}", _query),
        ("POST", "out-trade-no/{out_trade_no}/close", _close),
    ]
    for method, path, work in calls:
        for base, is_partner in (
            ("/v3/pay/transactions", False),
            ("/v3/pay/partner/transactions", True),
        ):

            async def handle(
                call: PayCall, work: Any = work, is_partner: bool = is_partner
            ) -> Answer:
                answer: Answer = await work(call, is_partner=is_partner)
                return answer

            pay_endpoint(method, f"{base}/{path}")(handle)


_register()
