"""The in-app browser's way to the product: one canonical host outside, one phone inside."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx2
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from wechat_sandbox import cookies, outgoing
from wechat_sandbox.people import Person
from wechat_sandbox.rewrite import Rewriter
from wechat_sandbox.shell import page
from wechat_sandbox.world import World

READ_TIMEOUT_S = 60.0
BODY_LIMIT = 50_000_000

HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers",
    "transfer-encoding", "upgrade",
}  # fmt: skip
NOT_SENT = HOP_BY_HOP | {
    "host", "cookie", "origin", "referer", "user-agent", "accept-encoding", "content-length",
    "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
}  # fmt: skip
NOT_RETURNED = HOP_BY_HOP | {
    "set-cookie", "x-frame-options", "content-length", "content-encoding", "date", "server",
    "strict-transport-security", "cross-origin-opener-policy", "alt-svc",
}  # fmt: skip
ADDRESS_HEADERS = {"location", "hx-redirect"}
LINK_HEADERS = {"hx-location", "hx-push-url", "hx-replace-url", "refresh", "link"}
POLICIES = {"content-security-policy", "content-security-policy-report-only"}


class Gateway:
    """Forwards requests of in-app browsers to the product."""

    def __init__(self, world: World, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """Use ``transport`` instead of the network when given."""
        self._world = world
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None

    def _http(self) -> httpx2.AsyncClient:
        if self._client is None:
            self._client = outgoing.client(self._transport, timeout_s=READ_TIMEOUT_S)
        return self._client

    async def close(self) -> None:
        """Close connections."""
        if self._client:
            await self._client.aclose()
            self._client = None

    async def forward(self, person: Person, request: Request) -> Response:
        """Ask the product on behalf of a person and adapt the answer to the phone."""
        config = self._world.config
        body = await request.body()
        if len(body) > BODY_LIMIT:
            return PlainTextResponse("文件太大", status_code=413)
        rewriter = Rewriter(config, person.slug)
        raw_path = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
        target = raw_path.partition(b"?")[0]
        if request.scope["query_string"]:
            target += b"?" + request.scope["query_string"]
        outgoing_request = self._http().build_request(
            request.method,
            httpx2.URL(config.product).copy_with(raw_path=target),
            headers=self._headers(person, request, rewriter),
            content=body or None,
        )
        try:
            answer = await self._http().send(outgoing_request, stream=True)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return _unreachable(request, error, config.product)
        for line in answer.headers.get_list("set-cookie"):
            cookies.keep(self._world.store, person.slug, line)
        return await self._adapted(answer, rewriter)

    def _headers(
        self, person: Person, request: Request, rewriter: Rewriter
    ) -> list[tuple[str, str]]:
        product = self._world.config.product
        sent = [(name, value) for name, value in request.headers.items() if name not in NOT_SENT]
        sent = [
            (name, "document" if name == "sec-fetch-dest" and value == "iframe" else value)
            for name, value in sent
        ]
        sent += [("User-Agent", person.user_agent), ("Accept-Encoding", "identity")]
        jar = cookies.header(self._world.store, person.slug, request.url.path)
        if jar:
            sent.append(("Cookie", jar))
        origin = request.headers.get("origin")
        if origin:
            sent.append(("Origin", product if origin == rewriter.phone else origin))
        referer = request.headers.get("referer", "")
        if referer.startswith(rewriter.phone) and not referer.startswith(
            f"{rewriter.phone}/_phone/"
        ):
            sent.append(("Referer", product + referer[len(rewriter.phone) :]))
        return sent

    async def _adapted(self, answer: httpx2.Response, rewriter: Rewriter) -> Response:
        kind = answer.headers.get("content-type", "")
        response: Response
        if kind.startswith("text/html"):
            try:
                await answer.aread()
            except httpx2.HTTPError:
                return PlainTextResponse("商家系统的回答中断了", status_code=502)
            finally:
                await answer.aclose()
            charset = answer.charset_encoding or "utf-8"
            text = answer.content.decode(charset, errors="replace")
            response = Response(rewriter.markup(text).encode(charset), answer.status_code)
        elif answer.status_code in (204, 304):
            await answer.aclose()
            response = Response(status_code=answer.status_code)
        else:
            response = StreamingResponse(_stream(answer), answer.status_code)
            if length := answer.headers.get("content-length"):
                response.headers["content-length"] = length
        for name, value in answer.headers.multi_items():
            if name not in NOT_RETURNED:
                response.headers.append(name, _adapted_header(name, value, rewriter))
        return response


def _adapted_header(name: str, value: str, rewriter: Rewriter) -> str:
    if name in ADDRESS_HEADERS:
        return rewriter.redirect(value)
    if name in LINK_HEADERS:
        return rewriter.url(value)
    if name in POLICIES:
        return rewriter.policy(value)
    return value


async def _stream(answer: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()


def _unreachable(request: Request, error: Exception, product: str) -> Response:
    is_slow = isinstance(error, httpx2.TimeoutException)
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse("商家系统没有回答", status_code=504 if is_slow else 502)
    values = {
        "title": "商家系统回答太慢" if is_slow else "连不上商家系统",
        "reason": f"{type(error).__name__}: {error}",
        "product": product,
    }
    escaped = {name: html.escape(value) for name, value in values.items()}
    return page("unreachable.html", escaped, status=504 if is_slow else 502)
