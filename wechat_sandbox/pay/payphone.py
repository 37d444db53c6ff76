"""What a phone asks about paying: sheets, payments, the words of "微信支付", all payments."""

from __future__ import annotations

import html
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wechat_sandbox import control, qrcodes
from wechat_sandbox.accounts import BadInput
from wechat_sandbox.control import posted_object
from wechat_sandbox.pay import cashier, merchants, notices, orders, refunds, wallets
from wechat_sandbox.pay.cashier import Sheet
from wechat_sandbox.pay.wallets import METHODS, PayProblem
from wechat_sandbox.people import Person
from wechat_sandbox.phone import route
from wechat_sandbox.qrcodes import Shown
from wechat_sandbox.shell import page
from wechat_sandbox.world import World

H5_PAGE = "/wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb"


async def pay_problem(request: Request, error: Exception) -> Response:
    """What the phone shows when something cannot be paid."""
    assert isinstance(error, PayProblem)  # noqa: S101
    return JSONResponse({"error": error.text, "code": error.code}, status_code=409)


def _sheet(world: World, person: Person, given: dict[str, Any]) -> Sheet:
    if isinstance(given.get("page"), dict):
        return cashier.by_page(world, person.slug, given["page"])
    content = str(given.get("content", ""))
    found = cashier.by_code(world, content) or cashier.by_h5(world, content)
    if found is None:
        raise BadInput("这不是付款码")
    return found


@route("POST", "pay/sheet")
async def sheet(world: World, person: Person, request: Request) -> Any:
    """What a scanned code, an H5 link (``content``) or a page (``page``) asks to be paid."""
    found = _sheet(world, person, await posted_object(request))
    return found.as_json(world, person.slug)


@route("POST", "pay/confirm")
async def confirm(world: World, person: Person, request: Request) -> Any:
    """Pay a sheet with a method and the password."""
    given = await posted_object(request)
    paid = cashier.confirm(
        world,
        person.slug,
        prepay_id=str(given.get("prepay_id", "")),
        bank=str(given.get("bank", "")),
        password=str(given.get("password", "")),
    )
    world.pusher.in_background(notices.deliver_due(world))
    merchant = merchants.get(world, paid.trade_mchid)
    name = METHODS[str(paid.bank)][0]
    return {"merchant": merchant.name, "amount_fen": paid.total_fen, "method": name}


@route("GET", "pay/messages")
async def messages(world: World, person: Person, request: Request) -> Any:
    """What "微信支付" told; looking at it makes it seen."""
    wallets.mark_seen(world, person.slug)
    return wallets.messages(world, person.slug)


@route("GET", "pay/bills")
async def bills(world: World, person: Person, request: Request) -> Any:
    """The person's payments, newest first, and their money."""
    wallet = wallets.of(world, person.slug)
    return {
        "change_fen": wallet.change_fen,
        "card_fen": wallet.card_fen,
        "card": METHODS["CMB_DEBIT"][0],
        "payments": [_payment(world, one) for one in orders.of_person(world, person.slug)],
    }


def _payment(world: World, order: orders.Order) -> dict[str, Any]:
    merchant = merchants.find(world, order.trade_mchid)
    back = [one for one in refunds.of_order(world, order) if one.status == "SUCCESS"]
    waiting = [one for one in refunds.of_order(world, order) if one.status == "PROCESSING"]
    return {
        "merchant": merchant.name if merchant else order.trade_mchid,
        "description": order.given["description"],
        "amount_fen": order.total_fen,
        "refunded_fen": sum(one.amount_fen for one in back),
        "refunding_fen": sum(one.amount_fen for one in waiting),
        "paid_at": order.paid_at,
        "method": METHODS[str(order.bank)][0],
        "transaction_id": order.transaction_id,
        "out_trade_no": order.out_trade_no,
    }


@qrcodes.shown
def codes_on_screens(world: World) -> list[Shown]:
    """Payment codes of native orders that can still be paid, each order's newest."""
    names = {one.mchid: one.name for one in merchants.every(world)}
    return [
        Shown(
            key=one.tail,
            content=one.code_url,
            picture=f"/_phone/api/pay/codes/{one.tail}",
            name=f"{names.get(order.trade_mchid, order.trade_mchid)} ¥{order.total_fen / 100:.2f}",
            created_at=one.created_at,
            expires_at=min(order.expires_at, one.created_at + orders.PREPAY_LIFE_S),
        )
        for one, order in orders.open_native(world)
    ]


@route("GET", "pay/codes/{tail}")
async def code_picture(world: World, person: Person, request: Request) -> Any:
    """The QR picture of a payment code that is shown somewhere."""
    found = orders.prepay_by_tail(world, request.path_params["tail"])
    if found is None:
        return Response(status_code=404)
    return Response(qrcodes.picture(found.code_url), media_type="image/png")


async def in_wechat(request: Request) -> Response:
    """The H5 link opened inside WeChat, which WeChat itself refuses."""
    return page("h5inside.html", status=200)


async def h5_page(request: Request) -> Response:
    """The H5 link in an ordinary browser: hands the order over to somebody's WeChat."""
    world, query = control.world_of(request), request.query_params
    link = (
        f"weixin://wap/pay?prepayid={query.get('prepay_id', '')}&package={query.get('package', '')}"
    )
    values = {"link": link, "back": _back(query.get("redirect_url", "")), "problem": ""}
    values |= {"merchant": "", "amount": "", "description": ""}
    try:
        found = cashier.by_h5(world, link)
        order = orders.prepay(world, query.get("prepay_id", ""))
        if found is None or order is None:
            raise PayProblem("unknown", "商家参数格式有误，请联系商家解决")
        if world.clock.now() >= order.created_at + orders.H5_LIFE_S:
            raise PayProblem("expired", "支付链接已过期，请回到商家重新支付")
        values |= {"merchant": found.merchant, "description": found.description}
        values["amount"] = f"{found.amount_fen / 100:.2f}"
    except PayProblem as problem:
        values["problem"] = problem.text
    return page("h5pay.html", {name: html.escape(value) for name, value in values.items()})


def _back(url: str) -> str:
    return url if url.startswith(("http://", "https://")) else ""


MAIN_ROUTES = [Route(H5_PAGE, h5_page)]
PHONE_ROUTES = [Route(H5_PAGE, in_wechat)]
