"""100,000 template messages: queued in one transaction, sent while workers are killed twice.

WeChat is played by a small server of this measurement, because the sandbox would need 100,000
phones; it answers at once, so that what is measured is the product's own pace.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from benchmarks.place import ROOT, free_port
from benchmarks.results import Result

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from benchmarks.world import World

QUEUED = 100_000
WORKERS = 2
PEOPLE = """
INSERT INTO contacts_customer
  (merchant_id, number, name, name_key, sort_key, search, gender, note, source, store_ids,
   tag_ids, state, blocked_reason, is_follower, created_at, last_seen_at)
SELECT %(m)s, 'B' || n, '顾客' || n, 'guke', 'guke', '{}', '', '', 'other', '{}', '{}', 'active',
       '', true, now(), now()
FROM generate_series(1, %(many)s) n
"""
LINKS = """
INSERT INTO contacts_identitylink
  (merchant_id, customer_id, kind, account_id, openid, unionid, nickname, avatar_url, proof,
   follows, state, created_at)
SELECT merchant_id, id, 'official', %(account)s, 'o' || id, '', '', '', 'oauth', true, 'active',
       now()
FROM contacts_customer WHERE merchant_id = %(m)s AND number LIKE 'B%%'
"""
WORK = """
import django
django.setup()
from zhanggui.messaging import sending
sending.drain(merchant_id={merchant})
"""


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """Queue all of them; send them (a few in a quick run) with two workers killed on the way."""
    goal = 3_000 if is_quick else QUEUED
    _make_people(world)
    took, written = _queue(world)
    if is_quick:
        _keep(world, goal)
    port, pipe, server = _start_wechat()
    try:
        seconds, kills = _send(world, port, goal)
        pipe.send("tell")
        given: Counter[str] = Counter(pipe.recv())
    finally:
        server.terminate()
    sent = world.counted(
        "SELECT count(*) FROM messaging_message WHERE merchant_id = %(m)s AND state = 'sent'"
    )
    return [
        Result("messages.queued", written, "messages"),
        Result("messages.queue_seconds", took, "s", None, "one transaction; at most 20"),
        Result("messages.sent_per_second", goal / seconds, "messages/s", None, f"{kills} kills"),
        Result("messages.lost", goal - sent, "messages"),
        Result("messages.unknown_numbers", len(given) - goal, "messages", None, "0: none doubled"),
        Result("messages.repeats", given.total() - len(given), "calls", None, "same client id"),
    ]


def _make_people(world: World) -> None:
    values = {"m": world.merchant.pk, "many": QUEUED, "account": world.account.pk}
    with world.place.connect() as connection:
        connection.execute(PEOPLE, values)
        connection.execute(LINKS, values)
        connection.execute("ANALYZE")


def _queue(world: World) -> tuple[float, int]:
    from zhanggui.channels.wechat.models import TemplateBinding
    from zhanggui.core import tenancy
    from zhanggui.messaging import campaigns
    from zhanggui.messaging.models import Campaign, CampaignState

    TemplateBinding.objects.create(
        account=world.account,
        template_key="messaging.announcement",
        template_id="x" * 43,
        mapping={"thing1": "subject", "thing2": "text"},
    )
    with tenancy.merchant_scope(world.merchant.pk):
        campaign = Campaign(
            name="公告",
            template="messaging.announcement",
            body={"subject": "营业时间", "text": "假期照常营业"},
            state=CampaignState.QUEUING,
            created_by="benchmarks",
        )
        campaign.save()
        began = time.monotonic()
        queued = campaigns.put_in_queue(world.merchant, campaign)
        return time.monotonic() - began, queued.wechat


def _keep(world: World, goal: int) -> None:
    """Let a quick run send a part only."""
    with world.place.connect() as connection:
        connection.execute(
            "UPDATE messaging_message SET state = 'cancelled' WHERE merchant_id = %s AND id >"
            " (SELECT id FROM messaging_message WHERE merchant_id = %s"
            " ORDER BY id OFFSET %s LIMIT 1)",
            [world.merchant.pk, world.merchant.pk, goal - 1],
        )


def _send(world: World, port: int, goal: int) -> tuple[float, int]:
    """Workers of their own; after a third and two thirds all of them are killed."""
    from datetime import timedelta

    from zhanggui.core import clock

    (world.place.home / "var").mkdir(exist_ok=True)
    began, kills = time.monotonic(), 0
    workers = _start_workers(world, port)
    while True:
        waiting = world.counted(
            "SELECT count(*) FROM messaging_message"
            " WHERE merchant_id = %(m)s AND state IN ('queued', 'sending')"
        )
        if waiting == 0:
            break
        if kills < 2 and goal - waiting >= goal * (kills + 1) / 3:
            for worker in workers:
                os.killpg(worker.pid, signal.SIGKILL)
            kills += 1
            clock.move(clock.shift() + timedelta(seconds=121))  # their claims run out
            workers = _start_workers(world, port)
        elif all(worker.poll() is not None for worker in workers):
            workers = _start_workers(world, port)
        time.sleep(0.2)
    for worker in workers:
        worker.wait()
    clock.move(timedelta(0))
    return time.monotonic() - began, kills


def _start_workers(world: World, port: int) -> list[subprocess.Popen[bytes]]:
    environment = os.environ | world.place.environment()
    environment["ZHANGGUI_WECHAT_API_URL"] = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", WORK.format(merchant=world.merchant.pk)]
    return [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for _ in range(WORKERS)
    ]


def _start_wechat() -> tuple[int, Connection, Any]:
    port = free_port()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(
        target=_play_wechat, args=(port, theirs), daemon=True
    )
    server.start()
    time.sleep(1)
    return port, ours, server


def _play_wechat(port: int, pipe: Connection) -> None:
    given: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                )
                body = json.loads(await reader.readexactly(length))
                answer: dict[str, Any] = {"access_token": "t" * 40, "expires_in": 7200}
                if "client_msg_id" in body:
                    given.append(body["client_msg_id"])
                    answer = {"errcode": 0, "errmsg": "ok", "msgid": len(given)}
                text = json.dumps(answer).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                    + str(len(text)).encode()
                    + b"\r\n\r\n"
                    + text
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", port)
        async with server:
            while not pipe.poll():
                await asyncio.sleep(0.1)
            pipe.recv()
            pipe.send(given)

    asyncio.run(main())
