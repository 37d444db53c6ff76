"""Makes the demo's data, or what is missing of them."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from multiprocessing.connection import Connection, wait
from typing import Any

from django.db import connections

from demo import (
    applicants,
    channels,
    coupons,
    entry,
    followers,
    hours,
    labels,
    listing,
    messages,
    pages,
    payments,
    places,
    posters,
    progress,
    regulars,
    reports,
    sandbox,
    screens,
    seals,
    templates,
    tills,
    world,
)
from demo.base import ACTOR, Base
from demo.cast import ACCOUNTS, MERCHANTS, MerchantPlan, account_of
from demo.days import Outcome, Report, Span, Teller
from demo.errors import DemoError
from demo.models import Day
from demo.rhythm import DAYS, PEOPLE, ZONE, Event, Story
from zhanggui.core import clock

Say = Callable[[str], None]
SAY_EVERY_S = 2.0
NOTE_EVERY_S = 0.5
SEND_EVERY = 20


@dataclass(frozen=True)
class Size:
    """How much is made; smaller in tests.

    Three workers keep two cores busy, as each waits for the database now and then.
    """

    people: int = PEOPLE
    days: int = DAYS
    workers: int = 3


CLOCKS_MOVE = (
    "收款的故事发生在两天前，会拨动时钟："
    "接下来几行 refused、nobody knows、ORDER_NOT_EXIST 都属于正常。 "
    "Payments are told as of two days ago, with the clocks moved: "
    "lines below with refused, nobody knows or ORDER_NOT_EXIST are meant to be there."
)


@dataclass
class Filled:
    """What a run made."""

    days: int = 0
    outcome: Outcome = field(default_factory=Outcome)


def fill(size: Size, say: Say) -> Filled:
    """Bring the demo up to the present moment; a second run on one day makes nothing.

    Raises:
        DemoError: the sandbox does not answer, or another run is under way.
    """
    with progress.only_one():
        try:
            hours.set_right()
            filled = _fill(size, say)
        except BaseException as error:
            progress.note("failed", error=f"{type(error).__name__}: {error}"[:300])
            raise
        progress.note("done")
    return filled


def _fill(size: Size, say: Say) -> Filled:
    now = clock.now()
    today = now.astimezone(ZONE).date()
    first_day = _open_days(today, size)
    pending = {day.day: _until(day.day, now) for day in Day.objects.all() if _is_open(day, today)}
    if pending and len(pending) == Day.objects.count():
        progress.note("base")
        say(CLOCKS_MOVE)
    entry.open_registration()
    control = sandbox.current()
    story = Story(first_day, size.people, size.days)
    world.put_accounts(control)
    world.put_people(control, story.people_until(today))
    Base(first_day, control).make()
    payments.make(control, ACTOR)
    entry.make()
    channels.make(control)
    pages.make(control)
    templates.make(control)
    applicants.make()
    listing.write()
    filled = Filled(days=len(pending))
    if pending:
        say(f"{len(pending)} 天的数据 days to make: {min(pending)} … {max(pending)}")
        openids = {account.app_id: control.openids(account.app_id) for account in ACCOUNTS}
        span = Span(first_day, size.people, size.days, pending)
        filled.outcome = _tell(span, openids, size.workers, say)
        for day, until in pending.items():
            Day.objects.filter(day=day).update(until=until)
    followers.make()
    regulars.make()
    labels.make()
    seals.make()
    screens.make()
    places.make()
    coupons.make()
    tills.make()
    posters.make()
    messages.make()
    reports.make()
    world.say_hello(control)
    return filled


def _open_days(today: date, size: Size) -> date:
    """Note every day up to today as one to be told; answers the first of all."""
    known = Day.objects.first()
    first_day = known.day if known else today - timedelta(days=size.days - 1)
    span = (today - first_day).days + 1
    Day.objects.bulk_create(
        [Day(day=first_day + timedelta(days=n)) for n in range(span)], ignore_conflicts=True
    )
    return first_day


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=ZONE)


def _until(day: date, now: datetime) -> datetime:
    return min(_end_of(day), now)


def _is_open(day: Day, today: date) -> bool:
    if day.until is None:
        return day.day <= today
    return day.day < today and day.until < _end_of(day.day)


def _tell(span: Span, openids: dict[str, dict[str, str]], workers: int, say: Say) -> Outcome:
    jobs = {one.slug: (one, span.events_of(one)) for one in MERCHANTS}
    news = _News(sum(len(events) for _merchant, events in jobs.values()), say)
    if workers == 1 or not sys.platform.startswith("linux"):
        outcomes = [
            Teller(merchant, openids[account_of(merchant).app_id]).tell(events, news.add)
            for merchant, events in jobs.values()
        ]
    else:
        outcomes = _in_processes(list(jobs.values()), openids, workers, news)
    news.end()
    return Outcome(
        sum(one.joined for one in outcomes),
        sum(one.confirmed for one in outcomes),
        sum(one.refused for one in outcomes),
    )


class _News:
    """Counts events and tells people and the start page now and then."""

    def __init__(self, total: int, say: Say) -> None:
        self.total = total
        self.done = 0
        self._say = say
        self._began = self._said = self._noted = time.monotonic()
        progress.note("days", 0, total)

    def add(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if now - self._noted > NOTE_EVERY_S:
            self._noted = now
            progress.note("days", self.done, self.total)
        if now - self._said > SAY_EVERY_S:
            self._said = now
            self._say(f"{self.done} / {self.total}")

    def end(self) -> None:
        took = time.monotonic() - self._began
        self._say(f"{self.done} / {self.total}，{took:.1f} s")


type Job = tuple[MerchantPlan, list[Event]]


def _in_processes(
    jobs: list[Job], openids: dict[str, dict[str, str]], workers: int, news: _News
) -> list[Outcome]:
    """Share the merchants among processes: Python runs on one core each."""
    connections.close_all()  # a connection must not be shared with a child
    context = multiprocessing.get_context("fork")
    children: list[Any] = []
    pipes: list[Connection] = []
    for share in _shares(jobs, workers):
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_work, args=(share, openids, theirs), daemon=True)
        child.start()
        theirs.close()
        children.append(child)
        pipes.append(ours)
    outcomes = _listen(pipes, news)
    for child in children:
        child.join()
        if child.exitcode:
            message = "a part of the demo data could not be made; the log above says why"
            raise DemoError(message)
    return outcomes


def _shares(jobs: Sequence[Job], workers: int) -> list[list[Job]]:
    """Divide the merchants so that each process has about as many events."""
    shares: list[list[Job]] = [[] for _ in range(workers)]
    for job in sorted(jobs, key=lambda job: -len(job[1])):
        min(shares, key=lambda share: sum(len(events) for _m, events in share)).append(job)
    return [share for share in shares if share]


def _work(jobs: list[Job], openids: dict[str, dict[str, str]], pipe: Connection) -> None:
    parent = os.getppid()
    unsaid = 0

    def report(count: int) -> None:
        nonlocal unsaid
        unsaid += count
        if unsaid >= SEND_EVERY:
            if os.getppid() != parent:  # whoever asked for the data is gone
                os._exit(1)
            pipe.send(unsaid)
            unsaid = 0

    for merchant, events in jobs:
        outcome = Teller(merchant, openids[account_of(merchant).app_id]).tell(events, report)
        pipe.send(outcome)
    pipe.send(unsaid)
    pipe.close()


def _listen(pipes: list[Connection], news: _News) -> list[Outcome]:
    outcomes: list[Outcome] = []
    while pipes:
        for pipe in wait(pipes):
            assert isinstance(pipe, Connection)  # noqa: S101  nothing else was given
            try:
                word = pipe.recv()
            except EOFError:
                pipes.remove(pipe)
                continue
            if isinstance(word, Outcome):
                outcomes.append(word)
            else:
                news.add(word)
    return outcomes


__all__ = ["Filled", "Report", "Size", "fill"]
