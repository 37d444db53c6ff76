"""The sandbox as an ASGI application: one port, the person told by the host name."""

from __future__ import annotations

import asyncio
import html
import importlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from wechat_sandbox import (
    control,
    media,
    openapi,
    people,
    phone,
    pictures,
    qrcodes,
    schedule,
    sms,
)
from wechat_sandbox.accounts import BadInput
from wechat_sandbox.callbacks import Pusher
from wechat_sandbox.clouds import aliyun, tencent
from wechat_sandbox.clouds.senders import NoSuchSender
from wechat_sandbox.config import PACKAGE, Config, find_extra_assets, refuse_production
from wechat_sandbox.pay import payphone
from wechat_sandbox.pay import wire as pay_wire
from wechat_sandbox.pay.merchants import NoSuchMerchant
from wechat_sandbox.pay.wallets import PayProblem
from wechat_sandbox.played import bind, mini, notify, oauth, scenes, wire
from wechat_sandbox.proxy import Gateway
from wechat_sandbox.replay import NoSuchCall
from wechat_sandbox.shell import page
from wechat_sandbox.snapshots import NoSuchSnapshot, Shelf
from wechat_sandbox.world import NoSuchAccount, NoSuchPerson, World

for _name in ("pay.trade", "pay.refundcalls", "pay.bills", "pay.paycontrol", "clouds.cloudcontrol"):
    importlib.import_module(f"wechat_sandbox.{_name}")
for _name in (
    "played.base", "played.component", "played.sns", "played.users", "played.tags", "played.menus",
    "played.messages", "played.files", "played.library", "played.notify", "played.migrate",
    "played.jsapi", "played.mini", "played.minilinks", "control_open", "control_acts",
    "phone_more", "replay", "snapshots", "trouble",
):  # fmt: skip
    importlib.import_module(f"wechat_sandbox.{_name}")  # they register their calls

ASSETS = PACKAGE / "assets"
# Played for programs only, not under the phones' own hosts.
SERVERS = ("/api.", "/api2.", "/sms.", "/dysmsapi.")
ANY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Assets(StaticFiles):
    """Scripts and styles, asked for again each time so that a changed one is seen."""

    def file_response(self, *given: Any, **more: Any) -> Response:
        """A file that must be revalidated."""
        response = super().file_response(*given, **more)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _api(request: Request) -> Response:
    return await wire.answer_api(control.world_of(request), request)


async def _authorize(request: Request) -> Response:
    world = control.world_of(request)
    slug = request.scope.get("phone") or request.headers.get("x-sandbox-person")
    person = people.find(world.store, slug) if slug else None
    return await oauth.authorize(world, request, person)


async def _showqrcode(request: Request) -> Response:
    return await scenes.show(control.world_of(request), request)


async def _portrait(request: Request) -> Response:
    return pictures.of_person(control.world_of(request).person(request.path_params["slug"]))


async def _emblem(request: Request) -> Response:
    return pictures.of_account(control.world_of(request).account(request.path_params["appid"]))


async def _file(request: Request) -> Response:
    found = media.anybodys(control.world_of(request), request.path_params["media_id"])
    if found is None:
        return Response(status_code=404)
    # A picture of a stranger must not be able to run anything.
    headers = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}
    return Response(found.content, media_type=found.mime, headers=headers)


async def _account_code(request: Request) -> Response:
    account = control.world_of(request).account(request.query_params.get("appid", ""))
    return Response(
        qrcodes.picture(f"http://weixin.qq.com/r/{account.appid}"), media_type="image/png"
    )


async def _jweixin(request: Request) -> Response:
    if not re.fullmatch(r"jweixin-\d+\.\d+\.\d+\.js", request.path_params["name"]):
        return Response(status_code=404)
    return FileResponse(ASSETS / "js" / "jweixin.js", headers={"Cache-Control": "no-cache"})


def _shell(name: str) -> Any:
    async def show(request: Request) -> Response:
        return page(name)

    return show


async def _home_screen(request: Request) -> Response:
    """A phone's first page; the phone of nobody is told so by ``_no_person``."""
    phone.person_of(request)
    return page("phone.html")


async def _health(request: Request) -> Response:
    return JSONResponse({"ok": True, "product": control.world_of(request).config.product})


async def _receiver(request: Request) -> Response:
    """A product that takes every push, for trying the sandbox without one."""
    return PlainTextResponse(request.query_params.get("echostr", "success"))


async def _decoder(request: Request) -> Response:
    world = control.world_of(request)
    if not phone.has_decoder(world):
        return Response(status_code=404)
    return FileResponse(Path(str(world.config.extra_assets)) / "jsqr" / "dist" / "jsQR.js")


async def _external(request: Request) -> Response:
    url = request.query_params.get("url", "")
    return page("external.html", {"url": html.escape(url)})


async def _to_product(request: Request) -> Response:
    world = control.world_of(request)
    person = phone.person_of(request)
    # Typed into the address bar the phone's own page is meant; inside its frame, the product's.
    if request.url.path == "/" and request.headers.get("sec-fetch-dest") == "document":
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/_phone/{query}", headers={"Cache-Control": "no-store"})
    if request.url.path.startswith(("/_sandbox/", "/_phone/")):
        return Response(status_code=404)
    return await world.gateway.forward(person, request)


def _played() -> list[Route]:
    return [
        Route("/api.weixin.qq.com/{path:path}", _api, methods=ANY),
        Route("/api.mch.weixin.qq.com/{path:path}", pay_wire.answer_pay, methods=ANY),
        Route("/api2.mch.weixin.qq.com/{path:path}", pay_wire.answer_pay, methods=ANY),
        Route(sms.PATH, sms.take, methods=["POST"]),
        Route("/sms.tencentcloudapi.com", tencent.answer, methods=["POST"]),
        Route(tencent.PATH, tencent.answer, methods=["POST"]),
        Route("/dysmsapi.aliyuncs.com", aliyun.answer, methods=["GET", "POST"]),
        Route(aliyun.PATH, aliyun.answer, methods=["GET", "POST"]),
        Route("/open.weixin.qq.com/connect/oauth2/authorize", _authorize, methods=["GET", "POST"]),
        Route("/mp.weixin.qq.com/cgi-bin/showqrcode", _showqrcode),
        Route("/mp.weixin.qq.com/media/{media_id}", _file),
        Route("/mp.weixin.qq.com/wxacode/{key}", mini.show_code),
        Route("/mp.weixin.qq.com/cgi-bin/accountcode", _account_code),
        Route("/res.wx.qq.com/open/js/{name}", _jweixin),
        *bind.ROUTES,
        *notify.ROUTES,
        Route("/wx.qlogo.cn/mmopen/{slug}/{size}", _portrait),
        Route("/wx.qlogo.cn/mmhead/{appid}/{size}", _emblem),
    ]


def _main_routes() -> list[Route | Mount]:
    return [
        *_played(),  # first: they are asked most
        Route("/", _shell("stage.html")),
        Route("/_sandbox/", lambda request: RedirectResponse("/_sandbox/calls")),
        Route("/_sandbox/calls", _shell("calls.html")),
        Route("/_sandbox/merchants", _shell("merchants.html")),
        Route("/_sandbox/sms", _shell("sms.html")),
        Route("/_sandbox/people", _shell("people.html")),
        Route("/_sandbox/accounts", _shell("accounts.html")),
        Route("/_sandbox/open", _shell("open.html")),
        Route("/_sandbox/control", _shell("control.html")),
        Route("/_sandbox/docs", _shell("docs.html")),
        Route("/_sandbox/openapi.json", openapi.show),
        Route("/_sandbox/health", _health),
        Route("/_sandbox/receiver", _receiver, methods=["GET", "POST"]),
        *control.ROUTES,
        *payphone.MAIN_ROUTES,
        Mount("/_sandbox/assets", Assets(directory=ASSETS)),
        Mount("/_phone/assets", Assets(directory=ASSETS)),
    ]


def _phone_routes() -> list[Route | Mount]:
    return [
        Route("/_phone", lambda request: RedirectResponse("/_phone/")),
        Route("/_phone/", _home_screen),
        Route("/_phone/external", _external),
        *phone.ROUTES,
        *payphone.PHONE_ROUTES,
        Route("/_phone/assets/vendor/jsqr.js", _decoder),
        Mount("/_phone/assets", Assets(directory=ASSETS)),
        *[one for one in _played() if not one.path.startswith(SERVERS)],
        Route("/{path:path}", _to_product, methods=ANY),
    ]


async def _bad_input(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=422)


async def _forbidden(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=403)


def _missing(what: str) -> Any:
    async def answer(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": f"no {what} {error}"}, status_code=404)

    return answer


async def _no_person(request: Request, error: Exception) -> Response:
    if "phone" in request.scope and "/api/" not in request.url.path:
        world = control.world_of(request)
        values = {"slug": html.escape(str(error)), "home": html.escape(world.config.public)}
        return page("nophone.html", values, status=404)
    return JSONResponse({"error": f"no person {error}"}, status_code=404)


ERRORS: dict[Any, Any] = {
    BadInput: _bad_input,
    control.Forbidden: _forbidden,
    NoSuchAccount: _missing("account"),
    NoSuchCall: _missing("call"),
    NoSuchMerchant: _missing("merchant"),
    NoSuchSender: _missing("sender"),
    NoSuchSnapshot: _missing("snapshot"),
    PayProblem: payphone.pay_problem,
    NoSuchPerson: _no_person,
}


class Sandbox:
    """The whole sandbox; ``world`` is open to tests that want to look inside."""

    def __init__(self, world: World) -> None:
        """Serve ``world``."""
        self.world = world
        self._main = Starlette(
            routes=_main_routes(), exception_handlers=ERRORS, lifespan=self._lifespan
        )
        self._phone = Starlette(routes=_phone_routes(), exception_handlers=ERRORS)
        for part in (self._main, self._phone):
            part.state.world = world
            part.router.redirect_slashes = False

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        ticking = asyncio.create_task(schedule.run_forever(self.world))
        yield
        ticking.cancel()
        await self.world.pusher.close()
        await self.world.gateway.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the played servers or to one person's phone."""
        app: ASGIApp = self._main
        if scope["type"] == "http" and (slug := _slug(scope)):
            scope = {**scope, "phone": slug}
            app = self._phone
        await app(scope, receive, send)


def _slug(scope: Scope) -> str:
    """The person in a host such as ``lin.localhost:8001``; empty for the sandbox's own host."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower().partition(":")[0]
    return host.removesuffix(".localhost") if host.endswith(".localhost") else ""


def create_app(
    data: str = ":memory:",
    *,
    product: str = "http://127.0.0.1:8000",
    public: str = "http://127.0.0.1:8001",
    callback_timeout_s: float = 5.0,
    callback_retry_gap_s: float = 1.0,
    product_transport: httpx2.AsyncBaseTransport | None = None,
    extra_assets: Path | None = None,
) -> Sandbox:
    """Make a sandbox.

    Args:
        data: file that keeps the state, or ``:memory:``.
        product: canonical address of the product; pushes go to the addresses of the accounts.
        public: the sandbox's own address.
        callback_timeout_s: how long a push waits for its answer (WeChat: 5).
        callback_retry_gap_s: pause before a push is tried again.
        product_transport: used instead of the network for pushes and the in-app browser.
        extra_assets: directory with npm packages; found by itself when None.

    Raises:
        UnsafeSandbox: the environment says that this is production.
    """
    refuse_production()
    config = Config(
        product=product.rstrip("/"),
        public=public.rstrip("/"),
        data=data,
        callback_timeout_s=callback_timeout_s,
        callback_retry_gap_s=callback_retry_gap_s,
        extra_assets=extra_assets or find_extra_assets(),
    )
    world = World(config)
    world.pusher = Pusher(world, product_transport)
    world.shelf = Shelf(data)
    world.gateway = Gateway(world, product_transport)
    return Sandbox(world)


__all__ = ["Sandbox", "create_app"]
