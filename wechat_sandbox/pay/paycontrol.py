"""Control of merchants, orders, refunds, notifications and wallets."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse

from wechat_sandbox.accounts import BadInput
from wechat_sandbox.control import posted_object, route
from wechat_sandbox.pay import bills, cashier, merchants, notices, orders, refunds, wallets
from wechat_sandbox.pay.errors import PayRefusal
from wechat_sandbox.pay.merchants import Merchant
from wechat_sandbox.pay.wallets import METHODS, PayProblem
from wechat_sandbox.world import World


def _json(world: World, merchant: Merchant) -> dict[str, Any]:
    platform = merchants.platform(world)
    found = {
        **asdict(merchant),
        "public_key_id": platform.public_key_id,
        "public_key_pem": platform.public_key_pem,
        "policy": asdict(notices.policy(world, merchant.mchid)),
    }
    if merchant.kind == "partner":
        found["sub_mchids"] = [one.mchid for one in merchants.below(world, merchant.mchid)]
    return found


def _merchant(world: World, request: Request) -> Merchant:
    return merchants.get(world, request.path_params["mchid"])


@route("GET", "merchants")
async def list_merchants(world: World, request: Request) -> Any:
    """All merchants with their keys."""
    return [_json(world, one) for one in merchants.every(world)]


@route("POST", "merchants")
async def post_merchant(world: World, request: Request) -> Any:
    """Open a merchant number: direct, a service provider (partner), or below one (sp_mchid)."""
    given = await posted_object(request)
    below = given.pop("sub_merchants", [])
    if not isinstance(below, list) or not all(isinstance(one, dict) for one in below):
        raise BadInput("sub_merchants must be a list of objects")
    with world.store.transaction():
        made = merchants.create(world, given)
        for one in below:
            merchants.create(world, {**one, "sp_mchid": made.mchid})
    return _json(world, made)


@route("GET", "merchants/{mchid}")
async def get_merchant(world: World, request: Request) -> Any:
    """One merchant with its keys."""
    return _json(world, _merchant(world, request))


@route("PUT", "merchants/{mchid}")
async def put_merchant(world: World, request: Request) -> Any:
    """Change a merchant's name, appids, APIv3 key or settings."""
    given = await posted_object(request)
    return _json(world, merchants.change(world, _merchant(world, request), given))


@route("DELETE", "merchants/{mchid}")
async def delete_merchant(world: World, request: Request) -> Any:
    """Take a merchant away with its orders; a service provider with all below it."""
    merchant = _merchant(world, request)
    with world.store.transaction():
        for one in (merchant, *merchants.below(world, merchant.mchid)):
            for table in ("pay_orders", "pay_refunds", "pay_notices", "pay_merchants"):
                world.store.write(f"DELETE FROM {table} WHERE mchid = ?", one.mchid)  # noqa: S608
    return {"ok": True}


@route("POST", "merchants/{mchid}/certificate")
async def renew_certificate(world: World, request: Request) -> Any:
    """Give the merchant a new key and certificate."""
    return _json(world, merchants.renew_certificate(world, _merchant(world, request)))


@route("PUT", "merchants/{mchid}/policy")
async def put_policy(world: World, request: Request) -> Any:
    """Faults of the merchant's notifications: a count of them, or true until changed."""
    merchant, given = _merchant(world, request), await posted_object(request)
    unknown = set(given) - {one.name for one in fields(notices.Policy)}
    if unknown:
        raise BadInput(f"unknown: {', '.join(sorted(unknown))}")
    for name in notices.COUNTED:
        if not isinstance(given.get(name, 0), int | bool):
            raise BadInput(f"{name} must be a count, true or false")
    if not isinstance(given.get("delay_s", 0), int | float):
        raise BadInput("delay_s must be a number")
    if given.get("early"):
        world.person(str(given["early"]))
    wanted = notices.Policy(**given)
    notices.set_policy(world, merchant.mchid, wanted)
    return {"mchid": merchant.mchid, **asdict(wanted)}


def _order_json(world: World, order: orders.Order) -> dict[str, Any]:
    return {
        **orders.transaction(world, order),
        "way": order.way,
        "description": order.given["description"],
        "notify_url": order.given["notify_url"],
        "created_at": order.created_at,
        "expires_at": order.expires_at,
        "paid_at": order.paid_at,
        "person": order.slug,
        "refunds": [refunds.shown(world, one) for one in refunds.of_order(world, order)],
    }


@route("GET", "merchants/{mchid}/orders")
async def list_orders(world: World, request: Request) -> Any:
    """The merchant's orders with their refunds, newest first; ``find`` narrows them."""
    merchant = _merchant(world, request)
    text = request.query_params.get("find", "").strip()
    found = orders.of_merchant(world, merchant.mchid, find_text=text)
    return [_order_json(world, one) for one in found]


@route("POST", "merchants/{mchid}/orders/{out_trade_no}/pay")
async def pay_order(world: World, request: Request) -> Any:
    """Let a person pay an order without a phone; waits for the notification unless told not to."""
    merchant, given = _merchant(world, request), await posted_object(request)
    person = world.person(str(given.get("person", "")))
    number, sub = request.path_params["out_trade_no"], str(given.get("sub_mchid") or "")
    order = orders.find(world, merchant.mchid, sub, number)
    if order is None:
        raise merchants.NoSuchMerchant(f"{merchant.mchid} order {number}")
    bank = str(given.get("bank") or "OTHERS")
    if bank not in METHODS:
        raise BadInput(f"bank must be one of {', '.join(METHODS)}")
    try:
        paid = cashier.pay(world, order, slug=person.slug, bank=bank)
    except PayProblem as problem:
        raise BadInput(problem.text) from problem
    if given.get("wait", True):
        await notices.deliver_due(world)
    else:
        world.pusher.in_background(notices.deliver_due(world))
    return _order_json(world, paid)


@route("GET", "merchants/{mchid}/refunds")
async def list_refunds(world: World, request: Request) -> Any:
    """The merchant's refunds, newest first."""
    merchant = _merchant(world, request)
    return [refunds.shown(world, one) for one in refunds.of_merchant(world, merchant.mchid)]


@route("GET", "merchants/{mchid}/notifications")
async def list_notifications(world: World, request: Request) -> Any:
    """The merchant's notifications and what became of them, newest first."""
    return notices.of_merchant(world, _merchant(world, request).mchid)


@route("POST", "merchants/{mchid}/notifications/{id}/resend")
async def resend_notification(world: World, request: Request) -> Any:
    """Deliver a notification once more, freshly signed."""
    _merchant(world, request)
    return {"taken": await notices.resend(world, request.path_params["id"])}


@route("GET", "merchants/{mchid}/bill")
async def get_bill(world: World, request: Request) -> Any:
    """A day's bill (``date``, ``kind`` trade or flow) as text, also of today."""
    merchant = _merchant(world, request)
    try:
        day = bills.day_of(request.query_params.get("date", ""))
    except PayRefusal as refusal:
        raise BadInput("date must look like 2026-11-22") from refusal
    make = bills.flow_bill if request.query_params.get("kind") == "flow" else bills.trade_bill
    return PlainTextResponse(make(world, merchant, day))


@route("GET", "people/{slug}/wallet")
async def get_wallet(world: World, request: Request) -> Any:
    """A person's money and payment password."""
    return asdict(wallets.of(world, world.person(request.path_params["slug"]).slug))


@route("PUT", "people/{slug}/wallet")
async def put_wallet(world: World, request: Request) -> Any:
    """Set change_fen, card_fen, password or is_abnormal of a person's wallet."""
    person = world.person(request.path_params["slug"])
    return asdict(wallets.change(world, person.slug, await posted_object(request)))
