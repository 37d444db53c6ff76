"""The worker's side: claim, carry, note, settle; again until nothing waits.

No call is made inside a transaction. What became of a batch and what it cost commit together, and
only for messages that were still this worker's: a slow worker whose claim ran out books nothing.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import structlog
from django.db import connections, transaction

from zhanggui.accounts.models import Merchant
from zhanggui.core import clock, tenancy
from zhanggui.messaging import carrying, claiming, routing, services, tasks, templates, wallet
from zhanggui.messaging.carrying import Parcel
from zhanggui.messaging.claiming import Batch
from zhanggui.messaging.models import Message, Purse, Route, State
from zhanggui.messaging.outcomes import Outcome
from zhanggui.messaging.routing import House

log = structlog.get_logger("zhanggui.messaging.sending")

THREADS = 8
INLINE = 8
"""So few are sent one after the other by the worker itself."""
STOP_BEFORE_S = 40.0
"""A call takes at most 12 seconds, its retries included: nothing begins shortly before the end."""
LONGEST_S = 240.0
Result = tuple[Message, Outcome]


def drain(*, merchant_id: int) -> int:
    """Send what waits at one merchant; answers how many messages were worked on."""
    merchant = Merchant.objects.get(pk=merchant_id)
    began, done = time.monotonic(), 0
    with tenancy.merchant_scope(merchant_id):
        while many := send_batch(merchant):
            done += many
            if time.monotonic() - began > LONGEST_S:
                tasks.drain.defer(merchant_id=merchant_id)
                break
    return done


def send_batch(merchant: Merchant) -> int:
    """Send one batch of the merchant in scope; answers how many were claimed."""
    batch = claiming.take()
    if batch is None:
        return 0
    house = routing.house_of(merchant)
    ready, decided = _decide(house, batch.messages)
    parcels = carrying.pack(house, ready, batch.left_behind)
    results = decided + _carry_all(parcels, batch)
    _finish(house, batch.claim, results)
    return len(batch.messages)


def _decide(house: House, messages: Sequence[Message]) -> tuple[list[Message], list[Result]]:
    """Choose the way of messages that a hot door wrote down without asking anything."""
    ready: list[Message] = []
    decided: list[Result] = []
    for message in messages:
        template = templates.find(message.template)
        if message.route == Route.NONE and template is not None:
            with transaction.atomic():
                services.decide(house, template, message)
            if message.state == State.SKIPPED:
                continue
            if message.due_at > clock.now():
                decided.append((message, Outcome(State.QUEUED, again_at=message.due_at)))
                continue
        ready.append(message)
    return ready, decided


def _carry_all(parcels: Sequence[Parcel], batch: Batch) -> list[Result]:
    until = time.monotonic() + (batch.until - clock.now()).total_seconds() - STOP_BEFORE_S
    if len(parcels) <= INLINE:
        return _carry_some(parcels, until)
    shares = [parcels[place::THREADS] for place in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(copy_context().run, _carry_share, share, until) for share in shares]
        return [result for future in running for result in future.result()]


def _carry_share(parcels: Sequence[Parcel], until: float) -> list[Result]:
    try:
        return _carry_some(parcels, until)
    finally:
        connections.close_all()  # this thread's own


def _carry_some(parcels: Sequence[Parcel], until: float) -> list[Result]:
    results: list[Result] = []
    for parcel in parcels:
        if time.monotonic() > until:  # the rest is claimed anew
            results.append((parcel.message, Outcome(State.QUEUED, again_at=clock.now())))
        else:
            results.append((parcel.message, carrying.carry(parcel)))
    return results


def _finish(house: House, claim: str, results: Sequence[Result]) -> None:
    with transaction.atomic():
        plain = [result for result in results if not _goes_by_sms(house, claim, result)]
        mine = claiming.note(claim, plain)
        _settle(house, claim, [result for result in plain if result[0].pk in mine])
    log.info("noted", messages=len(results), lost=len(plain) - len(mine))


def _goes_by_sms(house: House, claim: str, result: Result) -> bool:
    """Try the next way for what WeChat refused; False when there is none."""
    message, outcome = result
    if not outcome.may_fall_back or message.route != Route.WECHAT:
        return False
    template = templates.find(message.template)
    if template is None or not routing.falls_back(house, template, message.customer):
        return False
    if not claiming.fall_back(claim, message, outcome.error):
        return False
    if services.set_aside(house, template, message, cause=":sms"):
        Message.objects.filter(pk=message.pk).update(segments=message.segments)
    else:  # no credit: what WeChat said stays the reason
        Message.objects.filter(pk=message.pk).update(
            state=State.REFUSED, route=Route.WECHAT, error=outcome.error, done_at=clock.now()
        )
    return True


def _settle(house: House, claim: str, results: Sequence[Result]) -> None:
    used: dict[Purse, int] = defaultdict(int)
    freed: dict[Purse, int] = defaultdict(int)
    for message, outcome in results:
        if message.route == Route.SMS and outcome.state != State.QUEUED:
            used[message.purse] += outcome.used
            freed[message.purse] += message.segments - outcome.used
    for purse in {*used, *freed}:
        wallet.settle(
            merchant=house.merchant,
            purse=purse,
            used=used[purse],
            freed=freed[purse],
            cause=f"batch:{claim}:{purse.value}",
        )


def sweep() -> int:
    """Wake a worker for every merchant whose messages are due; answers how many merchants."""
    with tenancy.all_merchants("messages of any merchant become due"):
        merchants = claiming.merchants_with_work()
    for merchant_id in merchants:
        tasks.drain.defer(merchant_id=merchant_id)
    return len(merchants)
