"""Pushing messages and events to the address an account has registered."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Coroutine, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

import httpx2

from wechat_sandbox import calllog, chats, crypto, identity, outgoing
from wechat_sandbox.accounts import Account
from wechat_sandbox.messagexml import BadReply, Reply, read_reply, to_xml
from wechat_sandbox.store import pack, unpack
from wechat_sandbox.world import World

Fields = Mapping[str, str | int]

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

COUNTED_FAULTS = ("drop", "duplicate", "wrong_signature")


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
    wrong_signature: int | bool = False
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

    async def event(self, account: Account, slug: str, event: str, **more: str | int) -> Delivery:
        """Push an event."""
        fields = {"MsgType": "event", "Event": event, **more}
        return await self.push(account, slug, fields, is_awaited=event == "CLICK")

    async def push(
        self, account: Account, slug: str, fields: Fields, *, is_awaited: bool
    ) -> Delivery:
        """Deliver one message; ``is_awaited``: the person sees it when nothing comes back."""
        if not account.callback_url:
            return Delivery("no_address", 0)
        openid = identity.openid(account.appid, slug)
        xml = to_xml(
            {
                "ToUserName": account.original_id,
                "FromUserName": openid,
                "CreateTime": int(self._world.clock.now()),
                **fields,
            }
        )
        if self._use(account.appid, "drop"):
            return self._unsent(account, xml, "dropped")
        if self._is_paused(account.appid):
            return self._unsent(account, xml, "paused")
        if delay_s := self.policy(account.appid).delay_s:
            await asyncio.sleep(delay_s)
        delivery = await self._try(account, openid, xml)
        self._count_failure(account.appid, failed=not delivery.is_done)
        if self._use(account.appid, "duplicate"):
            await self._attempt(account, openid, xml, 1, forged=False)
        self._show(account, slug, delivery, is_awaited=is_awaited)
        return delivery

    def _show(self, account: Account, slug: str, delivery: Delivery, *, is_awaited: bool) -> None:
        if not chats.is_following(self._world, slug, account.appid):
            return
        if delivery.reply and delivery.reply.kind:
            reply = delivery.reply
            chats.add(
                self._world, slug, account.appid, sender="account", kind=reply.kind, body=reply.body
            )
        elif is_awaited and not delivery.is_done:
            body = {"content": OUT_OF_SERVICE}
            chats.add(self._world, slug, account.appid, sender="system", kind="text", body=body)

    async def _try(self, account: Account, openid: str, xml: str) -> Delivery:
        forged = self._use(account.appid, "wrong_signature")
        delivery = Delivery("unreachable", 0)
        for attempt in range(1, RETRIES + 2):
            if attempt > 1:
                await asyncio.sleep(self._world.config.callback_retry_gap_s)
            delivery = await self._attempt(account, openid, xml, attempt, forged=forged)
            if delivery.outcome not in ("timeout", "unreachable"):
                break
        return delivery

    async def _attempt(
        self, account: Account, openid: str, xml: str, attempt: int, *, forged: bool
    ) -> Delivery:
        query, body = seal(account, openid, xml, now=int(self._world.clock.now()), forged=forged)
        started = time.monotonic()
        status, text = 0, ""
        try:
            async with asyncio.timeout(self._world.config.callback_timeout_s):
                answer = await self.http().post(
                    account.callback_url,
                    params=query,
                    content=body.encode(),
                    headers={"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"},
                )
            status, text = answer.status_code, answer.text
            delivery = self._judge(account, openid, status, text, attempt)
        except (TimeoutError, httpx2.TimeoutException):
            delivery = Delivery("timeout", attempt, "no answer in time")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            delivery = Delivery("unreachable", attempt, str(error) or type(error).__name__)
        calllog.record(
            self._world,
            kind="callback",
            method="POST",
            path=account.callback_url,
            appid=account.appid,
            status=status,
            errcode=None,
            note=f"{_subject(xml)} · 第 {attempt} 次 · {_told(delivery)}",
            request={"query": query, "message": xml, "body": body},
            answer={
                "outcome": delivery.outcome,
                "body": text,
                **({"reply": asdict(delivery.reply)} if delivery.reply else {}),
            },
            took_s=time.monotonic() - started,
        )
        return delivery

    @staticmethod
    def _judge(account: Account, openid: str, status: int, text: str, attempt: int) -> Delivery:
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Delivery("unreachable", attempt, f"HTTP {status}")
        if status != HTTPStatus.OK:
            return Delivery("refused", attempt, f"HTTP {status}")
        try:
            reply = read_reply(text, account=account, openid=openid)
        except BadReply as problem:
            return Delivery("bad_answer", attempt, str(problem))
        return Delivery("replied" if reply.kind else "accepted", attempt, reply=reply)

    def http(self) -> httpx2.AsyncClient:
        """The client all pushes share."""
        if self._client is None:
            self._client = outgoing.client(
                self._transport, timeout_s=self._world.config.callback_timeout_s
            )
        return self._client

    def _unsent(self, account: Account, xml: str, outcome: str) -> Delivery:
        calllog.record(
            self._world,
            kind="callback",
            method="POST",
            path=account.callback_url,
            appid=account.appid,
            status=0,
            errcode=None,
            note=f"{_subject(xml)} · {OUTCOMES[outcome]}",
            request={"message": xml},
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


def _subject(xml: str) -> str:
    """What a push is about, for the log."""
    found = re.search(r"<(?:Event|MsgType)><!\[CDATA\[(?!event\])(\w+)", xml)
    return found.group(1) if found else ""


def seal(
    account: Account, openid: str, xml: str, *, now: int, forged: bool = False
) -> tuple[dict[str, str], str]:
    """Query and body of one delivery in the account's mode, freshly signed."""
    stamp, nonce = str(now), str(secrets.randbelow(10**10))
    token = secrets.token_hex(8) if forged else account.token
    query = {
        "signature": crypto.sign(token, stamp, nonce),
        "timestamp": stamp,
        "nonce": nonce,
        "openid": openid,
    }
    if account.encrypt_mode == "plain":
        return query, xml
    sealed = crypto.encrypt(xml, aes_key=account.aes_key, receiver=account.appid)
    query["encrypt_type"] = "aes"
    query["msg_signature"] = crypto.sign(token, stamp, nonce, sealed)
    if account.encrypt_mode == "compatible":
        return query, xml.removesuffix("</xml>") + to_xml({"Encrypt": sealed})[5:]
    return query, to_xml({"ToUserName": account.original_id, "Encrypt": sealed})
