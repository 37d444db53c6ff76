"""100,000 template messages: queued in one transaction, sent while workers are killed twice.

WeChat is the sandbox, a process of its own with 100,000 phones. What it takes from a caller that
does nothing else is measured before and after: that is the limit the product can reach.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.place import ROOT
from benchmarks.results import Result
from benchmarks.wechat import PROBE, TEMPLATE_ID, Wechat

if TYPE_CHECKING:
    from benchmarks.world import World

QUEUED = 100_000
QUICK = 3_000
WORKERS = 2
SECRET = "x" * 43
CONNECTIONS, PROBE_S = 16, 3.0
LONGEST_PAUSE_S = 1.0
"""Workers note every half second what they sent; whoever is silent for longer is starting."""
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
SELECT merchant_id, id, 'official', %(account)s, openid, '', '', '', 'oauth', true, 'active', now()
FROM contacts_customer JOIN wechat_people USING (number) WHERE merchant_id = %(m)s
"""
WORK = """
import django
django.setup()
from zhanggui.messaging import sending
sending.drain(merchant_id={merchant})
"""


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """Queue all of them; send them (a few in a quick run) with two workers killed on the way."""
    goal = QUICK if is_quick else QUEUED
    wechat = Wechat(world.account.app_id, SECRET)
    try:
        openids = wechat.start(QUEUED)
        _make_people(world, openids)
        took, written = _queue(world)
        _keep(world, goal)
        before = wechat.limit(openids[PROBE], PROBE_S, CONNECTIONS)
        probes = wechat.calls()
        seconds, going_s, kills = _send(world, wechat.url, goal)
        calls = wechat.calls() - probes
        delivered, phones = wechat.delivered()
        after = wechat.limit(openids[PROBE], PROBE_S, CONNECTIONS)
    finally:
        wechat.stop()
    sent = world.counted(
        "SELECT count(*) FROM messaging_message WHERE merchant_id = %(m)s AND state = 'sent'"
    )
    left = world.grouped(
        "SELECT state || ' ' || error, count(*) FROM messaging_message WHERE merchant_id = %(m)s"
        " AND state NOT IN ('sent', 'cancelled', 'skipped') GROUP BY 1"
    )
    limit = (before + after) / 2
    return [
        Result("messages.queued", written, "messages"),
        Result("messages.queue_seconds", took, "s", None, "one transaction; at most 20"),
        Result("messages.sandbox", limit, "messages/s", None, f"{CONNECTIONS} connections"),
        Result("messages.sent", goal / seconds, "messages/s", goal / seconds / limit, "sandbox"),
        Result("messages.going", goal / going_s, "messages/s", goal / going_s / limit, "sandbox"),
        Result("messages.kills", kills, "times", None, f"{WORKERS} workers each"),
        Result("messages.not_noted", goal - sent, "messages", None, f"must be 0 {left or ''}"),
        Result("messages.lost", goal - phones, "messages", None, "must be 0"),
        Result("messages.doubled", delivered - phones, "messages", None, "must be 0"),
        Result("messages.repeats", calls - phones, "calls", None, "same client id"),
    ]


def _make_people(world: World, openids: dict[str, str]) -> None:
    values = {"m": world.merchant.pk, "many": QUEUED, "account": world.account.pk}
    with world.place.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE wechat_people (number text, openid text)")
        with cursor.copy("COPY wechat_people FROM STDIN") as copy:
            for slug, openid in openids.items():
                copy.write_row((slug.upper(), openid))
        cursor.execute(PEOPLE, values)
        cursor.execute(LINKS, values)
        cursor.execute("ANALYZE")


def _queue(world: World) -> tuple[float, int]:
    from zhanggui.channels.wechat.models import TemplateBinding
    from zhanggui.core import tenancy
    from zhanggui.messaging import campaigns
    from zhanggui.messaging.models import Campaign, CampaignState

    TemplateBinding.objects.create(
        account=world.account,
        template_key="messaging.announcement",
        template_id=TEMPLATE_ID,
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
            "UPDATE messaging_message SET state = 'cancelled'"
            " WHERE merchant_id = %s AND state = 'queued' AND id >"
            " (SELECT id FROM messaging_message WHERE merchant_id = %s AND state = 'queued'"
            " ORDER BY id OFFSET %s LIMIT 1)",
            [world.merchant.pk, world.merchant.pk, goal - 1],
        )


def _send(world: World, url: str, goal: int) -> tuple[float, float, int]:
    """Workers of their own; after a third and two thirds all of them are killed.

    Answers the seconds it took, those of them in which messages went out (not the starts of the
    workers, which a small goal is made of), and the kills.
    """
    from zhanggui.core import clock

    (world.place.home / "var").mkdir(exist_ok=True)
    began, kills = time.monotonic(), 0
    left, seen_at, going_s = goal, began, 0.0
    workers = _start_workers(world, url)
    while True:
        waiting = world.counted(
            "SELECT count(*) FROM messaging_message"
            " WHERE merchant_id = %(m)s AND state IN ('queued', 'sending')"
        )
        if waiting < left:
            now = time.monotonic()
            going_s += min(now - seen_at, LONGEST_PAUSE_S)
            left, seen_at = waiting, now
        if waiting == 0:
            break
        if kills < 2 and goal - waiting >= goal * (kills + 1) / 3:
            for worker in workers:
                os.killpg(worker.pid, signal.SIGKILL)
            kills += 1
            clock.move(clock.shift() + timedelta(seconds=121))  # their claims run out
            workers = _start_workers(world, url)
        elif all(worker.poll() is not None for worker in workers):
            workers = _start_workers(world, url)
        time.sleep(0.2)
    for worker in workers:
        worker.wait()
    clock.move(timedelta(0))
    return time.monotonic() - began, going_s, kills


def _start_workers(world: World, url: str) -> list[subprocess.Popen[bytes]]:
    environment = os.environ | world.place.environment()
    environment["ZHANGGUI_WECHAT_API_URL"] = url
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
