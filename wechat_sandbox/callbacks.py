"""Pushing messages and events to the address an account (or its platform) has registered."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Coroutine
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import httpx2

from wechat_sandbox import calllog, chats, components, crypto, identity, lines, media, outgoing
from wechat_sandbox.accounts import Account
from wechat_sandbox.lines import Fields, Line, Wrong
from wechat_sandbox.messagexml import BadReply, to_xml
from wechat_sandbox.replies import Reply, read
from wechat_sandbox.store import pack, unpack
from wechat_sandbox.world import World

RETRIES = 3
OUT_OF_SERVICE = "该公众号暂时无法提供服务，请稍后再试"
# "MarkFail": after so many failures in a row WeChat leaves the server alone for a minute.
FAILURES_TO_PAUSE, PAUSE_S = 5, 60

OUTCOMES = {
    "accepted": "已接收",
    "replied": "已回复",
    "timeout": "超时",
    "unreachable": "连不上",
    "refused": "被拒绝",
    "bad_answer": "回答无效",
    "dropped": "按设置丢弃",
    "paused": "暂停推送",
}
UNTRIED = ("no_address", "dropped", "paused")

COUNTED_FAULTS = (
    "drop", "duplicate", "replay", "wrong_signature", "wrong_receiver", "old_key",
)  # fmt: skip
# The person waits for an answer to these, and hears when none comes.
AWAITED_EVENTS = ("CLICK", "scancode_waitmsg")


@dataclass(frozen=True)
class Delivery:
    """How a push ended: accepted, replied, or why not."""

    outcome: str
    attempts: int
    detail: str = ""
    reply: Reply | None = None

    @property
    def is_done(self) -> bool:
        """Whether the server took it."""
        return self.outcome in ("accepted", "replied")

    def as_json(self) -> dict[str, Any]:
        """For the control interface."""
        return {"outcome": self.outcome, "attempts": self.attempts, "detail": self.detail}


@dataclass
class Policy:
    """Faults on the way; a count is used up by pushes, True stays until changed."""

    drop: int | bool = False
    delay_s: float = 0
    duplicate: int | bool = False
    replay: int | bool = False
    wrong_signature: int | bool = False
    wrong_receiver: int | bool = False
    old_key: int | bool = False
    pause_after_failures: bool = False
    template_status: str = "success"


class Pusher:
    """Delivers pushes, tries again, shows the replies in the chat."""

    def __init__(self, world: World, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """Use ``transport`` instead of the network when given."""
        self._world = world
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._failures: dict[str, tuple[int, float]] = {}

    def in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Go on with ``work`` after the answer to the person's phone."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Stop what is under way and forget earlier failures."""
        self._failures.clear()
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._client:
            await self._client.aclose()
            self._client = None

    def policy(self, appid: str) -> Policy:
        """The faults set for an account."""
        row = self._world.store.row("SELECT what FROM policies WHERE appid = ?", appid)
        return Policy(**unpack(row["what"])) if row else Policy()

    def set_policy(self, appid: str, policy: Policy) -> None:
        """Choose the faults of an account."""
        self._world.store.insert("policies", appid=appid, what=pack(asdict(policy)))

    def _use(self, appid: str, fault: str) -> bool:
        policy = self.policy(appid)
        value = getattr(policy, fault)
        if not value:
            return False
        if value is not True:
            setattr(policy, fault, value - 1)
            self.set_policy(appid, policy)
        return True

    async def event(self, account: Account, slug: str, event: str, **more: Any) -> Delivery:
        """Push an event."""
        fields = {"MsgType": "event", "Event": event, **more}
        return await self.push(account, slug, fields, is_awaited=event in AWAITED_EVENTS)

    async def push(
        self, account: Account, slug: str, fields: Fields, *, is_awaited: bool
    ) -> Delivery:
        """Deliver one message; ``is_awaited``: the person sees it when nothing comes back."""
        openid = identity.openid(account.appid, slug)
        whole = {
            "ToUserName": account.original_id,
            "FromUserName": openid,
            "CreateTime": int(self._world.clock.now()),
            **fields,
        }
        line = components.line(self._world, account) or lines.of_account(account)
        delivery = await self._deliver(line, openid, whole)
        if delivery.outcome not in UNTRIED:
            self._show(account, slug, delivery, is_awaited=is_awaited)
        return delivery

    async def tell(self, line: Line, fields: Fields) -> Delivery:
        """Deliver an event that is nobody's message, such as a ticket to a platform."""
        return await self._deliver(line, "", fields)

    async def _deliver(self, line: Line, openid: str, fields: Fields) -> Delivery:
        if not line.url:
            return Delivery("no_address", 0)
        if self._use(line.owner, "drop"):
            return self._unsent(line, fields, "dropped")
        if self._is_paused(line.owner):
            return self._unsent(line, fields, "paused")
        if delay_s := self.policy(line.owner).delay_s:
            await asyncio.sleep(delay_s)
        delivery = await self._try(line, openid, fields)
        self._count_failure(line.owner, failed=not delivery.is_done)
        if self._use(line.owner, "duplicate"):
            await self._attempt(line, openid, fields, 1, self._sealed(line, openid, fields))
        return delivery

    def _show(self, account: Account, slug: str, delivery: Delivery, *, is_awaited: bool) -> None:
        if not chats.is_following(self._world, slug, account.appid):
            return
        if delivery.reply and delivery.reply.kind:
            reply = delivery.reply
            is_transfer = reply.kind == "transfer"
            chats.add(
                self._world,
                slug,
                account.appid,
                sender="system" if is_transfer else "account",
                kind="text" if is_transfer else reply.kind,
                body=reply.body,
            )
        elif is_awaited and not delivery.is_done:
            body = {"content": OUT_OF_SERVICE}
            chats.add(self._world, slug, account.appid, sender="system", kind="text", body=body)

    def _sealed(
        self, line: Line, openid: str, fields: Fields, wrong: Wrong | None = None
    ) -> tuple[dict[str, str], str]:
        now = int(self._world.clock.now())
        return lines.seal(line, openid, fields, now=now, wrong=wrong)

    async def _try(self, line: Line, openid: str, fields: Fields) -> Delivery:
        wrong = Wrong(
            signature=self._use(line.owner, "wrong_signature"),
            receiver=self._use(line.owner, "wrong_receiver"),
            old_key=self._use(line.owner, "old_key"),
        )
        delivery, sent = Delivery("unreachable", 0), self._sealed(line, openid, fields, wrong)
        for attempt in range(1, RETRIES + 2):
            if attempt > 1:
                await asyncio.sleep(self._world.config.callback_retry_gap_s)
                sent = self._sealed(line, openid, fields, wrong)
            delivery = await self._attempt(line, openid, fields, attempt, sent)
            if delivery.outcome not in ("timeout", "unreachable"):
                break
        if self._use(line.owner, "replay"):
            await self._attempt(line, openid, fields, 1, sent)
        return delivery

    async def _attempt(
        self,
        line: Line,
        openid: str,
        fields: Fields,
        attempt: int,
        sent: tuple[dict[str, str], str],
    ) -> Delivery:
        query, body = sent
        started = time.monotonic()
        status, text = 0, ""
        headers = {
            "Content-Type": "application/json" if line.is_json else "text/xml",
            "User-Agent": "Mozilla/4.0",
        }
        try:
            async with asyncio.timeout(self._world.config.callback_timeout_s):
                answer = await self.http().post(
                    line.url, params=query, content=body.encode(), headers=headers
                )
            status, text = answer.status_code, answer.text
            delivery = self._judge(line, openid, fields, answer, attempt)
        except (TimeoutError, httpx2.TimeoutException):
            delivery = Delivery("timeout", attempt, "no answer in time")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            delivery = Delivery("unreachable", attempt, str(error) or type(error).__name__)
        calllog.record(
            self._world,
            kind="callback",
            method="POST",
            path=line.url,
            appid=line.owner,
            status=status,
            errcode=None,
            note=f"{_subject(fields)} · 第 {attempt} 次 · {_told(delivery)}",
            request={"query": query, "message": to_xml(fields), "body": body},
            answer={
                "outcome": delivery.outcome,
                "body": text,
                **({"reply": asdict(delivery.reply)} if delivery.reply else {}),
            },
            took_s=time.monotonic() - started,
            again=calllog.Again("POST", f"{line.url}?{urlencode(query)}", headers, body),
        )
        return delivery

    def _judge(
        self, line: Line, openid: str, fields: Fields, answer: httpx2.Response, attempt: int
    ) -> Delivery:
        status = answer.status_code
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Delivery("unreachable", attempt, f"HTTP {status}")
        if status != HTTPStatus.OK:
            return Delivery("refused", attempt, f"HTTP {status}")
        try:
            reply = self._read(line, openid, fields, answer.text)
        except BadReply as problem:
            return Delivery("bad_answer", attempt, str(problem))
        return Delivery("replied" if reply.kind else "accepted", attempt, reply=reply)

    def _read(self, line: Line, openid: str, fields: Fields, text: str) -> Reply:
        if not openid:
            if text.strip() != "success":
                raise BadReply("a platform answers its events with success")
            return Reply("")
        account = self._world.by_original_id(line.original_id)

        def kind_of(media_id: str) -> str | None:
            found = media.find(self._world, account.appid, media_id)
            return found.kind if found else None

        is_message = fields.get("MsgType") != "event"
        return read(text, line=line, openid=openid, answers_message=is_message, media_kind=kind_of)

    def http(self) -> httpx2.AsyncClient:
        """The client all pushes share."""
        if self._client is None:
            self._client = outgoing.client(
                self._transport, timeout_s=self._world.config.callback_timeout_s
            )
        return self._client

    def _unsent(self, line: Line, fields: Fields, outcome: str) -> Delivery:
        calllog.record(
            self._world,
            kind="callback",
            method="POST",
            path=line.url,
            appid=line.owner,
            status=0,
            errcode=None,
            note=f"{_subject(fields)} · {OUTCOMES[outcome]}",
            request={"message": to_xml(fields)},
            answer={"outcome": outcome},
            took_s=0,
        )
        return Delivery(outcome, 0)

    def _is_paused(self, appid: str) -> bool:
        count, last = self._failures.get(appid, (0, 0.0))
        is_over = self._world.clock.now() - last >= PAUSE_S
        if not self.policy(appid).pause_after_failures or count < FAILURES_TO_PAUSE:
            return False
        if is_over:
            self._failures.pop(appid)
        return not is_over

    def _count_failure(self, appid: str, *, failed: bool) -> None:
        count, _ = self._failures.get(appid, (0, 0.0))
        if failed:
            self._failures[appid] = (count + 1, self._world.clock.now())
        else:
            self._failures.pop(appid, None)

    async def check_address(self, account: Account) -> str:
        """The console's check of the callback address; empty when it passes, else what is wrong."""
        stamp, nonce = str(int(self._world.clock.now())), str(secrets.randbelow(10**10))
        echo = str(secrets.randbelow(10**19))
        query = {
            "signature": crypto.sign(account.token, stamp, nonce),
            "echostr": echo,
            "timestamp": stamp,
            "nonce": nonce,
        }
        try:
            async with asyncio.timeout(self._world.config.callback_timeout_s):
                answer = await self.http().get(account.callback_url, params=query)
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            return f"请求 URL 失败：{str(error) or type(error).__name__}"
        if answer.status_code != HTTPStatus.OK:
            return f"请求 URL 失败：HTTP {answer.status_code}"
        return "" if answer.text == echo else "token 验证失败：没有原样返回 echostr"


def _told(delivery: Delivery) -> str:
    known = OUTCOMES[delivery.outcome]
    return f"{known}：{delivery.detail}" if delivery.detail else known


def _subject(fields: Fields) -> str:
    """What a push is about, for the log."""
    return str(fields.get("InfoType") or fields.get("Event") or fields.get("MsgType") or "")
