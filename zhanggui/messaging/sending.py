"""The worker's side: claim, carry, note, settle; again until nothing waits.

A run carries messages by many threads that ask the database for nothing; the worker itself notes
every half second what became of them, what it cost and which calls were made, in one transaction,
and only for messages that were still its own: a slow worker whose claim ran out books nothing. No
call is made inside a transaction.

Between WeChat's answer and the next note lies at most that half second. A worker that is killed
there leaves messages behind that were handed over and not noted; see ``docs/messaging.md``.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from datetime import datetime
from queue import SimpleQueue

import structlog
from django.db import connections, transaction
from procrastinate.exceptions import AlreadyEnqueued

from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import api, permits, records
from zhanggui.channels.wechat.client import Api
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.records import Collected
from zhanggui.core import clock, tenancy
from zhanggui.messaging import carrying, claiming, routing, services, tasks, templates, wallet
from zhanggui.messaging.carrying import Parcel
from zhanggui.messaging.claiming import Batch
from zhanggui.messaging.models import BY_PERMIT, IN_WECHAT, Message, Purse, Route, State
from zhanggui.messaging.outcomes import Outcome
from zhanggui.messaging.routing import House

log = structlog.get_logger("zhanggui.messaging.sending")

THREADS = 16
INLINE = 8
"""So few are sent one after the other by the worker itself."""
NOTE_EVERY_S = 0.5
STOP_BEFORE_S = 40.0
"""A call takes at most 12 seconds, its retries included: nothing begins shortly before the end."""
LONGEST_S = 60.0
"""Then the job gives its place to others that wait, and comes again."""
MAILINGS_AT_ONCE = 2
"""Runs for mailings in one process; its other places are for everything else."""
Result = tuple[Message, Outcome]

_mailings = threading.BoundedSemaphore(MAILINGS_AT_ONCE)


def drain(*, merchant_id: int, with_mailings: bool = True) -> int:
    """Send what waits at one merchant; answers how many messages were worked on."""
    merchant = Merchant.objects.get(pk=merchant_id)
    began, done = time.monotonic(), 0
    with tenancy.merchant_scope(merchant_id), running(merchant) as run:
        while many := run.batch(with_mailings=with_mailings):
            done += many
            if time.monotonic() - began > LONGEST_S:
                wake(merchant_id, with_mailings=with_mailings)
                break
    return done


def drain_mailings(*, merchant_id: int) -> int:
    """Send what waits, mailings as well, unless enough runs of this process do that."""
    if not _mailings.acquire(blocking=False):
        return 0  # the sweep asks again
    try:
        return drain(merchant_id=merchant_id)
    finally:
        _mailings.release()


def wake(merchant_id: int, *, with_mailings: bool) -> None:
    """Let a worker send what waits; for mailings one job waits at most."""
    if not with_mailings:
        tasks.drain.defer(merchant_id=merchant_id)
        return
    lock = f"messaging.drain_mailings:{merchant_id}"
    try:
        with transaction.atomic():
            tasks.drain_mailings.configure(queueing_lock=lock).defer(merchant_id=merchant_id)
    except AlreadyEnqueued:
        log.info("already waiting", lock=lock)


def send_batch(merchant: Merchant) -> int:
    """Send one batch of the merchant in scope; answers how many were claimed."""
    with running(merchant) as run:
        return run.batch()


@contextmanager
def running(merchant: Merchant) -> Iterator[Run]:
    """A run of the merchant in scope; its last calls are written down at the end."""
    with records.collecting() as collected, ThreadPoolExecutor(THREADS) as pool:
        yield Run(merchant, pool, collected)


class Run:
    """Batch after batch of one merchant, with threads and tokens that stay."""

    def __init__(self, merchant: Merchant, pool: ThreadPoolExecutor, collected: Collected) -> None:
        self._merchant = merchant
        self._pool = pool
        self._collected = collected
        self._apis: dict[int, Api] = {}
        self._notes = 0
        self._held_until: datetime | None = None
        """WeChat takes no more messages for a minute."""

    def batch(self, most: int = claiming.BATCH, *, with_mailings: bool = True) -> int:
        """Send one batch, single messages before those of mailings; answers how many."""
        is_held = self._held_until is not None and clock.now() < self._held_until
        batch = claiming.take(most, with_mailings=with_mailings, by_wechat=not is_held)
        if batch is None:
            return 0
        house = routing.house_of(self._merchant)
        for account in filter(None, (house.account, house.mini)):
            self._collected.look(account.app_id)
        ready, decided = _decide(house, batch.messages)
        self._note(house, batch, decided)
        self._carry_all(house, batch, carrying.pack(house, ready, batch.left_behind))
        return len(batch.messages)

    def _carry_all(self, house: House, batch: Batch, parcels: Sequence[Parcel]) -> None:
        until = time.monotonic() + (batch.until - clock.now()).total_seconds() - STOP_BEFORE_S
        waiting, results = deque(parcels), SimpleQueue[Result]()
        if len(parcels) <= INLINE:
            self._carry(waiting, results, until)
            self._note(house, batch, _taken(results))
            return
        shares = [
            self._pool.submit(copy_context().run, self._carry_share, waiting, results, until)
            for _thread in range(THREADS)
        ]
        open_: set[Future[None]] = set(shares)
        while open_:
            open_ = wait(open_, timeout=NOTE_EVERY_S).not_done
            self._note(house, batch, _taken(results))
        for share in shares:
            share.result()

    def _carry_share(
        self, waiting: deque[Parcel], results: SimpleQueue[Result], until: float
    ) -> None:
        try:
            self._carry(waiting, results, until)
        finally:
            connections.close_all()  # this thread's own, for a new token or an SMS

    def _carry(self, waiting: deque[Parcel], results: SimpleQueue[Result], until: float) -> None:
        """Take parcels until none is left; other threads may take from them, too."""
        while True:
            try:
                parcel = waiting.popleft()
            except IndexError:
                return
            if time.monotonic() > until:  # the rest is claimed anew
                outcome = Outcome(State.QUEUED, again_at=clock.now())
            else:
                outcome = carrying.carry(parcel, self._api_of)
            results.put((parcel.message, outcome))

    def _api_of(self, account: ChannelAccount) -> Api:
        known = self._apis.get(account.pk)
        if known is None:
            known = self._apis.setdefault(account.pk, api.for_many(account))
        return known

    def _note(self, house: House, batch: Batch, results: Sequence[Result]) -> None:
        """Write down what became of messages, with the calls that were made for them."""
        self._notes += 1
        with transaction.atomic():
            plain = [result for result in results if not _goes_by_sms(house, batch.claim, result)]
            mine = claiming.note(batch.claim, plain)
            ours = [result for result in plain if result[0].pk in mine]
            _settle(house, f"batch:{batch.claim}:{self._notes}", ours)
            _free_permits(ours)
            self._collected.write()
            self._hold(house, plain)
        if results:
            log.info("noted", messages=len(results), lost=len(plain) - len(mine))

    def _hold(self, house: House, results: Sequence[Result]) -> None:
        """Leave the rest of a mailing alone when WeChat takes no more for a while."""
        for _message, outcome in results:
            if outcome.is_minute:
                self._held_until = outcome.again_at
            elif outcome.is_day and outcome.again_at and not _may_go_by_sms(house):
                claiming.postpone(until=outcome.again_at, error=outcome.error)
                return


def _taken(results: SimpleQueue[Result]) -> list[Result]:
    return [results.get() for _number in range(results.qsize())]


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


def _may_go_by_sms(house: House) -> bool:
    return house.settings.sms_after_wechat and house.has_sms


def _goes_by_sms(house: House, claim: str, result: Result) -> bool:
    """Try the next way for what WeChat refused; False when there is none."""
    message, outcome = result
    if not outcome.may_fall_back or message.route not in IN_WECHAT:
        return False
    template = templates.find(message.template)
    if template is None or not routing.falls_back(house, template, message.customer):
        return False
    if not claiming.fall_back(claim, message, outcome.error):
        return False
    _free_permits([(message, Outcome(State.REFUSED, outcome.error))])
    if services.set_aside(house, template, message, cause=":sms"):
        Message.objects.filter(pk=message.pk).update(
            segments=message.segments, milli_fen=message.milli_fen
        )
    else:  # no credit: what WeChat said stays the reason
        Message.objects.filter(pk=message.pk).update(
            state=State.REFUSED, route=message.route, error=outcome.error, done_at=clock.now()
        )
    return True


NOT_OUT = (State.REFUSED, State.FAILED, State.SKIPPED, State.CANCELLED)


def _free_permits(results: Sequence[Result]) -> None:
    """What did not go out gives the customer's permission back, unless there was none."""
    failed = [
        (message.number, outcome.error == str(permits.USED_UP))
        for message, outcome in results
        if message.route in BY_PERMIT and outcome.state in NOT_OUT
    ]
    permits.give_back([number for number, is_used_up in failed if not is_used_up])
    permits.none_left([number for number, is_used_up in failed if is_used_up])


def _settle(house: House, cause: str, results: Sequence[Result]) -> None:
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
            cause=f"{cause}:{purse.value}",
        )


def sweep() -> int:
    """Wake a worker for every merchant whose messages are due; answers how many merchants."""
    with tenancy.all_merchants("messages of any merchant become due"):
        work = claiming.work_of_merchants()
    for one in work:
        if one.has_single:
            wake(one.merchant_id, with_mailings=False)
        if one.has_mailing:
            wake(one.merchant_id, with_mailings=True)
    return len(work)
