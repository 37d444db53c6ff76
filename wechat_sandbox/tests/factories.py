"""What the sandbox's tests are made of: a product to push to, short ways to call."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from xml.etree.ElementTree import Element

import httpx2
from defusedxml.ElementTree import fromstring
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route
from starlette.testclient import TestClient

from wechat_sandbox import components, crypto
from wechat_sandbox.accounts import Account
from wechat_sandbox.components import Component
from wechat_sandbox.messagexml import to_xml

APPID = "wxsbtea00001"
SECRET = "0123456789abcdef0123456789abcdef"
MAIN = "http://127.0.0.1:8001"
LIN = "http://lin.localhost:8001"
CHEN = "http://chen.localhost:8001"
PRODUCT = "http://127.0.0.1:8000"


@dataclass
class Push:
    """One push as the product received it."""

    query: dict[str, str]
    body: str
    path: str = ""

    def opened(self, account: Account | Component) -> dict[str, str]:
        """The fields of the message, after the checks a product makes."""
        sealed = fromstring(self.body).findtext("Encrypt") or ""
        stamp, nonce = self.query["timestamp"], self.query["nonce"]
        assert self.query["msg_signature"] == crypto.sign(account.token, stamp, nonce, sealed)
        text = crypto.decrypt(sealed, aes_key=account.aes_key, receiver=account.appid)
        root: Element = fromstring(text)
        return {one.tag: one.text or "" for one in root}


Answer = Callable[[Push], str]


@dataclass
class Shop:
    """A product: keeps its pushes and shows what it was asked for."""

    pushes: list[Push] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    answer: Answer = lambda push: "success"
    delays_s: list[float] = field(default_factory=list)
    status: int = 200
    pages: dict[str, str] = field(default_factory=dict)

    current: ClassVar[Shop | None] = None

    @classmethod
    def routes(cls) -> list[Route]:
        """Pages that ask whichever shop the running test has."""

        def page(name: str, path: str, method: str) -> Route:
            async def answer(request: Request) -> Response:
                assert cls.current
                found: Response = await getattr(cls.current, name)(request)
                return found

            return Route(path, answer, methods=[method])

        return [
            page("check", "/hooks/wechat", "GET"),
            page("take", "/hooks/wechat", "POST"),
            page("take", "/hooks/open", "POST"),
            page("take", "/hooks/open/{appid}", "POST"),
            page("picture", "/picture", "GET"),
            page("login", "/login", "GET"),
            page("page", "/{path:path}", "GET"),
            page("page", "/{path:path}", "POST"),
        ]

    async def check(self, request: Request) -> Response:
        return PlainTextResponse(request.query_params["echostr"])

    async def take(self, request: Request) -> Response:
        body = (await request.body()).decode()
        push = Push(dict(request.query_params), body, request.url.path)
        self.pushes.append(push)
        if self.delays_s:
            await asyncio.sleep(self.delays_s.pop(0))
        return PlainTextResponse(self.answer(push), status_code=self.status)

    async def login(self, request: Request) -> Response:
        return RedirectResponse(request.query_params["to"])

    async def picture(self, request: Request) -> Response:
        return Response(b"\x89PNG....", media_type="image/png")

    async def page(self, request: Request) -> Response:
        self.requests.append(
            {
                "path": request.url.path,
                "query": request.url.query,
                "headers": dict(request.headers),
                "body": (await request.body()).decode(),
            }
        )
        if request.url.path in self.pages:
            return HTMLResponse(self.pages[request.url.path])
        text = (
            f'<title>{request.url.path}</title><a href="{PRODUCT}/next">go</a>'
            f'<img src="{MAIN}/mp.weixin.qq.com/cgi-bin/showqrcode?ticket=x">'
            f"<a href='{MAIN}/_sandbox/calls'>sandbox</a><p>{PRODUCT}/next</p>"
            f'<a href="{PRODUCT}1/">other port</a>'
        )
        response = HTMLResponse(text)
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; img-src {PRODUCT}; frame-ancestors 'none'"
        )
        response.set_cookie(
            "session", "of-" + request.headers["user-agent"][13:19].strip(";"), secure=True
        )
        response.set_cookie("deep", "1", path="/deep/er")
        return response


@dataclass
class PayHook:
    """A product that takes notifications of payments as they come."""

    taken: list[tuple[dict[str, str], str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    current: ClassVar[PayHook | None] = None

    @classmethod
    def routes(cls) -> list[Route]:
        """One address that hands notifications to whichever test runs."""

        async def take(request: Request) -> Response:
            assert cls.current
            headers = {name.title(): value for name, value in request.headers.items()}
            cls.current.taken.append((headers, (await request.body()).decode()))
            status = cls.current.statuses.pop(0) if cls.current.statuses else 204
            body = b"" if status == 204 else b'{"code":"FAIL","message":"later"}'
            return Response(body, status_code=status)

        return [Route("/hooks/pay", take, methods=["POST"])]


@dataclass
class ReceiptHook:
    """A product that takes receipts of text messages."""

    taken: list[list[dict[str, Any]]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    current: ClassVar[ReceiptHook | None] = None

    @classmethod
    def routes(cls) -> list[Route]:
        """One address that hands receipts to whichever test runs."""

        async def take(request: Request) -> Response:
            assert cls.current
            cls.current.taken.append(await request.json())
            usual = {"result": 0, "errmsg": "OK", "code": 0}
            answers = cls.current.answers
            return JSONResponse(answers.pop(0) if answers else usual)

        return [Route("/hooks/receipts", take, methods=["POST"])]


def api(client: TestClient, path: str, body: Any = None, **query: str) -> dict[str, Any]:
    """Call api.weixin.qq.com; the answer is always HTTP 200."""
    url = f"/api.weixin.qq.com{path}"
    if body is None:
        answer = client.get(url, params=query)
    else:
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        answer = client.post(url, params=query, content=content)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def token(client: TestClient) -> str:
    body = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}
    return str(api(client, "/cgi-bin/stable_token", body)["access_token"])


def control(client: httpx2.Client, method: str, path: str, body: Any = None) -> Any:
    answer = client.request(method, f"/_sandbox/api/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def openid(client: httpx2.Client, slug: str = "lin") -> str:
    return str(control(client, "GET", f"openids?appid={APPID}")[slug])


def follow(client: TestClient, slug: str = "lin", **more: Any) -> Any:
    return control(client, "POST", f"people/{slug}/follow", {"appid": APPID, **more})


def chat(client: TestClient, slug: str = "lin") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = control(client, "GET", f"people/{slug}/chats/{APPID}")
    return found


def scene_code(client: TestClient, scene: str = "bind-7", **more: Any) -> dict[str, Any]:
    body = {
        "action_name": "QR_STR_SCENE",
        "action_info": {"scene": {"scene_str": scene}},
        "expire_seconds": 600,
        **more,
    }
    return api(client, "/cgi-bin/qrcode/create", body, access_token=token(client))


PLATFORM = "wxsbplatform1"
PLATFORM_SECRET = "fedcba9876543210fedcba9876543210"


def make_platform(client: TestClient, **changes: Any) -> Component:
    """A third-party platform whose events come to the shop, tickets only when asked for."""
    body = {
        "name": "掌柜平台",
        "secret": PLATFORM_SECRET,
        "event_url": f"{PRODUCT}/hooks/open",
        "message_url": f"{PRODUCT}/hooks/open/$APPID$",
        "login_domains": ["127.0.0.1:8000"],
        "account_domains": ["127.0.0.1:8000"],
        "sends_tickets": False,
        **changes,
    }
    control(client, "PUT", f"components/{PLATFORM}", body)
    world = client.app.world  # type: ignore[attr-defined]
    made = components.find(world.store, PLATFORM)
    assert made
    return made


def platform_token(client: TestClient) -> str:
    ticket = control(client, "POST", f"components/{PLATFORM}/ticket", {"push": False})["ticket"]
    body = {
        "component_appid": PLATFORM,
        "component_appsecret": PLATFORM_SECRET,
        "component_verify_ticket": ticket,
    }
    found = api(client, "/cgi-bin/component/api_component_token", body)
    return str(found["component_access_token"])


def as_platform(client: TestClient, call: str, value: str, **body: Any) -> dict[str, Any]:
    """A call of the platform with its own token."""
    sent = {"component_appid": PLATFORM, **body}
    return api(client, f"/cgi-bin/component/{call}", sent, component_access_token=value)


def authorise(client: TestClient, **more: Any) -> dict[str, Any]:
    body = {"appid": APPID, **more}
    found: dict[str, Any] = control(client, "POST", f"components/{PLATFORM}/authorise", body)
    return found


def sealed_reply(
    account: Account | Component, fields: Mapping[str, Any], *, token: str = ""
) -> str:
    """A passive reply as a product would encrypt it."""
    sealed = crypto.encrypt(to_xml(fields), aes_key=account.aes_key, receiver=account.appid)
    signature = crypto.sign(token or account.token, "1700000000", "n", sealed)
    return to_xml(
        {"Encrypt": sealed, "MsgSignature": signature, "TimeStamp": 1700000000, "Nonce": "n"}
    )


def without_rid(text: str) -> str:
    assert re.search(r" rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$", text)
    return text.rpartition(" rid:")[0]
